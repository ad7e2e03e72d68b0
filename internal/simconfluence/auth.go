package simconfluence

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Auth is what requests must present. If it is empty, everybody may read.
type Auth struct {
	// Email and Token are the Basic credentials of an API token.
	Email, Token string
	// ScopedToken reports whether the token has scopes: such a token is taken by the gateway only.
	ScopedToken bool
	// AccessToken is a Bearer token of OAuth 2.0, which is taken by the gateway only.
	AccessToken string
	// BadAsAnonymous treats requests with wrong or no credentials as anonymous, as a site
	// does that is open to everybody: 200, and nothing to see.
	BadAsAnonymous bool
}

// Mode is a state in which the whole site can be.
type Mode int

// The modes of a site.
const (
	// Normal: credentials are checked and requests are answered.
	Normal Mode = iota
	// Unauthorized: all credentials are refused with 401.
	Unauthorized
	// Anonymous: everybody is taken for anonymous and sees nothing.
	Anonymous
	// Unlicensed: the user may not use Confluence; 403.
	Unlicensed
	// UnknownSite: no site has that name; 404 with an HTML page.
	UnknownSite
	// LoginPage: 200 with the HTML of a login page.
	LoginPage
	// LoginRedirect: 302 to the login page of another host.
	LoginRedirect
	// Maintenance: 503 with an HTML page.
	Maintenance
	// Lost: the credentials mean nothing to the site; bare 404s in version 2, 403 in version 1.
	Lost
	// Public: everybody is taken for anonymous, without a word, and anonymous access is on:
	// 200 with the rows that the public may see.
	Public
	// PublicDenied is Public where the current user's route answers 403.
	PublicDenied
	// Overloaded: as Lost for good credentials, told by the edge.
	Overloaded
)

// behaviour is what tests may switch while the site serves.
type behaviour struct {
	behMu      sync.Mutex
	mode       Mode
	planned    []plannedMode
	overloaded time.Time
	auth       Auth
	missing    []string // scopes that the token lacks
	faults     []Fault
}

// SetMode switches the whole site into a mode.
func (s *Site) SetMode(m Mode) {
	s.behMu.Lock()
	defer s.behMu.Unlock()
	s.mode, s.planned, s.overloaded = m, nil, time.Time{}
}

// SetAuth changes what requests must present from now on, such as to revoke a token.
func (s *Site) SetAuth(a Auth) {
	s.behMu.Lock()
	defer s.behMu.Unlock()
	s.auth = a
}

// SetMissingScopes says which scopes the token lacks. A route is refused if every set of
// scopes that would do for it has one of them.
func (s *Site) SetMissingScopes(scopes ...string) {
	s.behMu.Lock()
	defer s.behMu.Unlock()
	s.missing = scopes
}

// refused answers a request that may not go on, or returns false.
func (rq *request) refused(gateway bool) bool {
	rq.behMu.Lock()
	mode, auth, missing := rq.modeNow(), rq.auth, rq.missing
	rq.behMu.Unlock()
	if done, handled := rq.inMode(mode); handled {
		return done
	}
	if mode == Anonymous || !rq.admitted(auth, gateway) {
		return rq.stranger(mode, auth, gateway)
	}
	if mode == Unlicensed {
		rq.v1Error(http.StatusForbidden, notPermitted)
		return true
	}
	if rq.op != nil && len(missing) > 0 && !covered(rq.op.Scopes, missing) {
		rq.w.Header().Set("X-Failure-Category", "FAILURE_CLIENT_SCOPE_CHECK")
		rq.sendJSON(http.StatusUnauthorized, map[string]any{"code": http.StatusUnauthorized, "message": "Unauthorized; scope does not match"})
		return true
	}
	return false
}

// inMode answers a request as the whole site's mode wants it. handled reports whether the mode
// decides, and done whether it has answered, too.
func (rq *request) inMode(mode Mode) (done, handled bool) {
	switch mode {
	case UnknownSite:
		rq.html(http.StatusNotFound, "Your Atlassian Cloud site is currently unavailable")
		return true, true
	case Maintenance:
		rq.html(http.StatusServiceUnavailable, "We are upgrading this site")
		return true, true
	case LoginPage:
		rq.html(http.StatusOK, "Log in to continue")
		return true, true
	case LoginRedirect:
		rq.w.Header().Set("Location", "https://id.atlassian.com/login?continue=x")
		rq.html(http.StatusFound, "Moved")
		return true, true
	case Unauthorized:
		rq.unauthorized()
		return true, true
	case Lost:
		rq.lost()
		return true, true
	case Overloaded:
		rq.overload()
		return true, true
	case Public, PublicDenied:
		return rq.asPublic(mode == PublicDenied), true
	}
	return false, false
}

// admitted reports whether the credentials of a request will do.
func (rq *request) admitted(a Auth, gateway bool) bool {
	if a.Email == "" && a.AccessToken == "" {
		return true
	}
	header := rq.r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(header, "Bearer "); ok {
		return gateway && a.AccessToken != "" && token == a.AccessToken
	}
	email, token, ok := rq.r.BasicAuth()
	return ok && a.Email != "" && email == a.Email && token == a.Token && (gateway || !a.ScopedToken)
}

// stranger answers a request that was not admitted.
func (rq *request) stranger(mode Mode, a Auth, gateway bool) bool {
	if mode != Anonymous && !gateway && strings.HasPrefix(rq.r.Header.Get("Authorization"), "Bearer ") {
		rq.v1Error(http.StatusForbidden, "Failed to parse Connect Session Auth Token")
		return true
	}
	if mode != Anonymous && !a.BadAsAnonymous {
		rq.unknown(gateway)
		return true
	}
	rq.w.Header().Set("X-Seraph-LoginReason", LoginFailed)
	switch {
	case rq.path == userCurrent:
		rq.anonymousUser()
	case rq.op != nil && rq.op.Path == "/wiki/rest/api/group":
		rq.v1Error(http.StatusForbidden, "Anonymous user is not permitted to list groups")
	case rq.id != "":
		rq.fail(http.StatusNotFound, "NOT_FOUND", "Not Found", "")
	default:
		rq.send(http.StatusOK, []byte(`{"results":[],"_links":{"base":"`+rq.base+`/wiki"}}`))
	}
	return true
}

// unknown answers credentials that nobody has: the gateway says 401, a site itself does not.
func (rq *request) unknown(gateway bool) {
	if gateway {
		rq.unauthorized()
		return
	}
	rq.w.Header().Set("X-Seraph-LoginReason", LoginFailed)
	rq.lost()
}

func (rq *request) unauthorized() {
	rq.sendJSON(http.StatusUnauthorized, map[string]any{"code": http.StatusUnauthorized, "message": "Unauthorized"})
}

// html answers with a page for people.
func (rq *request) html(status int, text string) {
	rq.w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	rq.send(status, []byte("<!DOCTYPE html>\n<html><head><title>"+text+"</title></head><body><h1>"+text+"</h1></body></html>\n"))
}

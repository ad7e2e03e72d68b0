package simconfluence

import (
	"net/http"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// LoseAccount makes the site answer as it answers credentials that it does not know (any
// longer): bare 404s in version 2, 403 in version 1.
func (s *Site) LoseAccount() { s.SetMode(Lost) }

// LoseAccountAfter does so once n more requests were answered.
func (s *Site) LoseAccountAfter(n int) { s.SetModeAfter(n, Lost) }

// RestoreAccount ends what the other methods and SetMode began.
func (s *Site) RestoreAccount() { s.SetMode(Normal) }

// SetModeAfter switches the whole site into a mode once n more requests were answered. It may
// be called several times, such as for a loss that ends by itself. SetMode takes it all back.
func (s *Site) SetModeAfter(n int, m Mode) {
	s.behMu.Lock()
	defer s.behMu.Unlock()
	s.planned = append(s.planned, plannedMode{n, m})
}

// plannedMode is a mode that the site will switch to.
type plannedMode struct {
	in   int // requests until then
	mode Mode
}

// Overload makes the site answer for so long as one under load does: bare 404s and 403s from
// the edge, to requests that are good. Wall time counts, not the site's own.
func (s *Site) Overload(d time.Duration) {
	s.behMu.Lock()
	defer s.behMu.Unlock()
	s.overloaded = time.Now().Add(d)
}

// modeNow returns the mode for one request, and carries out what was planned for it.
func (b *behaviour) modeNow() Mode {
	for i := range b.planned {
		if b.planned[i].in == 0 {
			b.mode = b.planned[i].mode
		}
		b.planned[i].in--
	}
	if time.Now().Before(b.overloaded) {
		return Overloaded
	}
	return b.mode
}

// lost answers a request whose credentials the site doesn't know.
func (rq *request) lost() {
	switch {
	case strings.HasPrefix(rq.path, stream.V2):
		rq.fail(http.StatusNotFound, "NOT_FOUND", "Not Found", "")
	case rq.path == userCurrent:
		rq.v1Error(http.StatusForbidden, "caller cannot access Confluence")
	default:
		rq.v1Error(http.StatusForbidden, notPermitted)
	}
}

const (
	userCurrent  = "/wiki/rest/api/user/current"
	notPermitted = "Current user not permitted to use Confluence"
)

// overload answers a request that the edge sends back.
func (rq *request) overload() {
	rq.w.Header().Set("X-Cache", "Error from cloudfront")
	if strings.HasPrefix(rq.path, stream.V2) {
		rq.fail(http.StatusNotFound, "NOT_FOUND", "Not Found", "")
		return
	}
	rq.v1Error(http.StatusForbidden, notPermitted)
}

// only returns what lets through the items of a kind that the account may see beyond its
// usual rights, nil if all are. It differs from what is hidden: nothing of it is counted.
func (rq *request) only(k Kind) func(i int) bool {
	if !rq.public && !rq.quirks.SeesNothing {
		return nil
	}
	return func(i int) bool {
		sp := rq.space(k, i)
		return sp < 0 || rq.public && publicSpace(sp)
	}
}

// publicSpace reports whether everybody may read a space.
func publicSpace(i int) bool { return i%3 == 0 }

// mayRead reports whether the account may see the item that a path names.
func (rq *request) mayRead(k Kind, i int) bool {
	only := rq.only(k)
	return only == nil || only(i)
}

// anonymousUser is what the site says of somebody who isn't signed in.
func (rq *request) anonymousUser() {
	rq.sendJSON(http.StatusOK, map[string]any{
		"type": "anonymous", "profilePicture": map[string]any{"path": "/wiki/aa-avatar/none", "width": 48, "height": 48, "isDefault": true},
		"displayName": "Anonymous", "_links": map[string]any{"self": rq.base + "/wiki/rest/api/user/anonymous"},
	})
}

// asPublic answers what the public may not have, and marks the request as one that sees
// public rows only. It returns true if it has answered.
func (rq *request) asPublic(denied bool) bool {
	rq.public = true
	switch {
	case rq.path == userCurrent && denied:
		rq.v1Error(http.StatusForbidden, "caller cannot access Confluence")
	case rq.path == userCurrent:
		rq.anonymousUser()
	case strings.HasPrefix(rq.path, "/wiki/rest/api/") && rq.path != "/wiki/rest/api/search" &&
		!strings.HasPrefix(rq.path, "/wiki/rest/api/content/"), rq.path == stream.V2+"/users-bulk":
		rq.v1Error(http.StatusForbidden, "Anonymous user is not permitted to use this")
	default:
		return false
	}
	return true
}

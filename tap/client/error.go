package client

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind says what sort of failure an Error is, so that callers can decide without reading text.
type Kind int

const (
	// KindOther is any error that is not an *Error of this package.
	KindOther Kind = iota
	// KindToken: the site refuses the credentials (401, or 403 for a token of the wrong sort).
	KindToken
	// KindAnonymous: the site answers, but as if nobody had signed in.
	KindAnonymous
	// KindScope: the token is good but lacks the scope for this route.
	KindScope
	// KindLicence: the account may not use Confluence.
	KindLicence
	// KindSite: no Confluence site answers at this address.
	KindSite
	// KindLoginPage: a login page, or another HTML page, came in place of JSON.
	KindLoginPage
	// KindMaintenance: the site says that it is down for maintenance.
	KindMaintenance
	// KindForbidden: 403 for this request.
	KindForbidden
	// KindNotFound: 404 whose words name an id that was asked for: the item is gone, or hidden
	// from the account.
	KindNotFound
	// KindGone: 410: the route no longer exists.
	KindGone
	// KindCursor: 400 about the cursor; the listing has to be read from its start.
	KindCursor
	// KindBadRequest: 400 for another reason, or another status that no retry helps.
	KindBadRequest
	// KindServer: 408, 425 or 5xx, still so after all retries.
	KindServer
	// KindRateLimit: 429 after all retries, or a wait longer than max_retry_wait.
	KindRateLimit
	// KindTooLarge: one answer is over the bound, and can't be asked for in smaller parts.
	KindTooLarge
	// KindMalformed: an answer that is no JSON, of the wrong shape, or with an unusable next link.
	KindMalformed
	// KindNetwork: no complete answer: DNS, connection, TLS, proxy, stall.
	KindNetwork
	// KindRedirect: a redirect that is not followed.
	KindRedirect
	// KindStopped: the context ended.
	KindStopped
	// KindVague: a vague answer, even after all pauses: a 404 that names nothing of the request, or a
	// 403 about the account after the site has known it. Lost credentials and overload look like this.
	KindVague
)

// String returns the kind's short name, as logs show it.
func (k Kind) String() string {
	names := [...]string{
		"other", "token", "anonymous", "scope", "licence", "site", "login page", "maintenance", "forbidden",
		"not found", "gone", "cursor", "bad request", "server", "rate limit", "too large", "malformed",
		"network", "redirect", "stopped", "vague",
	}
	if k < 0 || int(k) >= len(names) {
		return "kind " + strconv.Itoa(int(k))
	}
	return names[k]
}

// SiteWide reports whether every other request would fail in this way, too, so that a run should end.
func (k Kind) SiteWide() bool {
	switch k {
	case KindToken, KindAnonymous, KindLicence, KindSite:
		return true
	default:
		return false
	}
}

// KindOf returns the kind of the first *Error in err's chain. A bare context error is
// KindStopped, anything else KindOther.
func KindOf(err error) Kind {
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok:
		return e.Kind
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return KindStopped
	default:
		return KindOther
	}
}

// Error is a failed request. Its text is one line without control characters and without
// credentials, whatever the site sent.
type Error struct {
	Kind   Kind
	Status int    // HTTP status, 0 when no answer came
	Method string // of the request; empty for an error before any request
	Path   string // path and query of the request, long values shortened
	// Message says what went wrong, in the site's own words if it sent some, cleaned and cut.
	Message string
	// Hint says what the user can do, or is empty.
	Hint string
	// RetryAfter is how long the site asked to wait, 0 when it did not say.
	RetryAfter time.Duration
	// Cause is the underlying error, or nil.
	Cause error `json:"-"`

	words string // all that the site said, as it came: not for showing
}

// Names reports whether the site's own text (title, message or detail, not a path) holds id as a whole
// token.
func (e *Error) Names(id string) bool { return names(e.words, id) }

// Error returns one line: the request, the status, the cause and what to do.
func (e *Error) Error() string {
	var parts []string
	if e.Method != "" {
		parts = append(parts, e.Method+" "+e.Path)
	}
	parts = append(parts, e.reason())
	text := strings.Join(parts, ": ")
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// reason returns status and message alone.
func (e *Error) reason() string {
	if e.Status == 0 {
		return e.Message
	}
	status := strings.TrimSpace(strconv.Itoa(e.Status) + " " + http.StatusText(e.Status))
	if e.Message == "" {
		return status
	}
	return status + ": " + e.Message
}

// GoString keeps %#v to the same text as Error, so that no cause is spelled out field by field.
func (e *Error) GoString() string { return "&client.Error{" + strconv.Quote(e.Error()) + "}" }

// Unwrap returns Cause.
func (e *Error) Unwrap() error { return e.Cause }

// maxMessage bounds the site's words in an error, in characters.
const maxMessage = 300

// clean makes foreign text safe to show: one line, valid UTF-8, no control or direction
// characters (a terminal would obey them), at most maxMessage characters.
func clean(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = ' '
		}
		if r == ' ' {
			space = n > 0
			continue
		}
		if space {
			n++
		}
		if n >= maxMessage {
			b.WriteString("...")
			break
		}
		if space {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		n, space = n+1, false
	}
	return b.String()
}

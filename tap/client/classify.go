package client

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	jsoniter "github.com/json-iterator/go"
)

// retry says how a failure is tried again.
type retry int

const (
	never    retry = iota
	linear         // after a wait that grows by the same step each time
	throttle       // when the gate opens again
)

// failure is a failed attempt: the error it would be if it were the last, and what may be
// done about it.
type failure struct {
	err   *Error
	retry retry
	most  int // retries for this kind of failure in a row; negative: max_retries alone decides
	// stated: the answer said how long to wait, which may be zero.
	stated bool
	// smaller: the same rows asked for in smaller parts may succeed.
	smaller bool
}

func (f *failure) Error() string { return f.err.Error() }

func fatal(e *Error) *failure     { return &failure{err: e} }
func retryable(e *Error) *failure { return &failure{err: e, retry: linear, most: -1} }

// What to do, for failures that several places find.
const (
	hintToken = "check email and api_token, or access_token: a token may be mistyped, revoked or expired; " +
		"API tokens are made at id.atlassian.com under Security"
	hintAnonymous = "the site lets the request in without an account, so the credentials did not count: " +
		"check email and api_token"
	hintLicence   = "give the account access to Confluence in the site's user management"
	hintSite      = "check domain: it is the first part of the address that people open in the browser"
	hintLoginPage = "check domain and the credentials, and that no proxy or single sign-on page stands before the site"
	hintLater     = "try again later"
)

// maxErrorBody bounds what is read of an error's body, in bytes.
const maxErrorBody = 64 << 10

// refusal sorts an answer whose status is not 2xx.
func (k *call) refusal(resp *http.Response) *failure {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what came will do
	html := isHTML(resp.Header, body)
	e := &Error{Status: resp.StatusCode}
	if !html {
		e.Message = k.c.foreign(errorMessage(body))
	}
	text := strings.ToLower(e.Message)
	if k.anonymous(resp) && (e.Status == http.StatusForbidden || e.Status == http.StatusNotFound) {
		return fatal(anonymousError(e))
	}
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized:
		return fatal(k.unauthorized(e, resp.Header, text))
	case status == http.StatusForbidden:
		return fatal(k.forbidden(e, resp.Header, text))
	case status == http.StatusNotFound && (html || k.probe):
		// A page in place of the API's own 404 is no word on the item that was asked for.
		e.Kind, e.Hint = KindSite, hintSite
		e.Message = "no Confluence site answers at " + k.host()
		if isGateway(k.base) {
			e.Hint = "check domain and cloud_id"
		}
	case status == http.StatusNotFound:
		e.Kind = KindNotFound
	case status == http.StatusGone:
		e.Kind, e.Hint = KindGone, "the site no longer has this route: look for a newer version of this tap"
	case status == http.StatusProxyAuthRequired:
		e.Kind, e.Message, e.Hint = KindNetwork, "the proxy wants credentials", "look at HTTPS_PROXY and HTTP_PROXY"
	case status == http.StatusTooManyRequests:
		return k.limited(e, resp)
	case status >= 500 || status == http.StatusRequestTimeout || status == http.StatusTooEarly:
		return k.serverFailure(e, resp, body, html)
	case status < 400:
		e.Kind, e.Message = KindRedirect, "a redirect that does not say where to"
	case status == http.StatusBadRequest && k.req.has("cursor") && strings.Contains(text, "cursor"):
		e.Kind, e.Hint = KindCursor, "the listing has to be read from its start"
	default:
		e.Kind = KindBadRequest
	}
	return fatal(e)
}

// anonymous says whether the site marks the answer as given to nobody.
func (k *call) anonymous(resp *http.Response) bool {
	reason := resp.Header.Get("X-Seraph-LoginReason")
	return !k.open && reason != "" && !strings.EqualFold(reason, "OK")
}

func anonymousError(e *Error) *Error {
	e.Kind, e.Message, e.Hint = KindAnonymous, "the site treats the request as anonymous", hintAnonymous
	return e
}

// unauthorized sorts a 401, which the gateway also sends when only a scope is missing.
func (k *call) unauthorized(e *Error, h http.Header, text string) *Error {
	if scopeMissing(h, text) {
		e.Kind, e.Hint = KindScope, k.scopeHint()
		return e
	}
	e.Kind, e.Hint = KindToken, hintToken
	if e.Message == "" {
		e.Message = "the site refuses the credentials"
	}
	return e
}

func (k *call) forbidden(e *Error, h http.Header, text string) *Error {
	switch {
	case strings.Contains(text, "not permitted to use confluence"):
		e.Kind, e.Hint = KindLicence, hintLicence
	case strings.Contains(text, "connect session auth token"):
		e.Kind, e.Hint = KindToken, "this token works only through the gateway: set cloud_id"
	case scopeMissing(h, text):
		e.Kind, e.Hint = KindScope, k.scopeHint()
	default:
		e.Kind, e.Hint = KindForbidden, "the account lacks the permission for this"
	}
	return e
}

func scopeMissing(h http.Header, text string) bool {
	return strings.Contains(strings.ToUpper(h.Get("X-Failure-Category")), "SCOPE") ||
		strings.Contains(text, "scope does not match")
}

func (k *call) scopeHint() string {
	if len(k.req.Scopes) == 0 {
		return "the token lacks a scope for this route"
	}
	return "the token needs the scope " + strings.Join(k.req.Scopes, " or ")
}

// limited sorts a 429.
func (k *call) limited(e *Error, resp *http.Response) *failure {
	e.Kind, e.Hint = KindRateLimit, "lower requests_per_second or concurrency, or try again later"
	return k.stated(e, resp, throttle)
}

// serverFailure sorts what a retry may mend, and 501 and 505, which none does.
func (k *call) serverFailure(e *Error, resp *http.Response, body []byte, html bool) *failure {
	e.Kind, e.Hint = KindServer, hintLater
	switch e.Status {
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		e.Hint = ""
		return fatal(e)
	case http.StatusServiceUnavailable:
		if html {
			e.Kind, e.Message = KindMaintenance, "the site is down for maintenance or overloaded"
		}
		return k.stated(e, resp, linear)
	}
	if html && mentionsMaintenance(body) {
		e.Kind, e.Message = KindMaintenance, "the site is down for maintenance"
		return &failure{err: e, retry: linear, most: k.patience(1)}
	}
	f := retryable(e)
	if k.shrinkable && e.Status >= 500 {
		f.most, f.smaller = shrinkAfter, true
	}
	return f
}

// stated finishes a failure whose answer may say how long to wait. If it does, the gate is
// closed already.
func (k *call) stated(e *Error, resp *http.Response, otherwise retry) *failure {
	f := &failure{err: e, retry: otherwise, most: -1}
	if e.Kind == KindMaintenance {
		f.most = k.patience(1)
	}
	if d, ok := statedWait(resp.Header, time.Now()); ok {
		e.RetryAfter, f.retry, f.most, f.stated = d, throttle, -1, true
	}
	return f
}

// page sorts an HTML page that came with a good status.
func (k *call) page(resp *http.Response, body []byte) *failure {
	e := &Error{Kind: KindLoginPage, Status: resp.StatusCode, Message: "a web page came in place of JSON, most likely a login page", Hint: hintLoginPage}
	if mentionsMaintenance(body) {
		e.Kind, e.Message, e.Hint = KindMaintenance, "the site is down for maintenance", hintLater
	}
	return &failure{err: e, retry: linear, most: k.patience(1)}
}

// isHTML says whether an answer that is not JSON is a web page.
func isHTML(h http.Header, body []byte) bool {
	media, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return media == "text/html" || media == "application/xhtml+xml" ||
		bytes.HasPrefix(bytes.TrimLeft(body, "\xef\xbb\xbf \t\r\n"), []byte("<"))
}

func mentionsMaintenance(body []byte) bool {
	return bytes.Contains(bytes.ToLower(body[:min(len(body), maxErrorBody)]), []byte("maintenance"))
}

// errorMessage finds the site's words in the body of an error. The API has four shapes:
// {"errors":[{"title","detail"}]}, {"statusCode","message"}, {"code","message"} and
// {"status","error","message","path"}.
func errorMessage(body []byte) string {
	title := jsoniter.Get(body, "errors", 0, "title").ToString()
	detail := jsoniter.Get(body, "errors", 0, "detail").ToString()
	if title != "" && detail != "" && detail != title {
		return title + ": " + detail
	}
	for _, text := range []string{title, detail} {
		if text != "" {
			return text
		}
	}
	for _, name := range []string{"message", "error_description", "error"} {
		if v := jsoniter.Get(body, name); v.ValueType() == jsoniter.StringValue {
			return v.ToString()
		}
	}
	return ""
}

// unanswered sorts an attempt that brought no complete answer.
func (k *call) unanswered(err error) *failure {
	if known, ok := errors.AsType[*Error](err); ok { // the gate, or a redirect
		e := *known
		if e.Kind == KindLoginPage {
			return &failure{err: &e, retry: linear, most: k.patience(1)}
		}
		return fatal(&e)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // its text repeats the address
	}
	e := &Error{Kind: KindNetwork, Cause: k.c.harmless(err), Hint: "check the network, and the environment's proxy settings"}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch host := k.host(); {
	case errors.Is(err, errStalled):
		e.Message, e.Hint = "no answer from "+host+" for "+k.c.stall.String(), hintLater+", or raise request_timeout"
	case errors.As(err, &cert):
		e.Message = "the certificate of " + host + " is not trusted: " + k.c.foreign(cert.Error())
		e.Hint = "if a proxy of your own stands before the site, set ca_file to its certificate"
		return fatal(e)
	case errors.As(err, &dns) && dns.IsNotFound && hostname(host) == dns.Name:
		e.Message, e.Hint = "there is no host "+host, hintSite
		if k.probe {
			e.Kind = KindSite
		}
		return &failure{err: e, retry: linear, most: k.patience(2)}
	default:
		e.Message = "no complete answer from " + host + ": " + k.c.foreign(err.Error())
	}
	return retryable(e)
}

// patience is the number of retries for failures that, at the probe, most likely mean a
// wrong setting: few there, as many as max_retries allows later.
func (k *call) patience(atProbe int) int {
	if k.probe {
		return atProbe
	}
	return -1
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// shortPath is a request for people: long values are cut, nothing can break the line.
func shortPath(r Request) string {
	const longest = 40
	short := Request{Path: r.Path}
	for _, q := range r.Query {
		if len(q[1]) > longest {
			q[1] = q[1][:longest] + "..."
		}
		short.Query = append(short.Query, q)
	}
	return clean(short.target())
}

// invalidRequest is a request that can't be sent: a path that is no path.
func invalidRequest(path string) *Error {
	return &Error{Kind: KindBadRequest, Message: "not a path of the API: " + strconv.Quote(clean(path))}
}

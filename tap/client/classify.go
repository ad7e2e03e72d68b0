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
)

// Hints that several failures share.
const (
	hintToken     = "check email and api_token, or access_token: it may be mistyped, revoked or expired"
	hintAnonymous = "the credentials did not count: check email and api_token"
	hintLicence   = "give the account access to Confluence in the site's user management"
	hintSite      = "check domain: the first part of the address that people open in the browser"
	hintProxy     = "look at HTTPS_PROXY and HTTP_PROXY"
	hintLoginPage = "check domain and the credentials; no proxy or sign-on page may intervene"
	hintLater     = "try again later"
	hintVague     = "the credentials may be lost, or the site overloaded"
)

// maxErrorBody bounds what is read of an error's body, in bytes.
const maxErrorBody = 64 << 10

// refusal sorts an answer whose status is not 2xx.
func (k *call) refusal(resp *http.Response) *failure {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what came will do
	page := isHTML(resp.Header, body)
	said := siteWords(body, page)
	e := &Error{Status: resp.StatusCode, Message: k.c.foreign(strings.Join(said, "; ")), words: strings.Join(said, "\n")}
	text := strings.ToLower(e.words)
	if k.anonymous(resp) && (e.Status == http.StatusForbidden || e.Status == http.StatusNotFound) {
		return stray(anonymousError(e))
	}
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized:
		return k.unauthorized(e, resp.Header, text)
	case status == http.StatusForbidden:
		return k.forbidden(e, resp.Header, text, page)
	case status == http.StatusNotFound:
		return k.notFound(e, page)
	case status == http.StatusTooManyRequests:
		return k.limited(e, resp)
	case status >= 500 || status == http.StatusRequestTimeout || status == http.StatusTooEarly:
		return k.serverFailure(e, resp, body, page)
	case status == http.StatusGone:
		e.Kind, e.Hint = KindGone, "the site no longer has this route: look for a newer version of this tap"
	case status == http.StatusProxyAuthRequired:
		e.Kind, e.Message, e.Hint = KindNetwork, "the proxy wants credentials", hintProxy
	case status == http.StatusPaymentRequired:
		e.Kind, e.Hint = KindBadRequest, "look at the site's plan and billing: a subscription may have ended"
	case status < 400:
		e.Kind, e.Message = KindRedirect, "a redirect that does not say where to"
	case status == http.StatusBadRequest && k.req.Has("cursor") && strings.Contains(text, "cursor"):
		e.Kind, e.Hint = KindCursor, "the listing has to be read from its start"
	default:
		e.Kind = KindBadRequest
	}
	return &failure{err: e, stray: page}
}

// stray is a failure that, among good answers, is asked about again.
func stray(e *Error) *failure { return &failure{err: e, stray: true} }

// anonymous reports whether the site marks the answer as given to nobody. Of the header's
// other values, AUTHORISATION_FAILED means somebody without the right; unknown ones mean
// nothing.
func (k *call) anonymous(resp *http.Response) bool {
	switch strings.ToUpper(strings.TrimSpace(resp.Header.Get(loginReasonHeader))) {
	case "AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED":
		return !k.open
	default:
		return false
	}
}

func anonymousError(e *Error) *Error {
	e.Kind, e.Message, e.Hint = KindAnonymous, "the site treats the request as anonymous", hintAnonymous
	return e
}

// notFound sorts a 404. Only one that names what was asked for is a word on it: live sites
// answer a bare one to lost credentials, and under load.
func (k *call) notFound(e *Error, page bool) *failure {
	switch {
	case page || k.probe:
		said := e.Message
		e.Kind, e.Hint = KindSite, k.c.hintAddress(k.base)
		e.Message = "no Confluence site answers at " + k.address()
		if page && said != "" {
			e.Message += ": " + strconv.Quote(said)
		}
		if page {
			return k.doubted(e)
		}
		return k.unclear(e)
	case k.req.namesAsked(e):
		e.Kind = KindNotFound
		return fatal(e)
	default:
		e.Kind, e.Hint = KindVague, hintVague
		return k.unclear(e)
	}
}

// unclear sorts a vague answer. If the site has known the account, it may pass.
func (k *call) unclear(e *Error) *failure {
	if !k.c.known() {
		return fatal(e)
	}
	return &failure{err: e, retry: pause, most: vagueRetries}
}

// doubted sorts a refusal of the whole site. When the site is asked about the account in
// mid-run, it may pass as others do.
func (k *call) doubted(e *Error) *failure {
	f := stray(e)
	if k.brief {
		f.retry, f.most = linear, briefRetries
	}
	return f
}

// unauthorized sorts a 401, which the gateway also sends when only a scope is missing.
func (k *call) unauthorized(e *Error, h http.Header, text string) *failure {
	if scopeMissing(h, text) {
		e.Kind, e.Hint = KindScope, k.scopeHint()
		return fatal(e)
	}
	e.Kind, e.Hint = KindToken, hintToken
	if e.Message == "" {
		e.Message = "the site refuses the credentials"
	}
	return k.doubted(e)
}

// forbidden sorts a 403.
func (k *call) forbidden(e *Error, h http.Header, text string, page bool) *failure {
	switch {
	case strings.Contains(text, "not permitted to use confluence"), strings.Contains(text, "caller cannot access confluence"):
		e.Kind, e.Hint = KindVague, hintVague
		if k.probe || !k.c.known() {
			e.Kind, e.Hint = KindLicence, hintLicence
		}
		return k.unclear(e)
	case strings.Contains(text, "connect session auth token") && !isGateway(k.base):
		e.Kind, e.Hint = KindToken, "this token works only through the gateway: set cloud_id"
	case scopeMissing(h, text):
		e.Kind, e.Hint = KindScope, k.scopeHint()
	case addressRefused(text):
		e.Kind, e.Hint = KindForbidden, "let this machine's address through the site's IP allowlist"
	case page:
		e.Kind, e.Hint = KindForbidden, "a firewall, proxy or allowlist before the site may refuse this machine"
		return stray(e)
	default:
		e.Kind, e.Hint = KindForbidden, "the account lacks the permission for this"
	}
	return fatal(e)
}

// addressRefused reports whether the words are about the address that the request came from.
func addressRefused(text string) bool {
	return strings.Contains(text, "ip address") || strings.Contains(text, "ip allow")
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
	if title := k.c.foreign(htmlTitle(body[:min(len(body), maxErrorBody)])); title != "" {
		e.Message += ": " + strconv.Quote(title)
	}
	if mentionsMaintenance(body) {
		e.Kind, e.Message, e.Hint = KindMaintenance, "the site is down for maintenance", hintLater
	}
	return &failure{err: e, retry: linear, most: k.patience(1), stray: true}
}

// isHTML reports whether an answer is a web page. The body's first character counts for more
// than what the header calls it.
func isHTML(h http.Header, body []byte) bool {
	body = bytes.TrimLeft(body, "\xef\xbb\xbf \t\r\n")
	if len(body) > 0 && strings.IndexByte(`<{["`, body[0]) >= 0 {
		return body[0] == '<'
	}
	media, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return media == "text/html" || media == "application/xhtml+xml"
}

func mentionsMaintenance(body []byte) bool {
	return bytes.Contains(bytes.ToLower(body[:min(len(body), maxErrorBody)]), []byte("maintenance"))
}

// unanswered sorts an attempt that brought no complete answer.
func (k *call) unanswered(err error) *failure {
	if known, ok := errors.AsType[*Error](err); ok { // the gate, or a redirect
		e := *known
		if e.Kind == KindLoginPage {
			return &failure{err: &e, retry: linear, most: k.patience(1), stray: true}
		}
		return fatal(&e)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // its text repeats the address
	}
	e := &Error{Kind: KindNetwork, Cause: k.c.harmless(err), Hint: "check the network, and the environment's proxy settings"}
	f := &failure{err: e, retry: linear, most: k.networkRetries(-1)}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var op *net.OpError
	switch host := k.host(); {
	case errors.Is(err, errUnreached):
		e.Message = "no connection to " + host + " within " + connectTime.String()
	case errors.Is(err, errStalled):
		e.Message, e.Hint = "no answer from "+host+" for "+k.c.stall.String(), hintLater+", or raise request_timeout"
	case errors.As(err, &cert):
		e.Message = "the certificate of " + host + " is not trusted: " + k.c.foreign(cert.Error())
		e.Hint = "if a proxy of your own stands before the site, set ca_file to its certificate"
		return fatal(e)
	case errors.As(err, &op) && op.Op == "proxyconnect":
		e.Message, e.Hint = "no connection through the proxy: "+k.c.foreign(op.Err.Error()), hintProxy
	case errors.As(err, &dns) && dns.IsNotFound && hostname(host) == dns.Name:
		e.Message, e.Hint = "there is no host "+host, k.c.hintAddress(k.base)
		if k.probe {
			e.Kind = KindSite
		}
		f.most = k.networkRetries(k.patience(2))
	default:
		e.Message = "no complete answer from " + host + ": " + k.c.foreign(err.Error())
	}
	return f
}

// patience is the number of retries for failures that, at the probe, most likely mean a
// wrong setting: few there, as many as max_retries allows later.
func (k *call) patience(atProbe int) int {
	if k.probe {
		return atProbe
	}
	return -1
}

// networkRetries is the number of retries after an attempt that reached nobody: one where
// somebody waits at a terminal, else as many as given.
func (k *call) networkRetries(most int) int {
	if k.c.impatient {
		return 1
	}
	return most
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

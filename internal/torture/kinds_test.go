package torture

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
)

// kind is one kind of fault.
type kind struct {
	name string
	// strike answers a request in place of the site.
	strike func(w http.ResponseWriter, r *http.Request, a *answer)
	// dial fails a connection in place of strike.
	dial func() error
	// eligible says whether a request can be struck; nil: any but the first question, who
	// is signed in.
	eligible func(r *http.Request, a *answer) bool
	// overcome says that a rate of a tenth costs nothing but time.
	overcome bool
	// rarely says that only a rate of a hundredth does: three such answers in a row are no
	// bad luck.
	rarely bool
	// spoils says that the struck answers hold other text than the site's.
	spoils bool
	// heavy kinds take a second and more.
	heavy bool
}

// kinds are all kinds of faults.
func kinds() []kind {
	all := limits()
	all = append(all, connections()...)
	all = append(all, bodies()...)
	all = append(all, links()...)
	return append(all, mixed(all))
}

// status answers with a status. wait is what the header asks for, in words for the network.
func status(code int, wait time.Duration, header ...string) func(http.ResponseWriter, *http.Request, *answer) {
	if wait > 0 {
		header = append(header, asked+": "+wait.String())
	}
	fault := simconfluence.Status(code, `{"message":"struck"}`, header...)
	return func(w http.ResponseWriter, r *http.Request, a *answer) { fault(w, r, a) }
}

// later answers 429 with a header that names a time, wait from now.
func later(header string, wait time.Duration, format func(time.Time) string) func(http.ResponseWriter, *http.Request, *answer) {
	return func(w http.ResponseWriter, r *http.Request, a *answer) {
		at := time.Now().Add(wait)
		status(http.StatusTooManyRequests, wait, header+": "+format(at))(w, r, a)
	}
}

func limits() []kind {
	epoch := func(t time.Time) string { return strconv.FormatInt(t.Unix()+1, 10) }
	iso := func(layout string, up time.Duration) func(time.Time) string {
		return func(t time.Time) string { return t.UTC().Add(up).Format(layout) }
	}
	return []kind{
		{name: "429, Retry-After in seconds", strike: status(429, 3*time.Second, "Retry-After: 3"), overcome: true},
		{name: "429, Retry-After as a date", strike: later("Retry-After", 2*time.Second, iso(http.TimeFormat, time.Second)), overcome: true},
		{name: "429 without Retry-After", strike: status(429, 0), overcome: true},
		{name: "429, Retry-After is nonsense", strike: status(429, 0, "Retry-After: soon"), overcome: true},
		{name: "429, Retry-After is negative", strike: status(429, 0, "Retry-After: -7"), overcome: true},
		{name: "429, Retry-After is zero", strike: status(429, 0, "Retry-After: 0"), overcome: true},
		{name: "429, Retry-After is two hours", strike: status(429, 2*time.Hour, "Retry-After: 7200")},
		{name: "429, X-RateLimit-Reset as epoch", strike: later("X-RateLimit-Reset", 4*time.Second, epoch), overcome: true},
		{name: "429, X-RateLimit-Reset as time", strike: later("X-RateLimit-Reset", 4*time.Second, iso("2006-01-02T15:04:05Z", time.Second)), overcome: true},
		{name: "429, X-RateLimit-Reset without seconds", strike: later("X-RateLimit-Reset", 5*time.Second, iso("2006-01-02T15:04Z", time.Minute)), overcome: true},
		{name: "503 with Retry-After", strike: status(503, 5*time.Second, "Retry-After: 5"), overcome: true},
		{name: "503", strike: status(503, 0), overcome: true},
		{name: "500", strike: status(500, 0), overcome: true},
		{name: "502", strike: status(502, 0), overcome: true},
		{name: "504", strike: status(504, 0), overcome: true},
		{name: "408", strike: status(408, 0), overcome: true},
		{name: "425", strike: status(425, 0), overcome: true},
	}
}

// fault makes a kind's strike of the simulated site's own fault.
func fault(f simconfluence.Fault) func(http.ResponseWriter, *http.Request, *answer) {
	return func(w http.ResponseWriter, r *http.Request, a *answer) { f(w, r, a) }
}

// half strikes an answer with a fault in its middle.
func half(f func(int) simconfluence.Fault) func(http.ResponseWriter, *http.Request, *answer) {
	return func(w http.ResponseWriter, r *http.Request, a *answer) { f(a.Body.Len()/2)(w, r, a) }
}

// raw sends text and closes the connection.
func raw(text func(a *answer) string) func(http.ResponseWriter, *http.Request, *answer) {
	return func(w http.ResponseWriter, _ *http.Request, a *answer) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = conn.Write([]byte(text(a)))
		_ = conn.Close()
	}
}

// drip sends an answer in pieces that come far apart, in all later than any timeout.
func drip(w http.ResponseWriter, r *http.Request, a *answer) {
	w.Header().Set("Content-Type", "application/json")
	body := a.Body.Bytes()
	const pieces = 5
	for i := range pieces {
		_, _ = w.Write(body[i*len(body)/pieces : (i+1)*len(body)/pieces])
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(100 * time.Second):
		case <-r.Context().Done():
			return
		}
	}
}

func connections() []kind {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
	return []kind{
		{name: "connection refused", dial: func() error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}, overcome: true},
		{name: "no such host, for a while", dial: func() error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: siteName, IsNotFound: true}}
		}, overcome: true},
		{name: "name server fails, for a while", dial: func() error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "server misbehaving", Name: siteName, IsTemporary: true}}
		}, overcome: true},
		{name: "TLS handshake fails", dial: func() error { return errors.New("remote error: tls: handshake failure") }, overcome: true},
		{name: "reset before the headers", strike: fault(simconfluence.Reset()), overcome: true},
		{name: "closed within the headers", strike: raw(func(*answer) string { return "HTTP/1.1 200 OK\r\nContent-Ty" }), overcome: true},
		{name: "closed after the headers", strike: fault(simconfluence.Truncate(0)), overcome: true},
		{name: "closed in the body, length known", strike: half(simconfluence.Truncate), overcome: true},
		{name: "closed in the body, chunked", strike: raw(func(a *answer) string {
			body := a.body()[:a.Body.Len()/2]
			return head + "Transfer-Encoding: chunked\r\n\r\n" + strconv.FormatInt(int64(len(body)), 16) + "\r\n" + body + "\r\n"
		}), overcome: true},
		{name: "closed in the body, length unknown", strike: raw(func(a *answer) string {
			return head + "\r\n" + a.body()[:a.Body.Len()/2]
		}), overcome: true},
		{name: "not HTTP", strike: raw(func(*answer) string { return "SSH-2.0-OpenSSH_9.9\r\n" }), overcome: true},
		{name: "stalls before the headers", strike: fault(simconfluence.Stall(-1)), overcome: true},
		{name: "stalls in the body", strike: half(simconfluence.Stall), overcome: true},
		{name: "slow, but it moves", strike: drip, overcome: true},
	}
}

// mixed strikes with one kind after another, connections among them. A kind whose turn it is
// where it can't strike waits for its next turn.
func mixed(all []kind) kind {
	var some, dials []kind
	for _, k := range all {
		switch {
		case !k.overcome || k.heavy || k.spoils:
		case k.dial != nil:
			dials = append(dials, k)
		default:
			some = append(some, k)
		}
	}
	var n, d int
	return kind{
		name: "all of these that can be overcome, in turn", overcome: true,
		strike: func(w http.ResponseWriter, r *http.Request, a *answer) {
			for {
				mu.Lock()
				k := some[n%len(some)]
				n++
				mu.Unlock()
				if k.eligible == nil || k.eligible(r, a) {
					k.strike(w, r, a)
					return
				}
			}
		},
		dial: func() error {
			mu.Lock()
			k := dials[d%len(dials)]
			d++
			mu.Unlock()
			return k.dial()
		},
	}
}

// onList reports whether a request is for a list of version 2 that pages by cursor.
func onList(r *http.Request, _ *answer) bool {
	return strings.Contains(r.URL.Path, "/api/v2/") && r.URL.Query().Has("limit")
}

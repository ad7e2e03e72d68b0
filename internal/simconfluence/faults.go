package simconfluence

import (
	"bytes"
	"maps"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Fault may answer a request in place of the site. It returns false, without having
// written anything, to leave the request to other faults and to the site; next is the
// site's own answer, for faults that spoil it.
//
// Faults are put together from small ones: On(route, Times(3, Status(503, ...))).
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler) bool

// SetFaults replaces the faults in force. The first that answers wins.
func (s *Site) SetFaults(faults ...Fault) {
	s.behMu.Lock()
	defer s.behMu.Unlock()
	s.faults = faults
}

// On restricts a fault to a route: a normalised path without prefix, such as
// "/pages/{id}/labels", or the full path of version 1.
func On(route string, f Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		path := r.URL.Path
		if at := strings.Index(path, "/wiki/"); at > 0 {
			path = path[at:]
		}
		path, _ = normalise(path)
		return (path == route || path == "/wiki/api/v2"+route) && f(w, r, next)
	}
}

// Where restricts a fault to requests that match says yes to.
func Where(match func(*http.Request) bool, f Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		return match(r) && f(w, r, next)
	}
}

// When restricts a fault to some of the requests that reach it, counted from 1.
func When(which func(n int) bool, f Fault) Fault {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		return which(int(n.Add(1))) && f(w, r, next)
	}
}

// Times restricts a fault to the first n requests that reach it.
func Times(n int, f Fault) Fault { return When(func(i int) bool { return i <= n }, f) }

// After lets the first n requests that reach it pass.
func After(n int, f Fault) Fault { return When(func(i int) bool { return i > n }, f) }

// Percent strikes that share of the requests that reach it, drawn from a seed.
func Percent(share int, seed int64, f Fault) Fault {
	return When(func(i int) bool { return draw(mix(uint64(seed)^mix(uint64(i))), 100) < share }, f)
}

// Status answers with a status, header lines ("Retry-After: 3") and a body.
func Status(status int, body string, header ...string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Type", "application/json")
		setHeader(w.Header(), header)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}

func setHeader(h http.Header, lines []string) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		h.Set(name, strings.TrimSpace(value))
	}
}

// Body answers 200 with a body of that content type.
func Body(contentType, body string) Fault {
	return Status(http.StatusOK, body, "Content-Type: "+contentType)
}

// Rewrite sends the site's answer with another body.
func Rewrite(f func(body []byte) []byte, header ...string) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		rec := record(r, next)
		body := f(rec.body.Bytes())
		maps.Copy(w.Header(), rec.header)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		setHeader(w.Header(), header)
		w.WriteHeader(rec.status)
		_, _ = w.Write(body)
		return true
	}
}

// Truncate sends the first n bytes of the site's answer, under the header of the whole
// one, and then closes the connection.
func Truncate(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		rec := record(r, next)
		maps.Copy(w.Header(), rec.header)
		w.WriteHeader(rec.status)
		_, _ = w.Write(rec.body.Bytes()[:min(n, rec.body.Len())])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// CutShort sends the first n bytes of the site's answer as if they were all.
func CutShort(n int) Fault {
	return Rewrite(func(body []byte) []byte { return body[:min(n, len(body))] })
}

// Reset resets the connection, without an answer.
func Reset() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = conn.Close()
			return true
		}
		panic(http.ErrAbortHandler)
	}
}

// Stall sends the first n bytes of the site's answer (none, not even the header, if n is
// negative), and then nothing until the client gives up.
func Stall(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if n >= 0 {
			rec := record(r, next)
			maps.Copy(w.Header(), rec.header)
			w.WriteHeader(rec.status)
			_, _ = w.Write(rec.body.Bytes()[:min(n, rec.body.Len())])
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// Delay answers as the site would, later.
func Delay(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if wait(r, d) {
			next.ServeHTTP(w, r)
		}
		return true
	}
}

var nextInBody = regexp.MustCompile(`"next":"((?:[^"\\]|\\.)*)"`)

// Next replaces the link to the next page, in the body and in the Link header. f is given
// the link as it was; without a link nothing changes.
func Next(f func(r *http.Request, link string) string) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		rec := record(r, next)
		body := rec.body.Bytes()
		if m := nextInBody.FindSubmatch(body); m != nil {
			was, err := unquoteJSON(m[1])
			if err != nil {
				panic(err) // our own text
			}
			now := f(r, was)
			body = bytes.Replace(body, m[0], appendQuoted([]byte(`"next":`), now), 1)
			rec.header.Set("Link", strings.ReplaceAll(rec.header.Get("Link"), was, now))
		}
		maps.Copy(w.Header(), rec.header)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(rec.status)
		_, _ = w.Write(body)
		return true
	}
}

// SameNext makes every page name the cursor that it was asked with, or where there was
// none, the first one: the list turns in a circle.
func SameNext() Fault {
	return Next(func(r *http.Request, link string) string {
		if r.URL.Query().Get("cursor") == "" {
			return link
		}
		return r.URL.RequestURI()
	})
}

// recorded is an answer that is held back.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) WriteHeader(status int)      { r.status = status }
func (r *recorded) Write(b []byte) (int, error) { return r.body.Write(b) }

func record(r *http.Request, next http.Handler) *recorded {
	rec := &recorded{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(rec, r)
	return rec
}

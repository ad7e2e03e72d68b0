package chaos

import (
	"context"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap"
)

// wire carries the requests of one run to the site, and lets things happen on the way.
type wire struct {
	site    *simconfluence.Site
	spec    *runSpec
	changes func(upTo int) // makes the changes that are due before a request
	stop    context.CancelCauseFunc
	out     *outlet

	mu   sync.Mutex
	sent int
	last time.Time // when the site's clock was last moved
	dead bool
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := w.depart(); err != nil {
		return nil, err
	}
	if w.waits() {
		select {
		case <-time.After(w.spec.Latency):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	resp, err := w.site.Transport().RoundTrip(r)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tick()
	resp.Header.Set("Date", w.site.Now().Format(http.TimeFormat))
	return resp, nil
}

// waits reports whether an answer takes time in the bubble.
func (w *wire) waits() bool { return w.spec.Latency > 0 }

// depart counts a request, and does what is due before it.
func (w *wire) depart() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent++
	w.tick()
	if !w.waits() {
		w.site.Advance(w.spec.Latency / time.Duration(w.spec.Settings.Concurrency))
	}
	w.changes(w.sent)
	if k := w.spec.Kill; k.Request > 0 && w.sent == k.Request {
		w.kill(k.How)
	}
	if w.dead {
		return syscall.ECONNRESET
	}
	return nil
}

func (w *wire) kill(how string) {
	switch how {
	case "signal":
		w.stop(tap.ErrStopped)
	case "network":
		w.dead = true
	case "crash":
		w.out.freeze()
	}
}

// tick moves the site's clock as far as time has passed.
func (w *wire) tick() {
	now := time.Now()
	w.site.Advance(now.Sub(w.last))
	w.last = now
}

// outlet is stdout: it keeps what the client got of it.
type outlet struct {
	stop context.CancelCauseFunc
	kill kill

	mu     sync.Mutex
	got    []byte
	frozen bool
	hit    bool // the kill came to pass
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.frozen {
		return len(p), nil
	}
	if o.kill.Byte == 0 || len(o.got)+len(p) < o.kill.Byte {
		o.got = append(o.got, p...)
		return len(p), nil
	}
	n := o.kill.Byte - len(o.got)
	o.got = append(o.got, p[:max(n, 0)]...)
	o.hit = true
	if o.kill.How == "closed" {
		return max(n, 0), syscall.EPIPE
	}
	o.frozen = true
	o.stop(tap.ErrStopped) // so that the run ends soon: nobody sees what it still does
	return len(p), nil
}

// freeze ends the run as a crash does.
func (o *outlet) freeze() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frozen = true
	o.stop(tap.ErrStopped)
}

package engine_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/engine"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// paced is a world without a network, read at a limited rate, that notes when each request
// is sent and each line is written. Inside a synctest bubble its time is virtual: only
// waiting takes any.
type paced struct {
	*world
	// reach, if set, takes the place of the site; the site's own answer is next.
	reach func(r *http.Request, next http.RoundTripper) (*http.Response, error)

	mu      sync.Mutex
	sent    []sentRequest
	lines   []writtenLine
	waits   []announcedWait
	running atomic.Pointer[engine.Run]
}

// sentRequest is one attempt: when it was sent and for what.
type sentRequest struct {
	at   time.Time
	path string
}

// writtenLine is one line of stdout: when it was written.
type writtenLine struct {
	at   time.Time
	text []byte
}

// announcedWait is a long wait that the client told before it began; before and after are
// the numbers of lines on stdout around the Flush that it caused.
type announcedWait struct {
	at, until     time.Time
	before, after int
}

// newPaced makes a site whose answers take that long, read with the default limits: 5
// requests a second and 5 at once.
func newPaced(t testing.TB, o simconfluence.Options, latency time.Duration) *paced {
	o.Latency = latency
	p := &paced{world: &world{t: t, site: simconfluence.New(o), seed: 1, config: &config.Config{
		Site: siteName, SiteURL: "https://" + siteName, Email: tapfixture.Email, APIToken: config.NewSecret(tapfixture.Token),
		PageStatus: []string{"current", "archived"}, BodyFormat: "storage",
		RequestsPerSecond: 5, Concurrency: 5, PageSize: 250, AuditSamples: 10,
		MaxRetries: 8, MaxRetryWait: time.Minute, RequestTimeout: time.Minute,
		AnchorDate: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
	}}}
	t.Cleanup(p.logShowsNoSecrets)
	return p
}

// RoundTrip notes an attempt the moment that it leaves the client.
func (p *paced) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.sent = append(p.sent, sentRequest{time.Now(), r.URL.Path})
	p.mu.Unlock()
	if p.reach != nil {
		return p.reach(r, p.site.Transport())
	}
	return p.site.Transport().RoundTrip(r)
}

// Write notes lines the moment that they are written.
func (p *paced) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range wholeLines(b) {
		p.lines = append(p.lines, writtenLine{time.Now(), append([]byte(nil), line...)})
	}
	return len(b), nil
}

// onWait does what the program does: it writes the state before a long wait.
func (p *paced) onWait(until time.Time, _ string) {
	w := announcedWait{at: time.Now(), until: until, before: p.written()}
	if run := p.running.Load(); run != nil {
		if err := run.Flush(); err != nil {
			p.t.Error(err)
		}
	}
	w.after = p.written()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = append(p.waits, w)
}

func (p *paced) written() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// requests returns what was sent so far.
func (p *paced) requests() []sentRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clip(p.sent)
}

// sync probes the site and runs one sync, as the program does.
func (p *paced) sync(ctx context.Context, s sync_) outcome {
	p.t.Helper()
	logger := slog.New(slog.NewTextHandler(lockedWriter{p.world}, nil))
	c, err := client.New(p.config, client.Options{Logger: logger, Transport: p, OnWait: p.onWait})
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	from, out := p.written(), emit.NewOut(p)
	o := engine.Options{
		Config: p.config, Client: c, Selections: p.selections(s), Logger: logger,
		Now: time.Now, PerStream: s.airbyte, Seed: p.seed,
	}
	if s.airbyte {
		o.Sink = emit.NewAirbyte(out, time.Now)
		o.State, _, err = state.ParseAirbyte(s.state, siteName, known)
	} else {
		o.Sink = emit.NewSinger(out)
		o.State, err = state.ParseSinger(s.state, siteName, known)
	}
	if err != nil {
		p.t.Fatalf("state %s: %v", s.state, err)
	}
	o.Resumable = o.State.Open
	run, err := engine.New(o)
	if err != nil {
		p.t.Fatal(err)
	}
	p.running.Store(run)
	if _, err := c.Probe(ctx); err != nil {
		return outcome{err: err, run: run}
	}
	err = run.Sync(ctx)
	var lines [][]byte
	for _, l := range p.lines[from:] {
		lines = append(lines, l.text)
	}
	tapfixture.NoSecrets(p.t, bytes.Join(lines, nil), tapfixture.Email, tapfixture.Token)
	return outcome{lines, err, run}
}

// finish runs a sync to its end.
func (p *paced) finish(s sync_, h *held) {
	p.t.Helper()
	s.state = h.state()
	out := p.sync(p.t.Context(), s)
	if out.err != nil {
		p.t.Fatalf("the last piece: %v", out.err)
	}
	h.take(out.lines)
}

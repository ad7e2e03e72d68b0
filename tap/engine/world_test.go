package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/engine"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// world is a simulated site and the settings to read it with.
type world struct {
	t      testing.TB
	site   *simconfluence.Site
	config *config.Config
	log    bytes.Buffer
	logMu  sync.Mutex
	// everyState makes a state due at every opportunity.
	everyState bool
	// seed makes the audits draw the same samples every time; 0 draws others in every run.
	seed uint64
	// clock, if set, is the clock of runs.
	clock func() time.Time
	// syncID is the id of the sync that all runs are attempts at (Airbyte).
	syncID *int64
}

const siteName = "acme.atlassian.net"

func newWorld(t testing.TB, o simconfluence.Options) *world {
	t.Helper()
	site := simconfluence.New(o)
	w := &world{t: t, site: site, config: &config.Config{
		Site: siteName, SiteURL: "https://" + siteName, Email: tapfixture.Email, APIToken: config.NewSecret(tapfixture.Token),
		PageStatus: []string{"current", "archived"}, BodyFormat: "storage",
		Concurrency: 4, PageSize: 250, MaxRetries: 2, MaxRetryWait: time.Minute, RequestTimeout: time.Minute,
		AnchorDate: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
	}}
	t.Cleanup(w.logShowsNoSecrets)
	return w
}

// sync is one run of the engine.
type sync_ struct {
	streams     []string // nil for all
	incremental bool
	airbyte     bool
	state       []byte
	// cut ends stdout after that many bytes, 0 never.
	cut int
	// wrote, if set, is called with the length of stdout after every write.
	wrote func(n int)
	// around, if set, wraps the run's sink; flush writes the run's state.
	around func(sink emit.Sink, flush func() error) emit.Sink
}

// outcome is what a run left on stdout.
type outcome struct {
	lines [][]byte
	err   error
	run   *engine.Run
}

// count returns how many rows of a stream the site has in a scope.
func (w *world) count(name string, o simconfluence.TruthOptions) int {
	n := 0
	for range w.site.Truth(name, o) {
		n++
	}
	return n
}

// wantFailed fails the test unless exactly these streams of a run failed.
func (w *world) wantFailed(out outcome, streams ...string) {
	w.t.Helper()
	var failed *engine.IncompleteError
	if !errors.As(out.err, &failed) || !slices.Equal(failed.Streams, streams) {
		w.t.Errorf("error %v, want failures of %q", out.err, streams)
	}
}

// cutWriter takes a number of bytes and then fails, as a pipe whose reader died.
type cutWriter struct {
	bytes.Buffer
	left  int
	wrote func(n int)
}

var errCut = errors.New("broken pipe")

func (w *cutWriter) Write(p []byte) (int, error) {
	if w.wrote != nil {
		defer func() { w.wrote(w.Len()) }()
	}
	if w.left < 0 {
		return w.Buffer.Write(p)
	}
	n := min(len(p), w.left)
	w.Buffer.Write(p[:n])
	w.left -= n
	if n < len(p) {
		return n, errCut
	}
	return n, nil
}

// lockedWriter lets several goroutines log.
type lockedWriter struct{ w *world }

func (l lockedWriter) Write(p []byte) (int, error) {
	l.w.logMu.Lock()
	defer l.w.logMu.Unlock()
	return l.w.log.Write(p)
}

// logShowsNoSecrets looks for the credential in all that was logged.
func (w *world) logShowsNoSecrets() {
	w.t.Helper()
	w.logMu.Lock()
	defer w.logMu.Unlock()
	tapfixture.NoSecrets(w.t, w.log.Bytes(), tapfixture.Email, tapfixture.Token)
}

func (w *world) run(s sync_) outcome {
	w.t.Helper()
	logger := slog.New(slog.NewTextHandler(lockedWriter{w}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, err := client.New(w.config, client.Options{Logger: logger, Transport: w.site.Transport(), RetryWait: time.Millisecond})
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	stdout := &cutWriter{left: -1, wrote: s.wrote}
	if s.cut > 0 {
		stdout.left = s.cut
	}
	now := time.Now
	if w.everyState {
		now = w.fastClock()
	}
	if w.clock != nil {
		now = w.clock
	}
	out := emit.NewOut(stdout)
	o := engine.Options{Config: w.config, Client: c, Selections: w.selections(s), Logger: logger, Now: now, PerStream: s.airbyte, Seed: w.seed}
	if s.airbyte {
		o.Sink = emit.NewAirbyte(out, now)
		o.State, _, err = state.ParseAirbyte(s.state, siteName, known)
	} else {
		o.Sink = emit.NewSinger(out)
		o.State, err = state.ParseSinger(s.state, siteName, known)
	}
	if err != nil {
		w.t.Fatalf("state %s: %v", s.state, err)
	}
	o.Resumable = o.State.Open
	var run *engine.Run
	if s.around != nil {
		o.Sink = s.around(o.Sink, func() error { return run.Flush() })
	}
	if run, err = engine.New(o); err != nil {
		w.t.Fatal(err)
	}
	err = run.Sync(context.Background())
	tapfixture.NoSecrets(w.t, stdout.Bytes(), tapfixture.Email, tapfixture.Token)
	return outcome{wholeLines(stdout.Bytes()), err, run}
}

// fastClock is a clock on which every look takes three seconds.
func (w *world) fastClock() func() time.Time {
	var mu sync.Mutex
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(3 * time.Second)
		return at
	}
}

func (w *world) selections(s sync_) []catalog.Selection {
	all, err := catalog.All()
	if err != nil {
		w.t.Fatal(err)
	}
	var out []catalog.Selection
	for _, sel := range all {
		if s.streams == nil || slices.Contains(s.streams, sel.Stream.Name) {
			sel.Incremental = s.incremental && sel.Stream.ReplicationKey != ""
			sel.SyncID = w.syncID
			out = append(out, sel)
		}
	}
	return out
}

func known(name string) bool { return stream.Find(name) != nil }

// missing lists rows of the truth that did not come, at most a few a stream.
func (w *world) missing(got rows, streams []string) []string {
	var missing []string
	if streams == nil {
		streams = stream.Names()
	}
	for _, name := range streams {
		n := 0
		for row := range w.site.Truth(name, simconfluence.TruthOptions{}) {
			var key strings.Builder
			for i, k := range row.Key {
				if stream.Find(name).Key[i] == "number" {
					key.WriteString(k)
				} else {
					b, _ := json.Marshal(k)
					key.Write(b)
				}
				key.WriteByte(' ')
			}
			if _, ok := got[name][key.String()]; !ok {
				if n++; n <= 3 {
					missing = append(missing, name+" "+key.String())
				}
			}
		}
	}
	return missing
}

// logs returns what was logged so far.
func (w *world) logs() string {
	w.logMu.Lock()
	defer w.logMu.Unlock()
	return w.log.String()
}

var _ io.Writer = lockedWriter{}

package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// The engine is tested as part of the whole program, in virtual time: what it reads, writes and
// asks for. What a plan or a transition of the state decides is tested there.

// virtual runs a test in virtual time on a simulated site that is read as fast as it answers.
func virtual(t *testing.T, o simconfluence.Options, do func(t *testing.T, f *tapfixture.Fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		do(t, tapfixture.Virtual(t, o).With(map[string]any{
			"anchor_date": "2000-01-01", "audit_samples": 0, "requests_per_second": 1000, "concurrency": 8, "max_retries": 2,
		}))
	})
}

// shown is a site of that many pages, of which the account sees everything.
func shown(seed int64, pages int) simconfluence.Options {
	o := simconfluence.Scaled(seed, pages)
	o.BodyBytes, o.AllVisible, o.BlogPosts = 60, true, pages/5
	return o
}

// dense is a small site on which every stream has rows, replies to comments on posts too.
func dense() simconfluence.Options {
	o := simconfluence.Scaled(13, 60)
	o.BodyBytes, o.Attachments, o.BlogPosts = 60, 60, 16
	return o
}

// tiny is a site with everything in it that is read in an instant.
func tiny(seed int64) simconfluence.Options {
	o := simconfluence.Scaled(seed, 12)
	o.BodyBytes, o.Attachments, o.Spaces, o.Labels, o.Most = 40, 14, 1, 40, 6
	return o
}

// where lists the streams of a sort.
func where(is func(*stream.Stream) bool) []string {
	var names []string
	for i := range stream.All {
		if is(&stream.All[i]) {
			names = append(names, stream.All[i].Name)
		}
	}
	return names
}

func isComments(s *stream.Stream) bool    { return s.Replies != "" }
func isVersions(s *stream.Stream) bool    { return s.Derive == stream.FirstVersion }
func isLabels(s *stream.Stream) bool      { return s.Labelled != "" }
func isIncremental(s *stream.Stream) bool { return s.ReplicationKey != "" }

// includedIn are the streams that a combined read of a listing's items holds.
func includedIn(l *stream.Listing) []string {
	return where(func(s *stream.Stream) bool { return s.Parent == l && s.Include != "" })
}

// rows are records by stream and key.
type rows map[string]map[string]json.RawMessage

func (r rows) add(t *testing.T, m tapfixture.Message) {
	t.Helper()
	if r[m.Stream] == nil {
		r[m.Stream] = map[string]json.RawMessage{}
	}
	r[m.Stream][tapfixture.Key(t, m.Stream, tapfixture.Decode(t, m.Record))] = m.Record
}

// client runs the program again and again and holds what it gave: the last state, and the rows
// before it. What comes behind the last state a client may throw away.
type client struct {
	t       *testing.T
	f       *tapfixture.Fixture
	streams []tapfixture.Selected
	airbyte bool
	// syncID is what all runs are attempts at (Airbyte), 0 for none.
	syncID int
	state  string
	rows   rows
}

// reads is a client that reads streams, all of them if none is named.
func reads(t *testing.T, f *tapfixture.Fixture, incremental bool, names ...string) *client {
	if names == nil {
		names = stream.Names()
	}
	return &client{t: t, f: f, streams: tapfixture.Each(incremental, names...), rows: rows{}}
}

// with returns a client with other settings that holds the same.
func (c *client) with(settings map[string]any) *client {
	other := *c
	other.f = c.f.With(settings)
	return &other
}

// run is one run of the program.
type run struct {
	t        *testing.T
	status   int
	messages []tapfixture.Message
	log      string
	rows     rows
	requests map[string]int // by route, without the prefix of version 2
}

// limit ends a run from outside: after so many bytes of stdout, or at a request.
type limit struct {
	bytes   int
	request int
}

var errReaderGone = errors.New("broken pipe")

// pipe is a stdout that may break.
type pipe struct {
	bytes.Buffer
	left int // bytes that it takes, negative for all
}

func (p *pipe) Write(b []byte) (int, error) {
	if p.left < 0 {
		return p.Buffer.Write(b)
	}
	n := min(len(b), p.left)
	p.left -= n
	p.Buffer.Write(b[:n])
	if n < len(b) {
		return n, errReaderGone
	}
	return n, nil
}

// stopping is a network that stops the run, as a signal does, at a request.
type stopping struct {
	next http.RoundTripper
	at   int64
	sent atomic.Int64
	stop context.CancelCauseFunc
}

func (s *stopping) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.sent.Add(1) == s.at {
		s.stop(tap.ErrStopped)
	}
	return s.next.RoundTrip(r)
}

// try runs the program on what the client holds, without keeping what it gives.
func (c *client) try(l limit) *run {
	c.t.Helper()
	ctx, stop := context.WithCancelCause(c.t.Context())
	defer stop(nil)
	f, out := c.f, &pipe{left: -1}
	if l.bytes > 0 {
		out.left = l.bytes
	}
	if l.request > 0 {
		f = f.Under(tap.OverNetwork(&stopping{next: f.Site.Transport(), at: int64(l.request), stop: stop}))
	}
	var given any
	if c.state != "" {
		given = c.state
	}
	args := f.SingerArgs(tapfixture.SingerCatalog(c.streams...), given)
	if c.airbyte {
		args = f.AirbyteArgs(tapfixture.AirbyteCatalog(c.syncID, c.streams...), given)
	}
	before := f.Site.Requests()
	var stderr bytes.Buffer
	r := &run{t: c.t, status: f.Launch(ctx, out, &stderr, args...), rows: rows{}, requests: map[string]int{}}
	f.NoSecrets(out.Bytes(), stderr.Bytes())
	var err error
	if r.messages, _, err = tapfixture.Lines(out.Bytes()); err != nil {
		c.t.Fatal(err)
	}
	for route, n := range f.Site.Requests() {
		if n -= before[route]; n > 0 {
			r.requests[strings.TrimPrefix(route, stream.V2)] = n
		}
	}
	logged := []string{stderr.String()}
	for _, m := range r.messages {
		switch m.Type {
		case "RECORD":
			r.rows.add(c.t, m)
		case "LOG":
			logged = append(logged, m.Level+" "+m.Text)
		}
	}
	r.log = strings.Join(logged, "\n")
	return r
}

// keep takes messages of a run as a client does that got no more.
func (c *client) keep(messages []tapfixture.Message) {
	c.t.Helper()
	waiting := map[string][]tapfixture.Message{}
	take := func(name string) {
		for _, m := range waiting[name] {
			c.rows.add(c.t, m)
		}
		delete(waiting, name)
	}
	for _, m := range messages {
		switch {
		case m.Type == "RECORD":
			waiting[m.Stream] = append(waiting[m.Stream], m)
		case m.Type == "STATE" && c.airbyte:
			all := tapfixture.AirbyteStates(c.t, c.state)
			all[m.Stream] = m.State
			c.state = tapfixture.AirbyteStateFile(all)
			take(m.Stream)
		case m.Type == "STATE":
			c.state = string(m.State)
			for name := range maps.Clone(waiting) {
				take(name)
			}
		}
	}
}

// run runs the program to its end, wants it to succeed, and keeps what it gives.
func (c *client) run() *run {
	c.t.Helper()
	return c.wants(0)
}

// wants does the same for a run that ends with a status.
func (c *client) wants(status int) *run {
	c.t.Helper()
	r := c.try(limit{})
	if r.status != status {
		c.t.Fatalf("exit status %d, want %d\n%s", r.status, status, r.told())
	}
	c.keep(r.messages)
	return r
}

// broken runs the program until a limit ends it, and keeps what it gives. Fast has states
// written as often as possible.
func (c *client) broken(l limit) *run {
	c.t.Helper()
	r := c.try(l)
	if r.status == 0 {
		c.t.Fatalf("the run came to its end\n%s", r.told())
	}
	c.keep(r.messages)
	return r
}

// hasty has a state written at every opportunity: whenever somebody looks, its clock has gone
// on by so much that a state is due.
func (c *client) hasty() *client {
	other := *c
	at := time.Now()
	var mu sync.Mutex
	other.f = c.f.Under(tap.WithClock(func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(20 * time.Second)
		return at
	}))
	return &other
}

// entry is what the client's state says of a stream.
func (c *client) entry(name string) state.Entry {
	c.t.Helper()
	s, _, err := state.ParseSinger([]byte(c.state), tapfixture.Host, stream.Names())
	if c.airbyte {
		s, _, err = state.ParseAirbyte([]byte(c.state), tapfixture.Host, stream.Names())
	}
	if err != nil {
		c.t.Fatalf("state %s: %v", c.state, err)
	}
	return s.Entry(name)
}

// position is where the client's state says that a stream is.
func (c *client) position(name string) state.Position {
	c.t.Helper()
	p, err := state.ParseProgress(c.entry(name).Progress)
	if err != nil {
		c.t.Fatal(err)
	}
	return p.At
}

// bookmark is a stream's bookmark in the client's state.
func (c *client) bookmark(name string) time.Time {
	c.t.Helper()
	return moment(c.t, c.entry(name).ReplicationKeyValue)
}

// names are the client's streams.
func (c *client) names() []string {
	names := make([]string, len(c.streams))
	for i, s := range c.streams {
		names[i] = s.Name
	}
	return names
}

// wantWhole fails the test unless some rows hold all rows of the site of streams, the client's
// own if none is named.
func (c *client) wantWhole(got rows, names ...string) {
	c.t.Helper()
	if names == nil {
		names = c.names()
	}
	for _, name := range names {
		var missing []string
		for key := range changes(c.t, c.f, name) {
			if _, came := got[name][key]; !came {
				missing = append(missing, key)
			}
		}
		if slices.Sort(missing); len(missing) > 0 {
			c.t.Errorf("%d rows of %s are missing: %.200s\nstate %s", len(missing), name, strings.Join(missing, " "), c.state)
		}
	}
}

// wantExactly does the same, and wants no other rows.
func (c *client) wantExactly(got rows, names ...string) {
	c.t.Helper()
	c.wantWhole(got, names...)
	if names == nil {
		names = c.names()
	}
	for _, name := range names {
		truth := changes(c.t, c.f, name)
		for key := range got[name] {
			if _, there := truth[key]; !there {
				c.t.Errorf("%s %s came, which the site does not have", name, key)
			}
		}
	}
}

// wantFailed fails the test unless the log names exactly these streams as failed.
func (r *run) wantFailed(names ...string) {
	r.t.Helper()
	var failed []string
	for line := range strings.Lines(r.log) {
		if !strings.HasPrefix(line, "ERROR") {
			continue
		}
		if _, rest, ok := strings.Cut(line, "stream failed [stream="); ok {
			failed = append(failed, rest[:strings.IndexAny(rest, " ]")])
		}
		if _, rest, ok := strings.Cut(line, `streams failed for one cause [streams="`); ok {
			list, _, _ := strings.Cut(rest, `"`)
			failed = append(failed, strings.Split(list, ", ")...)
		}
	}
	if slices.Sort(failed); !slices.Equal(failed, slices.Sorted(slices.Values(names))) {
		r.t.Errorf("failed: %q, want %q\n%s", failed, names, r.told())
	}
}

// wantLog fails the test unless a line of the log holds all of some words.
func (r *run) wantLog(words ...string) {
	r.t.Helper()
	if !r.logged(words...) {
		r.t.Errorf("no line of the log says %q:\n%s", words, r.told())
	}
}

// logged reports whether a line of the log holds all of some words.
func (r *run) logged(words ...string) bool {
	for line := range strings.Lines(r.log) {
		line = strings.ReplaceAll(line, `"`, "")
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return true
		}
	}
	return false
}

// told is the log without what every run says.
func (r *run) told() string {
	var b strings.Builder
	for line := range strings.Lines(r.log) {
		if !strings.Contains(line, "METRIC") && !strings.Contains(line, "asking for fewer rows") && !strings.Contains(line, "no bookmark yet") {
			b.WriteString(line)
		}
	}
	return b.String()
}

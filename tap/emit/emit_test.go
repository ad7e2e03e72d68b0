package emit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// at is the time of all messages here.
var at = time.Date(2026, 11, 2, 3, 4, 5, 678_901_234, time.FixedZone("east", 2*3600))

func now() time.Time { return at }

// sinks makes both sinks over one stdout. Records that wait are written by flush.
func sinks(t *testing.T, w io.Writer) (singer *emit.Singer, airbyte *emit.Airbyte, flush func()) {
	t.Helper()
	out := emit.NewOut(w)
	return emit.NewSinger(out), emit.NewAirbyte(out, now), func() {
		t.Helper()
		if err := out.Write(nil); err != nil {
			t.Fatal(err)
		}
	}
}

// record frames one record and writes it.
func record(t *testing.T, s emit.Sink, stream, object string, version int64) {
	t.Helper()
	prefix, suffix := s.Frame(nil, nil, stream, at, version)
	if err := s.Records(stream, []byte(string(prefix)+object+string(suffix)), 1); err != nil {
		t.Fatal(err)
	}
}

// entries is a state with the entry of one stream, which an audit may have made plain.
func entries(name string, plain bool) *state.State {
	s := state.New("acme.atlassian.net")
	if s.Restart(name); plain {
		s.Distrust(name)
	}
	return s
}

// TestMessages writes every kind of message and compares it with its text.
func TestMessages(t *testing.T) {
	t.Parallel()
	selections, _, err := catalog.Pick(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	var labels catalog.Selection
	for _, sel := range selections {
		if sel.Stream.Name == "page_versions" {
			labels = sel
		}
	}
	labels.Schema, labels.Incremental = []byte(`{"type":"object"}`), true
	full := labels
	full.Incremental = false
	one := entries("pages", true)

	for _, test := range []struct {
		name            string
		write           func(s emit.Sink) error
		singer, airbyte string
	}{
		{"schema", func(s emit.Sink) error { return s.Open([]catalog.Selection{full}) },
			`{"type":"SCHEMA","stream":"page_versions","schema":{"type":"object"},"key_properties":["pageId","number"]}`, ""},
		{"schema of an incremental stream", func(s emit.Sink) error { return s.Open([]catalog.Selection{labels}) },
			`{"type":"SCHEMA","stream":"page_versions","schema":{"type":"object"},"key_properties":["pageId","number"],"bookmark_properties":["createdAt"]}`, ""},
		{"record", func(s emit.Sink) error { record(t, s, "pages", `{"id":"1"}`, 0); return nil },
			`{"type":"RECORD","stream":"pages","record":{"id":"1"},"time_extracted":"2026-11-02T01:04:05.678901Z"}`,
			`{"type":"RECORD","record":{"stream":"pages","data":{"id":"1"},"emitted_at":1793581445678}}`},
		{"record of a version", func(s emit.Sink) error { record(t, s, "pages", `{"id":"1"}`, 42); return nil },
			`{"type":"RECORD","stream":"pages","record":{"id":"1"},"time_extracted":"2026-11-02T01:04:05.678901Z","version":42}`,
			`{"type":"RECORD","record":{"stream":"pages","data":{"id":"1"},"emitted_at":1793581445678}}`},
		{"state", func(s emit.Sink) error { return s.State(one, []string{"pages"}) },
			`{"type":"STATE","value":{"bookmarks":{"pages":{"run":"","progress":"","replication_key":"","replication_key_value":"","plain":true,"audited":false,"scope":"","partitions":{}}},"tap_confluence":{"v":2,"site":"acme.atlassian.net","run":"","began":""}}}`,
			`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"pages"},"stream_state":{"v":2,"site":"acme.atlassian.net","run":"","progress":"","replication_key":"","replication_key_value":"","plain":true,"audited":false,"scope":"","partitions":{}}},"sourceStats":{"recordCount":0.0}}}`},
		{"status", func(s emit.Sink) error { return s.Status("pages", emit.Running) }, "",
			`{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1793581445678.0,"stream_status":{"stream_descriptor":{"name":"pages"},"status":"RUNNING"}}}`},
		{"failure", func(s emit.Sink) error {
			return s.Failed("pages", emit.Failure{Message: "no \"scope\"\n", Type: emit.ConfigError})
		}, "",
			`{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1793581445678.0,"error":{"message":"no \"scope\"\n","failure_type":"config_error","stream_descriptor":{"name":"pages"}}}}`},
		{"failure of the run", func(s emit.Sink) error { return s.Failed("", emit.Failure{Message: "x", Type: emit.TransientError}) }, "",
			`{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1793581445678.0,"error":{"message":"x","failure_type":"transient_error"}}}`},
		{"version", func(s emit.Sink) error { return s.ActivateVersion("pages", 1793581445678) },
			`{"type":"ACTIVATE_VERSION","stream":"pages","version":1793581445678}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			singer, airbyte, flush := sinks(t, &out)
			for sink, want := range map[emit.Sink]string{singer: test.singer, airbyte: test.airbyte} {
				out.Reset()
				if err := test.write(sink); err != nil {
					t.Fatal(err)
				}
				if flush(); want != "" {
					want += "\n"
				}
				if got := out.String(); got != want {
					t.Errorf("wrote\n%swant\n%s", got, want)
				}
			}
		})
	}
}

// TestAirbyteDocuments writes the messages that only Airbyte has.
func TestAirbyteDocuments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		write func(a *emit.Airbyte) error
		want  string
	}{
		{func(a *emit.Airbyte) error { return a.Log("WARN", "a \"b\"\u2028") }, `{"type":"LOG","log":{"level":"WARN","message":"a \"b\"\u2028"}}`},
		{func(a *emit.Airbyte) error { return a.Spec([]byte(`{"type":"object"}`), "https://example.com") },
			`{"type":"SPEC","spec":{"documentationUrl":"https://example.com","connectionSpecification":{"type":"object"},"supportsIncremental":true,"protocol_version":"0.2.0"}}`},
		{func(a *emit.Airbyte) error { return a.Catalog([]byte(`{"streams":[]}`)) }, `{"type":"CATALOG","catalog":{"streams":[]}}`},
		{func(a *emit.Airbyte) error { return a.Connection(true, "") }, `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}`},
		{func(a *emit.Airbyte) error { return a.Connection(false, "no \"token\"") },
			`{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"no \"token\""}}`},
	} {
		var out bytes.Buffer
		_, airbyte, _ := sinks(t, &out)
		if err := test.write(airbyte); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != test.want+"\n" {
			t.Errorf("wrote\n%swant\n%s", got, test.want)
		}
	}
}

// TestStates writes a state again only if it says something new or records came since.
func TestStates(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	singer, airbyte, _ := sinks(t, &out)
	first, second := entries("pages", false), entries("pages", true)
	step := func(s emit.Sink, name string, want int, write func() error) {
		t.Helper()
		out.Reset()
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), `"STATE"`); got != want {
			t.Errorf("%T, %s: %d states, want %d: %s", s, name, got, want, out.String())
		}
	}
	for _, s := range []emit.Sink{singer, airbyte} {
		put := func(st *state.State) func() error {
			return func() error { return s.State(st, []string{"pages"}) }
		}
		step(s, "first", 1, put(first))
		step(s, "again", 0, put(first))
		step(s, "another", 1, put(second))
		record(t, s, "pages", `{"id":"1"}`, 0)
		step(s, "the same after a record", 1, put(second))
		step(s, "and again", 0, put(second))
	}
	if step(singer, "after a version", 1, func() error {
		return errors.Join(singer.ActivateVersion("pages", 1), singer.State(second, nil))
	}); !strings.HasPrefix(out.String(), `{"type":"ACTIVATE_VERSION"`) {
		t.Errorf("wrote %s", out.String())
	}
	step(airbyte, "no stream changed", 0, func() error { return airbyte.State(first, nil) })
}

// TestCounts gives each stream's records to its own next STATE, once.
func TestCounts(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	_, airbyte, flush := sinks(t, &out)
	st := entries("pages", false)
	counts := func() string {
		t.Helper()
		flush()
		out.Reset()
		if err := airbyte.State(st, []string{"pages", "tasks"}); err != nil {
			t.Fatal(err)
		}
		var found []string
		for line := range strings.Lines(out.String()) {
			var m struct {
				State struct {
					SourceStats struct{ RecordCount json.Number }
				}
			}
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			found = append(found, m.State.SourceStats.RecordCount.String())
		}
		return strings.Join(found, " ")
	}
	record(t, airbyte, "pages", `{}`, 0)
	if err := airbyte.Records("pages", []byte("{}\n{}\n"), 2); err != nil {
		t.Fatal(err)
	}
	record(t, airbyte, "tasks", `{}`, 0)
	if got := counts(); got != "3.0 1.0" {
		t.Errorf("counts %q", got)
	}
	record(t, airbyte, "tasks", `{}`, 0)
	if got := counts(); got != "1.0" {
		t.Errorf("counts %q", got)
	}
}

// broken is a pipe that takes some writes and then, within one, fails.
type broken struct {
	bytes.Buffer
	left int
}

var errPipe = errors.New("broken pipe")

func (b *broken) Write(p []byte) (int, error) {
	if b.left--; b.left < 0 {
		_, _ = b.Buffer.Write(p[:len(p)/2])
		return len(p) / 2, errPipe
	}
	return b.Buffer.Write(p)
}

// TestBrokenOutput lets nothing follow a line that was cut: the first error stays.
func TestBrokenOutput(t *testing.T) {
	t.Parallel()
	pipe := &broken{left: 1}
	out := emit.NewOut(pipe)
	singer, airbyte := emit.NewSinger(out), emit.NewAirbyte(out, now)
	record(t, singer, "pages", `{"id":"1"}`, 0)
	if err := out.Write(nil); err != nil {
		t.Fatal(err)
	}
	record(t, singer, "pages", `{"id":"2"}`, 0)
	err := singer.State(entries("pages", false), nil)
	var gone *emit.OutputError
	if !errors.As(err, &gone) || !errors.Is(err, errPipe) || !strings.HasPrefix(err.Error(), "writing to stdout: ") {
		t.Fatalf("error %v", err)
	}
	before := pipe.String()
	for name, again := range map[string]error{
		"records": singer.Records("pages", []byte("{}\n"), 1), "state": singer.State(entries("pages", false), nil),
		"version": singer.ActivateVersion("pages", 1), "airbyte records": airbyte.Records("pages", []byte("{}\n"), 1),
		"airbyte state": airbyte.State(entries("pages", false), []string{"pages"}), "log": airbyte.Log("INFO", "x"),
		"status": airbyte.Status("pages", emit.Complete), "failure": airbyte.Failed("", emit.Failure{}),
	} {
		if !errors.Is(again, errPipe) {
			t.Errorf("%s afterwards: error %v", name, again)
		}
	}
	if pipe.String() != before {
		t.Errorf("more was written: %q", pipe.String()[len(before):])
	}
}

// TestWaiting says when records are written: together with others, within a moment, once there are
// many, and before whatever comes behind them.
func TestWaiting(t *testing.T) {
	t.Parallel()
	const moment = 100 * time.Millisecond
	short, long := []byte("{}\n"), bytes.Repeat([]byte("{}\n"), 30_000)
	for _, test := range []struct {
		name  string
		steps func(s *emit.Singer) error
		after time.Duration
		want  int // lines
	}{
		{"not yet", func(s *emit.Singer) error { return s.Records("pages", short, 1) }, moment - 1, 0},
		{"after a moment", func(s *emit.Singer) error { return s.Records("pages", short, 1) }, moment, 1},
		{"from the first on", func(s *emit.Singer) error {
			err := s.Records("pages", short, 1)
			<-time.After(moment - 1)
			return errors.Join(err, s.Records("pages", short, 1))
		}, 1, 2},
		{"more than is worth waiting for", func(s *emit.Singer) error {
			return errors.Join(s.Records("pages", short, 1), s.Records("pages", long, 1))
		}, 0, 30_001},
		{"many", func(s *emit.Singer) error {
			return errors.Join(s.Records("pages", long[:60_000], 1), s.Records("pages", long[:60_000], 1))
		}, 0, 20_000},
		{"a state", func(s *emit.Singer) error {
			return errors.Join(s.Records("pages", short, 1), s.State(entries("pages", false), nil))
		}, 0, 2},
		{"a version", func(s *emit.Singer) error {
			return errors.Join(s.Records("pages", short, 1), s.ActivateVersion("pages", 1))
		}, 0, 2},
		{"again after a state", func(s *emit.Singer) error {
			err := errors.Join(s.Records("pages", short, 1), s.State(entries("pages", false), nil))
			<-time.After(moment / 2)
			return errors.Join(err, s.Records("pages", short, 1))
		}, moment / 2, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			if err := test.steps(emit.NewSinger(emit.NewOut(&out))); err != nil {
				t.Fatal(err)
			}
			<-time.After(test.after)
			synctest.Wait()
			if got := strings.Count(out.String(), "\n"); got != test.want {
				t.Errorf("%s: %d lines, want %d", test.name, got, test.want)
			}
		})
	}
}

// TestWholeLines writes from many goroutines at once: no line is torn.
func TestWholeLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	_, airbyte, _ := sinks(t, &out)
	const workers, each = 8, 50
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			prefix, suffix := airbyte.Frame(nil, nil, "pages", at, 0)
			line := string(prefix) + `{"id":"` + strings.Repeat("x", 500) + `"}` + string(suffix)
			for range each {
				if err := errors.Join(airbyte.Records("pages", []byte(line), 1), airbyte.Log("INFO", "between")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	n := 0
	for line := range strings.Lines(out.String()) {
		n++
		if !json.Valid([]byte(line)) || !strings.HasSuffix(line, "}\n") {
			t.Fatalf("a torn line: %s", line)
		}
	}
	if n != 2*workers*each {
		t.Errorf("%d lines, want %d", n, 2*workers*each)
	}
}

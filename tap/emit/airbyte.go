package emit

import (
	"strconv"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// Airbyte writes Airbyte protocol messages.
type Airbyte struct {
	out *Out
	now func() time.Time

	mu     Lock
	counts map[string]int    // records of a stream since its last STATE
	last   map[string]string // a stream's last STATE
}

// NewAirbyte returns a sink that writes Airbyte messages to out; now is the wall clock.
func NewAirbyte(out *Out, now func() time.Time) *Airbyte {
	return &Airbyte{out: out, now: now, mu: NewLock(), counts: map[string]int{}, last: map[string]string{}}
}

// Open writes nothing: the catalog was told by discover.
func (a *Airbyte) Open([]catalog.Selection) error { return nil }

// Frame appends a RECORD message's frame.
func (a *Airbyte) Frame(prefix, suffix []byte, stream string, at time.Time, _ int64) (_, _ []byte) {
	prefix = rawjson.AppendString(append(prefix, `{"type":"RECORD","record":{"stream":`...), stream)
	prefix = append(prefix, `,"data":`...)
	suffix = strconv.AppendInt(append(suffix, `,"emitted_at":`...), at.UnixMilli(), 10)
	return prefix, append(suffix, "}}\n"...)
}

// Records takes whole RECORD lines and counts them for the stream's next STATE.
func (a *Airbyte) Records(stream string, lines []byte, n int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.out.Add(lines); err != nil {
		return err
	}
	a.counts[stream] += n
	return nil
}

// State writes a STATE for each of the changed streams, unless nothing came since its last
// one and it is the same.
func (a *Airbyte) State(s *state.State, changed []string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range changed {
		value := s.Airbyte(name)
		if last, told := a.last[name]; told && a.counts[name] == 0 && last == string(value) {
			continue
		}
		line := append([]byte(`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":`), quote(name)...)
		line = append(line, `},"stream_state":`...)
		line = append(line, value...)
		line = append(line, `},"sourceStats":{"recordCount":`...)
		// The protocol wants a decimal point.
		line = strconv.AppendInt(line, int64(a.counts[name]), 10)
		if err := a.out.Write(append(line, ".0}}}\n"...)); err != nil {
			return err
		}
		a.counts[name], a.last[name] = 0, string(value)
	}
	return nil
}

// Status writes a stream status trace.
func (a *Airbyte) Status(stream string, s Status) error {
	line := a.trace("STREAM_STATUS")
	line = append(line, `"stream_status":{"stream_descriptor":{"name":`...)
	line = rawjson.AppendString(line, stream)
	line = append(line, `},"status":"`...)
	line = append(line, s...)
	return a.out.Write(append(line, "\"}}}\n"...))
}

// Failed writes an error trace.
func (a *Airbyte) Failed(stream string, f Failure) error {
	line := a.trace("ERROR")
	line = append(line, `"error":{"message":`...)
	line = rawjson.AppendString(line, f.Message)
	line = append(line, `,"failure_type":"`...)
	line = append(line, f.Type...)
	line = append(line, '"')
	if stream != "" {
		line = append(line, `,"stream_descriptor":{"name":`...)
		line = append(rawjson.AppendString(line, stream), '}')
	}
	return a.out.Write(append(line, "}}}\n"...))
}

// trace begins a TRACE message up to its own field. The time has a decimal point, since
// the protocol says number.
func (a *Airbyte) trace(kind string) []byte {
	line := append([]byte(`{"type":"TRACE","trace":{"type":"`), kind...)
	line = strconv.AppendInt(append(line, `","emitted_at":`...), a.now().UnixMilli(), 10)
	return append(line, ".0,"...)
}

// ActivateVersion does nothing: Airbyte overwrites.
func (a *Airbyte) ActivateVersion(string, int64) error { return nil }

// Log writes a LOG message; level is one of Airbyte's.
func (a *Airbyte) Log(level, message string) error {
	line := append([]byte(`{"type":"LOG","log":{"level":`), quote(level)...)
	line = rawjson.AppendString(append(line, `,"message":`...), message)
	return a.out.Write(append(line, "}}\n"...))
}

// Spec writes the SPEC message around a connection specification.
func (a *Airbyte) Spec(settings []byte, documentation string) error {
	line := append([]byte(`{"type":"SPEC","spec":{"documentationUrl":`), quote(documentation)...)
	line = append(line, `,"connectionSpecification":`...)
	line = append(line, settings...)
	return a.out.Write(append(line, ",\"supportsIncremental\":true,\"protocol_version\":\"0.2.0\"}}\n"...))
}

// Catalog writes the CATALOG message around a catalog.
func (a *Airbyte) Catalog(c []byte) error {
	line := append([]byte(`{"type":"CATALOG","catalog":`), c...)
	return a.out.Write(append(line, "}\n"...))
}

// Connection writes CONNECTION_STATUS: SUCCEEDED or FAILED, with a message if there is one.
func (a *Airbyte) Connection(ok bool, message string) error {
	status := "FAILED"
	if ok {
		status = "SUCCEEDED"
	}
	line := append([]byte(`{"type":"CONNECTION_STATUS","connectionStatus":{"status":`), quote(status)...)
	if message != "" {
		line = rawjson.AppendString(append(line, `,"message":`...), message)
	}
	return a.out.Write(append(line, "}}\n"...))
}

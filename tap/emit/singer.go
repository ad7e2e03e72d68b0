package emit

import (
	"strconv"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// Singer writes Singer messages.
type Singer struct {
	out *Out

	mu   Lock
	last []byte // the last STATE line; the same one is not written twice in a row
}

// NewSinger returns a sink that writes Singer messages to out.
func NewSinger(out *Out) *Singer { return &Singer{out: out, mu: NewLock()} }

// Open writes a SCHEMA for every selected stream, so that a target makes its table even if
// no row comes.
func (s *Singer) Open(streams []catalog.Selection) error {
	for _, sel := range streams {
		line := append([]byte(`{"type":"SCHEMA","stream":`), quote(sel.Stream.Name)...)
		line = append(line, `,"schema":`...)
		line = append(line, sel.Schema...)
		line = append(line, `,"key_properties":`...)
		line = appendStrings(line, sel.Stream.Key)
		if sel.Incremental {
			line = append(line, `,"bookmark_properties":`...)
			line = appendStrings(line, []string{sel.Stream.ReplicationKey})
		}
		if err := s.out.Write(append(line, "}\n"...)); err != nil {
			return err
		}
	}
	return nil
}

// Frame appends a RECORD message's frame.
func (s *Singer) Frame(prefix, suffix []byte, stream string, at time.Time, version int64) (_, _ []byte) {
	prefix = rawjson.AppendString(append(prefix, `{"type":"RECORD","stream":`...), stream)
	prefix = append(prefix, `,"record":`...)
	suffix = append(appendTime(append(suffix, `,"time_extracted":"`...), at), '"')
	if version != 0 {
		suffix = strconv.AppendInt(append(suffix, `,"version":`...), version, 10)
	}
	return prefix, append(suffix, "}\n"...)
}

// Records takes whole RECORD lines.
func (s *Singer) Records(_ string, lines []byte, _ int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = nil
	return s.out.Add(lines)
}

// State writes the whole state, unless it was the last thing written.
func (s *Singer) State(st *state.State, _ []string) error {
	line := append([]byte(`{"type":"STATE","value":`), st.Singer()...)
	line = append(line, "}\n"...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if string(line) == string(s.last) {
		return nil
	}
	s.last = line
	return s.out.Write(line)
}

// Status does nothing: Singer has no statuses.
func (s *Singer) Status(string, Status) error { return nil }

// Failed does nothing: Singer tells failures on stderr and by the exit status.
func (s *Singer) Failed(string, Failure) error { return nil }

// ActivateVersion writes ACTIVATE_VERSION.
func (s *Singer) ActivateVersion(stream string, version int64) error {
	line := append([]byte(`{"type":"ACTIVATE_VERSION","stream":`), quote(stream)...)
	line = strconv.AppendInt(append(line, `,"version":`...), version, 10)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = nil
	return s.out.Write(append(line, "}\n"...))
}

// appendTime writes a time with six digits behind the point always, which every client parses.
// AppendFormat is quick with time.RFC3339 alone, which has none.
func appendTime(b []byte, at time.Time) []byte {
	b = at.UTC().AppendFormat(b, time.RFC3339)
	point := len(b) - 1 // where the Z is
	b = strconv.AppendInt(b[:point], int64(1e6+at.Nanosecond()/1e3), 10)
	b[point] = '.' // in place of the 1, which keeps the zeros behind it
	return append(b, 'Z')
}

func quote(s string) []byte { return rawjson.AppendString(nil, s) }

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = rawjson.AppendString(dst, s)
	}
	return append(dst, ']')
}

package tapfixture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Result is what a run of the program gave.
type Result struct {
	// Status is the exit status.
	Status int
	// Stdout is the output as it came, Messages its lines.
	Stdout   []byte
	Messages []Message
	// Stderr is the log of a Singer run.
	Stderr string

	t testing.TB
}

// Message is one line of stdout, of either protocol.
type Message struct {
	// Line is the line without its line feed.
	Line []byte
	// Type is RECORD, STATE, SCHEMA, TRACE and so on.
	Type string
	// Stream is the stream's name, empty where the message is about none.
	Stream string
	// Record is the data of a RECORD, State the value of a STATE: of the whole run under
	// Singer, of the stream under Airbyte.
	Record, State json.RawMessage
	// Count is the text of a STATE's recordCount (Airbyte).
	Count string
	// Status is a stream's status (Airbyte).
	Status string
	// Text is the message of an error, a log line or a connection's status (Airbyte);
	// Level is a log's level, Failure an error's failure_type.
	Text, Level, Failure string
	// Connection is SUCCEEDED or FAILED (Airbyte).
	Connection string
}

// descriptor names a stream in Airbyte's messages.
type descriptor struct {
	Name string `json:"name"`
}

// envelope is what messages of both protocols may hold.
type envelope struct {
	Type   string          `json:"type"`
	Stream string          `json:"stream"`
	Record json.RawMessage `json:"record"`
	Value  json.RawMessage `json:"value"`
	State  struct {
		Stream struct {
			Descriptor descriptor      `json:"stream_descriptor"`
			State      json.RawMessage `json:"stream_state"`
		} `json:"stream"`
		Stats struct {
			Count json.Number `json:"recordCount"`
		} `json:"sourceStats"`
	} `json:"state"`
	Trace struct {
		Status struct {
			Descriptor descriptor `json:"stream_descriptor"`
			Status     string     `json:"status"`
		} `json:"stream_status"`
		Error struct {
			Message    string     `json:"message"`
			Failure    string     `json:"failure_type"`
			Descriptor descriptor `json:"stream_descriptor"`
		} `json:"error"`
	} `json:"trace"`
	Log struct {
		Level   string `json:"level"`
		Message string `json:"message"`
	} `json:"log"`
	Connection struct {
		Status  string `json:"status"`
		Message string `json:"message"`
	} `json:"connectionStatus"`
}

// Parse parses stdout. It fails the test if a line is not one JSON object with a type, or
// the last line has no end.
func Parse(t testing.TB, stdout []byte) []Message {
	t.Helper()
	messages, rest, err := Lines(stdout)
	if err != nil {
		t.Fatal(err)
	}
	if len(rest) > 0 {
		t.Fatalf("stdout ends within a line: ...%q", rest[max(0, len(rest)-100):])
	}
	return messages
}

// Lines parses the whole lines of a stdout that may have been cut anywhere, and returns what
// follows the last of them. The error names a line that is no message.
func Lines(stdout []byte) (messages []Message, rest []byte, err error) {
	for len(stdout) > 0 {
		line, after, whole := bytes.Cut(stdout, []byte("\n"))
		if !whole {
			return messages, line, nil
		}
		m, err := parse(line)
		if err != nil {
			return messages, nil, fmt.Errorf("stdout has a line that is no message: %w in %.300q", err, line)
		}
		messages = append(messages, m)
		stdout = after
	}
	return messages, nil, nil
}

func parse(line []byte) (Message, error) {
	var e envelope
	if len(line) == 0 || line[0] != '{' {
		return Message{}, fmt.Errorf("not an object")
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return Message{}, err
	}
	m := Message{Line: line, Type: e.Type, Stream: e.Stream}
	switch e.Type {
	case "RECORD":
		m.Record = e.Record
		if e.Stream == "" {
			var inner struct {
				Stream string          `json:"stream"`
				Data   json.RawMessage `json:"data"`
			}
			if err := json.Unmarshal(e.Record, &inner); err != nil {
				return Message{}, err
			}
			m.Stream, m.Record = inner.Stream, inner.Data
		}
	case "STATE":
		m.State = e.Value
		if e.Value == nil {
			m.Stream, m.State, m.Count = e.State.Stream.Descriptor.Name, e.State.Stream.State, e.State.Stats.Count.String()
		}
	case "TRACE":
		m.Stream, m.Status = e.Trace.Status.Descriptor.Name, e.Trace.Status.Status
		m.Text, m.Failure = e.Trace.Error.Message, e.Trace.Error.Failure
		if m.Stream == "" {
			m.Stream = e.Trace.Error.Descriptor.Name
		}
	case "LOG":
		m.Text, m.Level = e.Log.Message, e.Log.Level
	case "CONNECTION_STATUS":
		m.Connection, m.Text = e.Connection.Status, e.Connection.Message
	case "":
		return Message{}, fmt.Errorf("no type")
	}
	return m, nil
}

// OK fails the test unless the run ended well.
func (r *Result) OK() *Result {
	r.t.Helper()
	return r.Wants(0)
}

// Wants fails the test unless the run ended with a status.
func (r *Result) Wants(status int) *Result {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("exit status %d, want %d\nstderr:\n%s\nerrors:\n%s", r.Status, status, r.Stderr, strings.Join(r.Errors(), "\n"))
	}
	return r
}

// Errors returns the messages of the errors that were told on stdout (Airbyte).
func (r *Result) Errors() []string {
	var errs []string
	for _, m := range r.Of("TRACE") {
		if m.Text != "" {
			errs = append(errs, m.Text)
		}
	}
	return errs
}

// Log returns what the run logged, whichever way its protocol has for it.
func (r *Result) Log() string {
	var b strings.Builder
	b.WriteString(r.Stderr)
	for _, m := range r.Of("LOG") {
		b.WriteString(m.Level + " " + m.Text + "\n")
	}
	return b.String()
}

// Of returns the messages of a type.
func (r *Result) Of(kind string) []Message {
	return slices.DeleteFunc(slices.Clone(r.Messages), func(m Message) bool { return m.Type != kind })
}

// Streams returns the names of the streams that messages of a type are about, in the order
// of their first one.
func (r *Result) Streams(kind string) []string {
	var names []string
	for _, m := range r.Messages {
		if m.Type == kind && m.Stream != "" && !slices.Contains(names, m.Stream) {
			names = append(names, m.Stream)
		}
	}
	return names
}

// Record is one record of a run.
type Record struct {
	// Line is the record's JSON text as it came, Fields what it says.
	Line   []byte
	Fields map[string]any
}

// Records returns the records of a stream by their key, the values joined with a slash. It
// fails the test if two records have the same one.
func (r *Result) Records(name string) map[string]Record {
	r.t.Helper()
	records := map[string]Record{}
	var twice []string
	for _, m := range r.Messages {
		if m.Type != "RECORD" || m.Stream != name {
			continue
		}
		record := Record{m.Record, Decode(r.t, m.Record)}
		key := Key(r.t, name, record.Fields)
		if _, ok := records[key]; ok {
			twice = append(twice, key)
		}
		records[key] = record
	}
	if len(twice) > 0 {
		r.t.Errorf("%s: %d records come twice: %.300s\nlog:\n%s", name, len(twice), strings.Join(twice, ", "), r.Log())
	}
	return records
}

// Canonical returns the records of a stream by their key, each as canonical text.
func (r *Result) Canonical(name string) map[string]string {
	r.t.Helper()
	records := map[string]string{}
	for key, record := range r.Records(name) {
		records[key] = Canonical(r.t, name, record.Fields)
	}
	return records
}

// LastState returns the value of the last STATE of a Singer run as text, to be given to the
// next one. It fails the test if there is none.
func (r *Result) LastState() string {
	r.t.Helper()
	states := r.Of("STATE")
	if len(states) == 0 {
		r.t.Fatal("the run wrote no state")
	}
	return string(states[len(states)-1].State)
}

// LastStates returns the last STATE of every stream of an Airbyte run, as the platform
// gives them to the next one.
func (r *Result) LastStates() string {
	last := map[string]json.RawMessage{}
	for _, m := range r.Of("STATE") {
		last[m.Stream] = m.State
	}
	return AirbyteStateFile(last)
}

// Key returns the values of a record's key, joined with a slash. Records without it fail
// the test.
func Key(t testing.TB, name string, fields map[string]any) string {
	t.Helper()
	st := stream.Find(name)
	if st == nil {
		t.Fatalf("no stream is called %q", name)
	}
	values := make([]string, len(st.Key))
	for i, field := range st.Key {
		switch v := fields[field].(type) {
		case string:
			values[i] = v
		case json.Number:
			values[i] = v.String()
		default:
			t.Errorf("%s: a record has the key %s = %v: %v", name, field, v, fields)
		}
	}
	return strings.Join(values, "/")
}

// Decode decodes a JSON object without losing digits.
func Decode(t testing.TB, text []byte) map[string]any {
	t.Helper()
	fields, ok := DecodeAny(t, text).(map[string]any)
	if !ok {
		t.Fatalf("not an object: %.300s", text)
	}
	return fields
}

// DecodeAny decodes one JSON value without losing digits.
func DecodeAny(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decoding %.300q: %v", text, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("more than one value in %.300q", text)
	}
	return v
}

package torture

import (
	"bytes"
	"sync"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// What runs write, read back. It is nearly always the same: a record of the small site in a
// message like many before. Such a line is found as it is known and not parsed again, which
// would take most of the time under the race detector; every other line is.

// known are the records of the small site by stream and text, with their keys.
type known map[string]map[string]string

// index gathers the known records of rows.
func index(all rows) known {
	k := known{}
	for name, records := range all {
		k[name] = make(map[string]string, len(records))
		for key, record := range records {
			k[name][string(record)] = key
		}
	}
	return k
}

// key returns the key of a record that is known, or that has to be parsed.
func (k known) key(t *testing.T, m tapfixture.Message) string {
	if key, ok := k[m.Stream][string(m.Record)]; ok {
		return key
	}
	return tapfixture.Key(t, m.Stream, tapfixture.Decode(t, m.Record))
}

// frames are the texts around records that were parsed, of all runs.
var frames sync.Map

// parse does as tapfixture.Parse does, but for lines whose frame and record both are known.
func (k known) parse(t *testing.T, stdout []byte) []tapfixture.Message {
	t.Helper()
	messages := make([]tapfixture.Message, 0, bytes.Count(stdout, []byte("\n")))
	for line := range bytes.Lines(stdout) {
		name, frame, record := tapfixture.RecordIn(line)
		_, isRecord := k[name][string(record)]
		_, isFrame := frames.Load(frame)
		if isRecord && isFrame {
			messages = append(messages, tapfixture.Message{
				Line: line[:len(line)-1], Type: "RECORD", Stream: name, Record: record,
			})
			continue
		}
		messages = append(messages, tapfixture.Parse(t, line)...)
		if m := messages[len(messages)-1]; isRecord && m.Stream == name && bytes.Equal(m.Record, record) {
			frames.Store(frame, nil)
		}
	}
	return messages
}

package tapfixture

import (
	"bytes"
	"encoding/json"
)

// RecordIn cuts a line of either protocol, as the program writes it, into the record, the
// name of its stream and what stands around both. It does not parse, which the race detector
// makes slow: whoever needs to know that the line is JSON uses [Parse]. All are empty if the
// line is no record.
func RecordIn(line []byte) (name string, frame [3]string, record json.RawMessage) {
	for _, form := range [][3]string{
		{`{"type":"RECORD","stream":"`, `","record":`, `,"time_extracted":`},
		{`{"type":"RECORD","record":{"stream":"`, `","data":`, `,"emitted_at":`},
	} {
		rest, is := bytes.CutPrefix(line, []byte(form[0]))
		if !is {
			continue
		}
		quoted, rest, is := bytes.Cut(rest, []byte(form[1]))
		if end := bytes.LastIndex(rest, []byte(form[2])); is && end >= 0 {
			return string(quoted), [3]string{form[0], form[1], string(rest[end:])}, json.RawMessage(rest[:end:end])
		}
	}
	return "", frame, nil
}

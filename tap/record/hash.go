package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Hash returns the key of a row that has none: the SHA-256, in hexadecimal, of a JSON list of the
// texts of certain fields, of lists a list. It is the same on every run; whatever else the API
// sends makes no difference to it.
func Hash(s *stream.Stream, row rawjson.Object) string {
	values := make([]any, len(s.Hashed))
	for i, path := range s.Hashed {
		values[i] = textAt(row.Get(path[0]), path[1:])
	}
	text, err := json.Marshal(values)
	if err != nil {
		panic(fmt.Sprintf("hashing a row: %v", err)) // texts can be written
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// textAt returns the text of a value, a list of texts of a list's, empty for null.
func textAt(v rawjson.Value, path []string) any {
	if len(v) > 0 && v[0] == '[' {
		list := []any{}
		for e := range v.Elements() {
			list = append(list, textAt(e, path))
		}
		return list
	}
	if len(path) > 0 {
		return textAt(v.Member(path[0]), path[1:])
	}
	if text, ok := v.Text(); ok {
		return text
	}
	if v.IsNull() {
		return ""
	}
	return string(v)
}

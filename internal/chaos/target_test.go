package chaos

import "encoding/json"

// versionOf returns the table version that a message names, 0 for none.
func versionOf(line []byte) int64 {
	var m struct {
		Version int64 `json:"version"`
	}
	_ = json.Unmarshal(line, &m) // the line was parsed before
	return m.Version
}

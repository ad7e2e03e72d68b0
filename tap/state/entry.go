package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
)

// Entry is what one stream remembers. Every field is written each time, also at its default,
// so that a client that merges states key by key can't bring an old value back.
type Entry struct {
	// Run names the sync that Progress belongs to: a random name under Singer, the catalog's
	// sync_id under Airbyte, empty for none.
	Run string `json:"run"`
	// Progress is how far Run got with the stream; see Progress for its form.
	Progress string `json:"progress"`
	// ReplicationKey and ReplicationKeyValue are the bookmark of an incremental stream. The
	// value stands still where Partitions hold the bookmarks.
	ReplicationKey      string `json:"replication_key"`
	ReplicationKeyValue string `json:"replication_key_value"`
	// Plain reports whether an audit found that a shortcut of the stream gives other rows than the
	// stream's own list. The stream is then read without shortcuts.
	Plain bool `json:"plain"`
	// Audited reports whether a complete incremental read has been audited.
	Audited bool `json:"audited"`
	// Scope is a hash of the spaces and statuses of the last incremental read, empty for all.
	Scope string `json:"scope"`
	// Partitions holds a bookmark for each type of custom content that any run found. It is empty for
	// a type that only full reads found.
	Partitions map[string]string `json:"partitions"`
	// Named holds the ids that records named and that are still to be looked up, separated by spaces.
	// It is nil for streams that are not read by such ids.
	Named *string `json:"named,omitempty"`
}

// NamedIDs returns the ids that are still to be looked up.
func (e Entry) NamedIDs() []string {
	if e.Named == nil {
		return nil
	}
	return strings.Fields(*e.Named)
}

// clone returns a copy that shares nothing with e.
func (e Entry) clone() Entry {
	e.Partitions = maps.Clone(e.Partitions)
	if e.Partitions == nil {
		e.Partitions = map[string]string{}
	}
	return e
}

// check returns an error that lists the fields that can't be read. Users edit states, too.
func (e *Entry) check() error {
	var bad []string
	date := func(name, value string) {
		if _, err := timestamp.Parse(value); value != "" && err != nil {
			bad = append(bad, name+" is not a date: "+clip(value))
		}
	}
	date("replication_key_value", e.ReplicationKeyValue)
	for _, name := range slices.Sorted(maps.Keys(e.Partitions)) {
		date("the partition of "+clip(name), e.Partitions[name])
	}
	if _, err := ParseProgress(e.Progress); err != nil {
		bad = append(bad, err.Error())
	}
	if len(bad) > 0 {
		return fmt.Errorf("%s", strings.Join(bad, "; "))
	}
	return nil
}

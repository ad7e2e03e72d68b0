// Package state reads and writes what a sync remembers between runs: one entry per stream,
// the same in both protocols, enough on its own. docs/state.md shows examples.
package state

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
)

// Version is the version of the state's format; a state of a later version is refused.
const Version = 1

// Entry is what one stream remembers.
type Entry struct {
	// At is where an interrupted walk was, nil when none is under way.
	At *Position `json:"at,omitempty"`
	// Done marks a full read that was finished: true under Singer, the catalog's sync_id
	// under Airbyte if it had one. It counts only within one sync.
	Done *Done `json:"done,omitempty"`
	// ReplicationKey and ReplicationKeyValue are the bookmark of an incremental stream.
	ReplicationKey      string `json:"replication_key,omitempty"`
	ReplicationKeyValue string `json:"replication_key_value,omitempty"`
	// Scope stands for the spaces and live statuses of the last incremental run, empty for all of
	// them.
	Scope string `json:"scope,omitempty"`
	// Version is the table version that ACTIVATE_VERSION will name, drawn when a full read
	// begins.
	Version int64 `json:"version,omitempty"`
	// Plain says that an audit caught a shortcut of this stream: its rows are read by the
	// plain route from then on.
	Plain bool `json:"plain,omitempty"`
	// Seen is the newest change that the previous complete run saw, kept for listings that
	// do not come in order of change.
	Seen string `json:"seen,omitempty"`
	// Since is the time from which on versions of changed parents are wanted, where that is
	// before the bookmark: a parent that was edited while it was being listed may have
	// hidden earlier versions.
	Since string `json:"since,omitempty"`
	// Partitions hold a bookmark per type of custom content.
	Partitions []Partition `json:"partitions,omitempty"`
}

// Partition is the bookmark of one type of custom content.
type Partition struct {
	Context             PartitionContext `json:"context"`
	ReplicationKey      string           `json:"replication_key,omitempty"`
	ReplicationKeyValue string           `json:"replication_key_value,omitempty"`
}

// PartitionContext names the partition.
type PartitionContext struct {
	Type string `json:"type"`
}

// Position is how far a walk is: everything that its first N rows give the stream,
// children's rows included, is written.
type Position struct {
	// Walk is the walk's random name; streams with the same one go on together.
	Walk string `json:"walk"`
	// For is a hash of the listing's route and parameters: another one means another walk.
	For string `json:"for"`
	// List is the number of the walk's listing (types, batches of spaces, trash).
	List int `json:"list,omitempty"`
	// N counts the rows of the walk that are finished.
	N int `json:"n"`
	// After is the sort key of row N, empty where rows don't show it.
	After string `json:"after,omitempty"`
	// Cursor is the cursor that the next row's page was asked with, empty for a first page.
	Cursor string `json:"cursor,omitempty"`
	// Next says that row N was the last of its page, so that no row of the cursor's page is
	// written, whatever its sort key.
	Next bool `json:"next,omitempty"`
	// Skipped says that a type of custom content was left out, since the site did not know it.
	Skipped bool `json:"skipped,omitempty"`
	// High is what the bookmark becomes when an incremental walk ends.
	High string `json:"high,omitempty"`
}

// Done marks a finished full read. Under Airbyte it may carry the sync's id.
type Done struct {
	SyncID *int64
}

// MarshalJSON writes true, or the sync's id.
func (d *Done) MarshalJSON() ([]byte, error) {
	if d.SyncID != nil {
		return json.Marshal(*d.SyncID)
	}
	return []byte("true"), nil
}

// UnmarshalJSON reads true or a sync's id.
func (d *Done) UnmarshalJSON(b []byte) error {
	if string(b) == "true" {
		return nil
	}
	var id int64
	if err := json.Unmarshal(b, &id); err != nil {
		return fmt.Errorf("%q is neither true nor a sync's id", b)
	}
	d.SyncID = &id
	return nil
}

// Equal says whether a finished full read belongs to the sync of that id.
func (d *Done) Equal(id *int64) bool {
	return d != nil && d.SyncID != nil && id != nil && *d.SyncID == *id
}

// check finds what a person or a foreign program broke in an entry.
func (e *Entry) check() error {
	var bad []string
	if e.ReplicationKeyValue != "" {
		if _, err := timestamp.Parse(e.ReplicationKeyValue); err != nil {
			bad = append(bad, "replication_key_value is not a date: "+clip(e.ReplicationKeyValue))
		}
	}
	if e.Seen != "" {
		if _, err := timestamp.Parse(e.Seen); err != nil {
			bad = append(bad, "seen is not a date: "+clip(e.Seen))
		}
	}
	if e.Since != "" {
		if _, err := timestamp.Parse(e.Since); err != nil {
			bad = append(bad, "since is not a date: "+clip(e.Since))
		}
	}
	for _, p := range e.Partitions {
		if _, err := timestamp.Parse(p.ReplicationKeyValue); err != nil {
			bad = append(bad, "the partition of "+clip(p.Context.Type)+" has no date")
		}
	}
	if p := e.At; p != nil {
		if p.N < 0 || p.List < 0 || p.Walk == "" {
			bad = append(bad, `"at" needs a walk, and n and list not below 0`)
		}
		if _, err := timestamp.Parse(p.High); p.High != "" && err != nil {
			bad = append(bad, `"at" holds a high that is not a date: `+clip(p.High))
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("%s", strings.Join(bad, "; "))
	}
	return nil
}

func clip(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return fmt.Sprintf("%q", s)
}

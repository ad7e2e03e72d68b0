package state

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
)

// This file holds every way in which a state changes. Each transition says what it needs and
// what it guarantees; only the engine's ledger calls them.

// Sync is the sync that a run makes or resumes.
type Sync struct {
	// Run is its name: random under Singer, the sync_id under Airbyte, empty for none.
	Run string
	// Began is when its first run began, for people.
	Began time.Time
}

// Start is what the begin of a sync needs to know of one selected stream.
type Start struct {
	Name string
	// Progress is how much of the entry's progress counts in this sync; the planner decides.
	Progress Progress
	// ReplicationKey is empty for a full read, which leaves the bookmark as it is.
	ReplicationKey string
	// Bookmark is where an incremental read begins: the entry's own, or the anchor.
	Bookmark time.Time
	// Scope is the hash of an incremental read's spaces and statuses.
	Scope string
	// Named: the stream is read by the ids that records name, and its entry holds those that are
	// still to be looked up.
	Named bool
	// Types are the types of custom content that the stream reads. Each is in the entry from the first
	// state on, so that no merge brings an older bookmark back, and that a later run knows of it though
	// the site may not show it then.
	Types []string
	// Rewind moves the bookmark back to Bookmark: the spaces or statuses are others.
	Rewind bool
}

// Begin makes the sync the one under way, with an entry for each selected stream. Progress that
// does not count is gone from then on. It moves no bookmark, unless the scope changed.
func (s *State) Begin(sync Sync, streams []Start) {
	s.Run, s.Began = sync.Run, sync.Began
	for _, st := range streams {
		e := s.Entry(st.Name)
		e.Run, e.Progress = sync.Run, st.Progress.String()
		if st.ReplicationKey != "" {
			e.ReplicationKey, e.Scope = st.ReplicationKey, st.Scope
			if e.ReplicationKeyValue == "" || st.Rewind {
				e.ReplicationKeyValue = timestamp.Format(st.Bookmark)
			}
			if st.Rewind { // each is written: one that is left out could come back
				for kind := range e.Partitions {
					e.Partitions[kind] = e.ReplicationKeyValue
				}
			}
		}
		for _, kind := range st.Types {
			if e.Partitions[kind] == "" {
				e.Partitions[kind] = e.ReplicationKeyValue
			}
		}
		if st.Named && e.Named == nil {
			e.Named = new("")
		}
		s.put(st.Name, e)
	}
}

// Name records which ids are still to be looked up for a stream: all that records on stdout name
// and whose own record is not there yet. It takes no proof, since it only says what is owed; it
// has to be told no later than the positions behind those records. No other transition changes
// it, so that a sync that was interrupted, or failed, owes them to the next.
func (s *State) Name(name string, ids []string) {
	e := s.Entry(name)
	e.Named = new(strings.Join(ids, " "))
	s.put(name, e)
}

// Advance records how far the stream got. It needs a proof that the account was still the
// sync's after the last answer before that position.
func (s *State) Advance(name, hash string, at Position, proof Account) {
	if !proof.ok {
		return
	}
	e := s.Entry(name)
	e.Progress = Progress{Stage: Underway, Hash: hash, At: at}.String()
	s.put(name, e)
}

// MovePartition moves the bookmark of one type of custom content whose list was read to its
// end. A bookmark never moves back.
func (s *State) MovePartition(name, kind string, to time.Time, proof Account) {
	if !proof.ok || to.IsZero() {
		return
	}
	e := s.Entry(name)
	from := e.Partitions[kind]
	if from == "" {
		from = e.ReplicationKeyValue // which stood for every type so far
	}
	e.Partitions[kind] = latest(from, to)
	s.put(name, e)
}

// Account is the proof that the site, asked after a certain answer, still named the account that
// the sync began with. The zero value proves nothing.
type Account struct{ ok, named bool }

// Proven returns the proof of a probe that was answered. Named is false where the probe's route
// is closed to the token, so that nobody can tell the account.
func Proven(named bool) Account { return Account{ok: true, named: named} }

// Named reports whether the site named the account.
func (a Account) Named() bool { return a.ok && a.named }

// Evidence is what was seen of a stream's reading.
type Evidence struct {
	// Ended reports whether every list was read until the site said that it ends.
	Ended bool
	// Failures counts what could not be read: parents, bodies, lists. Vanished parents count
	// unless their absence was proven.
	Failures int
	// Account was proven after the last answer.
	Account Account
}

// Proof is the right to finish a stream.
type Proof struct{ account Account }

// Named reports whether the site named the account after the stream's last answer.
func (p Proof) Named() bool { return p.account.Named() }

// Prove returns the right to finish a stream, or why its reading proves nothing.
func (e Evidence) Prove() (Proof, error) {
	switch {
	case !e.Ended:
		return Proof{}, errors.New("its listing was not read to the end")
	case e.Failures > 0:
		return Proof{}, errors.New("parts of it could not be read")
	case !e.Account.ok:
		return Proof{}, errors.New("the account was not proven after its last answer")
	}
	return Proof{account: e.Account}, nil
}

// FinishFull marks a full read as done. It needs a proof.
func (s *State) FinishFull(name, hash string, p Proof) {
	if !p.account.ok {
		return
	}
	e := s.Entry(name)
	e.Progress = Progress{Stage: Done, Hash: hash}.String()
	s.put(name, e)
}

// FinishIncremental moves the bookmark and drops the position. It needs a proof. A bookmark
// never moves back; a zero time leaves it. Audited says that this read was audited.
func (s *State) FinishIncremental(name, hash string, bookmark time.Time, audited bool, p Proof) {
	if !p.account.ok {
		return
	}
	e := s.Entry(name)
	e.Progress = Progress{Stage: Done, Hash: hash}.String()
	e.Audited = e.Audited || audited
	if !bookmark.IsZero() {
		e.ReplicationKeyValue = latest(e.ReplicationKeyValue, bookmark)
	}
	s.put(name, e)
}

// Fail marks a stream as failed in this sync; its bookmark stays. Where the state is told
// stream by stream (Airbyte), the next attempt reads it again from its start instead.
func (s *State) Fail(name, hash string, perStream bool) {
	e := s.Entry(name)
	e.Progress = Progress{Stage: Failed, Hash: hash}.String()
	if perStream {
		e.Progress = ""
	}
	s.put(name, e)
}

// Restart drops a stream's position, so that it starts over in the same sync.
func (s *State) Restart(name string) {
	e := s.Entry(name)
	e.Progress = ""
	s.put(name, e)
}

// Distrust makes a stream start over without shortcuts, now and in later syncs.
func (s *State) Distrust(name string) {
	e := s.Entry(name)
	e.Plain, e.Progress = true, ""
	s.put(name, e)
}

// End ends the sync under way: no entry keeps progress, also none of a stream that this run
// did not touch. Under Airbyte (perStream) finished full reads stay marked for further attempts
// of the same sync.
func (s *State) End(perStream bool) {
	for _, name := range slices.Collect(maps.Keys(s.entries)) {
		e := s.Entry(name)
		if p, err := ParseProgress(e.Progress); perStream && err == nil && p.Stage == Done {
			continue
		}
		e.Progress = ""
		s.put(name, e)
	}
	if !perStream {
		s.Run, s.Began = "", time.Time{}
	}
}

// latest returns the later of a bookmark and a time, as text.
func latest(bookmark string, t time.Time) string {
	if at, err := timestamp.Parse(bookmark); err == nil && !t.After(at) {
		return bookmark
	}
	return timestamp.Format(t)
}

package state

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
)

// This file holds every transition: a change of the state that has a name. Each says what it needs
// and what it guarantees. Only the engine's ledger calls them, and the endings of streams (ending.go),
// which run under its lock.

// Sync is the sync that a run makes or resumes.
type Sync struct {
	// Run is its name: random under Singer, the sync_id under Airbyte, empty for none.
	Run string
	// Began is when its first run began, by the site's clock. It is for people only.
	Began time.Time
}

// Start says how a sync begins one selected stream.
type Start struct {
	Name string
	// Progress is the part of the entry's progress that counts in this sync; the planner decides.
	Progress Progress
	// ReplicationKey is empty for a full read, which leaves the bookmark as it is.
	ReplicationKey string
	// Bookmark is where an incremental read begins: the entry's own, or the anchor.
	Bookmark time.Time
	// Scope is the hash of an incremental read's spaces and statuses.
	Scope string
	// Named reports whether the stream is read by the ids that records name. Its entry then holds the
	// ids that are still to be looked up.
	Named bool
	// Types are the types of custom content that the stream reads. The entry holds each of them from
	// the first state on. So no merge brings an older bookmark back, and a later run still knows the
	// type if the site does not show it.
	Types []string
	// Rewind reports whether the bookmark moves back to Bookmark, since the spaces or statuses changed.
	Rewind bool
}

// Begin makes the sync the one under way, with an entry for each selected stream. It drops progress
// that does not count. It moves no bookmark, unless the scope changed.
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
			if st.Rewind { // a key that is missing could come back with a merge
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

// Name records the ids that are still to be looked up for a stream: records on stdout name them, and
// their own records are not there yet. It needs no proof, since it only adds work. It has to come no
// later than the positions behind those records. Ids that an interrupted or failed sync leaves are
// looked up by the next one: apart from Begin, which sets the first empty list, nothing else changes
// them.
func (s *State) Name(name string, ids []string) {
	e := s.Entry(name)
	e.Named = new(strings.Join(ids, " "))
	s.put(name, e)
}

// Advance records a stream's position. It needs a proof that the site still named the account after
// the last answer before that position; without one it does nothing.
func (s *State) Advance(name, hash string, at Position, proof Account) {
	if !proof.ok {
		return
	}
	e := s.Entry(name)
	e.Progress = Progress{Stage: Underway, Hash: hash, At: at}.String()
	s.put(name, e)
}

// MovePartition moves the bookmark of one type of custom content, whose list was read to its end.
// Without a proof, or with a zero time, it does nothing. A bookmark never moves back.
func (s *State) MovePartition(name, kind string, to time.Time, proof Account) {
	if !proof.ok || to.IsZero() {
		return
	}
	e := s.Entry(name)
	from := e.Partitions[kind]
	if from == "" {
		from = e.ReplicationKeyValue // the bookmark of types that have none of their own
	}
	e.Partitions[kind] = latest(from, to)
	s.put(name, e)
}

// Account is a proof of the account: the site was asked after a certain answer, and still named the
// account that the sync began with. The zero value proves nothing.
type Account struct{ ok, named bool }

// Proven returns the proof that an answered probe gives. Named is false if the probe's route is closed
// to the token, so that the site answers without naming the account.
func Proven(named bool) Account { return Account{ok: true, named: named} }

// Named reports whether the site named the account.
func (a Account) Named() bool { return a.ok && a.named }

// Evidence is how the reading of a stream went.
type Evidence struct {
	// Ended reports whether every list was read until the site said that it ends.
	Ended bool
	// Failures counts the parents, bodies and lists that could not be read. A parent that vanished
	// counts unless it was proven to be gone.
	Failures int
	// Account is the proof of the account, from after the stream's last answer.
	Account Account
}

// Proof is the right to finish a stream.
type Proof struct{ account Account }

// Named reports whether the site named the account after the stream's last answer.
func (p Proof) Named() bool { return p.account.Named() }

// Prove returns the right to finish a stream, or an error that says why the reading proves nothing.
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

// FinishFull marks a full read as done. Without a proof it does nothing.
func (s *State) FinishFull(name, hash string, p Proof) {
	if !p.account.ok {
		return
	}
	e := s.Entry(name)
	e.Progress = Progress{Stage: Done, Hash: hash}.String()
	s.put(name, e)
}

// FinishIncremental moves the bookmark and drops the position. Without a proof it does nothing. A
// bookmark never moves back, and a zero time leaves it. Audited reports whether this read was audited.
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

// Fail marks a stream as failed in this sync; its bookmark stays. Under Airbyte (perStream) it drops
// the progress instead, so that the next attempt reads the stream again.
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

// Renew drops what a stream has done in a sync whose name the next one has, too. Until the next one
// begins, the entry is nobody's.
func (s *State) Renew(name string) {
	e := s.Entry(name)
	e.Run, e.Progress = "", ""
	s.put(name, e)
}

// Distrust makes a stream start over without shortcuts, now and in later syncs.
func (s *State) Distrust(name string) {
	e := s.Entry(name)
	e.Plain, e.Progress = true, ""
	s.put(name, e)
}

// End ends the sync under way: it drops the progress of every entry, also of streams that this run
// did not read. Under Airbyte (perStream) streams that are done stay marked, for further attempts of
// the same sync.
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

// latest returns the later of a bookmark and a time, as a bookmark. An unreadable bookmark loses.
func latest(bookmark string, t time.Time) string {
	if at, err := timestamp.Parse(bookmark); err == nil && !t.After(at) {
		return bookmark
	}
	return timestamp.Format(t)
}

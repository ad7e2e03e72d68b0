package state_test

import (
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/state"
)

const (
	january  = "2026-01-01T00:00:00.000Z"
	february = "2026-02-01T00:00:00.000Z"
	march    = "2026-03-01T00:00:00.000Z"
)

// TestTransitions shows what each transition makes of the entry of one stream.
func TestTransitions(t *testing.T) {
	t.Parallel()
	account, finish := state.Proven(true), proof(t)
	feb, mar := at(t, february), at(t, march)
	place := state.Position{List: "all", Key: "17"}
	read := state.Entry{Run: "r1", Progress: "at h list=all", ReplicationKey: "modifiedAt", ReplicationKeyValue: february}
	with := func(change func(*state.Entry)) state.Entry {
		e := read
		change(&e)
		return e
	}
	for _, test := range []struct {
		name   string
		before state.Entry
		change func(*state.State)
		want   state.Entry
	}{
		{"advance", read, func(s *state.State) { s.Advance("pages", "h2", place, account) },
			with(func(e *state.Entry) { e.Progress = "at h2 key=17&list=all" })},
		{"advance, nobody knows the account's name", read, func(s *state.State) { s.Advance("pages", "h2", place, state.Proven(false)) },
			with(func(e *state.Entry) { e.Progress = "at h2 key=17&list=all" })},
		{"advance without a proof", read, func(s *state.State) { s.Advance("pages", "h2", place, state.Account{}) }, read},
		{"finish a full read", read, func(s *state.State) { s.FinishFull("pages", "h2", finish) },
			with(func(e *state.Entry) { e.Progress = "done h2" })},
		{"finish a full read without a proof", read, func(s *state.State) { s.FinishFull("pages", "h2", state.Proof{}) }, read},
		{"finish an incremental read", read, func(s *state.State) { s.FinishIncremental("pages", "h", mar, false, finish) },
			with(func(e *state.Entry) { e.Progress, e.ReplicationKeyValue = "done h", march })},
		{"finish an audited one", read, func(s *state.State) { s.FinishIncremental("pages", "h", mar, true, finish) },
			with(func(e *state.Entry) { e.Progress, e.ReplicationKeyValue, e.Audited = "done h", march, true })},
		{"an audit stays known", with(func(e *state.Entry) { e.Audited = true }), func(s *state.State) { s.FinishIncremental("pages", "h", mar, false, finish) },
			with(func(e *state.Entry) { e.Progress, e.ReplicationKeyValue, e.Audited = "done h", march, true })},
		{"a bookmark does not move back", with(func(e *state.Entry) { e.ReplicationKeyValue = march }),
			func(s *state.State) { s.FinishIncremental("pages", "h", feb, false, finish) },
			with(func(e *state.Entry) { e.Progress, e.ReplicationKeyValue = "done h", march })},
		{"nor does an equal one of another spelling change", with(func(e *state.Entry) { e.ReplicationKeyValue = "2026-02-01" }),
			func(s *state.State) { s.FinishIncremental("pages", "h", feb, false, finish) },
			with(func(e *state.Entry) { e.Progress, e.ReplicationKeyValue = "done h", "2026-02-01" })},
		{"a read without rows leaves the bookmark", read, func(s *state.State) { s.FinishIncremental("pages", "h", time.Time{}, false, finish) },
			with(func(e *state.Entry) { e.Progress = "done h" })},
		{"finish an incremental read without a proof", read, func(s *state.State) { s.FinishIncremental("pages", "h", mar, true, state.Proof{}) }, read},
		{"fail", read, func(s *state.State) { s.Fail("pages", "h2", false) },
			with(func(e *state.Entry) { e.Progress = "failed h2" })},
		{"fail, told stream by stream", read, func(s *state.State) { s.Fail("pages", "h2", true) },
			with(func(e *state.Entry) { e.Progress = "" })},
		{"restart", read, func(s *state.State) { s.Restart("pages") },
			with(func(e *state.Entry) { e.Progress = "" })},
		{"renew", read, func(s *state.State) { s.Renew("pages") },
			with(func(e *state.Entry) { e.Run, e.Progress = "", "" })},
		{"distrust", read, func(s *state.State) { s.Distrust("pages") },
			with(func(e *state.Entry) { e.Progress, e.Plain = "", true })},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			other := state.Entry{Run: "r1", Progress: "done x"}
			s := holding(t, entries{"pages": test.before, "groups": other})
			test.change(s)
			wantEntries(t, s, entries{"pages": test.want, "groups": other})
		})
	}
}

// TestBegin shows what a sync makes of the entry that a stream had.
func TestBegin(t *testing.T) {
	t.Parallel()
	anchor := at(t, january)
	old := state.Entry{
		Run: "r1", Progress: "at h list=all", ReplicationKey: "modifiedAt", ReplicationKeyValue: february, Plain: true, Audited: true,
		Scope: "old", Partitions: map[string]string{"ac:a:note": march},
	}
	for _, test := range []struct {
		name  string
		had   entries
		start state.Start
		want  state.Entry
	}{
		{"a full read of nothing known", nil, state.Start{}, state.Entry{Run: "r2"}},
		{"progress that counts", nil, state.Start{Progress: state.Progress{Stage: state.Done, Hash: "h"}}, state.Entry{Run: "r2", Progress: "done h"}},
		{"a full read leaves the bookmark", entries{"pages": old}, state.Start{Scope: "other"},
			state.Entry{Run: "r2", ReplicationKey: "modifiedAt", ReplicationKeyValue: february, Plain: true, Audited: true, Scope: "old", Partitions: old.Partitions}},
		{"the first incremental read begins at the anchor", nil, state.Start{ReplicationKey: "modifiedAt", Bookmark: anchor, Scope: "s"},
			state.Entry{Run: "r2", ReplicationKey: "modifiedAt", ReplicationKeyValue: january, Scope: "s"}},
		{"a later one at its own bookmark", entries{"pages": old}, state.Start{ReplicationKey: "modifiedAt", Bookmark: anchor, Scope: "old"},
			state.Entry{Run: "r2", ReplicationKey: "modifiedAt", ReplicationKeyValue: february, Plain: true, Audited: true, Scope: "old", Partitions: old.Partitions}},
		{"another scope begins at the anchor, each type too", entries{"pages": old}, state.Start{ReplicationKey: "modifiedAt", Bookmark: anchor, Scope: "new", Rewind: true},
			state.Entry{
				Run: "r2", ReplicationKey: "modifiedAt", ReplicationKeyValue: january, Plain: true, Audited: true, Scope: "new",
				Partitions: map[string]string{"ac:a:note": january},
			}},
		{"each type has a bookmark from the beginning", entries{"pages": old}, state.Start{ReplicationKey: "modifiedAt", Bookmark: anchor, Scope: "old", Types: []string{"ac:a:note", "ac:b:card"}},
			state.Entry{
				Run: "r2", ReplicationKey: "modifiedAt", ReplicationKeyValue: february, Plain: true, Audited: true, Scope: "old",
				Partitions: map[string]string{"ac:a:note": march, "ac:b:card": february},
			}},
		{"a full read remembers its types, too", nil, state.Start{Types: []string{"ac:a:note"}}, state.Entry{Run: "r2", Partitions: map[string]string{"ac:a:note": ""}}},
		{"a type that full reads know begins at the bookmark", entries{"pages": {Partitions: map[string]string{"ac:a:note": "", "ac:b:card": ""}}},
			state.Start{ReplicationKey: "modifiedAt", Bookmark: anchor, Types: []string{"ac:a:note"}},
			state.Entry{
				Run: "r2", ReplicationKey: "modifiedAt", ReplicationKeyValue: january,
				Partitions: map[string]string{"ac:a:note": january, "ac:b:card": ""},
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := holding(t, test.had)
			before := holding(t, test.had)
			test.start.Name = "pages"
			s.Begin(state.Sync{Run: "r2", Began: at(t, march)}, []state.Start{test.start})
			wantEntries(t, s, entries{"pages": test.want})
			if s.Run != "r2" || !s.Began.Equal(at(t, march)) {
				t.Errorf("the sync under way is %q of %v", s.Run, s.Began)
			}
			wantEntries(t, before, test.had)
		})
	}
}

// TestMovePartition moves the bookmark of one type; the entry's own stands for all others.
func TestMovePartition(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, own, had string
		to             time.Time
		account        state.Account
		want           string
	}{
		{"begins from the entry's value", february, "", at(t, march), state.Proven(true), march},
		{"not before it", february, "", at(t, january), state.Proven(true), february},
		{"without any value", "", "", at(t, january), state.Proven(true), january},
		{"moves on", january, february, at(t, march), state.Proven(true), march},
		{"does not move back", january, march, at(t, february), state.Proven(true), march},
		{"its own value counts, not the entry's", march, january, at(t, february), state.Proven(true), february},
		{"without rows", january, february, time.Time{}, state.Proven(true), february},
		{"without rows for the first time", january, "", time.Time{}, state.Proven(true), ""},
		{"without a proof", january, february, at(t, march), state.Account{}, february},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := state.Entry{ReplicationKeyValue: test.own, Partitions: map[string]string{"ac:a:other": january}}
			if test.had != "" {
				e.Partitions["ac:a:note"] = test.had
			}
			s := holding(t, entries{"custom_content": e})
			s.MovePartition("custom_content", "ac:a:note", test.to, test.account)
			if test.want != "" {
				e.Partitions["ac:a:note"] = test.want
			}
			wantEntries(t, s, entries{"custom_content": e})
		})
	}
}

// TestEnd leaves no progress, also none of streams that the run did not touch.
func TestEnd(t *testing.T) {
	t.Parallel()
	before := entries{
		"pages":          {Run: "r1", Progress: "done h"},
		"tasks":          {Run: "r1", Progress: "at h list=all", ReplicationKey: "updatedAt", ReplicationKeyValue: january},
		"groups":         {Run: "r0", Progress: "failed h"},
		"custom_content": {Run: "r1", Plain: true, Scope: "s", Partitions: map[string]string{"ac:a:note": march}},
	}
	without := func(kept ...string) entries {
		after := entries{}
		for name, e := range before {
			e.Progress = ""
			after[name] = e
		}
		for _, name := range kept {
			after[name] = before[name]
		}
		return after
	}
	s := holding(t, before)
	s.End(false)
	wantEntries(t, s, without())
	if s.Run != "" || !s.Began.IsZero() {
		t.Errorf("the sync under way is %q of %v, want none", s.Run, s.Began)
	}
	s = holding(t, before)
	s.End(true)
	wantEntries(t, s, without("pages"))
}

// TestProve gives the right to finish a stream only to whoever has seen all of it.
func TestProve(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		evidence state.Evidence
		named    bool
		refused  string
	}{
		{state.Evidence{Ended: true, Account: state.Proven(true)}, true, ""},
		{state.Evidence{Ended: true, Account: state.Proven(false)}, false, ""},
		{state.Evidence{Account: state.Proven(true)}, false, "its listing was not read to the end"},
		{state.Evidence{Ended: true, Failures: 1, Account: state.Proven(true)}, false, "parts of it could not be read"},
		{state.Evidence{Ended: true}, false, "the account was not proven after its last answer"},
	} {
		p, err := test.evidence.Prove()
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != test.refused || p.Named() != test.named {
			t.Errorf("%+v: named %v, error %q; want %v, %q", test.evidence, p.Named(), got, test.named, test.refused)
		}
		if s := holding(t, nil); err != nil {
			s.FinishFull("pages", "h", p)
			s.FinishIncremental("pages", "h", time.Now(), true, p)
			wantEntries(t, s, nil)
		}
	}
	if (state.Account{}).Named() || state.Proven(false).Named() || !state.Proven(true).Named() {
		t.Error("only a proven account that the site names is named")
	}
}

// TestClone shares nothing with what it was made of.
func TestClone(t *testing.T) {
	t.Parallel()
	before := entries{"custom_content": {Run: "r1", Partitions: map[string]string{"ac:a:note": march}}}
	s := holding(t, before)
	c := s.Clone()
	if c.Run != s.Run || c.Began != s.Began || c.Site != s.Site {
		t.Errorf("the clone is of the sync %q, %v on %s", c.Run, c.Began, c.Site)
	}
	c.MovePartition("custom_content", "ac:a:other", at(t, march), state.Proven(true))
	c.Begin(state.Sync{Run: "r2"}, []state.Start{{Name: "pages"}})
	s.Entry("custom_content").Partitions["ac:a:note"] = january
	wantEntries(t, s, before)
	if s.Run != "r1" {
		t.Errorf("the sync under way became %q", s.Run)
	}
}

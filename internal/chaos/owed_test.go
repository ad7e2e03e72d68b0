package chaos

import (
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// owed checks every stream that the run says is complete.
func (j *judge) owed() {
	for _, s := range j.run.spec.Streams {
		done, except := j.run.completes(s.Name, j.trial.Airbyte)
		if !done || except != "" && !j.sound(s.Name, except) {
			continue
		}
		if s.Incremental {
			j.newest(s.Name, except)
		} else {
			j.whole(s.Name, except)
		}
	}
}

// whole: a full stream has every row that was there from the beginning of the sync to its end.
func (j *judge) whole(name string, except string) {
	parts := j.chain(j.run, name)
	began := first(parts, name)
	got := j.written(parts, name)
	rows := j.view.tables[name]
	var lost []string
	owed := 0
	for key := range rows {
		if !rows.throughout(key, began, j.run.end) || excepted(rows, key, except, began, j.run.end) {
			continue
		}
		owed++
		if _, ok := got[key]; !ok {
			lost = append(lost, key)
		}
	}
	if len(lost) > 0 {
		j.find("lost", name, "%d of %d rows of a full read that goes over %d runs: %s", len(lost), owed, len(parts), some(lost))
	}
}

// excepted reports whether a row belonged to a parent.
func excepted(rows table, key, parent string, from, to int) bool {
	if parent == "" {
		return false
	}
	for m := from; m <= to; m++ {
		if c := rows.at(key, m); c != nil && c.parent == parent {
			return true
		}
	}
	return false
}

// newest: an incremental stream has every row that changed since the first read of those that
// the state comes from, at a version no older than when the sync began. What came into scope
// without a change is not owed, since nothing tells of it. What changed during the sync moved to
// the head of the list, which may have been read by then: the next run owes it.
func (j *judge) newest(name string, except string) {
	before := j.ancestors(j.run, name)
	begun := first(before, name)
	began := first(j.chain(j.run, name), name)
	anchor := j.anchor()
	got := j.written(before, name)
	rows := j.view.tables[name]
	changed, restless := lastChanges(stream.Find(name), rows, began), changing(stream.Find(name), rows, began, j.run.end)
	var lost, older, stale []string
	owed := 0
	for key := range rows {
		c := rows.at(key, began)
		if c == nil || restless(key, c) || excepted(rows, key, except, began, j.run.end) {
			continue
		}
		at := changed(key, c)
		since := min(max(begun, j.history.at(at.Add(lookback))), began)
		if at.Before(anchor) || !rows.throughout(key, since, j.run.end) ||
			rows.restored(key, begun, began) || rows.restored(key, began, j.run.end) {
			continue
		}
		owed++
		switch row, ok := got[key]; {
		case !ok && c.modified.Before(anchor):
			older = append(older, key)
		case !ok:
			lost = append(lost, key)
		case row.newest.Before(c.modified) && !rows.told(key, row.all, began, j.run.end):
			stale = append(stale, key+" is of "+c.modified.Format(time.RFC3339)+", has "+row.newest.Format(time.RFC3339))
		}
	}
	if len(lost) > 0 {
		j.find("lost", name, "%d of %d rows that changed, over %d runs: %s", len(lost), owed, len(before), some(lost))
	}
	if len(older) > 0 {
		j.find("older versions lost", name, "%d of %d versions from before the anchor, of parents that changed since: %s", len(older), owed, some(older))
	}
	if len(stale) > 0 {
		j.find("stale", name, "%d of %d rows that changed are old: %s", len(stale), owed, some(stale))
	}
}

// anchor is the time from which on changes are owed by a stream whose state had no bookmark: that of a
// sync which begins now, since nobody can tell by which run it was set.
func (j *judge) anchor() time.Time {
	if j.trial.Anchor != "" {
		at, err := time.Parse(time.DateOnly, j.trial.Anchor)
		if err != nil {
			panic(err) // the trial's own
		}
		return at
	}
	return j.run.start.AddDate(-1, 0, 1)
}

// lastChanges returns when what a row belongs to changed last. Versions come all together when
// their parent changes; other rows change by themselves.
func lastChanges(st *stream.Stream, rows table, moment int) func(key string, c *content) time.Time {
	if st.Derive != stream.FirstVersion {
		return func(_ string, c *content) time.Time { return c.modified }
	}
	newest := map[string]time.Time{}
	for key := range rows {
		if c := rows.at(key, moment); c != nil && c.modified.After(newest[c.parent]) {
			newest[c.parent] = c.modified
		}
	}
	return func(_ string, c *content) time.Time { return newest[c.parent] }
}

// changing says which rows changed between two moments, or whose parents did.
func changing(st *stream.Stream, rows table, from, to int) func(key string, c *content) bool {
	changed := map[string]bool{}
	for key := range rows {
		was := rows.at(key, from)
		for m := from + 1; m <= to; m++ {
			now := rows.at(key, m)
			// What goes to the trash is in the next run's reading of it; no change tells of it.
			if now != nil && (was == nil || !now.modified.Equal(was.modified) || inTrash(now) && !inTrash(was)) {
				changed[key] = true
				if st.Derive == stream.FirstVersion {
					changed[now.parent] = true
				}
			}
		}
	}
	return func(key string, c *content) bool { return changed[key] || c.parent != "" && changed[c.parent] }
}

// restored reports whether a row came back from the trash between two moments. No change tells of that.
// A run owes it only if one before has read the trash, and that run had to write it: this one may read
// the trash after the row has left it.
func (t table) restored(key string, from, to int) bool {
	now := t.at(key, to)
	for m := from; m < to; m++ {
		if was := t.at(key, m); was != nil && inTrash(was) && now != nil && !inTrash(now) {
			return true
		}
	}
	return false
}

// inTrash reports whether a row says that it is in the trash.
func inTrash(c *content) bool {
	return strings.Contains(c.text, `"status":"trashed"`) || strings.Contains(c.text, `"status":"deleted"`)
}

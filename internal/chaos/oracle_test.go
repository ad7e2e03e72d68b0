package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// finding is a promise that a run broke.
type finding struct {
	rule, stream string
	run          int
	detail       string
}

func (f finding) String() string {
	return fmt.Sprintf("run %d: %s %s: %s", f.run+1, f.rule, f.stream, f.detail)
}

// kind is what makes two findings the same one, for whoever counts or shrinks.
func (f finding) kind() string { return f.rule + " " + f.stream }

// lookback is how long a change may take to become visible: the default of the setting.
const lookback = 600 * time.Second

// findings judges all runs.
func (p *player) findings() []finding {
	var all []finding
	for _, r := range p.runs {
		j := &judge{player: p, run: r, view: p.viewOf(r)}
		j.output()
		j.records()
		j.owed()
		all = append(all, j.found...)
	}
	all = append(all, p.targets()...)
	if last := p.runs[len(p.runs)-1]; p.trial.Daily > 0 && last.status != 0 {
		all = append(all, finding{"progress", "", last.number, fmt.Sprintf("after %d days of %d requests the sync has not ended", len(p.runs), last.requests)})
	}
	return all
}

func (p *player) viewOf(r *played) *view {
	id, _ := viewOf(p.site, &r.spec.Settings)
	return p.history.views[id]
}

// judge judges one run.
type judge struct {
	*player
	run   *played
	view  *view
	found []finding
}

func (j *judge) find(rule, name, format string, args ...any) {
	j.found = append(j.found, finding{rule, name, j.run.number, fmt.Sprintf(format, args...)})
}

// output checks what every run's output has to be, whatever happened.
func (j *judge) output() {
	r := j.run
	switch {
	case r.problem != nil:
		j.find("output", "", "%v", r.problem)
	case r.status < 0 || r.status > 4 || r.status == 2 && !r.blind:
		j.find("status", "", "exit status %d: %s", r.status, tail(r.stderr))
	case r.status != 0 && !r.killed && j.quiet():
		j.find("fails", "", "exit status %d on an honest site: %s", r.status, j.why())
	}
	if p := r.messages; !j.trial.Airbyte && len(p) > 0 && !slices.Contains([]string{"crash", "closed"}, r.spec.Kill.How) && r.status < 2 &&
		p[len(p)-1].Type != "STATE" {
		j.find("last line", "", "the last message is a %s", p[len(p)-1].Type)
	}
}

// quiet says whether nothing was done to the run that would let it fail.
func (j *judge) quiet() bool {
	spec := j.run.spec
	if spec.Fault.What != "" {
		return false
	}
	left, back := false, false
	for _, c := range spec.During {
		switch c.Do {
		case "cursors":
			return false
		case "hide", "trash", "delete", "archive":
			left = true
		case "show", "restore":
			back = true
		}
	}
	if left && back || j.run.blind {
		return false // what is gone for one question and back for the next proves nothing
	}
	for _, s := range spec.Streams {
		if !j.sound(s.Name, "") {
			return false
		}
	}
	return true
}

// sound says whether nothing failed in the earlier runs of a sync for good, but for one parent:
// a run that goes on there has to fail, too.
func (j *judge) sound(name, parent string) bool {
	for _, part := range j.chain(j.run, name)[1:] {
		if part.run.spec.Fault.What != "" && (parent == "" || part.run.faulted != parent) {
			return false
		}
	}
	return true
}

// why tells what a run said of its failure.
func (j *judge) why() string {
	var lines []string
	for _, m := range j.run.messages {
		if m.Type == "TRACE" && m.Text != "" {
			lines = append(lines, m.Text)
		}
	}
	for line := range strings.Lines(j.run.stderr) {
		if strings.Contains(line, "ERROR") || strings.Contains(line, "CRITICAL") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines[:min(len(lines), 3)], " | ")
}

func tail(text string) string { return text[max(0, len(text)-400):] }

// records checks that every record is a row that was there, in scope, while the run went.
func (j *judge) records() {
	stray, untrue := map[string][]string{}, map[string][]string{}
	for _, m := range j.run.messages {
		if m.Type != "RECORD" {
			continue
		}
		if _, ok := j.run.spec.selects(m.Stream); !ok {
			j.find("unselected", m.Stream, "a record of a stream that is not selected")
			return
		}
		record := j.contents.record(m.Stream, m.Record)
		there, same := j.view.tables[m.Stream].ever(record.key, record.content, j.run.began, j.run.end)
		switch {
		case !there:
			stray[m.Stream] = append(stray[m.Stream], record.key)
		case !same:
			untrue[m.Stream] = append(untrue[m.Stream], record.key)
			if len(untrue[m.Stream]) == 1 {
				untrue[m.Stream][0] += " " + record.text + " for " + j.was(m.Stream, record.key)
			}
		}
	}
	for name, keys := range stray {
		j.find("out of scope", name, "%d records of rows that were never in scope: %s", len(keys), some(keys))
	}
	for name, keys := range untrue {
		j.find("untrue", name, "%d records say what was never so: %s", len(keys), some(keys))
	}
}

func (j *judge) was(name, key string) string {
	if c := j.view.tables[name].at(key, j.run.began); c != nil {
		return c.text
	}
	return "nothing at the beginning"
}

func some(keys []string) string {
	slices.Sort(keys)
	text := strings.Join(keys[:min(len(keys), 5)], ", ")
	if len(keys) > 5 {
		text += " ..."
	}
	return text
}

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

// completes says whether a run says that a stream is complete or, but for what belongs to one
// parent that the site refused, has to be.
func (r *played) completes(name string, airbyte bool) (done bool, except string) {
	switch {
	case r.problem != nil:
		return false, ""
	case r.status == 0 && !r.cut():
		return true, ""
	case airbyte && r.told(name) == "COMPLETE":
		return true, ""
	case !r.cut() && !r.killed && r.faulted != "" && r.status == 1 && !r.spec.Settings.chooses(): // nothing is read by owner
		return true, r.faulted
	}
	return false, ""
}

// cut says whether some of the output never arrived, so that the client does not know how the
// run ended.
func (r *played) cut() bool {
	return r.killed && (r.spec.Kill.How == "crash" || r.spec.Kill.How == "closed")
}

// told returns the last status of a stream (Airbyte).
func (r *played) told(name string) string {
	status := ""
	for _, m := range r.messages {
		if m.Type == "TRACE" && m.Stream == name && m.Status != "" {
			status = m.Status
		}
	}
	return status
}

// ended says whether the sync came to its end in this run as far as a stream is concerned: well,
// or with something that the site refused for good. Everything else interrupts it.
func (r *played) ended(name string, airbyte bool) bool {
	if r.cut() {
		return airbyte && r.told(name) == "COMPLETE"
	}
	switch {
	case r.status == 0:
		return true
	case airbyte && r.told(name) == "COMPLETE":
		return true
	}
	return !r.killed && r.status == 1 && (r.spec.Fault.What == "parent" || r.spec.Fault.What == "listing")
}

// part is what a client has of a run: its first messages.
type part struct {
	run  *played
	upTo int
}

// chain returns the parts that make up the sync which a run is the last of, for one stream.
func (p *player) chain(r *played, name string) []part {
	parts := []part{{r, len(r.messages)}}
	seen := map[origin]bool{}
	var add func(of *played)
	add = func(of *played) {
		for i, from := range of.given[name] {
			if seen[from] || !p.goesOn(of, from, name, i > 0) {
				continue
			}
			seen[from] = true
			parts = append(parts, part{from.run, from.at})
			add(from.run)
		}
	}
	add(r)
	return parts
}

// goesOn says whether a run may go on with the sync of a state that it was given. A state that
// lost a merge matters only if it is of the same sync as the one that won.
func (p *player) goesOn(r *played, from origin, name string, lost bool) bool {
	if lost && from.run.root != r.given[name][0].run.root {
		return false
	}
	incremental, _ := r.spec.selects(name)
	if p.trial.Airbyte && !incremental {
		return r.spec.Sync > 0 && from.run.spec.Sync == r.spec.Sync
	}
	return !p.final(from, name)
}

// final says whether a state is the last one of a sync that came to its end.
func (p *player) final(from origin, name string) bool {
	if !from.run.ended(name, p.trial.Airbyte) {
		return false
	}
	for _, m := range from.run.messages[from.at+1:] {
		if m.Type == "STATE" && (!p.trial.Airbyte || m.Stream == name) {
			return false
		}
	}
	return true
}

// rootOf returns the number of the first run of the sync that a run belongs to.
func (p *player) rootOf(r *played) int {
	for _, name := range p.history.streams {
		if g := r.given[name]; len(g) > 0 && !p.trial.Airbyte && !p.final(g[0], name) {
			return g[0].run.root
		}
	}
	return r.number
}

// ancestors returns the parts that came before a run in any way, and the run itself.
func (p *player) ancestors(r *played, name string) []part {
	parts := []part{{r, len(r.messages)}}
	seen := map[origin]bool{}
	var add func(of *played)
	add = func(of *played) {
		for _, from := range of.given[name] {
			if !seen[from] {
				seen[from] = true
				parts = append(parts, part{from.run, from.at})
				add(from.run)
			}
		}
	}
	add(r)
	return parts
}

// first returns the first moment of parts, among runs that select the stream.
func first(parts []part, name string) int {
	began := parts[0].run.began
	for _, part := range parts {
		if _, ok := part.run.spec.selects(name); ok {
			began = min(began, part.run.began)
		}
	}
	return began
}

// have is what was written of one row.
type have struct {
	newest time.Time // zero where rows have no time
	all    []*content
}

// written returns what was written of each key.
func (p *player) written(parts []part, name string) map[string]*have {
	keys := map[string]*have{}
	for _, part := range parts {
		for _, m := range part.run.messages[:part.upTo] {
			if m.Type != "RECORD" || m.Stream != name {
				continue
			}
			record := p.contents.record(name, m.Record)
			row := keys[record.key]
			if row == nil {
				row = &have{}
				keys[record.key] = row
			}
			row.all = append(row.all, record.content)
			if record.modified.After(row.newest) {
				row.newest = record.modified
			}
		}
	}
	return keys
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

// excepted says whether a row belonged to a parent.
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
	anchor := j.anchor(begun)
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
		since := min(max(begun, j.history.after(at.Add(lookback))), began)
		if at.Before(anchor) || !rows.throughout(key, since, j.run.end) {
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

// anchor is the time from which on changes are owed by a stream that was first read at a moment.
func (j *judge) anchor(begun int) time.Time {
	if j.trial.Anchor != "" {
		at, err := time.Parse(time.DateOnly, j.trial.Anchor)
		if err != nil {
			panic(err) // the trial's own
		}
		return at
	}
	return j.history.moments[begun].AddDate(-1, 0, 1)
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
			if now != nil && (was == nil || !now.modified.Equal(was.modified)) {
				changed[key] = true
				if st.Derive == stream.FirstVersion {
					changed[now.parent] = true
				}
			}
		}
	}
	return func(key string, c *content) bool { return changed[key] || c.parent != "" && changed[c.parent] }
}

// targets writes what came into each job's target, and checks it whenever a version of a table
// is activated.
func (p *player) targets() []finding {
	var all []finding
	if p.trial.Airbyte {
		return nil // overwrite is what a sync wrote: the rule for full streams
	}
	jobs := map[int]map[string]map[string]int64{} // by stream and key: the version of the row
	for _, r := range p.runs {
		target := jobs[r.spec.Job]
		if target == nil {
			target = map[string]map[string]int64{}
			jobs[r.spec.Job] = target
		}
		rows := p.viewOf(r).tables
		for _, m := range r.messages {
			switch m.Type {
			case "RECORD":
				if target[m.Stream] == nil {
					target[m.Stream] = map[string]int64{}
				}
				target[m.Stream][p.contents.record(m.Stream, m.Record).key] = versionOf(m.Line)
			case "ACTIVATE_VERSION":
				version := versionOf(m.Line)
				maps.DeleteFunc(target[m.Stream], func(_ string, v int64) bool { return v != version })
				var lost []string
				for key := range rows[m.Stream] {
					if _, ok := target[m.Stream][key]; !ok && rows[m.Stream].throughout(key, r.began, r.end) {
						lost = append(lost, key)
					}
				}
				if len(lost) > 0 {
					all = append(all, finding{"activated", m.Stream, r.number, fmt.Sprintf("the target deletes %d rows that are there: %s", len(lost), some(lost))})
				}
			}
		}
	}
	return all
}

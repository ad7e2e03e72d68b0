package chaos

import (
	"fmt"
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
	if last := p.runs[len(p.runs)-1]; p.trial.Daily > 0 && last.killed {
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
	case r.status != 0 && !r.killed && j.quiet() && !j.unplaced():
		j.find("fails", "", "exit status %d on an honest site: %s", r.status, j.why())
	}
	if p := r.messages; !j.trial.Airbyte && len(p) > 0 && !slices.Contains([]string{"crash", "closed"}, r.spec.Kill.How) && r.status < 2 &&
		p[len(p)-1].Type != "STATE" {
		j.find("last line", "", "the last message is a %s", p[len(p)-1].Type)
	}
}

// quiet reports whether nothing was done to the run that would let it fail.
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

// unplaced reports whether a run failed only since nothing told the space of an attachment.
func (j *judge) unplaced() bool {
	causes := j.causes()
	other := func(cause string) bool {
		return !strings.Contains(cause, "it may lie in the trash, which tells no space")
	}
	return j.hidesSpaces(j.run) && len(causes) > 0 && !slices.ContainsFunc(causes, other)
}

// hidesSpaces reports whether a run reads the trash of chosen spaces while an attachment lies in custom
// content that is in the trash: no question tells the space of that.
func (j *judge) hidesSpaces(r *played) bool {
	s := &r.spec.Settings
	if !s.chooses() || !slices.Contains(s.statuses(), stream.Trashed) && !slices.Contains(s.statuses(), stream.Deleted) {
		return false
	}
	return slices.Contains(j.history.unplaced[r.began:r.end+1], true)
}

// sound reports whether nothing failed in the earlier runs of a sync for good, but for one parent:
// a run that goes on there has to fail, too.
func (j *judge) sound(name, parent string) bool {
	for _, part := range j.chain(j.run, name)[1:] {
		if part.run.spec.Fault.What != "" && (parent == "" || part.run.faulted != parent) || j.hidesSpaces(part.run) {
			return false
		}
	}
	return true
}

// why tells what a run said of its failure.
func (j *judge) why() string {
	lines := j.causes()
	for _, m := range j.run.messages {
		if m.Type == "TRACE" && m.Text != "" && m.Stream == "" {
			lines = append(lines, m.Text)
		}
	}
	for line := range strings.Lines(j.run.stderr) {
		if strings.Contains(line, "CRITICAL") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines[:min(len(lines), 3)], " | ")
}

// causes are what a run said of each stream that failed.
func (j *judge) causes() []string {
	var lines []string
	for _, m := range j.run.messages {
		if m.Type == "TRACE" && m.Text != "" && m.Stream != "" {
			lines = append(lines, m.Text)
		}
	}
	for line := range strings.Lines(j.run.stderr) {
		if strings.Contains(line, "ERROR") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
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
		case !same && j.left(m.Stream, record.parent):
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

// left reports whether rows of a parent were in scope while the run went, and none of them later. The run
// asked for more of them while the parent was in scope, and no answer tells that it has left since.
func (j *judge) left(name, parent string) bool {
	rows, had := j.view.tables[name], false
	for m := j.run.began; m <= j.run.end && parent != ""; m++ {
		has := false
		for key := range rows {
			if c := rows.at(key, m); c != nil && c.parent == parent {
				has = true
			}
		}
		if had && !has {
			return true
		}
		had = had || has
	}
	return false
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

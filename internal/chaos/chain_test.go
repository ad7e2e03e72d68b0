package chaos

import (
	"slices"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// completes reports whether a run says that a stream is complete or, but for what belongs to one
// parent that the site refused, has to be.
func (r *played) completes(name string, airbyte bool) (done bool, except string) {
	switch {
	case r.problem != nil:
		return false, ""
	case r.status == 0 && !r.cut():
		return true, ""
	case airbyte && r.told(name) == "COMPLETE":
		return true, ""
	case !r.cut() && !r.killed && r.faulted != "" && r.status == 1 && !r.spec.Settings.chooses(): // what lies in a refused item is excepted only where it names it
		return true, r.faulted
	}
	return false, ""
}

// cut reports whether some of the output never arrived, so that the client does not know how the
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

// ended reports whether the sync came to its end in this run as far as a stream is concerned: well,
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
	return !r.killed && r.status == 1 && (r.spec.Fault.What == "parent" || r.spec.Fault.What == "listing" && !r.unplanned())
}

// unplanned reports whether a run could not ask which spaces are chosen, or missed one of them: it read
// nothing, and left the sync as it was.
func (r *played) unplanned() bool {
	record := func(m tapfixture.Message) bool { return m.Type == "RECORD" }
	if r.blind && r.status != 0 && !slices.ContainsFunc(r.messages, record) {
		return true
	}
	return r.spec.Fault.Kind == simconfluence.Space && r.spec.Fault.From == 1 && r.spec.Settings.chooses()
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

// goesOn reports whether a run may go on with the sync of a state that it was given. A state that lost
// a merge matters in two cases only. It is of the same sync as the winner, or the winner has no entry
// of an incremental stream. Such a stream's position counts in any sync while its bookmark stands.
func (p *player) goesOn(r *played, from origin, name string, lost bool) bool {
	incremental, _ := r.spec.selects(name)
	winner := r.given[name][0]
	if lost && from.run.root != winner.run.root && (!incremental || winner.names(name)) {
		return false
	}
	if p.trial.Airbyte && (!incremental || r.unplanned()) {
		return r.spec.Sync > 0 && from.run.spec.Sync == r.spec.Sync && !p.over(r)
	}
	return !p.final(from, name)
}

// over reports whether a run begins a new sync, whatever its id: every stream was given the last
// state of a run that ended well, so nothing is left of the sync before.
func (p *player) over(r *played) bool {
	for _, s := range r.spec.Streams {
		g := r.given[s.Name]
		if len(g) == 0 || g[0].run.status != 0 || g[0].run.cut() || !p.final(g[0], s.Name) {
			return false
		}
	}
	return true
}

// final reports whether a state is the last one of a sync that came to its end.
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

package chaos

import (
	"encoding/json"
	"fmt"
	"maps"
)

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
				all = append(all, activated(r, m.Stream, rows[m.Stream], target[m.Stream])...)
			}
		}
	}
	return all
}

// activated compares a target's table with the site, right after a version was activated.
func activated(r *played, name string, rows table, target map[string]int64) (found []finding) {
	var lost, kept []string
	for key := range rows {
		if _, ok := target[key]; !ok && rows.throughout(key, r.began, r.end) {
			lost = append(lost, key)
		}
	}
	for key := range target {
		if there, _ := rows.ever(key, nil, r.began, r.end); !there {
			kept = append(kept, key)
		}
	}
	if len(lost) > 0 {
		found = append(found, finding{"activated", name, r.number, fmt.Sprintf("the target lacks %d rows that are there: %s", len(lost), some(lost))})
	}
	if len(kept) > 0 {
		found = append(found, finding{"kept", name, r.number, fmt.Sprintf("the target keeps %d rows that are gone: %s", len(kept), some(kept))})
	}
	return found
}

// versionOf returns the table version that a message names, 0 for none.
func versionOf(line []byte) int64 {
	var m struct {
		Version int64 `json:"version"`
	}
	_ = json.Unmarshal(line, &m) // the line was parsed before
	return m.Version
}

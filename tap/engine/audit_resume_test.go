package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// A walk that goes on compares what it still has to bring.

// heldWithin returns how many messages a client has at some states of a run at which a stream has a
// position with something behind it, the first and the last among them.
func heldWithin(t *testing.T, c *client, whole *run, name string, most int) []int {
	t.Helper()
	var all []int
	for _, i := range statesOf(whole) {
		at := *c
		at.rows = rows{}
		if at.keep(whole.messages[:i+1]); at.position(name).Begun() && !at.entry(name).Plain {
			all = append(all, i+1)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s was never within a list", name)
	}
	var some []int
	for i := range min(most, len(all)) {
		some = append(some, all[i*(len(all)-1)/max(1, min(most, len(all))-1)])
	}
	return slices.Compact(some)
}

// TestLiesAfterResume interrupts a sync early in a listing. The site lies, and no shortcut has been
// compared yet. The resumed run notices the lie, and the stream starts over.
func TestLiesAfterResume(t *testing.T) {
	t.Parallel()
	for _, l := range lies() {
		name := l.lying[0]
		if l.shortcut != "own rows" && l.shortcut != "a list per label" && l.shortcut != "derived from the row" {
			continue // it is compared in passing
		}
		for _, incremental := range []bool{false, true} {
			if incremental && stream.Find(name).ReplicationKey == "" {
				continue
			}
			t.Run(fmt.Sprintf("%s, incremental %v", l.name, incremental), func(t *testing.T) {
				t.Parallel()
				liar(t, l, func(t *testing.T, f *tapfixture.Fixture) {
					c := reads(t, f.With(allParents).With(map[string]any{"page_size": 3}), incremental, name)
					whole := c.hasty().try(limit{})
					c.keep(whole.messages[:heldWithin(t, c, whole, name, 1)[0]])
					r := c.run()
					if c.wantWhole(c.rows); !c.entry(name).Plain || !r.logged("stream="+name+" ", "shortcut="+l.shortcut, "difference=") {
						t.Errorf("nobody noticed what it lacks\n%s", r.told())
					}
				})
			})
		}
	}
}

// TestStoppedOnceWithLies stops a sync of a site that lies before any row is finished. The next run goes
// on there and compares all the same: one stop never turns audits off.
func TestStoppedOnceWithLies(t *testing.T) {
	t.Parallel()
	for _, l := range lies() {
		for _, incremental := range []bool{false, true} {
			if incremental && stream.Find(l.lying[0]).ReplicationKey == "" {
				continue
			}
			t.Run(fmt.Sprintf("%s, incremental %v", l.name, incremental), func(t *testing.T) {
				t.Parallel()
				liar(t, l, func(t *testing.T, f *tapfixture.Fixture) {
					c := reads(t, f.With(allParents), incremental, l.streams...)
					c.broken(limit{request: 15})
					r := c.run()
					if c.wantWhole(c.rows, l.lying...); t.Failed() {
						t.Log(r.told())
					}
				})
			})
		}
	}
}

// TestNoFalseAlarmsAfterResume goes on from all over a sync of an honest site that changes meanwhile:
// what an earlier run brought is not missed. The next sync audits it in whole.
func TestNoFalseAlarmsAfterResume(t *testing.T) {
	t.Parallel()
	around := append(where(isComments), "child_pages")
	for _, test := range []struct {
		name        string
		incremental bool
		streams     []string
		statuses    []string
		split       bool
	}{
		{"in full", false, around, nil, false},
		{"changes", true, where(isComments), nil, false},
		{"one status a request", false, []string{"child_pages"}, []string{"current", "archived", "trashed"}, true},
		{"labels", false, []string{"page_labels"}, nil, false},
	} {
		for seed := range 2 {
			t.Run(fmt.Sprintf("%s, seed %d", test.name, seed), func(t *testing.T) {
				t.Parallel()
				o := dense()
				o.Seed += int64(seed)
				o.Labels = fewLabels
				virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
					f.Site.SetQuirks(simconfluence.Quirks{RefuseMixedTrash: test.split})
					f = f.With(map[string]any{"page_size": 5})
					if test.statuses != nil {
						f = f.With(map[string]any{"page_status": test.statuses})
					}
					compared := false
					for _, name := range test.streams {
						whole := reads(t, f, test.incremental, test.streams...).hasty().run()
						for _, n := range heldWithin(t, reads(t, f, test.incremental, name), whole, name, 3) {
							fault, _ := unrest(t, f, seed*1000+n, 3)
							f.Site.SetFaults(fault)
							c := reads(t, f.With(allParents), test.incremental, test.streams...)
							c.keep(whole.messages[:n])
							r := c.run()
							compared = compared || r.logged("compared on")
							if e := c.entry(name); e.Plain || e.Audited {
								t.Errorf("%s is distrusted, or counts as audited after message %d of %d\n%s", name, n, len(whole.messages), r.told())
							}
							f.Site.SetFaults()
						}
					}
					if !compared {
						t.Error("nothing was compared")
					}
				})
			})
		}
	}
}

// TestAuditsBeyondPosition resumes a walk near its end. Audits skip the parents whose records are all
// written.
func TestAuditsBeyondPosition(t *testing.T) {
	t.Parallel()
	virtual(t, dense(), func(t *testing.T, f *tapfixture.Fixture) {
		f = f.With(map[string]any{"page_size": 10})
		const name = "page_footer_comments"
		whole := reads(t, f, false, name).hasty().run()
		held := heldWithin(t, reads(t, f, false, name), whole, name, 1000)
		last := held[len(held)-1]
		c := reads(t, f.With(allParents), false, name)
		c.keep(whole.messages[:last])
		r := c.run()
		c.wantWhole(c.rows)
		if all := reads(t, f.With(allParents), false, name).run(); audited(r) >= audited(all) || audited(all) == 0 {
			t.Errorf("%d parents are compared at the end, %d in all", audited(r), audited(all))
		}
	})
}

// audited is how many parents the summary of a run says that were compared.
func audited(r *run) int {
	_, rest, _ := strings.Cut(r.log, "compared on ")
	n := 0
	_, _ = fmt.Sscanf(rest, "%d parents", &n) // none: 0
	return n
}

package engine_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/plan"
)

// What a run makes of the state of one that was interrupted. internal/chaos does so at random
// moments of random sites.

// mode is one of the four ways to sync.
type mode struct{ airbyte, incremental bool }

var modes = []mode{{false, false}, {false, true}, {true, false}, {true, true}}

func (m mode) String() string {
	return map[bool]string{false: "singer", true: "airbyte"}[m.airbyte] + map[bool]string{false: " full", true: " incremental"}[m.incremental]
}

func (m mode) client(t *testing.T, f *tapfixture.Fixture, names ...string) *client {
	c := reads(t, f, m.incremental, names...)
	if c.airbyte = m.airbyte; c.airbyte {
		c.syncID = 7
	}
	return c
}

// TestEveryBoundary goes on from states all over a sync, each as if nothing had come behind it.
func TestEveryBoundary(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			virtual(t, tiny(11), func(t *testing.T, f *tapfixture.Fixture) {
				f = f.With(map[string]any{"page_size": 6})
				whole := m.client(t, f).hasty().try(limit{})
				var states []int
				for i, message := range whole.messages {
					if message.Type == "STATE" {
						states = append(states, i+1)
					}
				}
				runs := tapfixture.Cut(10, len(states))
				if len(states) < runs {
					t.Fatalf("%d states: too few to mean something", len(states))
				}
				for i := range runs {
					c := m.client(t, f)
					c.keep(whole.messages[:states[i*len(states)/runs]])
					if i%2 == 1 {
						f.Site.ExpireCursors()
					}
					c.run()
					if c.wantWhole(c.rows); t.Failed() {
						t.Fatalf("after going on from state %d of %d", i*len(states)/runs, len(states))
					}
				}
			})
		})
	}
}

// TestPageEndsOutOfOrder: the last row of a page shows a later time than the rows behind it. A
// run that goes on at the end of that page leaves none of these out.
func TestPageEndsOutOfOrder(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		virtual(t, shown(72, 30), func(t *testing.T, f *tapfixture.Fixture) {
			nth := map[string]int{} // pages by their last row
			f.Site.SetFaults(simconfluence.On("/attachments", simconfluence.Rewrite(func(body []byte) []byte {
				page := tapfixture.Decode(t, body)
				list, ok := page["results"].([]any)
				if !ok || len(list) == 0 {
					return body // a refusal
				}
				last, _ := list[len(list)-1].(map[string]any)
				id := fmt.Sprint(last["id"])
				if _, seen := nth[id]; !seen {
					nth[id] = len(nth)
				}
				last["createdAt"] = fmt.Sprintf("20%d-01-01T00:00:00.000Z", 80+nth[id])
				last["version"].(map[string]any)["createdAt"] = fmt.Sprintf("20%d-01-01T00:00:00.000Z", 18-nth[id]) // the newest comes first
				body, err := json.Marshal(page)
				if err != nil {
					t.Error(err)
				}
				return body
			})))
			f = f.With(map[string]any{"page_size": 10})
			whole := m.client(t, f, "attachments").hasty().try(limit{})
			m.client(t, f, "attachments").wantWhole(whole.rows)
			for i, message := range whole.messages {
				if message.Type != "STATE" || !strings.Contains(string(message.State), "cursor=") {
					continue
				}
				c := m.client(t, f, "attachments")
				c.keep(whole.messages[:i+1])
				if m.airbyte {
					f.Site.ExpireCursors()
				}
				c.run()
				c.wantWhole(c.rows)
			}
		})
	}
}

// TestQueueOfParents interrupts a sync that has read the labels of 60% of the pages, one by one:
// the run that goes on reads those of the others, and a few again.
func TestQueueOfParents(t *testing.T) {
	t.Parallel()
	const route = "/pages/{id}/labels"
	o := simconfluence.Scaled(17, 600)
	o.BodyBytes = 40
	for _, test := range []struct {
		name    string
		limit   func(whole *run) limit
		refused bool // the site has forgotten its cursors
		most    int
	}{
		// A stop writes its last state behind a proof.
		{"stopped", func(whole *run) limit { return limit{request: total(whole.requests) * 6 / 10} }, false, 20},
		{"stopped, cursors refused", func(whole *run) limit { return limit{request: total(whole.requests) * 6 / 10} }, true, 20},
		// A kill loses what came since the last state, fifteen seconds at five requests each.
		{"killed", func(whole *run) limit { return limit{bytes: size(whole) * 6 / 10} }, false, 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
				f = f.With(map[string]any{"requests_per_second": 5, "concurrency": 5})
				c := reads(t, f, false, "page_labels")
				// The plain route makes a request per page.
				c.state = `{"bookmarks":{"page_labels":{"plain":true}},"tap_confluence":{"v":2,"site":"` + tapfixture.Host + `"}}`
				whole := c.try(limit{})
				all := whole.requests[route]
				if all < 400 {
					t.Fatalf("only %d pages' labels were read: not by page?", all)
				}
				first := c.broken(test.limit(whole)).requests[route]
				if test.refused {
					f.Site.ExpireCursors()
				}
				second := c.run().requests[route]
				if again := first + second - all; again > test.most || again < 0 {
					t.Errorf("%d pages were asked again: %d, then %d of %d", again, first, second, all)
				}
				c.wantWhole(c.rows)
			})
		})
	}
}

// size is how many bytes a run wrote.
func size(r *run) int {
	n := 0
	for _, m := range r.messages {
		n += len(m.Line) + 1
	}
	return n
}

// TestStoppedWhileItCatchesUp stops a run while it reads a listing from its start because its
// cursor was refused: what earlier runs did stays done.
func TestStoppedWhileItCatchesUp(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(17, 600)
	o.BodyBytes = 40
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f.With(map[string]any{"page_size": 50}), false, "page_labels", "page_content_properties")
		whole := c.try(limit{})
		first := c.broken(limit{request: total(whole.requests) * 8 / 10}).requests["/pages/{id}"]
		at := c.position("page_labels")
		for range 3 {
			f.Site.ExpireCursors()
			c.broken(limit{request: 7}) // while it lists pages that are read
			if now := c.position("page_labels"); plan.ByID.Compare(now.Key, at.Key) < 0 {
				t.Fatalf("the position went back from %s to %s", at.Key, now.Key)
			}
		}
		last := c.run()
		last.wantLog("WARN", "refuses an old cursor")
		if again := first + last.requests["/pages/{id}"] - whole.requests["/pages/{id}"]; again > 40 {
			t.Errorf("%d pages were read again", again)
		}
		c.wantWhole(c.rows)
	})
}

// TestCursorRefused has a cursor refused in the middle of a listing: it starts over once in the
// same run, whether that began the listing or goes on with it. Refused again, its streams fail.
func TestCursorRefused(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		for _, resumed := range []bool{false, true} {
			for _, twice := range []bool{false, true} {
				virtual(t, shown(64, 60), func(t *testing.T, f *tapfixture.Fixture) {
					c := m.client(t, f.With(map[string]any{"page_size": 10}), "pages", "page_versions", "spaces")
					if resumed {
						whole := c.try(limit{})
						c.broken(limit{request: total(whole.requests) * 3 / 4})
						if c.position("pages").Cursor == "" {
							t.Fatalf("%s: interrupted within the first page", m)
						}
					}
					n := 0
					f.Site.SetFaults(simconfluence.On("/pages", simconfluence.When(func(int) bool { n++; return n == 2 || twice && n > 2 }, simconfluence.RefuseCursor())))
					want := 0
					if twice {
						want = 1
					}
					r := c.wants(want)
					r.wantLog("WARN", "refuses a cursor; the listing starts over")
					if twice {
						r.wantFailed("pages", "page_versions")
						f.Site.SetFaults()
						c.run()
					}
					c.wantWhole(c.rows)
				})
			}
		}
	}
}

// TestStatesStaySmall bounds every state of a sync of many pages: a few hundred bytes a stream,
// however far it is.
func TestStatesStaySmall(t *testing.T) {
	t.Parallel()
	// Bytes of a stream's entry. Custom content has the most: a bookmark for each type, and a
	// position beside them.
	const most = 800
	o := simconfluence.Scaled(17, 300)
	o.BodyBytes, o.Attachments = 40, 300
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		r := mode{true, true}.client(t, f.With(map[string]any{"requests_per_second": 5, "concurrency": 5})).try(limit{})
		states, largest := 0, 0
		for _, m := range r.messages {
			if m.Type == "STATE" {
				states++
				largest = max(largest, len(m.State))
			}
		}
		if largest > most || states < 20 {
			t.Errorf("%d states with entries of up to %d bytes, want many of at most %d", states, largest, most)
		}
	})
}

// TestUnfinishedSync goes on with a sync under Singer: what it has finished sends only its
// schema, what failed is not read again and fails the run. Then a new sync reads everything.
func TestUnfinishedSync(t *testing.T) {
	t.Parallel()
	virtual(t, shown(64, 60), func(t *testing.T, f *tapfixture.Fixture) {
		f.Site.SetFaults(refuse(http.StatusForbidden, "not you", "/tasks")...)
		c := reads(t, f.With(map[string]any{"concurrency": 1, "page_size": 20}).With(map[string]any{"requests_per_second": 5}), false, "spaces", "tasks", "page_labels", "page_versions")
		first := c.broken(limit{request: 85}) // the first state is due after 75
		first.wantFailed("tasks")
		for name, want := range map[string]string{"spaces": "done ", "tasks": "failed ", "page_labels": "at "} {
			if e := c.entry(name); !strings.HasPrefix(e.Progress, want) {
				t.Fatalf("the entry of %s is %+v", name, e)
			}
		}
		f.Site.SetFaults() // it would be readable by now
		second := c.wants(1)
		second.wantFailed("tasks")
		second.wantLog("INFO", "resuming an interrupted sync", "the next sync reads everything", "began=20")
		if len(second.rows["spaces"])+len(second.rows["tasks"]) > 0 || second.requests["/tasks"]+second.requests["/spaces"] > 0 {
			t.Errorf("what was settled is read again: %v", second.requests)
		}
		schemas := 0
		for _, m := range second.messages {
			if m.Type == "SCHEMA" {
				schemas++
			}
		}
		if schemas != 4 {
			t.Errorf("%d schemas, want one of each stream", schemas)
		}
		c.wantWhole(c.rows, "spaces", "page_labels", "page_versions")
		third := c.run()
		c.wantExactly(third.rows)
		if third.logged("resuming") {
			t.Errorf("the third run resumes:\n%s", third.told())
		}
	})
}

// TestAttempts does the same under Airbyte, where attempts at a sync have its id: a stream that
// failed is read again, and what was done counts in this sync only.
func TestAttempts(t *testing.T) {
	t.Parallel()
	virtual(t, shown(64, 60), func(t *testing.T, f *tapfixture.Fixture) {
		f.Site.SetFaults(refuse(http.StatusForbidden, "not you", "/tasks")...)
		c := mode{airbyte: true}.client(t, f, "spaces", "tasks", "pages")
		c.wants(1).wantFailed("tasks")
		f.Site.SetFaults()
		second := c.run()
		if second.requests["/spaces"]+second.requests["/pages"] > 0 || len(second.rows["tasks"]) == 0 {
			t.Errorf("the second attempt asks %v", second.requests)
		}
		if !second.logged("resuming an interrupted sync") || second.logged("began=") { // which Airbyte's state does not tell
			t.Errorf("the log of the second attempt:\n%s", second.told())
		}
		c.wantWhole(c.rows)
		for _, id := range []int{8, 0} { // another sync, and a platform that names none
			c.syncID = id
			c.wantExactly(c.run().rows)
		}
		c.wantExactly(c.run().rows) // nothing is done in a sync without a name
	})
}

// TestSameSyncID has a client give every sync the same sync_id, as PyAirbyte does. A sync whose streams
// are all done is over: the next run is another one, whatever its name.
func TestSameSyncID(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T, f *tapfixture.Fixture, names ...string) *client {
		return mode{airbyte: true}.client(t, f, names...)
	}
	t.Run("the same streams", func(t *testing.T) {
		t.Parallel()
		virtual(t, shown(63, 40), func(t *testing.T, f *tapfixture.Fixture) {
			c := begin(t, f, "pages", "groups")
			c.run()
			f.Site.Create(simconfluence.Page)
			r := c.run()
			c.wantExactly(r.rows)
			if r.logged("resuming") {
				t.Errorf("it takes itself for an attempt:\n%s", r.told())
			}
		})
	})
	t.Run("one more stream", func(t *testing.T) {
		t.Parallel()
		virtual(t, shown(63, 40), func(t *testing.T, f *tapfixture.Fixture) {
			c := begin(t, f, "pages")
			c.run()
			f.Site.Create(simconfluence.Page)
			c.streams = tapfixture.Each(false, "pages", "groups")
			c.wantExactly(c.run().rows)
		})
	})
	t.Run("cut anywhere", func(t *testing.T) {
		t.Parallel()
		virtual(t, shown(63, 40), func(t *testing.T, f *tapfixture.Fixture) {
			c := begin(t, f, "pages", "groups", "spaces")
			c.run()
			f.Site.Create(simconfluence.Page)
			for bytes, over := 1, false; !over; bytes += 900 {
				second := c.hasty()
				second.rows = rows{}
				r := second.try(limit{bytes: bytes})
				second.keep(r.messages)
				if over = r.status == 0; !over {
					second.run()
				}
				second.wantWhole(second.rows)
			}
		})
	})
	t.Run("a stream that failed for a while", func(t *testing.T) {
		t.Parallel()
		virtual(t, shown(62, 40), func(t *testing.T, f *tapfixture.Fixture) {
			f.Site.SetFaults(refuse(http.StatusForbidden, "no", "/spaces/{id}/permissions")...)
			c := begin(t, f, "pages", "space_permissions")
			c.wants(1)
			f.Site.Create(simconfluence.Page)
			f.Site.SetFaults()
			if r := c.run(); r.requests["/pages"] > 0 {
				t.Errorf("an attempt reads again what the sync has read: %v", r.requests)
			}
			c.wantExactly(c.run().rows)
		})
	})
}

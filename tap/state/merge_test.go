package state_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/state"
)

// TestMergedStates merges the states of syncs key by key, as some clients do, in the order in
// which they were written. What a state says of a stream is what its writer knew: nothing old
// comes back.
func TestMergedStates(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		c := &client{t: t, random: rand.New(rand.NewPCG(seed, 1))}
		for range 4 {
			c.sync()
		}
		if t.Failed() {
			t.Fatalf("with the seed %d", seed)
		}
	}
}

// types are those of custom content that the site has.
var types = []string{"ac:a:note", "ac:a:card", "ac:b:card"}

// client keeps one state, into which it merges all that the tap writes.
type client struct {
	t      *testing.T
	random *rand.Rand
	stored any
	runs   int
}

// sync runs the tap once: on the stored state or, for a full refresh, on none.
func (c *client) sync() {
	s := state.New(site)
	if c.stored != nil && c.random.IntN(3) > 0 {
		s = parsed(c.t, encode(c.t, c.stored))
	}
	c.runs++
	var starts []state.Start
	for _, name := range names {
		if c.random.IntN(3) == 0 {
			continue
		}
		start := state.Start{Name: name, Bookmark: c.time()}
		if name != "groups" {
			start.ReplicationKey, start.Scope = "modifiedAt", strconv.Itoa(c.random.IntN(2))
			if name == "custom_content" {
				start.Types = types
			}
			start.Rewind = s.Has(name) && s.Entry(name).Scope != start.Scope
		}
		starts = append(starts, start)
	}
	s.Begin(state.Sync{Run: fmt.Sprint("r", c.runs), Began: c.time()}, starts)
	c.write(s)
	for range c.random.IntN(6) {
		if len(starts) > 0 {
			c.change(s, starts[c.random.IntN(len(starts))].Name)
			c.write(s)
		}
	}
	if c.random.IntN(2) == 0 {
		s.End(false)
		c.write(s)
	}
}

// change makes one transition of a stream.
func (c *client) change(s *state.State, name string) {
	account, finish := state.Proven(true), proof(c.t)
	if name == "custom_content" {
		s.MovePartition(name, types[c.random.IntN(len(types))], c.time(), account)
	}
	switch c.random.IntN(6) {
	case 0:
		s.Advance(name, "h", state.Position{List: "all", Cursor: strconv.Itoa(c.random.IntN(9))}, account)
	case 1:
		s.FinishFull(name, "h", finish)
	case 2:
		s.FinishIncremental(name, "h", c.time(), c.random.IntN(2) == 0, finish)
	case 3:
		s.Fail(name, "h", false)
	case 4:
		s.Restart(name)
	case 5:
		s.Distrust(name)
	}
}

func (c *client) time() time.Time {
	return at(c.t, january).Add(time.Duration(c.random.IntN(1000)) * time.Hour)
}

// write merges a state into the stored one, and compares what the next run would read.
func (c *client) write(s *state.State) {
	c.t.Helper()
	var written any
	if err := json.Unmarshal(s.Singer(), &written); err != nil {
		c.t.Fatal(err)
	}
	c.stored = merge(c.stored, written)
	merged := parsed(c.t, encode(c.t, c.stored))
	if merged.Run != s.Run || !merged.Began.Equal(s.Began) {
		c.t.Errorf("merged, the sync under way is %q of %v, want %q of %v", merged.Run, merged.Began, s.Run, s.Began)
	}
	for _, name := range names {
		if s.Has(name) && !reflect.DeepEqual(merged.Entry(name), s.Entry(name)) {
			c.t.Errorf("%s: merged %+v\n wrote %+v", name, merged.Entry(name), s.Entry(name))
		}
	}
}

// merge puts an object over another, key by key.
func merge(under, over any) any {
	a, isObject := under.(map[string]any)
	b, areObjects := over.(map[string]any)
	if !isObject || !areObjects {
		return over
	}
	out := map[string]any{}
	maps.Copy(out, a)
	for key, value := range b {
		out[key] = merge(a[key], value)
	}
	return out
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestEveryFact shows that a state has every fact of every selected stream from its first one
// on, also at its default, and nothing but texts and flags beside the partitions.
func TestEveryFact(t *testing.T) {
	t.Parallel()
	want := []string{"run", "progress", "replication_key", "replication_key_value", "plain", "audited", "scope", "partitions"}
	s := state.New(site)
	s.Begin(state.Sync{Run: "r1", Began: at(t, march)}, []state.Start{{Name: "pages"}, {Name: "custom_content", ReplicationKey: "modifiedAt", Bookmark: at(t, january)}})
	var singer struct {
		Bookmarks map[string]map[string]any `json:"bookmarks"`
		Own       map[string]any            `json:"tap_confluence"`
	}
	if err := json.Unmarshal(s.Singer(), &singer); err != nil {
		t.Fatal(err)
	}
	for name, e := range singer.Bookmarks {
		wantFacts(t, name, e, want...)
	}
	wantFacts(t, "the envelope", singer.Own, "v", "site", "run", "began")
	for _, name := range []string{"pages", "custom_content", "groups"} {
		var e map[string]any
		if err := json.Unmarshal(s.Airbyte(name), &e); err != nil {
			t.Fatal(err)
		}
		wantFacts(t, name, e, append(want, "v", "site")...)
	}
}

func wantFacts(t *testing.T, what string, facts map[string]any, want ...string) {
	t.Helper()
	if len(facts) != len(want) {
		t.Errorf("%s: %d facts, want %d: %v", what, len(facts), len(want), facts)
	}
	for _, name := range want {
		switch value := facts[name].(type) {
		case string, bool, float64:
		case map[string]any:
			if name != "partitions" {
				t.Errorf("%s: %s is an object", what, name)
			}
		default:
			t.Errorf("%s: %s is %v", what, name, value)
		}
	}
}

package chaos

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	forTime  = flag.Duration("chaos.time", 0, "how long TestChaos tries seeds; 0: a fast cut")
	oneSeed  = flag.Uint64("chaos.seed", 0, "the seed of the only trial, or of the first with -chaos.time")
	oneTrial = flag.String("chaos.trial", "", "`file` with the description of the only trial")
	verbose  = flag.Bool("chaos.v", false, "show what each run of a failing trial did")
	shrinks  = flag.Duration("chaos.shrink", 10*time.Second, "how long a failing trial is shrunk")
)

// trials is the fast cut.
const trials = 300

// TestChaos tries seed after seed.
func TestChaos(t *testing.T) {
	if *oneTrial != "" {
		text, err := os.ReadFile(*oneTrial)
		if err != nil {
			t.Fatal(err)
		}
		var tr trial
		if err := json.Unmarshal(text, &tr); err != nil {
			t.Fatal(err)
		}
		report(t, &tr, map[string]int{})
		return
	}
	from, n := max(*oneSeed, 1), uint64(trials)
	if *oneSeed > 0 && *forTime == 0 {
		n = 1
	}
	begun := time.Now()
	kinds := map[string]int{}
	tried, failed, told := uint64(0), 0, begun
	for seed := from; *forTime > 0 && time.Since(begun) < *forTime || *forTime == 0 && tried < n; seed++ {
		tried++
		if !report(t, draw(seed), kinds) {
			failed++
		}
		if time.Since(told) > 5*time.Minute {
			told = time.Now()
			t.Logf("%d trials up to seed %d, %d with findings", tried, seed, failed)
		}
	}
	t.Logf("%d trials in %s, %d with findings", tried, time.Since(begun).Round(time.Second), failed)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%6d x %s", kinds[kind], kind)
	}
}

// report plays a trial and reports what it finds; the first of each kind shrunk.
func report(t *testing.T, tr *trial, kinds map[string]int) (fine bool) {
	t.Helper()
	found, p := play(t, tr)
	if len(found) == 0 {
		return true
	}
	lines := make([]string, len(found))
	fresh := ""
	for i, f := range found {
		lines[i] = f.String()
		if kinds[f.kind()]++; kinds[f.kind()] == 1 && fresh == "" {
			fresh = f.kind()
		}
	}
	t.Errorf("seed %d:\n%s", tr.Seed, strings.Join(lines, "\n"))
	if *verbose {
		t.Log(p.story())
	}
	if fresh != "" && *shrinks > 0 {
		small := shrink(t, tr, fresh, *shrinks)
		_, p := play(t, small)
		t.Logf("seed %d, shrunk for %q:\n%s\n%s", tr.Seed, fresh, small.text(), p.story())
	}
	return false
}

// story tells what each run did.
func (p *player) story() string {
	var b strings.Builder
	for _, r := range p.runs {
		records := map[string]int{}
		states := 0
		for _, m := range r.messages {
			switch m.Type {
			case "RECORD":
				records[m.Stream]++
			case "STATE":
				states++
			}
		}
		from := ""
		for name, g := range r.given {
			for _, o := range g {
				from = fmt.Sprintf("%s given run %d's message %d of %d (%s)", from, o.run.number+1, o.at, len(o.run.messages), name)
			}
			break
		}
		fmt.Fprintf(&b, "run %d: status %d, killed %v, %d requests, moments %d-%d of %d, %d states, records %v;%s\n",
			r.number+1, r.status, r.killed, r.requests, r.began, r.end, p.history.last(), states, records, from)
	}
	return b.String()
}

package torture

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// rate says which of the requests that a fault could strike it does.
type rate struct {
	name   string
	strike func(n int) bool // n counts from 1
	bursts bool
}

// Every rate strikes early, so that a fault that few requests are open to is met, too.
var rates = []rate{
	{"1%", func(n int) bool { return n%100 == 3 }, false},
	{"10%", func(n int) bool { return n == 3 || n%10 == (n/10*7)%10 }, false},
	{"bursts of 12", func(n int) bool { return n >= 3 && n < 15 || n%150 >= 80 && n%150 < 92 }, true},
}

// injector strikes a site's answers with one kind of fault.
type injector struct {
	kind kind
	rate rate
	site *simconfluence.Site

	mu          sync.Mutex
	off         bool
	met, struck int
}

// hit counts a request that could be struck and reports whether it is.
func (in *injector) hit() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.off {
		return false
	}
	in.met++
	if !in.rate.strike(in.met) {
		return false
	}
	in.struck++
	return true
}

func (in *injector) stop() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.off = true
	return in.struck
}

// ServeHTTP implements http.Handler.
func (in *injector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	untouched := strings.HasSuffix(r.URL.Path, "/user/current") || in.kind.strike == nil
	if c, ok := strings.CutPrefix(q.Get("cursor"), empty); ok {
		if q.Set("cursor", c); c == "" {
			q.Del("cursor")
		}
		r.URL.RawQuery = q.Encode()
		untouched = true
	}
	a := &answer{httptest.NewRecorder(), in.site}
	in.site.ServeHTTP(a.ResponseRecorder, r)
	if untouched || in.kind.eligible != nil && !in.kind.eligible(r, a) || !in.hit() {
		a.ServeHTTP(w, r)
		return
	}
	in.kind.strike(w, r, a)
}

// cell is one row of the matrix: a kind of fault, how often, and what came of it.
type cell struct {
	kind  kind
	rate  rate
	modes []mode
	// rarely says that another run may not ask so often.
	rarely bool

	mu            sync.Mutex
	syncs, struck int
	lost          int // rows lost in spite of an exit status 0, or after going on
	statuses      []string
	again         int // syncs that a second run had to finish
}

// TestMatrix strikes whole syncs with every kind of fault.
func TestMatrix(t *testing.T) {
	truth(t)
	var cells []*cell
	for i, k := range kinds() {
		for j, r := range rates {
			c := &cell{kind: k, rate: r, modes: modes}
			switch {
			case tapfixture.Torture(): // every kind at every rate in every mode
			case k.heavy, (i+j)%3 != 0:
				continue // a fast cut: each kind at one rate, in one mode
			default:
				c.modes = modes[i%len(modes) : i%len(modes)+1]
			}
			cells = append(cells, c)
		}
	}
	t.Run("cells", func(t *testing.T) {
		for _, c := range cells {
			for _, m := range c.modes {
				t.Run(fmt.Sprintf("%s/%s/%s", c.kind.name, c.rate.name, m), func(t *testing.T) {
					t.Parallel()
					f, want := virtual(t), truth(t)
					synctest.Test(t, func(t *testing.T) { c.sync(t, f, m, want) })
				})
			}
		}
	})
	if *matrix != "" {
		if err := os.WriteFile(*matrix, []byte(table(cells)), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// sync runs one sync under the faults, judges it, and where it failed lets another one go on
// without them.
func (c *cell) sync(t *testing.T, f *tapfixture.Fixture, m mode, want rows) {
	in := &injector{kind: c.kind, rate: c.rate, site: simconfluence.New(small())}
	n := newNetwork(in)
	defer n.Close() //nolint:errcheck // it never fails
	if c.kind.dial != nil {
		n.fresh = true
		dials := 0
		n.dial = func() error {
			if mu.Lock(); dials < 1 { // the first question, who is signed in
				dials++
				mu.Unlock()
				return nil
			}
			mu.Unlock()
			if in.hit() {
				return c.kind.dial()
			}
			return nil
		}
	}
	r := syncOver(t, f, m, "", n)
	struck := in.stop()
	if struck == 0 {
		if c.rarely {
			t.Skip("this run asked too seldom")
		}
		t.Error("nothing was struck")
	}
	got := rows{}
	twice := got.add(t, r)
	lost := 0
	switch {
	case r.Status == 0:
		lost = c.judgeComplete(t, r, got, want, twice)
	case c.kind.overcome && !c.rate.bursts, c.kind.rarely && c.rate.name == "1%":
		t.Errorf("exit status %d for what can be overcome\n%s", r.Status, tail(r.log))
	default:
		judgeFailed(t, m, r, got, want)
	}
	if r.Status != 0 {
		lost = goOn(t, f, m, r, n, got, want)
	}
	n.check(t)
	for _, v := range in.site.Violations() {
		t.Errorf("the API does not have this: %s", v)
	}
	t.Logf("%d requests, %d messages, struck %d", n.requests(), len(r.Messages), struck)
	c.note(r, struck, lost)
}

// judgeComplete wants all rows of a run that says it is complete, and each once.
func (c *cell) judgeComplete(t *testing.T, r *run, got, want rows, twice int) int {
	t.Helper()
	lost, surplus, spoilt := got.compare(want, stream.Names())
	if c.kind.spoils {
		spoilt = 0
	}
	if lost+surplus+spoilt > 0 {
		t.Errorf("exit status 0, but %d rows are missing, %d too many, %d spoilt\n%s", lost, surplus, spoilt, tail(r.log))
	}
	again := slices.ContainsFunc([]string{"starts again", "starts over", "is read plainly", "read parent by parent"}, func(s string) bool { return strings.Contains(r.log, s) })
	if twice > 0 && !again {
		t.Errorf("%d rows came twice", twice)
	}
	if len(r.failed) > 0 {
		t.Errorf("exit status 0, but these failed: %v", r.failed)
	}
	return lost
}

// judgeFailed wants of a run that failed: the streams named, their bookmarks unmoved, and
// unless it ended early all others complete.
func judgeFailed(t *testing.T, m mode, r *run, got, want rows) {
	t.Helper()
	var done []string
	for _, name := range stream.Names() {
		e := r.entry(m, name)
		moved := e.Done != nil || e.At == nil && e.Value != "" && e.Value != anchor || e.Partitions
		if slices.Contains(r.failed, name) {
			if moved {
				t.Errorf("%s failed, but its bookmark moved: %+v", name, e)
			}
			continue
		}
		if len(r.failed) > 0 && !r.endedEarly() {
			done = append(done, name)
		}
	}
	if lost, surplus, _ := got.compare(want, done); lost+surplus > 0 {
		t.Errorf("of streams that did not fail %d rows are missing, %d too many; failed: %v\n%s", lost, surplus, r.failed, tail(r.log))
	}
	if len(r.failed) == 0 && !r.endedEarly() {
		t.Errorf("exit status %d, but no stream is named\n%s", r.Status, tail(r.log))
	}
}

// goOn runs again without faults from the state that was left; together the runs must have
// given everything.
func goOn(t *testing.T, f *tapfixture.Fixture, m mode, r *run, n *network, got, want rows) int {
	t.Helper()
	settle(t, r)
	second := syncOver(t, f, m, r.state(m), n)
	if second.Status != 0 {
		t.Errorf("the run that goes on ends with %d\n%s", second.Status, tail(second.log))
	}
	got.add(t, second)
	lost, surplus, _ := got.compare(want, stream.Names())
	if lost+surplus > 0 {
		t.Errorf("after a run that went on %d rows are missing, %d too many\nfirst run:\n%s", lost, surplus, tail(r.log))
	}
	return lost
}

func (c *cell) note(r *run, struck, lost int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.syncs++
	c.struck += struck
	c.lost += lost
	if s := strconv.Itoa(r.Status); !slices.Contains(c.statuses, s) {
		c.statuses = append(c.statuses, s)
	}
	if r.Status != 0 {
		c.again++
	}
}

// table writes the matrix as Markdown: a line per kind of fault, its rates side by side.
func table(cells []*cell) string {
	var b strings.Builder
	b.WriteString("| fault, at 1% / 10% / in bursts | syncs | struck answers | exit status | finished by a second run | rows lost |\n|---|--:|--:|---|--:|--:|\n")
	for len(cells) > 0 {
		name := cells[0].kind.name
		var syncs, lost int
		var struck, statuses, again []string
		for len(cells) > 0 && cells[0].kind.name == name {
			c := cells[0]
			cells = cells[1:]
			slices.Sort(c.statuses)
			syncs, lost = syncs+c.syncs, lost+c.lost
			struck = append(struck, strconv.Itoa(c.struck))
			statuses = append(statuses, strings.Join(c.statuses, " or "))
			again = append(again, strconv.Itoa(c.again))
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %s | %d |\n", name, syncs,
			strings.Join(struck, " / "), strings.Join(statuses, " / "), strings.Join(again, " / "), lost)
	}
	return b.String()
}

// tail is the end of a log.
func tail(log string) string {
	const most = 4000
	var kept []string
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "DEBUG") {
			kept = append(kept, line)
		}
	}
	log = strings.Join(kept, "")
	return log[max(0, len(log)-most):]
}

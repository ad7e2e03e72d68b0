package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/client"
)

// limited is a site that is read in three minutes at the default limits.
func limited() simconfluence.Options {
	o := manyParents()
	o.Pages, o.Attachments = 200, 600
	return o
}

// limitAt makes the site refuse its nth request, and those that reach it until then, with
// 429 and that Retry-After in seconds; it returns where the time of the answer is kept.
func (p *paced) limitAt(n, seconds int) *time.Time {
	at := new(time.Time)
	refuse := simconfluence.Status(http.StatusTooManyRequests, "", fmt.Sprintf("Retry-After: %d", seconds))
	p.site.SetFaults(simconfluence.When(
		func(i int) bool { return i == n },
		func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			*at = time.Now()
			return refuse(w, r, next)
		}))
	return at
}

// TestLimitHoldsEveryWorker says that after a 429 nothing is sent before its time, by no
// worker; that the rate is halved then and climbs back to what is configured; and that no
// row is lost.
func TestLimitHoldsEveryWorker(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{300 * time.Millisecond, 900 * time.Millisecond}[:tapfixture.Cut(1, 2)] {
		t.Run(latency.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPaced(t, limited(), latency)
				const hold = 17 * time.Second
				at := p.limitAt(200, 17)
				out := p.sync(t.Context(), sync_{})
				if out.err != nil {
					t.Fatal(out.err)
				}
				p.keepsLimits(p.requests())
				open := at.Add(hold)
				for _, s := range p.requests() {
					if s.at.After(*at) && s.at.Before(open) {
						t.Fatalf("%s was sent %s after a 429 that asked for %s", s.path, s.at.Sub(*at), hold)
					}
				}
				p.checkClimb(open)
				got := rows{}
				p.read(out.lines, got, nil)
				if missing := p.missing(got, nil); missing != nil {
					t.Errorf("rows are missing: %q", missing)
				}
			})
		})
	}
}

// checkClimb looks at how many requests were sent after a gate opened: about half the rate
// at first, by steps of a sixteenth every ten seconds the whole rate again.
func (p *paced) checkClimb(open time.Time) {
	p.t.Helper()
	const full, step = 5.0, 10 * time.Second
	for i := range 12 {
		from := open.Add(time.Duration(i) * step)
		n := 0
		for _, s := range p.requests() {
			if !s.at.Before(from) && s.at.Before(from.Add(step)) {
				n++
			}
		}
		// A first step may come the moment that the gate opens, later ones come with the
		// next request after their time.
		least := min(full, full/2+float64(i)*full/16)*step.Seconds()*0.95 - 1
		most := min(full, full/2+float64(i+1)*full/16)*step.Seconds() + 1
		if float64(n) < least || float64(n) > most {
			p.t.Errorf("%d requests in the ten seconds from %s after the 429's time on, want %.0f to %.0f", n, from.Sub(open), least, most)
		}
	}
}

// TestStateBeforeLongWait says that a wait of more than ten seconds is told before it
// begins, that the state written then holds everything that is safe, and that a shorter one
// is not worth it.
func TestStateBeforeLongWait(t *testing.T) {
	t.Parallel()
	for _, seconds := range []int{9, 30} {
		t.Run(fmt.Sprintf("%d s", seconds), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPaced(t, limited(), 300*time.Millisecond)
				at := p.limitAt(200, seconds)
				out := p.sync(t.Context(), sync_{})
				if out.err != nil {
					t.Fatal(out.err)
				}
				if seconds < 10 {
					if len(p.waits) > 0 {
						t.Errorf("a wait of %d s was told: %v", seconds, p.waits)
					}
					return
				}
				if len(p.waits) != 1 {
					t.Fatalf("%d waits were told, want 1", len(p.waits))
				}
				w := p.waits[0]
				if until := at.Add(time.Duration(seconds) * time.Second); !w.until.Equal(until) || w.at.Sub(*at) > time.Second {
					t.Errorf("told at %s, until %s; the 429 came at %s", w.at, w.until, *at)
				}
				if !p.stateSince(w.before, w.after) {
					t.Errorf("records were written since the last state, and none before the wait: %s", p.lines[w.after-1].text)
				}
				p.stateIsSafe(w.after)
			})
		})
	}
}

// stateSince says whether a state is among the lines from the one before index from on; a
// state that would be the same as the last line is not written again.
func (p *paced) stateSince(from, to int) bool {
	return slices.ContainsFunc(p.lines[from-1:to], func(l writtenLine) bool { return bytes.Contains(l.text, []byte(`"STATE"`)) })
}

// stateIsSafe goes on from the state that ends the first n lines, on a site without
// faults: with the rows before it, all of them are there.
func (p *paced) stateIsSafe(n int) {
	p.t.Helper()
	var lines [][]byte
	for _, l := range p.lines[:n] {
		lines = append(lines, l.text)
	}
	got := rows{}
	st, before := p.read(lines, got, nil)
	p.site.SetFaults()
	out := p.sync(context.Background(), sync_{state: st})
	if out.err != nil {
		p.t.Fatal(out.err)
	}
	_, after := p.read(out.lines, got, st)
	if missing := p.missing(got, nil); missing != nil {
		p.t.Errorf("rows are missing: %q", missing)
	}
	if before == 0 || after == 0 {
		p.t.Errorf("%d rows before the state, %d after it: this shows nothing", before, after)
	}
}

// TestWaitTooLong says that a wait beyond max_retry_wait ends the run at once: every stream
// that is not complete fails, with its state, and a later run goes on from there.
func TestWaitTooLong(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		t.Run(fmt.Sprintf("airbyte=%v", airbyte), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPaced(t, limited(), 300*time.Millisecond)
				at := p.limitAt(500, 7200)
				out := p.sync(t.Context(), sync_{airbyte: airbyte})
				if kind := client.KindOf(out.err); kind != client.KindRateLimit {
					t.Fatalf("the run ended with %v, of kind %v", out.err, kind)
				}
				sent := p.requests()
				if last := sent[len(sent)-1].at; last.After(*at) || time.Since(*at) > 5*time.Second {
					t.Errorf("the 429 came at %s, the last request was sent at %s, the run ended at %s", *at, last, time.Now())
				}
				complete, cut := 0, 0
				for _, s := range out.run.Report().Streams {
					switch {
					case !s.Ended || s.Err != nil:
						t.Errorf("%s: ended %v, error %v", s.Name, s.Ended, s.Err)
					case s.CutOff:
						cut++
					default:
						complete++
					}
				}
				if complete == 0 || cut == 0 {
					t.Errorf("%d streams are complete, %d cut off: there should be both", complete, cut)
				}
				if last := out.lines[len(out.lines)-1]; !airbyte && !strings.Contains(string(last), `"open":true`) {
					t.Errorf("the last line is %s", last)
				}
				got := rows{}
				st, _ := p.read(out.lines, got, nil)
				if !json.Valid(st) {
					t.Fatalf("state %s", st)
				}
				p.site.SetFaults()
				again := p.sync(t.Context(), sync_{airbyte: airbyte, state: st})
				if again.err != nil {
					t.Fatal(again.err)
				}
				p.read(again.lines, got, st)
				if missing := p.missing(got, nil); missing != nil {
					t.Errorf("rows are missing: %q", missing)
				}
			})
		})
	}
}

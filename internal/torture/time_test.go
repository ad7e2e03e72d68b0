package torture

import (
	"bytes"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// weather says how the site is at a time since the beginning of the week.
func weather(since time.Duration) func(http.ResponseWriter, *http.Request, *answer) {
	hour, minute := int(since.Hours()), int(since.Minutes())%60
	switch {
	case minute >= 50: // a short fair while in every hour
		return nil
	case hour%5 == 0:
		return status(429, 15*time.Minute, "Retry-After: 900")
	case hour%5 == 1:
		return status(429, 0)
	case hour%5 == 2:
		return fault(simconfluence.Stall(-1))
	case hour%5 == 3:
		return status(503, time.Minute, "Retry-After: 60")
	default:
		return fault(simconfluence.Reset())
	}
}

// stormy is a site in such weather since now.
func stormy() hostile {
	begun := time.Now()
	return hostile{simconfluence.New(small()), func(w http.ResponseWriter, r *http.Request, a *answer) bool {
		strike := weather(time.Since(begun))
		if strike == nil {
			return false
		}
		strike(w, r, a)
		return true
	}}
}

// TestWeekOfStorms reads a site that is well for ten minutes of an hour: one patient run, so
// slow that the sync takes more than a week.
func TestWeekOfStorms(t *testing.T) {
	t.Parallel()
	want := truth(t)
	for i, m := range modes {
		rate, least := 0.0045, 7*24*time.Hour
		if !tapfixture.Torture() {
			if i != 0 {
				continue
			}
			rate, least = 0.02, 20*time.Hour
		}
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			f := virtual(t)
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				n := newNetwork(stormy())
				defer n.Close() //nolint:errcheck // it never fails
				s := settings()
				s["requests_per_second"], s["max_retries"] = rate, 100
				r := syncOver(t, f.With(s), m, "", n)
				got := rows{}
				twice := got.add(t, r)
				if lost, surplus, spoilt := got.compare(want, stream.Names()); r.Status != 0 || twice+lost+surplus+spoilt > 0 {
					t.Errorf("exit status %d, %d rows twice, %d missing, %d too many, %d spoilt\n%s", r.Status, twice, lost, surplus, spoilt, tail(r.log))
				}
				if took := time.Since(begun); took < least {
					t.Errorf("it took %s only", took)
				}
				n.check(t)
				t.Logf("%d requests in %s", n.requests(), time.Since(begun))
			})
		})
	}
}

// TestRunsThroughStorms reads the same site impatiently, one run after another as a scheduler
// would start them: each goes on from the last state, until every row is there.
func TestRunsThroughStorms(t *testing.T) {
	t.Parallel()
	const most = 7 * 24 * time.Hour
	want := truth(t)
	for i, m := range modes {
		if !tapfixture.Torture() && i != 3 {
			continue
		}
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			f := virtual(t)
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				n := newNetwork(stormy())
				defer n.Close() //nolint:errcheck // it never fails
				s := settings()
				s["max_retry_wait"], s["requests_per_second"] = 600, 0.4 // or one fair while would do
				got, state, runs := rows{}, "", 0
				for {
					if time.Since(begun) > most {
						t.Fatalf("not done after a week and %d runs", runs)
					}
					r := syncOver(t, f.With(s), m, state, n)
					runs++
					got.add(t, r)
					if last := r.state(m); last != "" {
						state = merge(t, m, state, last)
					}
					if r.Status == 0 {
						break
					}
					<-time.After(17 * time.Minute)
				}
				if lost, surplus, spoilt := got.compare(want, stream.Names()); lost+surplus+spoilt > 0 {
					t.Errorf("%d rows are missing, %d too many, %d spoilt: %s", lost, surplus, spoilt, got.missing(want))
				}
				n.check(t)
				t.Logf("%d runs and %d requests in %s", runs, n.requests(), time.Since(begun))
			})
		})
	}
}

// jumping is a clock that is off by hours, another way at every look.
func jumping() func() time.Time {
	var mu sync.Mutex
	looks := 0
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		looks++
		offset := time.Duration(looks*looks%13-6) * time.Hour
		return time.Now().Add(offset)
	}
}

// TestClockJumps lets the clock of messages and states jump back and forth by hours.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	want := truth(t)
	for i, m := range modes {
		if !tapfixture.Torture() && i%3 != 0 {
			continue
		}
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			f := virtual(t)
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(simconfluence.New(small()))
				defer n.Close() //nolint:errcheck // it never fails
				r := syncOver(t, f, m, "", n, tap.WithClock(jumping()))
				got := rows{}
				got.add(t, r)
				if lost, surplus, spoilt := got.compare(want, stream.Names()); r.Status != 0 || lost+surplus+spoilt > 0 {
					t.Errorf("exit status %d, %d rows missing, %d too many, %d spoilt\n%s", r.Status, lost, surplus, spoilt, tail(r.log))
				}
				settle(t, r)
				// No bookmark comes from the clock: a second run brings only what is as new as the newest.
				second := syncOver(t, f, m, r.state(m), n, tap.WithClock(jumping()))
				if second.Status != 0 || m.incremental && len(second.Of("RECORD")) >= len(r.Of("RECORD")) {
					t.Errorf("the second run: exit status %d, %d records after %d", second.Status, len(second.Of("RECORD")), len(r.Of("RECORD")))
				}
				n.check(t)
			})
		})
	}
}

// deaf is a stderr that is gone.
type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, errors.New("stderr is gone") }

// TestStderrGone syncs without anybody to tell what happens.
func TestStderrGone(t *testing.T) {
	t.Parallel()
	want := truth(t)
	f := virtual(t)
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(simconfluence.New(small()))
		defer n.Close() //nolint:errcheck // it never fails
		var stdout bytes.Buffer
		status := f.Under(tap.OverNetwork(n)).Launch(t.Context(), &stdout, deaf{}, f.SingerArgs(nil, nil)...)
		f.NoSecrets(stdout.Bytes())
		r := &run{}
		r.Messages = tapfixture.Parse(t, stdout.Bytes())
		got := rows{}
		got.add(t, r)
		if lost, surplus, spoilt := got.compare(want, stream.Names()); status != 0 || lost+surplus+spoilt > 0 {
			t.Errorf("exit status %d, %d rows missing, %d too many, %d spoilt", status, lost, surplus, spoilt)
		}
	})
}

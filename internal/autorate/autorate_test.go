package autorate

import (
	"math"
	"testing"
	"time"
)

// world drives a loop by hand: every request is answered after took.
type world struct {
	rate *Rate
	now  time.Time
}

func newWorld(start float64) *world { return &world{New(start), time.Unix(1_700_000_000, 0)} }

// ask sends for so many seconds at a part of the rate; answers take took.
func (w *world) ask(seconds int, part float64, took time.Duration) {
	for end := w.now.Add(time.Duration(seconds) * time.Second); w.now.Before(end); {
		w.rate.Sent(w.now)
		w.rate.Answered(w.now, w.now.Add(took), "")
		w.now = w.now.Add(time.Duration(float64(time.Second) / (w.rate.Now() * part)))
	}
}

func about(got, want float64) bool { return math.Abs(got-want) < want/50 }

func TestClimbs(t *testing.T) {
	w := newWorld(5)
	w.ask(10, 1, time.Millisecond)
	if now := w.rate.Now(); now < 10 || now > 5*math.Pow(1+climb, 10) {
		t.Errorf("%v after ten seconds", now)
	}
	w.ask(60, 1, time.Millisecond)
	if w.rate.Now() != Most {
		t.Errorf("%v after a minute", w.rate.Now())
	}
	if found := w.rate.Found(); found < 90 || found > Most {
		t.Errorf("found %v", found)
	}
	for start, want := range map[float64]float64{5000: Most, 0: 0.1, math.Inf(1): Most} {
		if got := New(start).Now(); got != want {
			t.Errorf("begins at %v for %v", got, start)
		}
	}
}

// TestUnused: a rate that nobody uses says nothing of the site.
func TestUnused(t *testing.T) {
	w := newWorld(5)
	w.ask(60, 0.5, time.Millisecond)
	if w.rate.Now() != 5 {
		t.Errorf("%v though only half was used", w.rate.Now())
	}
}

// TestRefused: a refusal halves, once for all that was sent before it; the rate comes back to
// the ceiling within seconds, and is past it only after a while.
func TestRefused(t *testing.T) {
	w := newWorld(20)
	w.ask(8, 1, time.Millisecond)
	before := w.rate.Now()
	sent := w.now
	for range 10 {
		w.now = w.now.Add(time.Millisecond)
		w.rate.Refused(sent, w.now, time.Second)
	}
	if !about(w.rate.Now(), before/2) {
		t.Errorf("%v after a volley at %v", w.rate.Now(), before)
	}
	ceiling := w.rate.Found()
	if ceiling > before || ceiling < before/2 {
		t.Errorf("the ceiling is %v after %v", ceiling, before)
	}
	w.ask(5, 1, time.Millisecond)
	if now := w.rate.Now(); now < near*ceiling || now > ceiling {
		t.Errorf("%v of %v after five seconds", now, ceiling)
	}
	w.ask(15, 1, time.Millisecond)
	if now := w.rate.Now(); now > ceiling {
		t.Errorf("%v of %v after twenty seconds", now, ceiling)
	}
	w.ask(120, 1, time.Millisecond)
	if now := w.rate.Now(); now < 2*ceiling {
		t.Errorf("%v of %v after two minutes without a word", now, ceiling)
	}
}

// TestFloor: however often a site refuses, something is asked for.
func TestFloor(t *testing.T) {
	w := newWorld(8)
	for range 20 {
		w.now = w.now.Add(time.Second)
		w.rate.Refused(w.now, w.now, time.Second)
	}
	if w.rate.Now() != 1 {
		t.Errorf("%v, want an eighth of 8", w.rate.Now())
	}
}

// TestSlower: answers that take twice their time lower the rate, but not below its start, and
// where they stay slow that becomes usual.
func TestSlower(t *testing.T) {
	w := newWorld(5)
	w.ask(15, 1, 100*time.Millisecond)
	before := w.rate.Now()
	w.ask(2, 1, 150*time.Millisecond)
	if w.rate.Now() < before {
		t.Errorf("%v after %v for a little", w.rate.Now(), before)
	}
	before = w.rate.Now()
	w.ask(2, 1, 250*time.Millisecond)
	if now := w.rate.Now(); now > before || now < 5 {
		t.Errorf("%v after %v", now, before)
	}
	w.ask(60, 1, 250*time.Millisecond)
	if w.rate.Now() < 5 {
		t.Errorf("%v, below the start", w.rate.Now())
	}
	w.ask(600, 1, 250*time.Millisecond)
	if w.rate.Now() < 20 {
		t.Errorf("%v ten minutes later", w.rate.Now())
	}
}

// TestKinds: kinds that differ in time don't count as slow, and few are remembered.
func TestKinds(t *testing.T) {
	w := newWorld(5)
	for i := range 5000 {
		w.rate.Sent(w.now)
		took := 50 * time.Millisecond
		kind := "quick"
		if i > 200 {
			took, kind = 2*time.Second, "long"+string(rune('a'+i%500))
		}
		w.rate.Answered(w.now, w.now.Add(took), kind)
		w.now = w.now.Add(time.Duration(float64(time.Second) / w.rate.Now()))
	}
	if w.rate.Now() != Most || len(w.rate.usual) > kinds {
		t.Errorf("%v, %d kinds", w.rate.Now(), len(w.rate.usual))
	}
}

// TestScarce: what is left of a quota is spread; a notice without numbers halves, gently.
func TestScarce(t *testing.T) {
	w := newWorld(5)
	w.ask(20, 1, time.Millisecond)
	w.rate.Scarce(w.now, w.now, 3)
	if w.rate.Now() != 3 {
		t.Errorf("%v, want what lasts", w.rate.Now())
	}
	w = newWorld(5)
	w.ask(20, 1, time.Millisecond)
	before := w.rate.Now()
	for range 3 {
		w.now = w.now.Add(time.Second)
		w.rate.Scarce(w.now, w.now, 0)
	}
	if !about(w.rate.Now(), before/2) {
		t.Errorf("%v after three notices at %v", w.rate.Now(), before)
	}
	for range 100 {
		w.now = w.now.Add(time.Second)
		w.rate.Scarce(w.now, w.now, 0)
	}
	if w.rate.Now() != 2.5 {
		t.Errorf("%v, want half of the start", w.rate.Now())
	}
}

package engine

import (
	"time"

	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

const (
	// stateEvery is the shortest time between two states that no event asks for.
	stateEvery = 2 * time.Second
	// stateRows is how many rows make a state worth writing though no position moved.
	stateRows = 1000
)

// ledger owns the state: one entry per stream, kept current from the walks that are under
// way. A state that it writes never tells of a row that is not written.
type ledger struct {
	sink  emit.Sink
	now   func() time.Time
	names []string // the run's streams in order

	mu     emit.Lock
	state  *state.State
	active map[*walk]bool
	begun  map[string]bool // streams that may be told of
	dirty  map[string]bool // streams whose entry changed or that got rows since the last state
	rows   int             // rows since the last state
	last   time.Time
}

func newLedger(sink emit.Sink, now func() time.Time, st *state.State, names []string) *ledger {
	return &ledger{sink: sink, now: now, names: names, state: st, mu: emit.NewLock(), active: map[*walk]bool{}, begun: map[string]bool{}, dirty: map[string]bool{}, last: now()}
}

// entry returns a copy of a stream's entry.
func (l *ledger) entry(name string) state.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.Entries[name]
}

// update changes a stream's entry.
func (l *ledger) update(name string, change func(*state.Entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.state.Entries[name]
	change(&e)
	l.state.Entries[name] = e
	l.dirty[name] = true
}

// begin follows a walk's positions from now on.
func (l *ledger) begin(w *walk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active[w] = true
}

// end stops following a walk; its last positions stay in the entries.
func (l *ledger) end(w *walk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.collect(w)
	delete(l.active, w)
}

// wrote counts records of a stream that are on stdout.
func (l *ledger) wrote(name string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows += n
	l.dirty[name] = true
}

// collect takes a walk's positions over into its streams' entries; the caller holds the lock.
func (l *ledger) collect(w *walk) bool {
	if !w.track.takeTouched() {
		return false
	}
	for _, f := range w.feeds {
		if f.finished.Load() || f.left.Load() {
			continue
		}
		e := l.state.Entries[f.name]
		at := w.track.position(f)
		if at.N == 0 && at.List == 0 {
			e.At = nil
		} else {
			e.At = &at
		}
		l.state.Entries[f.name] = e
		l.dirty[f.name] = true
	}
	return true
}

// checkpoint writes a state if there is something to tell and the last one is some time
// ago.
func (l *ledger) checkpoint() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now().Sub(l.last) < stateEvery {
		return nil
	}
	moved := false
	for w := range l.active {
		moved = l.collect(w) || moved
	}
	if !moved && l.rows < stateRows {
		return nil
	}
	return l.write()
}

// flush writes a state with everything that is safe by now.
func (l *ledger) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.active {
		l.collect(w)
	}
	return l.write()
}

// open says that a stream has begun: before, nothing is told of it.
func (l *ledger) open(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun[name] = true
}

// tell marks streams so that the next state tells their entries even if nothing changed.
func (l *ledger) tell(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty[name] = true
}

func (l *ledger) write() error {
	var changed []string
	for _, name := range l.names {
		if l.dirty[name] && l.begun[name] {
			changed = append(changed, name)
			delete(l.dirty, name)
		}
	}
	l.last, l.rows = l.now(), 0
	return l.sink.State(l.state, changed)
}

package engine

import (
	"context"
	"slices"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// stateRows is how many rows make a state worth writing though no position moved.
const stateRows = 1000

// ledger owns the state. It changes it through the transitions of tap/state only, and writes it:
// when a stream ends, before a long wait, on a stop, else at most every StateEvery. A state
// never tells of a row that is not written, nor of a position that no proof of the account
// stands behind.
type ledger struct {
	run  *Run
	kick chan struct{} // asks for a settling

	mu    emit.Lock // guards all below, and the order of states and statuses on stdout
	state *state.State
	walks []*walk // under way
	ended []*ending
	dirty map[string]bool // streams whose entry changed or that got rows since the last state
	rows  int             // since the last state
	last  time.Time       // of the last settling
}

func newLedger(r *Run) *ledger {
	return &ledger{run: r, kick: make(chan struct{}, 1), mu: emit.NewLock(), state: r.State, dirty: map[string]bool{}, last: r.Now()}
}

// begin makes the sync the one under way.
func (l *ledger) begin(starts []state.Start) {
	l.mu.Lock()
	defer l.mu.Unlock()
	began := l.state.Began
	if !l.run.resumed {
		began = l.run.site.Clock()
	}
	l.state.Begin(state.Sync{Run: l.run.name, Began: began}, starts)
}

// snapshot returns a copy of the state, for the planner.
func (l *ledger) snapshot() *state.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.Clone()
}

// change makes a transition and has it told with the next state.
func (l *ledger) change(name string, transition func(*state.State)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	transition(l.state)
	l.dirty[name] = true
}

// wrote counts records of a stream that are on stdout.
func (l *ledger) wrote(name string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows += n
	l.dirty[name] = true
}

// follow opens a walk's streams and follows its positions from now on.
func (l *ledger) follow(w *walk) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range w.readings {
		if err := l.open(r.out); err != nil {
			return err
		}
	}
	l.walks = append(l.walks, w)
	return nil
}

// open tells that a stream is being read. Nothing is told of it before.
func (l *ledger) open(out *output) error {
	if out.opened {
		return nil
	}
	out.opened = true
	for _, s := range []emit.Status{emit.Started, emit.Running} {
		if err := l.run.Sink.Status(out.name, s); err != nil {
			return err
		}
	}
	return nil
}

// leave stops following a walk. Streams that were read to their end wait for a proof, those that
// failed are told at once; the others are planned again.
func (l *ledger) leave(w *walk, again []*reading) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.walks = slices.DeleteFunc(l.walks, func(o *walk) bool { return o == w })
	for _, r := range w.readings {
		if slices.Contains(again, r) {
			continue
		}
		if err := r.err(); err != nil {
			if err := l.incomplete(r.out, r.Hash, err); err != nil {
				return err
			}
			continue
		}
		l.ended = append(l.ended, &ending{r, w})
	}
	l.askFor()
	return nil
}

// checkpoint has the state settled if there is something to tell and the last time is some time
// ago.
func (l *ledger) checkpoint() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.askFor()
}

// askFor asks for a settling, if it is due; the caller holds the lock.
func (l *ledger) askFor() {
	if l.run.Now().Sub(l.last) < l.run.StateEvery {
		return
	}
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// loop settles whenever it is asked to, until the context ends or an error ends the run.
func (l *ledger) loop(ctx context.Context) {
	for {
		select {
		case <-l.kick:
			// An error after the loop's end is of a question that was broken off: what it was to prove is
			// proven by the last settling.
			if err := l.settle(ctx); err != nil && ctx.Err() == nil {
				l.run.stop(err)
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// claim is what a state would say, once the account is proven.
type claim struct {
	walk  *walk
	r     *reading
	hash  string
	at    state.Position
	types []typeDone
	ended *ending
}

// settle asks for the account and writes the state: the positions that were reached, and the
// streams that had ended, before the question. The error interrupts the run.
func (l *ledger) settle(ctx context.Context) error {
	l.mu.Lock()
	claims := l.claims()
	due := len(claims) > 0 || l.rows >= stateRows
	l.last = l.run.Now()
	l.mu.Unlock()
	if !due {
		return nil
	}
	account, err := l.run.site.Prove(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range claims {
		if err := l.accept(c, account); err != nil {
			return err
		}
	}
	return l.write()
}

// claims collects what moved; the caller holds the lock.
func (l *ledger) claims() []claim {
	var claims []claim
	for _, w := range l.walks {
		claims = append(claims, w.claims()...)
	}
	for _, e := range l.ended {
		_, _, types := e.snapshot()
		claims = append(claims, claim{walk: e.walk, r: e.reading, ended: e, types: types})
	}
	return claims
}

// accept puts a proven claim into the state; the caller holds the lock.
func (l *ledger) accept(c claim, account state.Account) error {
	name := c.r.out.name
	for _, t := range c.types {
		l.state.MovePartition(name, t.kind, t.bookmark, account)
	}
	l.dirty[name] = true
	if c.ended != nil {
		if !slices.Contains(l.ended, c.ended) {
			return nil
		}
		l.ended = slices.DeleteFunc(l.ended, func(e *ending) bool { return e == c.ended })
		return l.complete(c.ended, account)
	}
	if c.r.distrusted.Load() {
		return nil
	}
	if slices.Contains(l.walks, c.walk) || slices.ContainsFunc(l.ended, func(e *ending) bool { return e.reading == c.r }) {
		l.state.Advance(name, c.hash, c.at, account)
	}
	return nil
}

// tell writes the state behind a change of one stream; the caller holds the lock.
func (l *ledger) tell(name string) error {
	l.dirty[name] = true
	return l.write()
}

// flush writes what is proven so far.
func (l *ledger) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.write()
}

// end ends the sync: no progress stays.
func (l *ledger) end() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.End(l.run.PerStream)
	for _, out := range l.run.order {
		l.dirty[out.name] = true
	}
	return l.write()
}

// write writes the state; the caller holds the lock.
func (l *ledger) write() error {
	var changed []string
	for _, out := range l.run.order {
		if l.dirty[out.name] && out.opened {
			changed = append(changed, out.name)
			delete(l.dirty, out.name)
		}
	}
	l.rows = 0
	return l.run.Sink.State(l.state, changed)
}

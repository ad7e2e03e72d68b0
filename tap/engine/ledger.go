package engine

import (
	"context"
	"slices"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// stateRows is how many rows make a state worth writing though no position moved.
const stateRows = 1000

// ledger owns the state, and changes it only through the transitions of tap/state. It writes the state
// when a stream ends, before a long wait, on a stop, and otherwise at most every StateEvery. A state
// never covers a row that is not written, nor a position that no probe has proven.
type ledger struct {
	*services
	outputs []*output     // of all streams of the run, set before the first record
	kick    chan struct{} // asks for a settling

	mu    emit.Lock // guards all below, and the order of states and statuses on stdout
	close closer
	state *state.State
	walks []follower // under way
	named []debtor   // what they owe is told before anything else
	ended []*ending
	dirty map[string]bool // streams whose entry changed or that got rows since the last state
	rows  int             // since the last state
	last  time.Time       // of the last settling
}

// follower is a walk whose positions the ledger follows.
type follower interface {
	// claims returns what a state may say of the walk, once the account is proven; nil if
	// nothing moved since the last time.
	claims() []claim
	// accepted notes that claims of that place are proven.
	accepted(plan.Place)
}

// debtor is a stream that is read by the ids that records of others name.
type debtor interface {
	follower
	// unread returns the stream's name and the ids that are still to be looked up.
	unread() (name string, ids []string)
}

func newLedger(s *services) *ledger {
	l := &ledger{services: s, kick: make(chan struct{}, 1), mu: emit.NewLock(), state: s.State, dirty: map[string]bool{}, last: s.Now()}
	l.close = closer{services: s, state: s.State, write: l.tell}
	return l
}

// begin makes a sync the one under way.
func (l *ledger) begin(sync state.Sync, starts []state.Start) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Begin(sync, starts)
}

// tellRenewed opens the streams that were done in an earlier sync of the same name, and tells that
// this is over. It comes before all else that the sync tells: a later attempt would take them for done.
func (l *ledger) tellRenewed(names []string) error {
	if len(names) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, out := range l.outputs {
		if !slices.Contains(names, out.name) {
			continue
		}
		if err := l.close.open(out); err != nil {
			return err
		}
	}
	return l.write()
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

// follow opens the streams of a walk and follows its positions from now on.
func (l *ledger) follow(w follower, readings []*reading) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range readings {
		if err := l.close.open(r.out); err != nil {
			return err
		}
	}
	l.walks = append(l.walks, w)
	l.askFor()
	return nil
}

// leave stops following a walk. Streams that were read to their end wait for a proof, those that
// failed are told at once.
func (l *ledger) leave(w follower, ended []*ending) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.walks = slices.DeleteFunc(l.walks, func(o follower) bool { return o == w })
	for _, e := range ended {
		cause := e.err()
		if _, _, types := e.snapshot(); cause == nil || len(types) > 0 {
			l.ended = append(l.ended, e) // a proof is due of the stream, or of its types that were read
			continue
		}
		if err := l.close.incomplete(e.out, e.Hash, cause); err != nil {
			return err
		}
	}
	l.askFor()
	return nil
}

// settled ends a stream that is not read in this run.
func (l *ledger) settled(s plan.Settled) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.outputs, func(o *output) bool { return o.name == s.Name })
	return l.close.settled(l.outputs[i], s)
}

// cutOff ends the streams that the end of the run left unfinished.
func (l *ledger) cutOff() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, out := range l.outputs {
		if out.outcome().Ended {
			continue
		}
		if err := l.close.cutOff(out); err != nil {
			return err
		}
	}
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
	if l.Now().Sub(l.last) < l.StateEvery {
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
			// After the loop's end the probe was only broken off; the last settling proves the same.
			if err := l.settle(ctx); err != nil && ctx.Err() == nil {
				l.stop(err)
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// claim is a position of a stream that may enter the state once the account is proven.
type claim struct {
	walk  follower
	place plan.Place
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
	l.last = l.Now()
	l.mu.Unlock()
	if !due {
		return nil
	}
	account, err := l.site.Prove(ctx)
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
		claims = append(claims, claim{r: e.reading, ended: e, types: types})
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
		return l.close.complete(c.ended, account)
	}
	c.walk.accepted(c.place)
	if c.r.distrusted.Load() {
		return nil
	}
	under := slices.ContainsFunc(l.walks, func(w follower) bool { return w == c.walk })
	if under || slices.ContainsFunc(l.ended, func(e *ending) bool { return e.reading == c.r }) {
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

// end ends the sync: no progress stays that another one could take for its own.
func (l *ledger) end() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.End(l.PerStream)
	for _, out := range l.outputs {
		l.dirty[out.name] = true
	}
	return l.write()
}

// lookUp follows what a stream that is read by ids owes, and opens it.
func (l *ledger) lookUp(n debtor, readings []*reading) error {
	if err := l.follow(n, readings); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.named = append(l.named, n)
	return nil
}

// write writes the state; the caller holds the lock. Where it is told stream by stream, what
// records named goes before the entries of the streams that named it.
func (l *ledger) write() error {
	var changed []string
	for _, n := range l.named {
		name, owed := n.unread()
		if !slices.Equal(owed, l.state.Entry(name).NamedIDs()) {
			l.state.Name(name, owed)
			l.dirty[name] = true
		}
		if l.dirty[name] {
			changed = append(changed, name)
			delete(l.dirty, name)
		}
	}
	for _, out := range l.outputs {
		if l.dirty[out.name] && out.opened {
			changed = append(changed, out.name)
			delete(l.dirty, out.name)
		}
	}
	l.rows = 0
	return l.Sink.State(l.state, changed)
}

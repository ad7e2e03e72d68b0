package client

import (
	"math/rand/v2"
	"time"
)

// vaguePauses are the pauses of one spell, in units of Options.RetryWait. Sites under load were
// seen to answer so for a minute: together they are longer.
var vaguePauses = [...]time.Duration{5, 10, 20, 30, 30}

const (
	// vagueRetries is how often one request that is answered vaguely is sent again while others
	// end one spell after another: as long as all pauses of a spell, at the shortest of them.
	vagueRetries = 19
	// spellLasts is how long after its last pause a spell is over, whatever the site answers. It
	// bounds what answers that stay vague for good cost: all pauses once in that time.
	spellLasts = 15 * time.Minute
)

// spell is a time of vague answers: the site says no without saying of what. All requests share its
// pauses. It is over at the first good answer to a request that was refused so, or after spellLasts.
type spell struct {
	pauses int       // how many it had
	opens  time.Time // when the last of them ends
}

// pause holds all requests back after a vague answer to an attempt that was sent at that time. It
// returns for how long, and which pause of the spell this is; none if the spell has had them all.
// Attempts that were sent before a pause was over share it.
func (p *pace) pause(sent time.Time, unit time.Duration) (d time.Duration, nth int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, s := time.Now(), &p.spell
	if now.Sub(s.opens) > spellLasts {
		s.pauses = 0
	}
	if sent.Before(s.opens) {
		return max(s.opens.Sub(now), 0), max(s.pauses, 1)
	}
	if s.pauses == len(vaguePauses) {
		return 0, 0
	}
	d = vaguePauses[s.pauses] * unit
	d = min(d-rand.N(d/20+1), p.maxWait) //nolint:gosec // jitter is no secret
	s.pauses++
	s.opens = now.Add(d)
	p.closeUntil(s.opens, "the site says no without saying of what")
	return d, s.pauses
}

// heal ends the spell. Attempts that are still under way share its last pause.
func (p *pace) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spell.pauses = 0
}

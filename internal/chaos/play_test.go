package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
)

// player plays one trial.
type player struct {
	t        *testing.T
	trial    *trial
	fixture  *tapfixture.Fixture
	site     *simconfluence.Site
	contents *contents
	history  *history
	runs     []*played
	hidden   map[simconfluence.Kind][]string // what can be shown
	// tamper, if set, spoils the output of a run: to see that it is noticed.
	tamper func(run int, stdout []byte) []byte
}

// played is a run that is over.
type played struct {
	spec       *runSpec
	number     int
	began, end int // moments
	start      time.Time
	status     int
	messages   []tapfixture.Message
	problem    error // stdout has a line that is no message
	killed     bool  // the kill came to pass
	requests   int
	stderr     string
	faulted    string // the parent that the site refused
	blind      bool   // a chosen space was hidden, which makes the choice a mistake
	stateText  string // the state that it was given
	states     map[string]json.RawMessage
	given      map[string]given
	root       int // the first run of the sync, as far as a client can tell
}

// longest is how long a run may take, in virtual time.
const longest = 40 * 24 * time.Hour

// play plays a trial and returns what it finds.
func play(t *testing.T, tr *trial) ([]finding, *player) {
	t.Helper()
	return playSpoilt(t, tr, nil)
}

// playSpoilt plays a trial whose output something spoils.
func playSpoilt(t *testing.T, tr *trial, tamper func(run int, stdout []byte) []byte) (findings []finding, p *player) {
	t.Helper()
	f := tapfixture.Virtual(t, tr.Site.options())
	p = &player{
		t: t, trial: tr, fixture: f, site: f.Site, contents: newContents(t), tamper: tamper,
		hidden: map[simconfluence.Kind][]string{},
	}
	frozen := time.AfterFunc(time.Minute, func() { panic("chaos: virtual time does not pass in " + tr.text()) })
	defer frozen.Stop()
	synctest.Test(t, func(t *testing.T) {
		p.t, p.contents.t, p.fixture = t, t, f.On(t)
		p.prepare()
		for i := range tr.Runs {
			p.run(&tr.Runs[i])
		}
		for n := 0; n < tr.Daily && p.runs[len(p.runs)-1].killed; n++ {
			p.run(&tr.Runs[len(tr.Runs)-1])
		}
		findings = p.findings()
	})
	return findings, p
}

func (p *player) prepare() {
	spaces := p.ids(simconfluence.Space)
	if p.trial.Site.NewSpace && len(spaces) > 1 {
		p.hide(simconfluence.Space, spaces[len(spaces)-1])
	}
	p.site.SetQuirks(simconfluence.Quirks{RefuseMixedTrash: p.trial.Site.OneStatus})
	p.history = newHistory(p.t, p.trial, p.site, p.contents)
}

// run plays one run.
func (p *player) run(spec *runSpec) {
	<-time.After(spec.After)
	p.site.Advance(spec.After)
	for _, c := range spec.Before {
		p.change(c)
	}
	r := &played{spec: spec, number: len(p.runs), began: p.history.last(), start: p.site.Now()}
	r.blind = p.blind(spec)
	r.stateText, r.given = p.stateFor(spec.State, spec.Job)
	if p.trial.Airbyte {
		r.states = tapfixture.AirbyteStates(p.t, r.stateText)
	}
	ctx, stop := context.WithCancelCause(p.t.Context())
	defer stop(nil)
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	out := &outlet{stop: stop, kill: spec.Kill}
	w := &wire{site: p.site, spec: spec, stop: stop, out: out, last: time.Now()}
	due := spec.During
	w.changes = func(upTo int) {
		for len(due) > 0 && due[0].At <= upTo {
			p.change(due[0])
			due = due[1:]
		}
	}
	p.site.SetFaults(p.faults(r)...)
	f := p.fixture.With(p.settings(&spec.Settings)).Under(tap.OverNetwork(w), tap.WithClock(p.site.Now))
	var stderr bytes.Buffer
	r.status = f.Launch(ctx, out, &stderr, p.args(f, r)...)
	synctest.Wait()
	r.blind = r.blind || p.blind(spec)
	r.stderr, r.end, r.requests = stderr.String(), p.history.last(), w.sent
	r.killed = out.hit || out.frozen || spec.Kill.Request > 0 && w.sent >= spec.Kill.Request
	if p.tamper != nil {
		out.got = p.tamper(r.number, out.got)
	}
	r.messages, _, r.problem = tapfixture.Lines(out.got)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		r.problem = fmt.Errorf("the run takes more than %s", longest)
	}
	p.runs = append(p.runs, r)
	r.root = p.rootOf(r)
}

// blind reports whether a space that a run chooses is hidden.
func (p *player) blind(spec *runSpec) bool {
	shown := p.site.SpaceKeys()
	return slices.ContainsFunc(keys(p.site, spec.Settings.Spaces), func(key string) bool { return !slices.Contains(shown, key) })
}

func (p *player) settings(s *settingsSpec) map[string]any {
	const loopback = "http://127.0.0.1:9" // where no limit of requests is allowed
	m := map[string]any{
		"domain": loopback, "api_url": loopback, "requests_per_second": 0, "page_size": s.PageSize, "concurrency": s.Concurrency,
		"audit_samples": s.Audit, "max_retries": s.Retries, "emit_activate_version": s.Activate, "page_status": s.statuses(),
	}
	if s.Body != "" {
		m["body_format"] = s.Body
	}
	if p.trial.Anchor != "" {
		m["anchor_date"] = p.trial.Anchor
	}
	if s.Types {
		m["custom_content_types"] = p.site.CustomTypes()
	}
	if s.Spaces != nil {
		m["space_keys"] = keys(p.site, s.Spaces)
	}
	if s.Exclude != nil {
		m["exclude_space_keys"] = keys(p.site, s.Exclude)
	}
	return m
}

func (p *player) args(f *tapfixture.Fixture, r *played) []string {
	var state any
	if r.stateText != "" {
		state = r.stateText
	}
	if p.trial.Airbyte {
		return f.AirbyteArgs(tapfixture.AirbyteCatalog(r.spec.Sync, r.spec.Streams...), state)
	}
	return f.SingerArgs(tapfixture.SingerCatalog(r.spec.Streams...), state)
}

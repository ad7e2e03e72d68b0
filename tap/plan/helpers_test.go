package plan_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

const (
	host     = "acme.atlassian.net"
	january  = "2026-01-01T00:00:00.000Z"
	february = "2026-02-01T00:00:00.000Z"
)

// given is what a plan is made of, in short. The zero value reads nothing of a site with two
// types of custom content.
type given struct {
	full, changes string // streams, with spaces between; "all" for all that can be read so
	statuses      []string
	run           string
	entries       map[string]state.Entry
	facts         func(*site.Facts)
	config        func(*config.Config)
	removed       map[string]catalog.Fields
	pending       []string
}

// build makes the plan.
func (g given) build(t *testing.T) *plan.Plan {
	t.Helper()
	return plan.Build(g.input(t))
}

func (g given) input(t *testing.T) plan.Input {
	t.Helper()
	facts := site.Facts{Clock: moment(t, "2026-06-01T12:34:56.789Z"), Local: moment(t, "2026-06-01T12:35:00Z"), Types: []string{"ac:a:note", "ac:b:card"}}
	if g.facts != nil {
		g.facts(&facts)
	}
	selected, st := g.selections(t), g.state(t)
	return plan.Input{
		Config: g.settings(), Facts: plan.Relearn(facts, selected, st, g.run), Selected: selected, Pending: g.pending, State: st, Run: g.run,
	}
}

func (g given) settings() *config.Config {
	cfg := &config.Config{PageStatus: g.statuses, BodyFormat: "storage", AuditSamples: 10, PageSize: 250}
	if cfg.PageStatus == nil {
		cfg.PageStatus = []string{stream.Current, stream.Archived}
	}
	if g.config != nil {
		g.config(cfg)
	}
	return cfg
}

// selections lists the streams in the table's order.
func (g given) selections(t *testing.T) []catalog.Selection {
	t.Helper()
	var list []catalog.Selection
	full, changes := strings.Fields(g.full), strings.Fields(g.changes)
	for i := range stream.All {
		s := &stream.All[i]
		incremental := slices.Contains(changes, s.Name) || g.changes == "all" && s.ReplicationKey != ""
		if incremental || slices.Contains(full, s.Name) || g.full == "all" {
			list = append(list, catalog.Selection{Stream: s, Incremental: incremental, Removed: g.removed[s.Name]})
		}
	}
	for _, name := range append(full, changes...) {
		if name != "all" && stream.Find(name) == nil {
			t.Fatalf("no stream is called %s", name)
		}
	}
	return list
}

func (g given) state(t *testing.T) *state.State {
	t.Helper()
	if g.entries == nil {
		return state.New(host)
	}
	text, err := json.Marshal(map[string]any{"bookmarks": g.entries, "tap_confluence": map[string]any{"v": state.Version, "site": host, "run": g.run}})
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := state.ParseSinger(text, host, stream.Names())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := timestamp.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// find returns the walk and the reader of a stream.
func find(t *testing.T, p *plan.Plan, name string) (*plan.Walk, *method.Reader) {
	t.Helper()
	for _, w := range p.Walks {
		for _, r := range w.Readers {
			if r.Stream.Name == name {
				return w, r
			}
		}
	}
	t.Fatalf("%s is not read", name)
	return nil, nil
}

// at is the progress that a run leaves which stops at a position of that list.
func at(t *testing.T, g given, name, list string, p state.Position) string {
	t.Helper()
	in := g.input(t)
	w, r := find(t, plan.Build(in), name)
	i := slices.IndexFunc(w.Lists, func(l plan.List) bool { return l.Name == list })
	if i < 0 {
		t.Fatalf("%s: no list %q", name, list)
	}
	p.List, p.Order, p.Walk, p.Learned = list, string(w.Lists[i].Order), cmp.Or(p.Walk, "w1"), in.Facts.LearnedText()
	return state.Progress{Stage: state.Underway, Hash: plan.HashAt(r, in.Facts.Spaces, w.Lists, i), At: p}.String()
}

// done is the progress that a run leaves which has read a stream, or failed to.
func done(t *testing.T, g given, name string, stage state.Stage) string {
	t.Helper()
	_, r := find(t, g.build(t), name)
	return state.Progress{Stage: stage, Hash: r.Hash}.String()
}

// target is a list's request as it is sent.
func target(l *plan.List) string {
	text := l.Request.Path
	for i, q := range l.Request.Query {
		text += []string{"?", "&"}[min(i, 1)] + q[0] + "=" + url.QueryEscape(q[1])
	}
	return strings.ReplaceAll(text, "%3A", ":")
}

// describe writes a plan for people to compare.
func describe(p *plan.Plan) string {
	var b strings.Builder
	for _, w := range p.Walks {
		fmt.Fprintln(&b, w)
		if w.Resumed() {
			fmt.Fprintf(&b, "  from %s of %s\n", state.Progress{Stage: state.Underway, At: w.From.At}, w.Lists[w.From.List].Name)
		}
		for i := range w.Lists {
			fmt.Fprintf(&b, "  list %s\n", list(&w.Lists[i]))
		}
		for _, r := range w.Readers {
			fmt.Fprintf(&b, "  read %s\n", reader(r))
		}
	}
	for _, s := range p.Settled {
		fmt.Fprintf(&b, "settled %s: %v\n", s.Name, s.Failed)
	}
	for _, n := range p.Notices {
		fmt.Fprintf(&b, "notice of %s, warning %v: %s (%s)\n", strings.Join(n.Names, ","), n.Warning, n.Text, timestamp.Format(n.Date))
	}
	return b.String()
}

func list(l *plan.List) string {
	words := []string{strings.ReplaceAll(l.Name, " ", "-"), "by", string(l.Order)}
	if l.Order == plan.Unordered {
		words = []string{strings.ReplaceAll(l.Name, " ", "-")}
	}
	if l.Trash {
		words = append(words, "trash")
	}
	return strings.Join(append(words, target(l)), " ")
}

func reader(r *method.Reader) string {
	kinds := make([]string, len(r.Methods))
	for i, k := range r.Methods {
		kinds[i] = k.String()
	}
	text := r.Stream.Name + ": " + strings.Join(kinds, ", then ")
	if r.Statuses != nil {
		text += "; rows " + strings.Join(r.Statuses, " ")
	}
	if r.ChildStatuses != nil {
		text += "; children " + strings.Join(r.ChildStatuses, " ")
	}
	if r.Incremental {
		text += "; since " + timestamp.Format(r.Since)
	}
	if r.Audited {
		text += "; audited"
	}
	return text
}

// wantText compares texts of several lines.
func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got = strings.TrimSpace(got); got != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, strings.TrimSpace(want))
	}
}

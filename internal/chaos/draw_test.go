package chaos

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// drawer draws a trial from a seed.
type drawer struct{ *rand.Rand }

// draw makes the trial of a seed.
func draw(seed uint64) *trial {
	d := drawer{rand.New(rand.NewPCG(seed, 0x5eed))}
	t := d.trial(seed)
	t.Site.OneStatus = d.once(8)
	for i := range t.Runs {
		if t.Airbyte && t.Daily == 0 && d.once(3) {
			t.Runs[i].State.Lag = d.Uint32()
		}
	}
	return t
}

func (d drawer) trial(seed uint64) *trial {
	t := &trial{Seed: seed, Airbyte: d.once(3)}
	t.Site = d.site()
	t.Anchor = pick(d, "1990-01-01", "1990-01-01", "1998-06-01", "1999-11-15", "")
	base := []runSpec{d.job(t)}
	if d.once(4) {
		base = append(base, d.job(t))
	}
	if d.once(7) {
		d.daily(t, base[0])
		return t
	}
	last := "last"
	if len(base) > 1 && d.once(2) {
		last = "shared"
	}
	sync := 0
	if !d.once(5) {
		sync = 7
	}
	for i := range 2 + d.IntN(4) {
		job := d.IntN(len(base))
		if i == 0 {
			job = 0
		}
		r := base[job]
		r.Job = job
		d.run(t, &r, i)
		if r.State.Take == "last" {
			r.State.Take = last
		}
		if sync > 0 { // a further attempt of a sync has its id
			if i > 0 && !d.once(2) {
				sync++
			}
			r.Sync = sync
		}
		t.Runs = append(t.Runs, r)
	}
	t.Runs[len(t.Runs)-1].Kill = kill{}
	if d.once(2) {
		t.Runs[len(t.Runs)-1].Fault = fault{}
	}
	return t
}

func (d drawer) once(n int) bool { return d.IntN(n) == 0 }

func pick[T any](d drawer, of ...T) T { return of[d.IntN(len(of))] }

// upTo draws a number that is small more often than large.
func (d drawer) upTo(n int) int { return d.IntN(d.IntN(n+1) + 1) }

func (d drawer) site() siteSpec {
	return siteSpec{
		Seed: int64(d.IntN(1000)), Spaces: 1 + d.IntN(5), Pages: 3 + d.IntN(20), Posts: d.upTo(10), Attachments: d.upTo(24),
		Footer: d.upTo(30), Inline: d.upTo(30), Tasks: d.upTo(10), Groups: d.upTo(8), Custom: d.upTo(10),
		Most: pick(d, 2, 3, 3, 8, 60), AllVisible: d.once(2), NoChangeSort: d.once(10), NewSpace: d.once(4),
	}
}

// job draws what a scheduled job does on every run.
func (d drawer) job(t *trial) runSpec {
	var r runSpec
	r.Settings = d.settings(t.Site)
	incremental := d.IntN(3) // none, some, all
	for _, s := range stream.All {
		if d.once(3) {
			r.Streams = append(r.Streams, tapfixture.Selected{Name: s.Name, Incremental: s.ReplicationKey != "" && (incremental == 2 || incremental == 1 && d.once(2))})
		}
	}
	if len(r.Streams) == 0 || d.once(12) {
		r.Streams = nil
		for _, s := range stream.All {
			r.Streams = append(r.Streams, tapfixture.Selected{Name: s.Name, Incremental: s.ReplicationKey != "" && incremental > 0})
		}
	}
	if d.once(10) { // what fails on one day fails on the next
		r.Fault = d.fault()
		r.Fault.What, r.Fault.Status = "parent", pick(d, 403, 500)
	}
	r.Latency = pick(d, 0, 200*time.Millisecond, 3*time.Second)
	return r
}

func (d drawer) settings(site siteSpec) settingsSpec {
	s := settingsSpec{
		Statuses: pick(d, nil, nil, nil, []string{"current"}, []string{"current", "trashed"}, []string{"current", "archived", "trashed", "deleted"}, []string{"trashed"}),
		Body:     "storage", PageSize: pick(d, 1, 2, 3, 5, 10, 250), Concurrency: pick(d, 1, 1, 2, 5), Audit: pick(d, 0, 0, 1, 10),
		Retries: pick(d, 0, 1, 3), Activate: d.once(3), Types: d.once(3),
	}
	if site.Spaces > 1 && d.once(3) {
		s.Activate = false
		some := d.Perm(site.Spaces)[:1+d.IntN(site.Spaces-1)]
		slices.Sort(some)
		if d.once(2) {
			s.Spaces = some
		} else {
			s.Exclude = some
		}
	}
	return s
}

// run draws what is different about one run of a job.
func (d drawer) run(t *trial, r *runSpec, i int) {
	r.After = pick(d, 2*time.Second, time.Minute, 15*time.Minute, 20*time.Hour)
	r.Streams = slices.Clone(r.Streams)
	if d.once(8) { // settings changed
		activate := r.Settings.Activate
		r.Settings = d.settings(t.Site)
		if d.once(2) && r.Settings.Spaces == nil && r.Settings.Exclude == nil {
			r.Settings.Activate = activate
		}
	}
	if d.once(6) { // modes changed
		for j, s := range r.Streams {
			if stream.Find(s.Name).ReplicationKey != "" && d.once(2) {
				r.Streams[j].Incremental = !s.Incremental
			}
		}
	}
	if d.once(6) && len(r.Streams) > 1 { // fewer streams
		r.Streams = slices.DeleteFunc(r.Streams, func(tapfixture.Selected) bool { return d.once(2) })
		if len(r.Streams) == 0 {
			r.Streams = []tapfixture.Selected{{Name: "pages"}}
		}
	}
	for range d.upTo(5) {
		r.Before = append(r.Before, d.change(0))
	}
	for range d.upTo(6) {
		r.During = append(r.During, d.change(1+d.upTo(80)))
	}
	slices.SortStableFunc(r.During, func(a, b change) int { return a.At - b.At })
	r.State = d.state(t, i)
	if d.once(2) {
		r.Kill = d.kill()
	}
	if d.once(4) {
		r.Fault = d.fault()
	}
}

func (d drawer) state(t *trial, i int) stateRef {
	if i == 0 {
		return stateRef{Take: "none"}
	}
	old := func() *stateRef { return &stateRef{Take: "old", From: d.IntN(i), Line: d.Uint32()} }
	switch d.IntN(10) {
	case 0:
		return *old()
	case 1:
		if t.Airbyte {
			return *old()
		}
		s := *old()
		s.Onto = old()
		return s
	case 2:
		if t.Airbyte {
			break
		}
		return stateRef{Take: "last", Onto: old()}
	case 3:
		if d.once(3) {
			return stateRef{Take: "none"}
		}
	}
	return stateRef{Take: "last"}
}

func (d drawer) kill() kill {
	k := kill{How: pick(d, "signal", "network", "crash", "closed")}
	if k.How == "closed" || k.How == "crash" && d.once(2) {
		k.Byte = 1 + d.upTo(150_000)
	} else {
		k.Request = 1 + d.upTo(120)
	}
	return k
}

func (d drawer) fault() fault {
	f := fault{What: pick(d, "burst", "limit", "parent", "parent", "listing"), From: 1 + d.upTo(60), Count: 1 + d.upTo(8), Pick: d.Uint32()}
	switch f.What {
	case "burst":
		f.Status = pick(d, 500, 502, 503)
	case "parent":
		f.Status = pick(d, 403, 500)
		f.Kind = pick(d, simconfluence.Space, simconfluence.Page, simconfluence.BlogPost, simconfluence.Attachment)
	case "listing":
		f.Status, f.From = pick(d, 403, 500), 1+d.upTo(3)
		f.Kind = pick(d, simconfluence.Space, simconfluence.Page, simconfluence.BlogPost, simconfluence.Attachment,
			simconfluence.FooterComment, simconfluence.InlineComment, simconfluence.Task, simconfluence.CustomContent, simconfluence.Group)
	}
	return f
}

// changes are what can happen to a site, the common ones more than once.
var changes = []string{
	"edit", "edit", "edit", "edit late", "edit future", "create", "create", "create", "trash", "trash", "restore", "restore", "archive",
	"delete", "purge", "purge", "move", "move", "label", "unlabel", "hide", "show", "cursors",
}

// versioned are the kinds that changes of rows are made to.
var versioned = []simconfluence.Kind{
	simconfluence.Page, simconfluence.Page, simconfluence.Page, simconfluence.BlogPost, simconfluence.Attachment,
	simconfluence.FooterComment, simconfluence.InlineComment, simconfluence.CustomContent, simconfluence.Task,
}

func (d drawer) change(at int) change {
	c := change{Do: pick(d, changes...), Kind: pick(d, versioned...), Pick: d.Uint32(), Arg: d.Uint32(), At: at}
	switch c.Do {
	case "edit future", "cursors":
		if !d.once(6) { // they are rare
			c.Do = "edit"
		}
	case "trash", "restore", "archive", "delete":
		c.Kind = pick(d, simconfluence.Page, simconfluence.Page, simconfluence.BlogPost, simconfluence.Attachment)
	case "create", "purge":
		if d.once(12) {
			c.Kind = simconfluence.Group
		}
	case "move":
		c.Kind = pick(d, simconfluence.Page, simconfluence.Page, simconfluence.BlogPost)
	case "label", "unlabel":
		c.Kind = pick(d, simconfluence.Page, simconfluence.BlogPost, simconfluence.Attachment, simconfluence.Space)
	case "hide", "show":
		c.Kind = pick(d, simconfluence.Space, simconfluence.Space, simconfluence.Page, simconfluence.BlogPost)
	}
	return c
}

// daily makes a trial of one sync that is killed every day after as many requests, and goes on
// with its own last state.
func (d drawer) daily(t *trial, r runSpec) {
	r.Latency = 3 * time.Second
	r.Settings.Retries, r.Settings.Concurrency = 0, pick(d, 1, 2, 5)
	// Neither a parent nor an audit takes a day, and no hidden space makes the settings wrong.
	t.Site.Most, r.Settings.PageSize, r.Settings.Audit = min(t.Site.Most, 8), max(r.Settings.PageSize, 5), min(r.Settings.Audit, 1)
	r.Settings.Spaces = nil
	if r.Fault.Status == 500 {
		r.Settings.Audit = 0 // a parent that can't be given is asked for at every limit, by an audit three times
	}
	r.Sync = 7
	r.State = stateRef{Take: "last"}
	first := r
	first.State = stateRef{Take: "none"}
	first.Kill = kill{How: pick(d, "signal", "network", "crash"), Request: 60 + d.IntN(40)}
	r.Kill = first.Kill
	r.After = 20 * time.Hour
	if d.once(2) {
		r.Before = []change{d.change(0)}
	}
	t.Runs, t.Daily = []runSpec{first, r}, 60
}

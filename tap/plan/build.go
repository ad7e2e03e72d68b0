package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// walkOf is the key by which streams are grouped into walks.
type walkOf struct {
	listing     *stream.Listing
	incremental bool
	// resumed names the walk of an earlier run that this one resumes, empty for none.
	resumed string
}

// candidate is a stream that may be read.
type candidate struct {
	reader   *method.Reader
	entry    state.Entry
	progress state.Progress
	walk     walkOf
	place    Place
	// kept reports whether the stream's progress still fits what the walk reads.
	kept    bool
	pending bool
}

// lookup is 1 for a stream that is read by the ids that others name, else 0.
func (c *candidate) lookup() int {
	if c.walk.listing.Bulk != nil {
		return 1
	}
	return 0
}

// builder makes one plan.
type builder struct {
	Input
	plan *Plan
	all  []*candidate
	// reads reports whether any stream is to be read.
	reads bool
}

// Build makes the plan of a run, or of its pending streams only. It sends nothing.
func Build(in Input) *Plan {
	b := &builder{Input: in, plan: &Plan{Facts: in.Facts}}
	for _, sel := range in.Selected {
		b.all = append(b.all, b.candidate(sel))
	}
	groups := map[walkOf][]*candidate{}
	var order []walkOf
	slices.SortStableFunc(b.all, func(x, y *candidate) int { return cmp.Compare(x.lookup(), y.lookup()) })
	for _, c := range b.all {
		if !c.pending || b.settled(c) {
			continue
		}
		b.reads = true
		b.resume(c)
		b.start(c)
		if groups[c.walk] == nil {
			order = append(order, c.walk)
		}
		groups[c.walk] = append(groups[c.walk], c)
	}
	for _, l := range stream.EveryListing() {
		for _, w := range order {
			switch {
			case w.listing != l:
			case l.Bulk != nil:
				walk := b.walk(w, groups[w])
				walk.Named = groups[w][0].entry.NamedIDs()
				b.plan.Lookups = append(b.plan.Lookups, walk)
			default:
				b.plan.Walks = append(b.plan.Walks, b.walk(w, groups[w]))
			}
		}
	}
	if slices.ContainsFunc(b.all, b.counts) {
		slices.SortStableFunc(b.plan.Walks, furtherFirst)
	}
	return b.plan
}

// furtherFirst orders the walks of a resumed sync: walks that were under way come first, then those
// with the oldest bookmark. So a sync that is killed again and again still comes to its end.
func furtherFirst(a, b *Walk) int {
	if a.Resumed() != b.Resumed() {
		if a.Resumed() {
			return -1
		}
		return 1
	}
	return a.oldest().Compare(b.oldest())
}

// oldest returns the lowest bookmark of the walk's streams, the zero time for full reads.
func (w *Walk) oldest() time.Time {
	var oldest time.Time
	for i, r := range w.Readers {
		if i == 0 || r.Since.Before(oldest) {
			oldest = r.Since
		}
	}
	return oldest
}

// candidate decides by which methods a stream is read, and which of its rows count.
func (b *builder) candidate(sel catalog.Selection) *candidate {
	s := sel.Stream
	c := &candidate{entry: b.State.Entry(s.Name), pending: b.Pending == nil || slices.Contains(b.Pending, s.Name)}
	r := &method.Reader{Stream: s, Incremental: sel.Incremental}
	r.Methods = method.For(method.Choice{
		Stream: s, Incremental: sel.Incremental, Plain: c.entry.Plain,
		Partners: partners(b.Selected, b.State, s), Facts: &b.Facts,
	})
	l := method.Of(r.Methods[len(r.Methods)-1]).Listing(s)
	b.setScope(r, l, c.entry.Plain)
	if s.Body && !sel.Removed.Whole("body") {
		r.BodyFormat = bodyParameter(b.Config)
		r.Markdown = sel.Markdown
	}
	r.Audited = b.Config.AuditSamples > 0 && (!sel.Incremental || !c.entry.Audited)
	c.reader = r
	b.setSince(c)
	c.walk = walkOf{listing: l, incremental: sel.Incremental && l == s.Listing}
	// Progress parses: ParseSinger and ParseAirbyte have checked it.
	if p, err := state.ParseProgress(c.entry.Progress); err == nil {
		c.progress = p
	}
	return c
}

// bodyParameter is the format that bodies are asked for in.
func bodyParameter(cfg *config.Config) string {
	switch cfg.BodyFormat {
	case "none":
		return ""
	case config.Markdown:
		return "storage" // Markdown is made here, from storage format
	}
	return cfg.BodyFormat
}

// setScope says which rows of the listing count for a stream.
func (b *builder) setScope(r *method.Reader, l *stream.Listing, plain bool) {
	s, wanted := r.Stream, b.Config.PageStatus
	switch {
	case s.Node != nil:
		r.Statuses = stream.Live
	case s.Derive == stream.ChildOf:
		r.Statuses, r.ChildStatuses = wanted, wanted
		if plain {
			r.Statuses = append(slices.Clone(stream.Live), without(wanted, stream.Live)...)
		}
	case s.IsChild() && s.Parent.Statuses == nil:
	case s.IsChild():
		r.Statuses = both(wanted, stream.Live)
	case l == s.Parent && l.Statuses != nil: // comments, read per page
		r.Statuses = both(stream.Live, l.Statuses)
	case l.Statuses != nil:
		r.Statuses = wanted
	}
}

// setSince sets the bookmarks of an incremental stream. The stream begins at the anchor if it has no
// bookmark, or if the spaces or statuses have changed since.
func (b *builder) setSince(c *candidate) {
	r := c.reader
	if !r.Incremental {
		return
	}
	r.Since = b.anchor()
	if c.entry.ReplicationKeyValue == "" || c.entry.Scope != scopeHash(r, b.Facts.Spaces) {
		return
	}
	r.Since = timeOf(c.entry.ReplicationKeyValue)
	r.Types = map[string]time.Time{}
	for kind, value := range c.entry.Partitions {
		if value != "" { // empty: only a full read has found the type
			r.Types[kind] = timeOf(value)
		}
	}
}

// anchor returns the first bookmark of incremental streams. If the site's clock and the local one
// differ, the earlier counts: a later anchor would skip changes, an earlier one only reads more.
func (b *builder) anchor() time.Time {
	if !b.Config.AnchorDate.IsZero() {
		return b.Config.AnchorDate
	}
	now := b.Facts.Clock
	if b.Facts.Local.Before(now) {
		now = b.Facts.Local
	}
	return now.AddDate(-1, 0, 0).UTC().Truncate(time.Second)
}

func timeOf(text string) time.Time {
	t, _ := timestamp.Parse(text) // Parse has checked a state's dates
	return t
}

// settled reports whether the run does not read a stream: the sync has read it already, or the site
// does not offer it.
func (b *builder) settled(c *candidate) bool {
	r := c.reader
	if c.walk.listing.Typed && b.Facts.TypesErr != nil {
		b.plan.Settled = append(b.plan.Settled, Settled{Name: r.Stream.Name, Failed: b.Facts.TypesErr, Hash: "unplanned"})
		b.keepStart(c)
		return true
	}
	if r.Stream.Roles && b.Facts.Roles == site.NoRoles {
		b.plan.Settled = append(b.plan.Settled, Settled{Name: r.Stream.Name, Empty: NoRoles})
		b.keepStart(c)
		return true
	}
	r.Hash = doneHash(r, b.Facts.Spaces, b.listsOf(c.walk))
	p := c.progress
	if c.lookup() > 0 && (b.reads || len(c.entry.NamedIDs()) > 0 || p.Stage == state.Failed) {
		return false // records of this run may name more ids, or some ids are still to be looked up
	}
	if !b.counts(c) || p.Hash != r.Hash {
		return false
	}
	switch p.Stage {
	case state.Done:
		if r.Incremental {
			return false
		}
		b.plan.Settled = append(b.plan.Settled, Settled{Name: r.Stream.Name})
	case state.Failed:
		b.plan.Settled = append(b.plan.Settled, Settled{Name: r.Stream.Name, Failed: errEarlier, Hash: r.Hash})
	default:
		return false
	}
	b.keepStart(c)
	return true
}

var errEarlier = errors.New("it failed in an earlier run of this sync; the next sync reads it again")

// NoRoles says why the streams of space roles are empty, for the log.
const NoRoles = "the site is from before space roles: the stream is empty"

// counts reports whether a stream's progress is of the sync under way.
func (b *builder) counts(c *candidate) bool { return counts(c.entry, b.Run) }

// resume finds the place where a stream resumes. An incremental position also counts in a later
// sync, since its hash covers the bookmark that it started from. Streams resume together only if one
// walk read them so far: places of different walks can't be compared. A position at the very
// beginning is dropped.
func (b *builder) resume(c *candidate) {
	if c.progress.Stage != state.Underway || !b.counts(c) && !c.reader.Incremental {
		return
	}
	place, ok := found(c.progress, c.reader, b.Facts.Spaces, b.listsOf(c.walk))
	if !ok {
		return
	}
	c.kept = true
	if c.reader.Audited && place.At.Stalled >= 2 {
		c.reader.Audited = false
		b.notice(c.reader.Stream.Name, "two runs in a row were cut before they got anywhere; its audits are left out", true)
	}
	if place.List > 0 || place.At.Begun() {
		c.walk.resumed, c.place = place.At.Walk, place
	}
}

// listsOf returns the lists of a walk, with every status and body that its selected streams want.
func (b *builder) listsOf(w walkOf) []List {
	l := lister{listing: w.listing, incremental: w.incremental, facts: &b.Facts, learned: b.Facts.Learned[w.listing], spaces: site.InSpaces(b.Config)}
	for _, c := range b.all {
		if c.walk.listing != w.listing || c.walk.incremental != w.incremental {
			continue
		}
		l.statuses = append(l.statuses, without(c.reader.Statuses, l.statuses)...)
		if c.reader.BodyFormat != "" && c.reader.Stream.Listing == w.listing {
			l.body = c.reader.BodyFormat
		}
	}
	return l.lists()
}

// walk makes one walk.
func (b *builder) walk(of walkOf, candidates []*candidate) *Walk {
	w := &Walk{Listing: of.listing, Incremental: of.incremental, Lists: b.listsOf(of)}
	var places []Place
	for _, c := range candidates {
		w.Readers = append(w.Readers, c.reader)
		if c.kept {
			w.Stalled = max(w.Stalled, c.progress.At.Stalled)
		}
		places = append(places, c.place)
	}
	if of.resumed == "" {
		return w
	}
	w.From = least(places)
	w.Places = map[*method.Reader]state.Position{}
	for i, c := range candidates {
		w.Places[c.reader] = places[i].At
	}
	if of.incremental {
		w.first()
	}
	return w
}

// first moves the lists of the position's type of custom content to the front. The other types have
// bookmarks of their own, so their order does not matter.
func (w *Walk) first() {
	at := w.Lists[w.From.List]
	meant := func(l List) bool { return l.Type == at.Type }
	slices.SortStableFunc(w.Lists, func(a, b List) int {
		switch {
		case meant(a) && !meant(b):
			return -1
		case !meant(a) && meant(b):
			return 1
		}
		return 0
	})
	w.From.List = slices.IndexFunc(w.Lists, func(l List) bool { return l.Name == at.Name })
}

// start adds how the sync begins a stream, and what the user should know about that.
func (b *builder) start(c *candidate) {
	r := c.reader
	st := state.Start{Name: r.Stream.Name, Scope: c.entry.Scope, Named: c.lookup() > 0}
	if c.kept {
		st.Progress = c.progress
	}
	if r.Stream.Listing.Typed && r.Stream.ReplicationKey != "" {
		st.Types = b.Facts.Types
	}
	if r.Incremental {
		st.ReplicationKey, st.Bookmark, st.Scope = r.Stream.ReplicationKey, r.Since, scopeHash(r, b.Facts.Spaces)
		b.notices(c, st.Scope)
		st.Rewind = c.entry.ReplicationKeyValue != "" && c.entry.Scope != st.Scope
	}
	b.plan.Starts = append(b.plan.Starts, st)
}

// keepStart begins a stream that is not read: its entry stays as it is.
func (b *builder) keepStart(c *candidate) {
	b.plan.Starts = append(b.plan.Starts, state.Start{Name: c.reader.Stream.Name, Progress: c.progress})
}

func (b *builder) notices(c *candidate, scope string) {
	name, bookmark := c.reader.Stream.Name, c.entry.ReplicationKeyValue
	switch {
	case bookmark == "":
		b.notice(name, "no bookmark yet: reading changes since the anchor date (setting anchor_date)", b.Config.AnchorDate.IsZero())
	case c.entry.Scope != scope:
		b.notice(name, "the spaces or statuses changed: reading changes since the anchor date again", true)
	}
}

// notice adds a notice, or adds the stream to the notice of the same text.
func (b *builder) notice(name, text string, warning bool) {
	for i, n := range b.plan.Notices {
		if n.Text == text {
			b.plan.Notices[i].Names = append(n.Names, name)
			return
		}
	}
	b.plan.Notices = append(b.plan.Notices, Notice{Names: []string{name}, Text: text, Warning: warning, Date: b.anchor()})
}

// String describes the walk in one line, for logs.
func (w *Walk) String() string {
	mode := "in full"
	if w.Incremental {
		mode = "changes"
	}
	return fmt.Sprintf("%s, %s, %d lists, %d streams", w.Listing.Name, mode, len(w.Lists), len(w.Readers))
}

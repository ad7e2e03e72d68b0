package engine

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Estimate is what a sync would cost, from cheap counts and a few samples. All figures but
// Asked are estimates.
type Estimate struct {
	Walks []WalkEstimate
	// Requests is the sum over all walks, Asked what the estimate itself took.
	Requests, Asked int
	Rows            int
	// Unknown names what could not be counted, in sentences.
	Unknown []string
}

// WalkEstimate is what one walk would cost.
type WalkEstimate struct {
	Pass        string
	Incremental bool
	Streams     []string
	// Routes says in words how the records are had.
	Routes string
	// Listing, Children and Audits are requests; Rows are records of all streams.
	Listing, Children, Audits, Rows int
}

// Requests is the sum of the walk's requests.
func (w WalkEstimate) Requests() int { return w.Listing + w.Children + w.Audits }

// Estimate finds out what Sync would do, without reading more than counts and samples.
func (r *Run) Estimate(ctx context.Context) (Estimate, error) {
	before := r.Client.Stats().Requests
	if err := r.spaces.resolve(ctx, r); err != nil {
		return Estimate{}, err
	}
	walks, err := r.plan(ctx)
	if err != nil {
		return Estimate{}, err
	}
	e := estimator{run: r, sizes: map[*stream.Listing]int{}, shapes: map[*stream.Listing]shape{}}
	for _, w := range walks {
		est, err := e.walk(ctx, w)
		if err != nil {
			return Estimate{}, err
		}
		e.out.Walks = append(e.out.Walks, est)
		e.out.Requests += est.Requests()
		e.out.Rows += est.Rows
	}
	e.out.Asked = int(r.Client.Stats().Requests - before)
	return e.out, nil
}

// estimator remembers what it counted.
type estimator struct {
	run    *Run
	out    Estimate
	sizes  map[*stream.Listing]int
	shapes map[*stream.Listing]shape
}

// shape is what a sample of parents looks like.
type shape struct {
	first float64            // share of parents at version 1
	rows  map[string]float64 // average rows of a block per parent, by its name
	long  map[string]float64 // share of parents whose block has more than a combined read shows
}

func (e *estimator) walk(ctx context.Context, w *walk) (WalkEstimate, error) {
	est := WalkEstimate{Pass: w.listing.Name, Incremental: w.incremental, Streams: w.names(), Routes: w.why()}
	n, err := e.size(ctx, w)
	if err != nil {
		return est, err
	}
	limit := float64(min(e.run.Config.PageSize, w.listing.MaxLimit))
	est.Listing = max(len(w.lists), int(math.Ceil(float64(n)/limit)))
	done := 0
	if w.before.N > 0 && !w.incremental {
		done = min(w.before.N, n)
		est.Listing -= int(float64(done) / limit)
	}
	est.Rows = (n - done) * len(w.own)
	if w.listing == stream.FooterComments || w.listing == stream.InlineComments {
		est.Rows = n // a row is one stream's
	}
	if len(w.children) > 0 {
		s, err := e.shape(ctx, w.listing)
		if err != nil {
			return est, err
		}
		perParent, rows := w.perParent(s)
		est.Children = int(perParent * float64(n-done))
		est.Rows += int(rows * float64(n-done))
	}
	if !w.incremental && e.run.Config.AuditSamples > 0 {
		est.Audits = w.auditCost(e.run.Config.AuditSamples, n)
	}
	return est, nil
}

// perParent is how many requests and records a parent costs on average.
func (w *walk) perParent(s shape) (requests, rows float64) {
	var combined, alone, versions float64
	for _, f := range w.children {
		name := f.stream.Include
		rows += s.rows[name]
		switch {
		case w.listing == stream.Labels:
			requests++
		case f.stream.Derive == stream.ChildOf && !f.plain:
			rows += 0.9 // nearly every page lies below another one
		case f.stream.Derive == stream.FirstVersion && !f.plain:
			versions++
		case name != "" && !f.plain:
			combined++
			requests += s.long[name]
		default:
			alone++
		}
	}
	requests += alone
	single := func(n float64) float64 {
		if w.incremental {
			return n
		}
		return math.Min(n, 1)
	}
	return requests + s.first*single(combined) + (1-s.first)*single(combined+versions), rows
}

// auditCost guesses the requests of a walk's audits: a plain list for each sample and
// stream, and the replies of sampled comments.
func (w *walk) auditCost(samples, n int) int {
	cost := 0
	for _, f := range w.feeds {
		switch w.shortcutOf(f) {
		case "":
			if f.stream.Include != "" && !f.plain && w.listing != stream.Labels {
				cost += min(samples*3/2, n)
			}
		case "site-wide list":
			cost += 6 * samples
		default:
			cost += 2 * samples
		}
	}
	return cost
}

// size estimates how many rows a walk's listings have.
func (e *estimator) size(ctx context.Context, w *walk) (int, error) {
	if w.incremental && w.ordered() && !w.partitioned() {
		return e.changedRows(ctx, w)
	}
	if n, ok := e.sizes[w.listing]; ok {
		return n, nil
	}
	n, err := e.count(ctx, w)
	if err != nil {
		if endsRun(ctx, err) {
			return 0, err
		}
		e.out.Unknown = append(e.out.Unknown, "how many "+w.listing.Name+" there are ("+client.KindOf(err).String()+")")
		n = 0
	}
	e.sizes[w.listing] = n
	return n, nil
}

func (e *estimator) count(ctx context.Context, w *walk) (int, error) {
	switch w.listing {
	case stream.Labels:
		return e.run.countLabels(ctx, math.MaxInt)
	case stream.Pages, stream.BlogPosts, stream.Attachments:
		return e.run.countKind(ctx, searchKinds[w.listing])
	case stream.FooterComments, stream.InlineComments:
		n, err := e.run.countKind(ctx, "comment")
		return n / 2, err // the search doesn't tell the two apart
	case stream.CustomContent:
		n := 0
		for _, l := range w.lists {
			m, err := e.run.countKind(ctx, `"`+l.partition+`"`)
			if err != nil {
				return 0, err
			}
			n += m
		}
		return n, nil
	case stream.Tasks:
		return e.tasks(ctx)
	case stream.Groups:
		doc, err := e.run.Client.Get(ctx, client.Request{Path: w.listing.Route, Query: query{{"limit", "200"}}, Scopes: w.listing.Scopes})
		return elements(doc.Get("results")), err
	}
	n := 0
	for _, l := range w.lists {
		req := l.request
		req.Ahead = false
		if err := e.run.each(ctx, req, func(row) error { n++; return nil }); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// tasks estimates the tasks from those of the pages at both ends of the listing.
func (e *estimator) tasks(ctx context.Context) (int, error) {
	pages, err := e.run.countKind(ctx, "page")
	if err != nil {
		return 0, err
	}
	pools, err := e.run.pools(ctx, stream.Pages)
	if err != nil {
		return 0, err
	}
	sampled, found := 0, 0
	for _, pool := range pools {
		ids := make([]string, len(pool))
		for i, p := range pool {
			ids[i] = p.id
		}
		rows, err := e.run.firstRows(ctx, client.Request{Path: stream.Path(stream.Tasks.Route, ""), Query: query{{"page-id", strings.Join(ids, ",")}}, Scopes: stream.Tasks.Scopes}, 250)
		if err != nil {
			return 0, err
		}
		sampled, found = sampled+len(pool), found+len(rows)
	}
	if sampled == 0 {
		return 0, nil
	}
	return pages * found / sampled, nil
}

// changedRows counts the rows at or above the lowest bookmark, on the listing's first page.
func (e *estimator) changedRows(ctx context.Context, w *walk) (int, error) {
	n := 0
	for i := range w.lists {
		l := &w.lists[i]
		if l.trash {
			continue
		}
		rows, err := e.run.firstRows(ctx, l.request, w.listing.MaxLimit)
		if err != nil {
			return 0, err
		}
		low := newReading(w, i, w.before).low
		m := 0
		for _, row := range rows {
			if t, err := changed(w.changeField(), row.Object); err == nil && !t.Before(low) {
				m++
			}
		}
		if m == w.listing.MaxLimit {
			full, err := e.run.countKind(ctx, searchKinds[w.listing])
			if err == nil {
				m = extrapolate(rows, low, w.changeField(), full)
			}
		}
		n += m
	}
	return n, nil
}

// extrapolate guesses how many rows changed since a time from how far a page reaches back.
func extrapolate(rows []copied, since time.Time, field string, most int) int {
	newest, err1 := changed(field, rows[0].Object)
	oldest, err2 := changed(field, rows[len(rows)-1].Object)
	if err1 != nil || err2 != nil || !newest.After(oldest) {
		return most
	}
	n := float64(len(rows)) * newest.Sub(since).Seconds() / newest.Sub(oldest).Seconds()
	return int(math.Min(n, float64(most)))
}

func elements(v rawjson.Value) int {
	n := 0
	for range v.Elements() {
		n++
	}
	return n
}

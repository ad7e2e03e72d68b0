package site

import (
	"context"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Measure says what Size measures of a listing.
type Measure struct {
	Listing *stream.Listing
	// Lists are the requests of the walk's lists. Types are the types of custom content among them.
	Lists []client.Request
	Types []string
	// Since is the lowest bookmark of a listing in order of change, else zero.
	Since time.Time
	// Shape reports whether a sample of the items is read, too.
	Shape bool
}

// Size holds estimates of a listing.
type Size struct {
	// Rows estimates the rows that the walk reads. Elsewhere estimates the rows of other spaces, which
	// its lists show as well.
	Rows, Elsewhere int
	// Shape describes a sample of the items.
	Shape Shape
	// Unknown names, as a phrase for people, the count that the site did not give; empty if it gave all.
	Unknown string
}

// Shape describes a sample of parents. Shares go from 0 to 1.
type Shape struct {
	// First is the share of parents at version 1.
	First float64
	// Hidden is the share of items that a search for content does not show: the archived ones.
	Hidden float64
	// Rows is the average number of rows per parent, by block. Long is the share of parents with more
	// rows than a block shows.
	Rows, Long map[string]float64
}

// shapeSamples is how many parents are looked at per listing.
const shapeSamples = 8

// Block returns the rows of one block of a combined read, and reports whether they are certainly all.
// It is method.Block, which this package can't import.
type Block func(doc rawjson.Object, name string) (rows []rawjson.Object, complete bool)

// Size measures a listing with few requests. A count that the site refuses is Unknown; an error
// interrupts the sync.
func (s *Site) Size(ctx context.Context, m Measure, spaces Spaces, block Block) (Size, error) {
	var size Size
	n, err := s.size(ctx, m, spaces)
	if err != nil {
		if err := s.Judge(ctx, err); err != nil {
			return size, err
		}
		size.Unknown = uncounted(m.Listing, err)
	}
	size.Rows = n
	if spaces.Narrowed() && m.Listing.Containers != nil && m.Listing.SpaceParam == "" && m.Since.IsZero() {
		all, err := s.searchedFor(ctx, m.Listing, true)
		if err != nil {
			return size, s.Judge(ctx, err)
		}
		size.Elsewhere = max(0, all-n)
	}
	if m.Listing.Nodes != nil && n > 0 {
		if err := s.measureNodes(ctx, m.Listing, &size); err != nil {
			return size, err
		}
	}
	if m.Listing == stream.Content && n > 0 {
		shown, err := s.searched(ctx, m.Listing)
		if err != nil {
			return size, s.Judge(ctx, err)
		}
		size.Shape.Hidden = max(0, 1-float64(shown)/float64(n))
	}
	if m.Shape && blocksOf(m.Listing) != nil {
		if size.Shape, err = s.shape(ctx, m.Listing, spaces, block); err != nil {
			return size, s.Judge(ctx, err)
		}
	}
	return size, nil
}

// uncounted names a count that the site did not give.
func uncounted(l *stream.Listing, err error) string {
	return "how many " + l.Name + " there are (" + client.KindOf(err).String() + ")"
}

// measureNodes estimates how many items of each kind the page tree has per row. The error interrupts
// the sync.
func (s *Site) measureNodes(ctx context.Context, l *stream.Listing, size *Size) error {
	size.Shape.Rows = map[string]float64{}
	for _, node := range l.Nodes {
		count, err := s.Count(ctx, node, false)
		if err != nil {
			size.Unknown = uncounted(node, err)
			return s.Judge(ctx, err)
		}
		size.Shape.Rows[node.SearchType] = float64(count) / float64(size.Rows)
	}
	return nil
}

// size estimates how many rows a walk's lists have.
func (s *Site) size(ctx context.Context, m Measure, spaces Spaces) (int, error) {
	switch l := m.Listing; {
	case !m.Since.IsZero():
		return s.changedRows(ctx, m)
	case l.SearchType != "":
		return s.searchedFor(ctx, l, false)
	case l.Typed:
		var types []*stream.Listing
		for _, kind := range m.Types {
			types = append(types, &stream.Listing{SearchType: quoted([]string{kind})})
		}
		return s.sumCounts(ctx, types)
	case l == stream.Tasks:
		return s.tasks(ctx, spaces)
	case l.Of != nil:
		return s.sumCounts(ctx, l.Of)
	case l.Bulk != nil:
		n, _, err := s.total(ctx, listRequest(l, query{{"limit", "1"}}))
		return n, err
	case l.Offset:
		return s.offsetRows(ctx, l)
	}
	n := 0
	for _, req := range m.Lists {
		req.Ahead = false
		if err := s.rows(ctx, req, func(rawjson.Object) error { n++; return nil }); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// sumCounts estimates how many items some listings have together in the run's spaces.
func (s *Site) sumCounts(ctx context.Context, listings []*stream.Listing) (int, error) {
	sum := 0
	for _, l := range listings {
		n, err := s.Count(ctx, l, false)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// searchedFor estimates the rows of a listing that a search counts. It counts both kinds of comments
// together: half of them are taken for each.
func (s *Site) searchedFor(ctx context.Context, l *stream.Listing, wholeSite bool) (int, error) {
	n, err := s.Count(ctx, l, wholeSite)
	if l == stream.FooterComments || l == stream.InlineComments {
		n /= 2
	}
	return n, err
}

// offsetRows finds the length of a list that pages by offset and gives no total. It doubles the offset
// until an answer is not full, then searches between the last two offsets.
func (s *Site) offsetRows(ctx context.Context, l *stream.Listing) (int, error) {
	full, empty := 0, math.MaxInt // where the last full answer ends, and the first empty one begins
	for at := 0; ; {
		doc, err := s.client.Get(ctx, listRequest(l, query{{"start", strconv.Itoa(at)}, {"limit", strconv.Itoa(l.MaxLimit)}}))
		if err != nil {
			return 0, err
		}
		n := 0
		for range doc.Get("results").Elements() {
			n++
		}
		switch {
		case n > 0 && n < l.MaxLimit || at == 0 && n == 0:
			return at + n, nil
		case n == 0:
			empty = at
		default:
			full = at + n
		}
		switch {
		case empty <= full:
			return full, nil
		case empty == math.MaxInt:
			at = 2 * full
		case empty-full <= l.MaxLimit:
			at = full
		default:
			at = (full + empty) / 2
		}
	}
}

// tasks estimates the number of tasks from the tasks of the pages at both ends of their listing.
func (s *Site) tasks(ctx context.Context, spaces Spaces) (int, error) {
	pages, err := s.Count(ctx, stream.Pages, false)
	if err != nil {
		return 0, err
	}
	ends, err := s.Ends(ctx, stream.Pages, spaces)
	if err != nil {
		return 0, err
	}
	sampled, found := 0, 0
	for _, rows := range ends {
		ids := make([]string, len(rows))
		for i, row := range rows {
			ids[i] = row.Get("id").AsText()
		}
		page, err := s.client.Pager(listRequest(stream.Tasks, query{{"page-id", strings.Join(ids, ",")}}), stream.Tasks.MaxLimit).Page(ctx, "")
		if err != nil {
			return 0, err
		}
		sampled, found = sampled+len(rows), found+len(page.Rows)
		page.Release()
	}
	if sampled == 0 {
		return 0, nil
	}
	return pages * found / sampled, nil
}

// changedRows counts the rows at or above the lowest bookmark on the lists' first pages. If that is a
// whole page, it estimates the rest from how far the page reaches back in time.
func (s *Site) changedRows(ctx context.Context, m Measure) (int, error) {
	n := 0
	for _, req := range m.Lists {
		req = req.Without(stream.BodyParam)
		req.Ahead, req.Once = false, true // an estimate is worth no retries
		page, err := s.client.Pager(req, m.Listing.MaxLimit).Page(ctx, "")
		if err != nil {
			return 0, err
		}
		var times []time.Time
		for _, row := range page.Rows {
			if t, ok := record.Time(row.Inside(m.Listing.Changed)); ok && !t.Before(m.Since) {
				times = append(times, t)
			}
		}
		more := page.Next != "" && len(times) == len(page.Rows) && len(times) > 1
		page.Release()
		if !more {
			n += len(times)
			continue
		}
		reach := times[0].Sub(times[len(times)-1]).Seconds()
		guess := float64(len(times)) * times[0].Sub(m.Since).Seconds() / math.Max(reach, 1)
		if most, err := s.Count(ctx, m.Listing, false); err == nil {
			guess = math.Min(guess, float64(most))
		}
		n += int(guess)
	}
	return n, nil
}

// shape reads a few items of a listing, always the same ones for the same site.
func (s *Site) shape(ctx context.Context, l *stream.Listing, spaces Spaces, block Block) (Shape, error) {
	out := Shape{Rows: map[string]float64{}, Long: map[string]float64{}}
	ends, err := s.Ends(ctx, l, spaces)
	if err != nil {
		return out, err
	}
	var all []Sample
	first := 0
	for _, rows := range ends {
		all = append(all, rows...)
		for _, row := range rows {
			if string(row.Get("version").Member("number")) == "1" {
				first++
			}
		}
	}
	if len(all) == 0 {
		return out, nil
	}
	out.First = float64(first) / float64(len(all))
	blocks := blocksOf(l)
	order := rand.New(rand.NewPCG(1, 1)).Perm(len(all)) //nolint:gosec // samples are no secrets
	sample := order[:min(shapeSamples, len(order))]
	for _, i := range sample {
		s.look(ctx, l, all[i], blocks, block, &out, 1/float64(len(sample)))
	}
	return out, nil
}

// searched counts the items of a joint listing that a search for content shows. It shows no archived
// items, and no items of archived spaces.
func (s *Site) searched(ctx context.Context, l *stream.Listing) (int, error) {
	n := 0
	for _, of := range l.Of {
		count, _, err := s.total(ctx, searchRequest(query{{"cql", "type=" + of.SearchType + InSpaces(s.cfg)}, {"limit", "1"}}))
		if err != nil {
			return 0, err
		}
		n += count
	}
	return n, nil
}

// blocksOf names the blocks that a combined read of a listing's items can hold.
func blocksOf(l *stream.Listing) []string {
	var blocks []string
	for _, st := range stream.Every() {
		if st.Parent == l && st.Include != "" {
			blocks = append(blocks, st.Include)
		}
	}
	return blocks
}

// look reads one item and adds it to the averages. It skips an item that can't be read.
func (s *Site) look(ctx context.Context, l *stream.Listing, row Sample, blocks []string, block Block, out *Shape, weight float64) {
	req := ItemRequest(l, row.Get("id").AsText(), row.Get("status").AsText())
	for _, name := range blocks {
		req.Query = append(req.Query, [2]string{"include-" + name, "true"})
	}
	doc, err := s.client.Get(ctx, req)
	if err != nil {
		return
	}
	for _, name := range blocks {
		rows, complete := block(doc, name)
		if !complete {
			out.Long[name] += weight
			out.Rows[name] += 60 * weight // more than the 50 that are shown
			continue
		}
		out.Rows[name] += float64(len(rows)) * weight
	}
}

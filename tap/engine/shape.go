package engine

import (
	"context"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// searchKinds are the names that a search has for what the listings list.
var searchKinds = map[*stream.Listing]string{stream.Pages: "page", stream.BlogPosts: "blogpost", stream.Attachments: "attachment"}

// shapeSamples is how many parents an estimate looks at per listing.
const shapeSamples = 8

// shape looks at a few parents of a listing.
func (e *estimator) shape(ctx context.Context, l *stream.Listing) (shape, error) {
	if s, ok := e.shapes[l]; ok || l == stream.Labels {
		return s, nil
	}
	s := shape{rows: map[string]float64{}, long: map[string]float64{}}
	pools, err := e.run.pools(ctx, l)
	if err != nil {
		return s, err
	}
	var all []*parent
	first := 0
	for _, pool := range pools {
		all = append(all, pool...)
		for _, p := range pool {
			if p.version == 1 {
				first++
			}
		}
	}
	if len(all) > 0 {
		s.first = float64(first) / float64(len(all))
	}
	sample := choose(e.run.random, all, shapeSamples)
	for _, p := range sample {
		if err := e.look(ctx, l, p, &s, 1/float64(len(sample))); err != nil {
			return s, err
		}
	}
	e.shapes[l] = s
	return s, nil
}

// look adds one parent to the averages.
func (e *estimator) look(ctx context.Context, l *stream.Listing, p *parent, s *shape, weight float64) error {
	blocks := []string{"labels", "properties"}
	if l != stream.Spaces {
		blocks = append(blocks, "versions")
	}
	var q query
	for _, name := range blocks {
		q = q.with("include-"+name, "true")
	}
	if p.status != "" && p.status != stream.Current && l.Body {
		q = q.with("status", p.status)
	}
	doc, err := e.run.Client.Get(ctx, itemRequest(l, p.id, q))
	if err != nil {
		if endsRun(ctx, err) {
			return err
		}
		return nil // a sample less
	}
	for _, name := range blocks {
		rows, more, err := block(doc, name)
		switch {
		case err != nil:
			return err
		case more:
			s.long[name] += weight
			s.rows[name] += 60 * weight // more than the 50 that are shown
		default:
			s.rows[name] += float64(len(rows)) * weight
		}
	}
	return nil
}

// countKind counts what a search finds of a kind, archived content included.
func (r *Run) countKind(ctx context.Context, kind string) (int, error) {
	q := "type=" + kind
	if len(r.Config.SpaceKeys) > 0 {
		q += " and space in (" + quoted(r.Config.SpaceKeys) + ")"
	}
	if len(r.Config.ExcludeSpaceKeys) > 0 {
		q += " and space not in (" + quoted(r.Config.ExcludeSpaceKeys) + ")"
	}
	return r.searchCount(ctx, q)
}

func quoted(keys []string) string {
	return `"` + strings.Join(keys, `","`) + `"`
}

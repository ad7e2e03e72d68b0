package site

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Count estimates how many items a listing has in the run's spaces, or on the whole site. It is the
// count of a search: items of archived spaces count, archived pages do not.
func (s *Site) Count(ctx context.Context, l *stream.Listing, wholeSite bool) (int, error) {
	cql := "type=" + l.SearchType
	if !wholeSite {
		cql += InSpaces(s.cfg)
	}
	return s.counts.get(ctx, cql, func(ctx context.Context) (int, error) {
		n, doc, err := s.total(ctx, searchRequest(query{{"cql", cql}, {"limit", "1"}, {"includeArchivedSpaces", "true"}}))
		if err != nil {
			return 0, err
		}
		archived, err := strconv.Atoi(string(doc.Get("archivedResultCount")))
		if err != nil {
			return n, nil //nolint:nilerr // not every answer tells
		}
		return n + archived, nil
	})
}

// total returns how much a search found, and its answer.
func (s *Site) total(ctx context.Context, search client.Request) (int, rawjson.Object, error) {
	doc, err := s.client.Get(ctx, search)
	if err != nil {
		return 0, doc, SearchError(err)
	}
	n, err := strconv.Atoi(string(doc.Get("totalSize")))
	if err != nil {
		return 0, doc, &client.Error{Kind: client.KindMalformed, Message: "a search does not say how much it found"}
	}
	return n, doc, nil
}

// InSpaces returns the clause that narrows a search (CQL) to the spaces of the settings, empty for all.
func InSpaces(cfg *config.Config) string {
	cql := ""
	if len(cfg.SpaceKeys) > 0 {
		cql += " and space in (" + quoted(cfg.SpaceKeys) + ")"
	}
	if len(cfg.ExcludeSpaceKeys) > 0 {
		cql += " and space not in (" + quoted(cfg.ExcludeSpaceKeys) + ")"
	}
	return cql
}

// AtLeast returns how many rows a listing's first page holds, plus one if more pages follow.
func (s *Site) AtLeast(ctx context.Context, l *stream.Listing) (int, error) {
	return s.counts.get(ctx, "first page of "+l.Name, func(ctx context.Context) (int, error) {
		page, err := s.client.Pager(listRequest(l, nil), l.MaxLimit).Page(ctx, "")
		if err != nil {
			return 0, err
		}
		defer page.Release()
		if page.Next == "" {
			return len(page.Rows), nil
		}
		return len(page.Rows) + 1, nil
	})
}

// CountLabels counts the site's labels. It stops once it has counted more than most.
func (s *Site) CountLabels(ctx context.Context, most int) (int, error) {
	return s.labels.get(ctx, struct{}{}, func(ctx context.Context) (int, error) {
		pager := s.client.Pager(listRequest(stream.Labels, nil), stream.Labels.MaxLimit)
		n := 0
		for cursor := ""; ; {
			page, err := pager.Page(ctx, cursor)
			if err != nil {
				return 0, err
			}
			n += len(page.Rows)
			cursor = page.Next
			page.Release()
			if cursor == "" || n > most {
				return n, nil
			}
		}
	})
}

// Ends returns the first and the last rows of a listing in the run's spaces, for each status but those
// of the trash. Audits and estimates draw their samples from them. There is a slice for each status
// and end that has rows.
func (s *Site) Ends(ctx context.Context, l *stream.Listing, spaces Spaces) ([][]Sample, error) {
	return s.ends.get(ctx, l, func(ctx context.Context) ([][]Sample, error) {
		parts, err := s.parts(ctx, l)
		if err != nil {
			return nil, err
		}
		ends := make([][]Sample, 2*len(parts))
		g, ctx := errgroup.WithContext(ctx)
		for i := range ends {
			g.Go(func() (err error) {
				q := endQuery(l, parts[i/2], i%2 == 1, spaces)
				ends[i], err = s.sampleOf(ctx, l, q, spaces)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
		return slices.DeleteFunc(ends, func(rows []Sample) bool { return len(rows) == 0 }), nil
	})
}

// parts returns the queries that split a listing: one for each status but those of the trash, or one
// for each type.
func (s *Site) parts(ctx context.Context, l *stream.Listing) ([]query, error) {
	var parts []query
	switch {
	case l.Typed:
		types, err := s.Types(ctx, nil)
		if err != nil {
			return nil, err
		}
		for _, t := range types {
			parts = append(parts, query{{"type", t}})
		}
	case l.Statuses != nil:
		for _, status := range inStatuses(l, stream.Live) {
			parts = append(parts, query{status})
		}
	default:
		parts = []query{nil}
	}
	return parts, nil
}

// endQuery asks for one end of a part of a listing.
func endQuery(l *stream.Listing, part query, last bool, spaces Spaces) query {
	q := slices.Clone(part)
	sort := l.Sort
	if last {
		sort = "-" + sort
	}
	if l.Sort != "" {
		q = q.with(stream.SortParam, sort)
	}
	if ids := spaces.Included; ids != nil && l.SpaceParam != "" {
		q = q.with(l.SpaceParam, strings.Join(ids[:min(len(ids), l.SpaceMax)], ","))
	}
	return q
}

// sampleOf returns the first rows of a listing that lie in the run's spaces.
func (s *Site) sampleOf(ctx context.Context, l *stream.Listing, q query, spaces Spaces) ([]Sample, error) {
	page, err := s.client.Pager(listRequest(l, q), l.MaxLimit).Page(ctx, "")
	if err != nil {
		return nil, err
	}
	defer page.Release()
	var rows []Sample
	verdicts, _ := s.Inside(ctx, l, spaces, page.Rows) // a row in doubt counts
	for i, v := range verdicts {
		if !v.Inside || page.Rows[i].Get("id").AsText() == "" {
			continue
		}
		own, err := rawjson.ParseObject(slices.Clone(page.Rows[i].Raw()))
		if err != nil {
			return nil, err
		}
		rows = append(rows, Sample{own})
	}
	return rows, nil
}

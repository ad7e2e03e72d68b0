package engine

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// copied is a row that outlives its answer.
type copied struct{ rawjson.Object }

// owner returns the id in one of the row's fields, empty if it has none.
func (c copied) owner(field string) string {
	id, _ := c.Get(field).Text()
	return id
}

// firstRows returns the first rows of a listing.
func (r *Run) firstRows(ctx context.Context, req client.Request, limit int) ([]copied, error) {
	page, err := r.Client.Pager(req, limit).Page(ctx, "")
	if err != nil {
		return nil, err
	}
	defer page.Release()
	rows := make([]copied, 0, len(page.Rows))
	for _, row := range page.Rows {
		own, err := rawjson.ParseObject(slices.Clone(row.Raw()))
		if err != nil {
			return nil, err
		}
		rows = append(rows, copied{own})
	}
	return rows, nil
}

// pool is a listing's parents to draw samples from, read once a run. ready is closed when
// they, or the error, are there.
type pool struct {
	ready   chan struct{}
	parents [][]*parent
	err     error
}

// pools returns parents to draw samples from: the first and the last of a listing, of each
// status that the run reads. Whoever asks first reads them, the others wait.
func (r *Run) pools(ctx context.Context, l *stream.Listing) ([][]*parent, error) {
	r.poolMu.Lock()
	p, known := r.poolOf[l]
	if !known {
		p = &pool{ready: make(chan struct{})}
		r.poolOf[l] = p
	}
	r.poolMu.Unlock()
	if !known {
		p.parents, p.err = r.readPools(ctx, l)
		close(p.ready)
	}
	select {
	case <-p.ready:
		return p.parents, p.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// readPools reads both ends of a listing for each status, all at once: they are the first
// requests of a run, when there is little else to ask.
func (r *Run) readPools(ctx context.Context, l *stream.Listing) ([][]*parent, error) {
	statuses := []string{""}
	if l.Statuses != nil {
		statuses = nil
		for _, s := range []string{stream.Current, stream.Archived} {
			if slices.Contains(l.Statuses, s) && slices.Contains(r.Config.PageStatus, s) {
				statuses = append(statuses, s)
			}
		}
	}
	pools := make([][]*parent, 2*len(statuses))
	g, ctx := errgroup.WithContext(ctx)
	for i := range pools {
		q := query(l.Query)
		if status := statuses[i/2]; status != "" {
			q = q.with("status", status)
		}
		q = q.with("sort", []string{l.Sort, "-" + l.Sort}[i%2])
		if named := r.spaces.included; named != nil && l.SpaceParam != "" {
			q = q.with(l.SpaceParam, strings.Join(named[:min(len(named), l.SpaceMax)], ","))
		}
		g.Go(func() error {
			rows, err := r.firstRows(ctx, client.Request{Path: stream.Path(l.Route, ""), Query: q, Scopes: l.Scopes}, l.MaxLimit)
			pools[i] = r.parentsOf(ctx, l, rows)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(pools, func(pool []*parent) bool { return len(pool) == 0 }), nil
}

// parentsOf makes parents of those rows of a listing that are of the run's spaces.
func (r *Run) parentsOf(ctx context.Context, l *stream.Listing, rows []copied) []*parent {
	parents := make([]*parent, 0, len(rows))
	keep := r.spaces.keepSpace(l.SpaceField)
	for _, row := range rows {
		if in, err := keep.takes(ctx, row.Object, 0); err != nil || !in {
			continue
		}
		p := &parent{id: row.owner("id")}
		if p.id == "" {
			continue // the walk itself says so
		}
		p.title, _ = row.Get("title").Text()
		p.status, _ = row.Get("status").Text()
		p.version = versionNumber(row.Object)
		if kind, _ := row.Get("parentType").Text(); kind == "page" {
			p.above = row.owner("parentId")
		}
		parents = append(parents, p)
	}
	return parents
}

package engine

import (
	"context"
	"slices"

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

// pools returns parents to draw samples from: the first and the last of a listing, of each
// status that the run reads. They are read once a run.
func (r *Run) pools(ctx context.Context, l *stream.Listing) ([][]*parent, error) {
	r.poolMu.Lock()
	defer r.poolMu.Unlock()
	if pools, ok := r.poolOf[l]; ok {
		return pools, nil
	}
	statuses := []string{""}
	if l.Statuses != nil {
		statuses = nil
		for _, s := range []string{stream.Current, stream.Archived} {
			if slices.Contains(l.Statuses, s) && slices.Contains(r.Config.PageStatus, s) {
				statuses = append(statuses, s)
			}
		}
	}
	var pools [][]*parent
	for _, status := range statuses {
		for _, sort := range []string{l.Sort, "-" + l.Sort} {
			q := query(l.Query)
			if status != "" {
				q = q.with("status", status)
			}
			req := client.Request{Path: stream.Path(l.Route, ""), Query: q.with("sort", sort), Scopes: l.Scopes}
			rows, err := r.firstRows(ctx, req, l.MaxLimit)
			if err != nil {
				return nil, err
			}
			if pool := parentsOf(rows); len(pool) > 0 {
				pools = append(pools, pool)
			}
		}
	}
	if r.poolOf == nil {
		r.poolOf = map[*stream.Listing][][]*parent{}
	}
	r.poolOf[l] = pools
	return pools, nil
}

func parentsOf(rows []copied) []*parent {
	parents := make([]*parent, 0, len(rows))
	for _, row := range rows {
		p := &parent{id: row.owner("id")}
		p.title, _ = row.Get("title").Text()
		p.status, _ = row.Get("status").Text()
		if kind, _ := row.Get("parentType").Text(); kind == "page" {
			p.above = row.owner("parentId")
		}
		parents = append(parents, p)
	}
	return parents
}

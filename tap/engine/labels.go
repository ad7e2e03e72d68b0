package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// byLabel says whether a stream of labels is better read the other way round: all labels,
// then what carries each of them. That pays only if nothing else is read per parent, and
// if there are fewer labels than parents.
func (r *Run) byLabel(ctx context.Context, f *feed) (bool, error) {
	if f.stream.Labelled == "" || f.plain || r.spaces.narrowed() || r.readsParents(f) {
		return false, nil
	}
	if e := r.ledger.entry(f.name); e.At != nil {
		// A walk keeps its route until it ends.
		lists, err := r.listsOf(ctx, stream.Labels, listing{})
		return err == nil && e.At.For == r.hash(stream.Labels, false, lists), err
	}
	parents, err := r.countParents(ctx, f.stream.Parent)
	if err != nil {
		return false, fatal(ctx, err) // the walk over these parents says so
	}
	labels, err := r.countLabels(ctx, parents)
	if err != nil {
		if endsRun(ctx, err) {
			return false, err
		}
		r.log.Debug("labels can't be listed; they are read parent by parent", "stream", f.name, "error", err)
		return false, nil
	}
	r.log.Debug("counted labels and their parents", "stream", f.name, "labels", labels, "parents", parents)
	return labels < parents, nil
}

// readsParents says whether another stream makes a request per parent anyway.
func (r *Run) readsParents(f *feed) bool {
	return slices.ContainsFunc(r.order, func(o *feed) bool {
		return o != f && !o.skip && o.stream.Parent == f.stream.Parent && o.stream.Include != "" && !o.sel.Incremental
	})
}

// countParents counts a listing's rows cheaply: by a search, or where that is refused, by
// the listing's first page, whose rows are the least there are.
func (r *Run) countParents(ctx context.Context, l *stream.Listing) (int, error) {
	n, err := r.countKind(ctx, searchKinds[l])
	if err == nil || endsRun(ctx, err) {
		return n, err
	}
	page, err := r.Client.Pager(client.Request{Path: stream.Path(l.Route, ""), Query: l.Query, Scopes: l.Scopes}, l.MaxLimit).Page(ctx, "")
	if err != nil {
		return 0, err
	}
	defer page.Release()
	if page.Next == "" {
		return len(page.Rows), nil
	}
	return len(page.Rows) + 1, nil
}

// searchCount asks a search how many items it would find.
func (r *Run) searchCount(ctx context.Context, cql string) (int, error) {
	doc, err := r.Client.Get(ctx, client.Request{
		Path: "/wiki/rest/api/search", Query: query{{"cql", cql}, {"limit", "1"}},
		Scopes: []string{"search:confluence", "read:content-details:confluence"},
	})
	if err != nil {
		return 0, searchError(err)
	}
	n, err := strconv.Atoi(string(doc.Get("totalSize")))
	if err != nil {
		return 0, &client.Error{Kind: client.KindMalformed, Message: "a search does not say how much it found"}
	}
	archived, err := strconv.Atoi(string(doc.Get("archivedResultCount")))
	if err != nil {
		return n, nil //nolint:nilerr // not every answer tells
	}
	return n + archived, nil
}

// countLabels counts the site's labels, but not beyond most.
func (r *Run) countLabels(ctx context.Context, most int) (int, error) {
	select {
	case r.labels.turn <- struct{}{}:
		defer func() { <-r.labels.turn }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	if r.labels.known {
		return r.labels.n, nil
	}
	pager := r.Client.Pager(client.Request{Path: stream.Path(stream.Labels.Route, ""), Scopes: stream.Labels.Scopes}, stream.Labels.MaxLimit)
	n := 0
	for cursor := ""; ; {
		p, err := pager.Page(ctx, cursor)
		if err != nil {
			return 0, err
		}
		n += len(p.Rows)
		cursor = p.Next
		p.Release()
		if cursor == "" {
			r.labels.known, r.labels.n = true, n
			return n, nil
		}
		if n > most {
			return n, nil
		}
	}
}

// labelCount remembers how many labels the site has. One counts them at a time.
type labelCount struct {
	turn  chan struct{}
	known bool
	n     int
}

// readLabelled reads which items carry a label. Items that the listing of their kind would
// not give, such as trashed ones, are left out.
func (w *walk) readLabelled(ctx context.Context, p *parent, f *feed) error {
	req := client.Request{
		Path: stream.Path(f.stream.Labelled, p.id), Query: query{{"sort", f.stream.Parent.Sort}}, Scopes: f.stream.Parent.Scopes,
	}
	label, err := rawjson.ParseObject(p.row)
	if err != nil {
		return fmt.Errorf("reading label %s back: %w", p.id, err)
	}
	err = f.readList(ctx, req, func(rows []row) error {
		var items []item
		for _, row := range rows {
			if status, ok := row.Get("status").Text(); ok && !slices.Contains(w.run.Config.PageStatus, status) {
				continue
			}
			id, _ := row.Get("id").Text()
			items = append(items, item{label, record.Source{ParentID: id}})
		}
		return f.write(items, f.since())
	})
	if client.KindOf(err) == client.KindNotFound {
		return w.labelVanished(ctx, p, err)
	}
	return err
}

// labelVanished finds out whether a label is gone; no route reads a single one.
func (w *walk) labelVanished(ctx context.Context, p *parent, cause error) error {
	found := false
	req := client.Request{Path: stream.Path(stream.Labels.Route, ""), Query: query{{"label-id", p.id}}, Scopes: stream.Labels.Scopes}
	err := w.run.each(ctx, req, func(row row) error {
		id, _ := row.Get("id").Text()
		found = found || id == p.id
		return nil
	})
	if err == nil && !found {
		return errVanished
	}
	return cause
}

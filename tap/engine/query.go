package engine

import (
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// query is the parameters of a request, in order. Methods return a new one.
type query [][2]string

func (q query) with(name, value string) query {
	return append(slices.Clip(slices.Clone(q)), [2]string{name, value})
}

// withBody asks for bodies in the configured format, if any.
func (q query) withBody(format string) query {
	if format == "none" {
		return q
	}
	return q.with("body-format", format)
}

// withStatuses asks for statuses, unless they are what the route gives unasked.
func (q query) withStatuses(l *stream.Listing, statuses []string) query {
	unasked := []string{stream.Current}
	if slices.Contains(l.Statuses, stream.Archived) {
		unasked = append(unasked, stream.Archived)
	}
	if slices.Equal(statuses, unasked) {
		return q
	}
	return q.with("status", strings.Join(statuses, ","))
}

// childRequest is the request of a stream's plain list of one parent.
func (f *feed) childRequest(id string) client.Request {
	q := query(f.stream.Query)
	if f.emitsBody() {
		q = q.withBody(f.run.Config.BodyFormat)
	}
	if f.newestFirst() {
		q = q.with("sort", "-modified-date")
	}
	if f.older.Load() {
		return client.Request{Path: stream.Path(f.stream.Older, id), Query: q, Scopes: f.stream.OlderScopes}
	}
	return client.Request{Path: stream.Path(f.stream.Route, id), Query: q, Scopes: f.stream.Scopes}
}

// emitsBody says whether the stream's records hold bodies.
func (f *feed) emitsBody() bool { return f.stream.Body && !f.sel.Removed.Whole("body") }

// newestFirst says that the stream's plain lists are read newest change first, down to the
// bookmark.
func (f *feed) newestFirst() bool {
	return f.sel.Incremental && f.stream.Derive == stream.FirstVersion && !f.anyOrder.Load()
}

// isNewestFirst says that a request asks for the newest change first.
func isNewestFirst(req client.Request) bool {
	return slices.Contains(req.Query, [2]string{"sort", "-modified-date"})
}

// itemRequest is the request of one row of a listing on its own.
func itemRequest(l *stream.Listing, id string, q query) client.Request {
	return client.Request{Path: stream.Path(l.Item, id), Query: q, Scopes: l.Scopes}
}

// split parts a list into runs of at most n.
func split(list []string, n int) [][]string {
	return slices.Collect(slices.Chunk(list, n))
}

package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// listing says how a route is to be listed.
type listing struct {
	incremental bool
	// body says that bodies are wanted.
	body bool
	// statuses are those asked for; each route takes those that it knows.
	statuses []string
	// spaces are the ids of the spaces listed, nil for all.
	spaces []string
	// everyType asks for all types of custom content and not just those of custom_content_types.
	everyType bool
}

// listsOf returns the requests that list a route, one after another: batches of spaces,
// types of custom content, and the trash on its own.
func (r *Run) listsOf(ctx context.Context, l *stream.Listing, how listing) ([]list, error) {
	base := list{
		request: client.Request{Path: stream.Path(l.Route, ""), Query: l.Query, Scopes: l.Scopes, Ahead: true},
		order:   orderOf(l, how.incremental),
		keep:    r.spaces.keepSpace(l.SpaceField),
	}
	q := query(l.Query)
	if how.body && l.Body {
		q = q.withBody(r.Config.BodyFormat)
	}
	lists, err := r.byType(ctx, l, base, q, how.everyType)
	if err != nil {
		return nil, err
	}
	lists = bySpace(lists, l, how.spaces)
	return byStatus(lists, l, how), nil
}

// byType repeats a list for every type that the route has to be asked for.
func (r *Run) byType(ctx context.Context, l *stream.Listing, base list, q query, every bool) ([]list, error) {
	base.request.Query = q
	if !l.Typed {
		return []list{base}, nil
	}
	types, err := r.customTypes(ctx, every)
	if err != nil {
		return nil, err
	}
	var lists []list
	for _, t := range types {
		li := base
		li.request.Query = q.with("type", t)
		li.partition, li.refusable = t, true
		lists = append(lists, li)
	}
	return lists, nil
}

// bySpace repeats lists for batches of spaces.
func bySpace(lists []list, l *stream.Listing, ids []string) []list {
	if ids == nil || l.SpaceParam == "" {
		return lists
	}
	var out []list
	for _, li := range lists {
		for _, batch := range split(ids, l.SpaceMax) {
			b := li
			b.request.Query = query(li.request.Query).with(l.SpaceParam, strings.Join(batch, ","))
			out = append(out, b)
		}
	}
	return out
}

// byStatus adds the statuses that are asked for: those of the live content in the order of
// the walk, those of the trash after them, by id.
func byStatus(lists []list, l *stream.Listing, how listing) []list {
	var live, trash []string
	for _, s := range l.Statuses {
		switch {
		case !slices.Contains(how.statuses, s):
		case s == stream.Current || s == stream.Archived:
			live = append(live, s)
		default:
			trash = append(trash, s)
		}
	}
	var out []list
	for _, li := range lists {
		if l.Statuses != nil && len(live) == 0 {
			break
		}
		q := query(li.request.Query)
		if l.Statuses != nil {
			q = q.withStatuses(l, live)
		}
		if sort := sortOf(l, how.incremental); sort != "" {
			q = q.with("sort", sort)
		}
		li.request.Query = q
		out = append(out, li)
	}
	for _, status := range trash {
		for _, li := range lists {
			li.trash, li.order = true, orderOf(l, false)
			li.request.Query = query(li.request.Query).with("status", status).with("sort", sortOf(l, false))
			out = append(out, li)
		}
	}
	return out
}

// sortOf is the sort parameter of a walk, empty where the route has none.
func sortOf(l *stream.Listing, incremental bool) string {
	if incremental && l.ChangeSort != "" {
		return l.ChangeSort
	}
	return l.Sort
}

// orderOf is the order in which a walk's rows come, as far as they show it.
func orderOf(l *stream.Listing, incremental bool) order {
	switch {
	case incremental && l.ChangeSort != "":
		return byChange
	case l.SortField == "id":
		return byID
	case l.SortField != "":
		return byTime
	}
	return unordered
}

// scope names the spaces and statuses that a listing is read in, empty for all spaces and the
// default statuses. The trash is none of it: it is read in full every time.
func (r *Run) scope(l *stream.Listing) string {
	var without []string // statuses
	for _, s := range []string{stream.Current, stream.Archived} {
		if slices.Contains(l.Statuses, s) && !slices.Contains(r.Config.PageStatus, s) {
			without = append(without, s)
		}
	}
	if !r.spaces.narrowed() && without == nil {
		return ""
	}
	return short(fmt.Sprint(r.spaces.included, r.spaces.leftOut(), without))
}

// short is a hash of a text.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// hash names what a walk lists; a position counts only for the same. Bodies and the size
// of pages make no difference to it, spaces that rows are filtered by do.
func (r *Run) hash(l *stream.Listing, incremental bool, lists []list) string {
	var b strings.Builder
	line := func(words ...string) { b.WriteString(strings.Join(words, " ") + "\n") }
	line(l.Route, strconv.FormatBool(incremental))
	for _, li := range lists {
		line(li.request.Path)
		for _, q := range li.request.Query {
			if q[0] != "body-format" {
				line(q[0], q[1])
			}
		}
	}
	if len(r.spaces.excluded) > 0 {
		line("without", strings.Join(r.spaces.leftOut(), ","))
	}
	if len(l.Owners) > 0 && r.spaces.included != nil {
		line("within", strings.Join(r.spaces.included, ","))
	}
	return short(b.String())
}

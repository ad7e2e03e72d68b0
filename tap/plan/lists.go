package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// both returns the statuses of a that are among b, in the order of a.
func both(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// without returns the statuses of a that are not among b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// lister makes the lists of a walk.
type lister struct {
	listing     *stream.Listing
	incremental bool
	statuses    []string // that any reader wants
	body        string   // format of bodies, empty for none
	facts       *site.Facts
	learned     site.Learned // of the walk's listing
	spaces      string       // what narrows a search, empty for all spaces
}

// lists returns the lists of a walk in the order in which they are read.
func (l *lister) lists() []List {
	var lists []List
	for _, of := range l.listing.Of {
		part := *l
		part.listing = of
		lists = append(lists, part.byStatus(of.Name, "")...)
	}
	if l.listing.Nodes != nil {
		lists = append(lists, l.search())
	}
	if lists != nil {
		return lists
	}
	if !l.listing.Typed {
		return l.byStatus("", "")
	}
	for _, kind := range l.facts.Types {
		lists = append(lists, l.byStatus(kind, kind)...)
	}
	return lists
}

// search returns the list of the page tree's items that a search finds.
func (l *lister) search() List {
	var types []string
	for _, n := range l.listing.Nodes {
		types = append(types, n.SearchType)
	}
	q := append(slices.Clone(stream.Hits.Query), [2]string{"cql", "type in (" + strings.Join(types, ",") + ")" + l.spaces})
	return List{
		Name: "search", Listing: stream.Hits, Optional: true,
		Request: client.Request{Path: stream.Path(stream.Hits.Route, ""), Query: q, Scopes: stream.Hits.Scopes, Ahead: true},
	}
}

// byStatus returns the lists of one type, or of a listing without types. A full read asks for all
// statuses in one list, so that an item whose status changes meanwhile is not missed. If the site
// refuses that, the trash is read before and after the rest.
func (l *lister) byStatus(prefix, kind string) []List {
	if l.listing.Statuses == nil {
		return []List{l.list(prefix, kind, nil, l.order(), false)}
	}
	wanted := both(l.listing.Statuses, l.statuses)
	alive, trash := both(wanted, stream.Live), without(wanted, stream.Live)
	var lists []List
	add := func(name string, statuses []string, order Order, isTrash bool) {
		if len(statuses) > 0 {
			lists = append(lists, l.list(strings.TrimPrefix(prefix+"/"+name, "/"), kind, statuses, order, isTrash))
		}
	}
	switch {
	case l.incremental && l.learned.Split:
		for _, status := range trash {
			add(status, []string{status}, l.fullOrder(), true)
		}
		for _, status := range around(alive) {
			name := "live " + status
			if named(lists, name) {
				name = "again " + name
			}
			add(name, []string{status}, l.order(), false)
		}
	case l.incremental:
		add("trash", trash, l.fullOrder(), true)
		add("live", alive, l.order(), false)
	case l.learned.Split:
		for _, status := range around(slices.Concat(trash, alive)) {
			name := status
			if named(lists, name) {
				name = "again " + status
			}
			add(name, []string{status}, l.order(), slices.Contains(trash, status))
		}
	default:
		add("all", wanted, l.order(), len(alive) == 0)
	}
	return lists
}

// around orders statuses that are asked for one by one: the others before and after the current one.
// So an item whose status changes once, meanwhile, is still in one of the lists.
func around(statuses []string) []string {
	most := both(statuses, []string{stream.Current})
	rest := without(statuses, most)
	return slices.Concat(rest, most, rest)
}

// named reports whether one of some lists has a name, whatever its type.
func named(lists []List, name string) bool {
	return slices.ContainsFunc(lists, func(l List) bool { return l.Name == name || strings.HasSuffix(l.Name, "/"+name) })
}

// list makes one list.
func (l *lister) list(name, kind string, statuses []string, order Order, trash bool) List {
	q := slices.Clone(l.listing.Query)
	add := func(name, value string) { q = append(q, [2]string{name, value}) }
	if l.body != "" && l.listing.Body {
		add(stream.BodyParam, l.body)
	}
	if kind != "" {
		add("type", kind)
	}
	if ids := l.facts.Spaces.Included; l.listing.SpaceParam != "" && ids != nil && len(ids) <= l.listing.SpaceMax {
		add(l.listing.SpaceParam, strings.Join(ids, ","))
	}
	if !l.unasked(statuses) {
		for _, status := range statuses {
			add(stream.StatusParam, status)
		}
	}
	switch {
	case order == ByChange:
		add(stream.SortParam, l.listing.ChangeSort)
	case l.listing.Sort != "":
		add(stream.SortParam, l.listing.Sort)
	}
	return List{
		Name: cmp.Or(name, "all"), Listing: l.listing, Type: kind, Trash: trash, Order: order,
		Request: client.Request{Path: stream.Path(l.listing.Route, ""), Query: q, Scopes: l.listing.Scopes, Ahead: true},
	}
}

// unasked reports whether the route gives just these statuses without the parameter.
func (l *lister) unasked(statuses []string) bool {
	return slices.Equal(statuses, both(stream.Live, l.listing.Statuses))
}

// order returns the order in which the walk's lists are asked for.
func (l *lister) order() Order {
	if l.incremental && l.listing.ChangeSort != "" && !l.learned.Unsorted {
		return ByChange
	}
	return l.fullOrder()
}

// fullOrder returns the order of a list that is read from its beginning to its end.
func (l *lister) fullOrder() Order {
	switch l.listing.SortField {
	case "":
		return Unordered
	case "id":
		return ByID
	}
	return ByTime
}

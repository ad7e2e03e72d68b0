// Package stream holds the table of streams: what each one is called, where its rows come
// from and what identifies them.
//
// The table is plain data. Catalogs, selection, the tables of docs, the simulated site's
// routes and most tests derive from it, so that adding a stream means one entry here and
// one schema file. Routes are those of the Confluence Cloud REST API, version 2 unless
// they begin with /wiki/rest/api (version 1).
package stream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/nearest"
)

// V2 is the path prefix of version 2 of the API; routes of the table are relative to it.
const V2 = "/wiki/api/v2"

// Stream is one entry of the table: one kind of record that users select.
type Stream struct {
	// Name is the stream's name in catalogs and messages; its schema is schemas/<Name>.json.
	Name string
	// Doc says in one line what a record is.
	Doc string
	// Key lists the fields that identify a record: the primary key.
	Key []string
	// ReplicationKey is the timestamp field that orders changes, or empty where the stream
	// can only be read in full.
	ReplicationKey string
	// Listing is the listing whose rows are this stream's records, or, for a child stream
	// (Route set), the listing whose rows are its parents.
	Listing *Listing
	// Route is the per-parent route of a child stream, with {id} for the parent's id. For
	// comment streams, which come from a site-wide listing, it is the fallback.
	Route string
	// Parent is the listing whose rows are the parents of Route.
	Parent *Listing
	// ParentField is the field that carries the parent's id in every record. Where the
	// API's own rows hold it, a row belongs to the stream if the field is not null.
	ParentField string
	// Entity is the field of a version record that holds {id, title} of its parent.
	Entity string
	// Include is the block of the parent's combined read that holds this stream's rows
	// ("labels" is asked for with include-labels=true), or empty.
	Include string
	// Derive says how records are made from the parents' rows without a request.
	Derive Derivation
	// Renamed gives, for a field of a derived record, the parent's field that holds its value.
	Renamed map[string]string
	// Constant gives the value of fields that a derived record has and its parent's row has not.
	Constant map[string]string
	// Changed is the path of the field in the API's row that tells when it last changed.
	Changed []string
	// Replies is the route that lists the replies to one comment, with {id}.
	Replies string
	// Labelled is the route that lists the parents that carry a label, with {id}.
	Labelled string
	// OffsetKey is the field that tells the rows of Route apart where it pages by offset; empty where
	// it pages by cursor.
	OffsetKey string
	// Silent reports whether Route answers with an empty list where the parent is gone.
	Silent bool
	// Operations are what version 1 restricts an item for; Route then answers who may do each, and
	// Route with the operation behind it one of them, by offset.
	Operations []string
	// Node is the kind of thing in the page tree that the records are, read one by one; nil for
	// streams with a listing.
	Node *Listing
	// Hashed are the paths of the values whose hash is the key, where the API's rows have none. They
	// go through lists.
	Hashed [][]string
	// Roles reports whether the stream is of space roles, which not every site has.
	Roles bool
	// Lifted are fields whose values lie deeper in the API's row.
	Lifted []Lifted
	// Body reports whether records have a body, asked for with body-format.
	Body bool
	// Text lists fields of any JSON type, emitted as JSON text.
	Text []string
	// Scopes are the granular or classic OAuth scopes of Route; a listing has its own.
	Scopes []string
	// Query holds fixed parameters of Route.
	Query [][2]string
}

// Lifted is a top-level field of a record whose value lies deeper in the API's row.
type Lifted struct {
	Field string
	Path  []string
	// Lower and Time report whether the value is written in lower case, and as a timestamp made of
	// milliseconds.
	Lower, Time bool
}

// Derivation says how a child stream's records can be had from its parents' rows.
type Derivation int

const (
	// NotDerived streams need a request per parent.
	NotDerived Derivation = iota
	// FirstVersion: a parent at version 1 has exactly one version, which its row holds.
	FirstVersion
	// ChildOf: a row with a parentId is a child record of that parent.
	ChildOf
)

// Listing is a route that lists a whole site's items. A walk reads one listing.
type Listing struct {
	// Name is the listing's name, as logs show it.
	Name string
	// Route is the listing's path.
	Route string
	// Item is the path of one row, with {id}: the combined read, and the proof of absence.
	Item string
	// Sort is the order of a full walk, SortField the row's field that shows it (empty
	// where rows don't show it). ChangeSort is newest change first, or empty.
	Sort, SortField, ChangeSort string
	// Changed is the path of the field that tells when a row last changed.
	Changed []string
	// ItemParam is the parameter that names the row where the path of Item doesn't.
	ItemParam string
	// IDs is the parameter that narrows the route to rows of those ids, empty without one.
	// Such a route proves that an item is gone.
	IDs string
	// SearchType is what a search calls the listing's rows, or empty.
	SearchType string
	// ItemStatuses are the values that Item's status parameter takes, nil without one. What is not
	// current may only be given if its status is named.
	ItemStatuses []string
	// Statuses are the values that the route's status parameter takes, nil without one.
	Statuses []string
	// SpaceParam filters by space id, at most SpaceMax ids a request; empty without one.
	SpaceParam string
	SpaceMax   int
	// SpaceField is the row's field that holds its space's id, or empty.
	SpaceField string
	// Body reports whether the route takes body-format.
	Body bool
	// Query holds fixed parameters.
	Query [][2]string
	// Scopes are the OAuth scopes of the route: granular for v2, classic first for v1.
	Scopes []string
	// Offset reports whether the route pages by offset (start, limit) and not by cursor.
	Offset bool
	// MaxLimit is the largest limit that the route takes.
	MaxLimit int
	// Of are the listings that this one joins: their rows come one listing after another. It has no
	// route then.
	Of []*Listing
	// Nodes are what can lie above the rows in the page tree, beside pages. No route lists them: rows
	// and a search name their ids.
	Nodes []*Listing
	// From and Until are the parameters that narrow the route to a time, in milliseconds; empty
	// without. A list that grows at its head moves nothing below Until.
	From, Until string
	// Needs says what else than a scope the route needs, empty for nothing.
	Needs string
	// IDPath is the path of a row's field that identifies it, where that is not id.
	IDPath []string
	// Bulk is the route that gives items by their ids, where the listing shows some ids only and
	// records name others; nil where the listing's rows are the items.
	Bulk *Bulk
	// Typed reports whether the route lists one type at a time, named by the type parameter.
	Typed bool
	// Containers are the fields that name what a row lies in, where it names no space.
	Containers []Container
}

// usualLimit is the most rows that most listings give at once.
const usualLimit = 250

// Limit is how many rows are asked for at once where page_size has a value. It says how many of
// the usual 250 rows; where a route takes more, it counts in proportion.
func (l *Listing) Limit(pageSize int) int {
	return min(pageSize*max(l.MaxLimit, usualLimit)/usualLimit, l.MaxLimit)
}

// Bulk is a route that gives many items at once.
type Bulk struct {
	// Route takes a POST with a list of ids under the name IDs, at most Max.
	Route, IDs string
	Max        int
	// Scopes are the OAuth scopes of the route.
	Scopes []string
}

// Container is a field of a row that names the item that the row lies in.
type Container struct {
	// Field is the row's field, Of the name of the listing of such items.
	Field, Of string
	// Statuses are those of the items whose rows count, nil for all.
	Statuses []string
}

// Bound reports whether rows of the listing count only if what they lie in has a certain status.
func (l *Listing) Bound() bool {
	return slices.ContainsFunc(l.Containers, func(c Container) bool { return c.Statuses != nil })
}

// IsChild reports whether the stream's records belong to a parent's row, read by parent.
func (s *Stream) IsChild() bool { return s.Listing == s.Parent && s.Route != "" }

// ListingNamed returns the listing of that name, or nil.
func ListingNamed(name string) *Listing {
	for _, l := range Listings {
		if l.Name == name {
			return l
		}
	}
	return nil
}

// Find returns the entry of that name, of the usual streams or the extra ones, or nil.
func Find(name string) *Stream {
	for _, s := range Every() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Every returns all entries in the order in which catalogs have them: the usual streams, then
// the extra ones.
func Every() []*Stream {
	every := make([]*Stream, 0, len(All)+len(Extra))
	for i := range All {
		every = append(every, &All[i])
	}
	for i := range Extra {
		every = append(every, &Extra[i])
	}
	return every
}

// EveryListing returns all listings in the order in which their walks start.
func EveryListing() []*Listing { return slices.Concat(Listings, ExtraListings) }

// Names lists the names of the usual streams in the table's order.
func Names() []string { return namesOf(All) }

// ExtraNames lists the names of the extra streams in the table's order.
func ExtraNames() []string { return namesOf(Extra) }

func namesOf(table []Stream) []string {
	names := make([]string, len(table))
	for i := range table {
		names[i] = table[i].Name
	}
	return names
}

// AllExtra chooses every extra stream.
const AllExtra = "all"

// Chosen returns the extra streams that are named, in the table's order; AllExtra names every
// one. Names of usual streams add nothing. The error names each unknown stream, with the
// nearest that exists.
func Chosen(names []string) ([]*Stream, error) {
	var unknown []string
	for _, name := range names {
		if name == AllExtra || Find(name) != nil {
			continue
		}
		text := fmt.Sprintf("no stream is called %q", name)
		if near := nearest.Name(name, append(ExtraNames(), AllExtra)); near != "" {
			text += fmt.Sprintf(", do you mean %q?", near)
		}
		unknown = append(unknown, text)
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("%s; there are %s, or all", strings.Join(unknown, "; "), strings.Join(ExtraNames(), ", "))
	}
	var chosen []*Stream
	for i := range Extra {
		if slices.Contains(names, AllExtra) || slices.Contains(names, Extra[i].Name) {
			chosen = append(chosen, &Extra[i])
		}
	}
	return chosen, nil
}

// IsExtra reports whether the stream is offered only if the settings name it.
func (s *Stream) IsExtra() bool {
	return slices.ContainsFunc(Extra, func(e Stream) bool { return e.Name == s.Name })
}

// Path returns the full path of a route of the table, with the id filled in.
func Path(route, id string) string {
	if !strings.HasPrefix(route, "/wiki/") {
		route = V2 + route
	}
	return strings.ReplaceAll(route, "{id}", id)
}

// Package method holds the ways to read a stream. Each method is one file and one row of the table.
// The row says when the method fits, what it costs, how it reads, and how an audit repeats it.
//
// A walk is one reading of a listing, such as all pages; a parent is a row of it that has more to
// read, such as a page's labels. The plain way to read a stream is its own list for each parent, or
// the listing's rows if it has no other list. Every other method is a shortcut: it takes fewer
// requests. An audit reads a few parents both ways and compares the records.
//
// Files use each other from top to bottom: table.go, then a file per method (ownrow.go,
// derived.go, firstversion.go, bylabel.go, combined.go, bulksearch.go, perparent.go, lookedup.go,
// byid.go), restrictions.go, method.go.
package method

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Kind names a method.
type Kind int

// The methods, in the order in which the planner tries them.
const (
	// Derived makes a record of another stream from an item's row: a child page from the page's row.
	Derived Kind = iota
	// FirstVersion makes the only version of an item at version 1 from the item's row.
	FirstVersion
	// ByLabel reads, for each label, the list of items that carry it.
	ByLabel
	// LookedUp reads items by the ids that a search shows and that records of the run name.
	LookedUp
	// ByID reads one by one the items above a row in the page tree.
	ByID
	// OwnRow makes the records from the listing's own rows.
	OwnRow
	// Combined reads several streams of a parent with one request.
	Combined
	// BulkSearch reads the restrictions of many pages and posts with one search.
	BulkSearch
	// PerParent reads one list per parent. Audits compare shortcuts with it.
	PerParent
)

// Method is one row of the table.
type Method struct {
	// Name is the method's name in plans and logs. It is part of every hash of progress: after another
	// name, saved positions count for nothing.
	Name string
	// Fits reports whether the planner may read a stream by this method.
	Fits func(Choice) bool
	// Goes reports whether the planner adds another method, for the parents that this one does not
	// read. Nil means no.
	Goes func(Choice) bool
	// Listing returns the listing that is walked for a stream.
	Listing func(*stream.Stream) *stream.Listing
	// FromRow makes a record of a listing's row. Has reports whether the row holds a record, and whole
	// whether it holds all records of this parent. Nil if records come from requests only.
	FromRow func(r *Reader, row rawjson.Object) (it Item, has, whole bool)
	// Read reads and writes the records that some readers have of one parent. Nil if the method makes
	// no requests.
	Read func(ctx context.Context, env Env, p *Parent, readers []*Reader) error
	// Many reads a stream's records of up to Batch parents with one request. It returns the parents
	// that the answer does not show in full; Read reads them. Nil if there is no such request.
	Many  func(ctx context.Context, env Env, parents []*Parent, r *Reader) (left []*Parent, err error)
	Batch int
	// Again repeats the shortcut on one parent, for an audit in passing.
	Again func(ctx context.Context, env Env, p *Parent, readers []*Reader) error
	// Audit says when the shortcut is compared with the plain way.
	Audit Audit
	// Price estimates how many requests a stream adds per parent of the listing. It is negative if the
	// method saves requests of another one.
	Price func(Cost) float64
	// Words describes the requests for people, or says when the method needs those of the next one. Nil
	// if the requests of the walked listing are all.
	Words func(walked *stream.Listing) string
	// Partial reports whether the stream may have records that the method does not find: no route lists
	// them all.
	Partial bool
}

// itemOf is what people call an item of a listing.
func itemOf(l *stream.Listing) string { return strings.TrimSuffix(l.Name, "s") }

// Audit says when a shortcut is compared with the plain way.
type Audit int

const (
	// NoAudit means that the method is not audited.
	NoAudit Audit = iota
	// InPassing compares at the parent: all its records come at one time.
	InPassing
	// Around compares at the end of the walk, since a parent's records lie anywhere in the listing.
	// Some parents are read the plain way before the walk.
	Around
)

// Choice is what the planner knows when it looks for a stream's methods.
type Choice struct {
	Stream *stream.Stream
	// Incremental reports whether only changes are read.
	Incremental bool
	// Plain reports whether shortcuts are ruled out: an audit found a difference.
	Plain bool
	// Partners counts the streams that one combined read can serve, this one included.
	Partners int
	// Facts are the known facts of the site.
	Facts *site.Facts
}

// Cost is the input of a method's Price.
type Cost struct {
	Stream *stream.Stream
	Shape  site.Shape
	// Partners counts the streams that share one combined read. Share is the share of parents that
	// need one, from 0 to 1.
	Partners int
	Share    float64
}

// Reader is how one stream is read in a run. It is plain data, made by the planner.
type Reader struct {
	Stream *stream.Stream
	// Methods are tried in this order for each row.
	Methods []Kind
	// Incremental reports whether only changes are read.
	Incremental bool
	// Since is the bookmark of an incremental stream. Types holds the bookmark of each type of custom
	// content.
	Since time.Time
	Types map[string]time.Time
	// Statuses are the statuses of the listing's rows that count as records or parents, nil for all.
	Statuses []string
	// ChildStatuses are the statuses of the rows of a parent's list that count, nil for all.
	ChildStatuses []string
	// BodyFormat is the format that bodies are asked for in, empty for none.
	BodyFormat string
	// Markdown reports whether bodies are written as Markdown.
	Markdown bool
	// Audited reports whether the stream's shortcuts are compared in this run.
	Audited bool
	// Hash covers everything that decides which rows come.
	Hash string
}

// Uses reports whether a reader may use a method.
func (r *Reader) Uses(k Kind) bool { return slices.Contains(r.Methods, k) }

// ParentStatuses returns the statuses of the parents whose children are read: those of Statuses that
// are not trashed or deleted. Nil means all.
func (r *Reader) ParentStatuses() []string {
	return slices.DeleteFunc(slices.Clone(r.Statuses), func(s string) bool { return s == stream.Trashed || s == stream.Deleted })
}

// PlainRequest returns the request for the stream's own list of the parent with that id.
func (r *Reader) PlainRequest(id string) client.Request {
	return r.request(r.Stream.Route, id, slices.Clone(r.Stream.Query))
}

// request returns the request for a list of the stream's rows, with their bodies.
func (r *Reader) request(route, id string, query [][2]string) client.Request {
	if r.BodyFormat != "" {
		query = append(query, [2]string{stream.BodyParam, r.BodyFormat})
	}
	return client.Request{Path: stream.Path(route, id), Query: query, Scopes: r.Stream.Scopes}
}

// Item is a row that becomes a record, with the facts that the row itself doesn't hold.
type Item struct {
	Row  rawjson.Object
	From record.Source
}

// Parent holds the facts of a row that reading its children needs. They are copied out of the answer.
type Parent struct {
	site.Item
	Title   string
	Version int
	// Above holds the kind and the id of the item above the row in the page tree. For a row of a
	// search they are those of the found item itself. Both are empty for none.
	Above [2]string
	// Row is the row itself if records are made of it, else nil.
	Row []byte
}

// ParentOf makes a Parent of a listing's row. A row without an id is an error (*client.Error).
func ParentOf(l *stream.Listing, row rawjson.Object) (*Parent, error) {
	p := &Parent{
		Item:  site.Item{Listing: l, ID: row.Get("id").AsText(), Status: row.Get("status").AsText()},
		Title: row.Get("title").AsText(), Version: VersionNumber(row),
	}
	if l == stream.Pages || l == stream.Hits {
		p.Above = above(row)
	}
	if l == stream.Hits {
		p.ID = p.Above[1]
	}
	if p.ID == "" {
		return nil, &client.Error{Kind: client.KindMalformed, Message: "a row of " + l.Route + " has no id"}
	}
	if l == stream.Labels {
		p.Row = slices.Clone(row.Raw())
	}
	return p, nil
}

// above returns the kind and the id of the item above a row, or of the item that a search's row names.
func above(row rawjson.Object) [2]string {
	if hit := row.Get("content"); !hit.IsNull() {
		return [2]string{hit.Member("type").AsText(), hit.Member("id").AsText()}
	}
	return [2]string{row.Get("parentType").AsText(), row.Get("parentId").AsText()}
}

// Env gives a method what it needs of a run. The engine implements it.
type Env interface {
	// Get asks for one document.
	Get(ctx context.Context, r *Reader, req client.Request) (rawjson.Object, error)
	// List reads a list to its end, a page at a time.
	List(ctx context.Context, r *Reader, req client.Request, use func([]rawjson.Object) error) error
	// ListByOffset reads a list that pages by offset to its end, the rows of an answer at a time.
	ListByOffset(ctx context.Context, r *Reader, list client.OffsetList, use func([]rawjson.Object) error) error
	// Present repeats a read that the site answers with 404. It returns a GoneError once the item is
	// proven to be gone, and the read's error if it stays.
	Present(ctx context.Context, it site.Item, statuses []string, read func() error) error
	// First reports whether this is the first call with that text in the walk.
	First(question string) bool
	// InSpace reports whether the run reads the space with that id.
	InSpace(id string) bool
	// Write makes records of items and writes them.
	Write(r *Reader, items []Item) error
	// Interrupts returns the error that ends the whole sync, nil if err concerns only the request.
	Interrupts(ctx context.Context, err error) error
}

// GoneError says that an item is proven to be gone: the parent, or one above it in the page tree.
type GoneError struct{ Item site.Item }

// Error names the item.
func (e GoneError) Error() string { return "gone: " + e.Item.Listing.Name + " " + e.Item.ID }

// isGone reports whether an error says that an item is gone.
func isGone(err error) bool {
	_, gone := errors.AsType[GoneError](err)
	return gone
}

// ErrNothingToCompare says that a shortcut does not show a parent, so that an audit learns nothing.
var ErrNothingToCompare = errors.New("there is nothing to compare")

// PartlyError holds the errors of a parent by reader. The parent was read for the other readers.
type PartlyError map[*Reader]error

// Error returns the readers' errors, joined in the order of their streams' names.
func (p PartlyError) Error() string {
	var errs []error
	byName := func(a, b *Reader) int { return strings.Compare(a.Stream.Name, b.Stream.Name) }
	for _, r := range slices.SortedFunc(maps.Keys(p), byName) {
		errs = append(errs, p[r])
	}
	return errors.Join(errs...).Error()
}

// each calls do for every reader. An error of one does not stop the others, unless it interrupts the
// sync, the parent is gone, or there is nothing to compare.
func each(ctx context.Context, env Env, readers []*Reader, do func(*Reader) error) error {
	var failed PartlyError
	for _, r := range readers {
		err := do(r)
		if err == nil {
			continue
		}
		if isGone(err) || errors.Is(err, ErrNothingToCompare) {
			return err
		}
		if stop := env.Interrupts(ctx, err); stop != nil {
			return stop
		}
		if failed == nil {
			failed = PartlyError{}
		}
		failed[r] = err
	}
	if failed != nil {
		return failed
	}
	return nil
}

// VersionNumber returns version.number of a row, 0 if the row doesn't hold it.
func VersionNumber(row rawjson.Object) int {
	n := 0
	for _, c := range row.Get("version").Member("number") {
		if c < '0' || c > '9' || n > 1<<30 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// SinceIn returns the bookmark of a type of custom content; for "", or a type that has none, Since.
func (r *Reader) SinceIn(kind string) time.Time {
	if t, ok := r.Types[kind]; ok {
		return t
	}
	return r.Since
}

// wantsChild reports whether rows of a status are asked for.
func (r *Reader) wantsChild(status string) bool {
	return status == "" || r.ChildStatuses == nil || slices.Contains(r.ChildStatuses, status)
}

// Package method holds the ways to read a stream. Each way is one file and one row of the
// table: when it applies, what it costs, how it reads, how an audit repeats it.
//
// Files use each other from top to bottom: table.go, then a file per method (ownrow.go,
// derived.go, firstversion.go, bylabel.go, combined.go, bulksearch.go, perparent.go, lookedup.go,
// byid.go), restrictions.go, method.go.
package method

import (
	"context"
	"errors"
	"slices"
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
	// Derived: the row of an item is a record of another stream.
	Derived Kind = iota
	// FirstVersion: an item at version 1 has one version, which its row holds.
	FirstVersion
	// ByLabel: for each label, the list of what carries it.
	ByLabel
	// LookedUp: items by the ids that a search shows and that records of the run name.
	LookedUp
	// ByID: one request for each item that a row or another item lies in.
	ByID
	// OwnRow: the rows of a listing are the records.
	OwnRow
	// Combined: one request per parent for several streams.
	Combined
	// BulkSearch: one search for who may do what with many pages and posts.
	BulkSearch
	// PerParent: one list per parent. It is the plain way, which every shortcut is compared with.
	PerParent
)

// Method is one row of the table.
type Method struct {
	// Name is for people.
	Name string
	// Fits reports whether the planner may read a stream so.
	Fits func(Choice) bool
	// Goes reports whether the planner looks for another method for what this one leaves.
	Goes func(Choice) bool
	// Listing returns the listing that is walked.
	Listing func(*stream.Stream) *stream.Listing
	// FromRow makes a record of a listing's row. Whole reports that the row holds all that the
	// stream has of this parent. Nil: the method makes requests.
	FromRow func(r *Reader, row rawjson.Object) (it Item, has, whole bool)
	// Read reads what some readers have of one parent. Nil: no requests.
	Read func(ctx context.Context, env Env, p *Parent, readers []*Reader) error
	// Many reads what a stream has of up to Batch parents with one request, and returns those of
	// which the answer does not show everything. Read then reads these. Nil: there is no such request.
	Many  func(ctx context.Context, env Env, parents []*Parent, r *Reader) (left []*Parent, err error)
	Batch int
	// Again reads what the shortcut has of one parent once more, for an audit in passing.
	Again func(ctx context.Context, env Env, p *Parent, readers []*Reader) error
	// Audit says how the shortcut is compared with the plain way.
	Audit Audit
	// Price estimates the requests per parent of the listing that a stream adds.
	Price func(Cost) float64
}

// Audit says how a shortcut is compared.
type Audit int

const (
	// NoAudit: the method is no shortcut.
	NoAudit Audit = iota
	// InPassing: all records of a parent come at one time, and are compared then.
	InPassing
	// Around: the records of a parent lie anywhere in the listing. Some parents are read plainly
	// before it, and compared at its end.
	Around
)

// Choice is what the planner knows when it looks for a stream's methods.
type Choice struct {
	Stream *stream.Stream
	// Incremental reads want changes only.
	Incremental bool
	// Plain asks for no shortcut.
	Plain bool
	// Partners counts the streams that one combined read can serve, this one included.
	Partners int
	// Facts are what is known of the site.
	Facts *site.Facts
}

// Cost is what a price is made of.
type Cost struct {
	Stream *stream.Stream
	Shape  site.Shape
	// Partners counts the streams that share one combined read, Share is the share of parents
	// that need one.
	Partners int
	Share    float64
}

// Reader is how one stream is read in a run. It is plain data, made by the planner.
type Reader struct {
	Stream *stream.Stream
	// Methods are tried in this order for each row.
	Methods []Kind
	// Incremental reads want changes only.
	Incremental bool
	// Since is the bookmark of an incremental stream, Types that of each type of custom content.
	Since time.Time
	Types map[string]time.Time
	// Statuses are those of the rows that count: of records, or of parents. Nil: all.
	Statuses []string
	// ChildStatuses are those of a plain list's rows, nil for all.
	ChildStatuses []string
	// BodyFormat is the format that bodies are asked for in, empty for none.
	BodyFormat string
	// Markdown reports whether bodies are written as Markdown.
	Markdown bool
	// Audited reports whether shortcuts are compared in this run.
	Audited bool
	// Hash stands for everything that decides which rows come.
	Hash string
}

// Uses reports whether a reader may use a method.
func (r *Reader) Uses(k Kind) bool { return slices.Contains(r.Methods, k) }

// ParentStatuses are those of the parents that have children to read: what is in the trash has
// none. Nil: all.
func (r *Reader) ParentStatuses() []string {
	return slices.DeleteFunc(slices.Clone(r.Statuses), func(s string) bool { return s == stream.Trashed || s == stream.Deleted })
}

// PlainRequest is the request of the stream's own list of one parent.
func (r *Reader) PlainRequest(id string) client.Request {
	req := client.Request{Path: stream.Path(r.Stream.Route, id), Query: slices.Clone(r.Stream.Query), Scopes: r.Stream.Scopes}
	if r.BodyFormat != "" {
		req.Query = append(req.Query, [2]string{"body-format", r.BodyFormat})
	}
	return req
}

// Item is a row to make a record of, and what the row itself doesn't hold.
type Item struct {
	Row  rawjson.Object
	From record.Source
}

// Parent is what is needed of a row whose children are read. It is copied out of the answer.
type Parent struct {
	site.Item
	Title   string
	Version int
	// Above is the kind and the id of what the row lies in in the page tree, or, of a search's
	// row, of the row itself; empty for none.
	Above [2]string
	// Row is the row itself, where records are made of it; else nil.
	Row []byte
}

// ParentOf copies what children need of a row; the error says that it has no id.
func ParentOf(l *stream.Listing, row rawjson.Object) (*Parent, error) {
	p := &Parent{Item: site.Item{Listing: l, ID: text(row, "id"), Status: text(row, "status")}, Title: text(row, "title"), Version: VersionNumber(row)}
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

// above returns the kind and the id of what a row lies in, or of what a search's row names.
func above(row rawjson.Object) [2]string {
	if hit := row.Get("content"); !hit.IsNull() {
		return [2]string{hit.Member("type").AsText(), hit.Member("id").AsText()}
	}
	return [2]string{text(row, "parentType"), text(row, "parentId")}
}

// Env is what a method needs of a run.
type Env interface {
	// Get asks for one document.
	Get(ctx context.Context, r *Reader, req client.Request) (rawjson.Object, error)
	// List reads a list to its end, a page at a time.
	List(ctx context.Context, r *Reader, req client.Request, use func([]rawjson.Object) error) error
	// ListByOffset reads a list that pages by offset to its end, the rows of an answer at a time.
	ListByOffset(ctx context.Context, r *Reader, list client.OffsetList, use func([]rawjson.Object) error) error
	// Present repeats a read that the site answers with 404 until the item is proven to be gone
	// (ErrGone), or it is clear that the error stays.
	Present(ctx context.Context, it site.Item, statuses []string, read func() error) error
	// First reports whether nobody has asked so before, in this walk.
	First(question string) bool
	// InSpace reports whether a space is one of the run's.
	InSpace(id string) bool
	// Write makes records of items and writes them.
	Write(r *Reader, items []Item) error
	// Interrupts returns what an error means for the whole sync, nil if it concerns only what was
	// asked for.
	Interrupts(ctx context.Context, err error) error
}

// ErrGone says that the site has told that an item is gone.
var ErrGone = errors.New("the item is gone")

// PartlyError says for which readers a parent could not be read.
type PartlyError map[*Reader]error

// Error tells all of them.
func (p PartlyError) Error() string {
	var errs []error
	for _, err := range p {
		errs = append(errs, err)
	}
	return errors.Join(errs...).Error()
}

// ErrorOf returns the part of an error that concerns one reader.
func ErrorOf(r *Reader, err error) error {
	if parts, ok := errors.AsType[PartlyError](err); ok {
		return parts[r]
	}
	return err
}

// each does something for every reader. What fails for one does not keep the others from it,
// unless it interrupts the sync or the parent is gone.
func each(ctx context.Context, env Env, readers []*Reader, do func(*Reader) error) error {
	var failed PartlyError
	for _, r := range readers {
		err := do(r)
		if err == nil {
			continue
		}
		if errors.Is(err, ErrGone) {
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

// VersionNumber returns version.number of a row, 0 if the row doesn't tell.
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

// text returns a row's field as text, empty if it has none.
func text(row rawjson.Object, field string) string { return row.Get(field).AsText() }

// SinceIn returns the bookmark in the list of a type of custom content, or in any other list.
func (r *Reader) SinceIn(kind string) time.Time {
	if t, ok := r.Types[kind]; ok {
		return t
	}
	return r.Since
}

// isGone reports whether an error is the proof that an item is gone.
func isGone(err error) bool { return errors.Is(err, ErrGone) }

// wantsChild reports whether rows of a status are asked for.
func (r *Reader) wantsChild(status string) bool {
	return status == "" || r.ChildStatuses == nil || slices.Contains(r.ChildStatuses, status)
}

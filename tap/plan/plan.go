// Package plan decides what a run reads and how. A Plan is plain data, and Build is pure: the same
// facts, selections and state give the same plan. The engine runs this value, the command plan
// prices it, and the log shows it.
//
// A Walk is one reading of a listing for all streams that share it. It reads one or more Lists, one
// after another. A shortcut is any method but a stream's own list; an audit compares it with that
// list on a few parents (see package method).
//
// Files use each other from top to bottom: build.go, question.go, price.go, resume.go, hash.go, lists.go,
// plan.go.
package plan

import (
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Input is what a plan is made of.
type Input struct {
	Config *config.Config
	Facts  site.Facts
	// Selected are all streams of the run. Pending names those to plan now, nil for all.
	Selected []catalog.Selection
	Pending  []string
	// State is the state that the run resumes from. Build does not change it.
	State *state.State
	// Run names the sync under way, empty for none.
	Run string
}

// Plan is what a run reads.
type Plan struct {
	// Facts are the facts of the site that the plan was made of.
	Facts site.Facts
	Walks []*Walk
	// Lookups read streams by the ids that records of the walks name. They begin with the walks
	// and end after the last one, whatever is planned again.
	Lookups []*Walk
	// Settled are streams that this run does not read: the sync has read them already, or they can't
	// be read.
	Settled []Settled
	// Starts says how the sync begins each stream.
	Starts []state.Start
	// Notices tell the user, before the walks begin, how the run differs from the expected.
	Notices []Notice
}

// Settled is a stream that this run does not read.
type Settled struct {
	Name string
	// Failed says why the stream counts as failed; nil if it is done.
	Failed error
	// Empty says why the stream has no rows; "" if the sync has read it already.
	Empty string
	// Hash is the hash of the stream's progress.
	Hash string
}

// Notice is something that the user should know about some streams.
type Notice struct {
	Names []string
	Text  string
	// Warning reports whether the notice is logged as a warning: no setting asked for this.
	Warning bool
	// Date is the anchor date.
	Date time.Time
}

// Walk reads the lists of one listing, one after another, for streams that share a position.
type Walk struct {
	Listing     *stream.Listing
	Incremental bool
	Lists       []List
	Readers     []*method.Reader
	// Named are the ids that an earlier run left to look up.
	Named []string
	// From is the place where the walk begins.
	From Place
	// Places says where each reader of a resumed walk was; nil for a walk from the beginning.
	Places map[*method.Reader]state.Position
	// Stalled counts the runs in a row that got nowhere from here. After one the walk reads one parent
	// after another until it moves, after two it does without audits.
	Stalled int
}

// Place is a position in one of a walk's lists.
type Place struct {
	List int // index into Walk.Lists
	At   state.Position
}

// Same reports whether nothing lies between two places of a walk.
func (p Place) Same(other Place) bool {
	x, y := p.At, other.At
	return p.List == other.List && x.Key == y.Key && x.Cursor == y.Cursor && x.Fresh == y.Fresh
}

// List is one list of a walk.
type List struct {
	// Name is the list's name in positions.
	Name string
	// Listing is the listing that the rows belong to.
	Listing *stream.Listing
	Request client.Request
	Order   Order
	// Optional reports whether the walk can do without the list. If the site refuses it, the run
	// logs a warning and no stream fails.
	Optional bool
	// Type is the type of custom content that the list holds, "" for other lists. Each type has a
	// bookmark of its own.
	Type string
	// Trash reports whether the list holds the trash. An incremental walk reads it in full.
	Trash bool
}

// Order is the order of a list's rows, as far as the rows show it.
type Order string

// The orders.
const (
	Unordered Order = ""
	ByID      Order = "id"     // ascending by number
	ByTime    Order = "time"   // ascending by time of creation
	ByChange  Order = "change" // descending by time of change
)

// Names lists the walk's streams.
func (w *Walk) Names() []string {
	names := make([]string, len(w.Readers))
	for i, r := range w.Readers {
		names[i] = r.Stream.Name
	}
	return names
}

// Begun reports whether an earlier run has received an answer of the list in which the walk resumes,
// or of a list before it that shares its starting time.
func (w *Walk) Begun() bool {
	if !w.Resumed() {
		return false
	}
	i := w.From.List
	return w.From.At.Begun() || i > 0 && (w.Lists[i].Type == "" || w.Lists[i-1].Type == w.Lists[i].Type)
}

// Resumed reports whether the walk resumes one of an earlier run.
func (w *Walk) Resumed() bool { return w.Places != nil }

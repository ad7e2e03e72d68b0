// Package plan decides what a run reads and how, as plain data. Build is pure: the same facts,
// selections and state give the same plan. Running a plan, printing it and pricing it all use
// that one value.
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
	// Selected are all streams of the run, Pending the names of those to plan; nil: all.
	Selected []catalog.Selection
	Pending  []string
	// State is the state that the run goes on from; it is not changed.
	State *state.State
	// Run names the sync under way, empty for none.
	Run string
}

// Plan is what a run reads.
type Plan struct {
	// Facts are what it was made of.
	Facts site.Facts
	Walks []*Walk
	// Lookups read streams by the ids that records of the walks name. They begin with the walks
	// and end after the last one, whatever is planned again.
	Lookups []*Walk
	// Settled are streams that the sync under way has read, or that can't be read.
	Settled []Settled
	// Starts says how the sync begins each stream.
	Starts []state.Start
	// Notices are what the user should know before.
	Notices []Notice
}

// Settled is a stream that is not read.
type Settled struct {
	Name string
	// Failed is why it counts as failed, nil if it is done.
	Failed error
	// Empty is why there is nothing to read, empty if the sync has read it.
	Empty string
	// Hash is that of its progress.
	Hash string
}

// Notice is something that the user should know of some streams.
type Notice struct {
	Names []string
	Text  string
	// Warning: nobody chose this.
	Warning bool
	Date    time.Time
}

// Walk reads a listing, or several lists of it one after another, for streams that share its
// position.
type Walk struct {
	Listing     *stream.Listing
	Incremental bool
	Lists       []List
	Readers     []*method.Reader
	// Named are ids of a lookup that an earlier run left.
	Named []string
	// From is the place where the walk begins.
	From Place
	// Places says where each reader of a resumed walk was; nil for a walk from the beginning.
	Places map[*method.Reader]state.Position
}

// Place is a position in one of a walk's lists.
type Place struct {
	List int
	At   state.Position
}

// List is one list of a walk.
type List struct {
	// Name is the list's name in positions.
	Name string
	// Listing is that of the rows.
	Listing *stream.Listing
	Request client.Request
	Order   Order
	// Optional: the list only finds more. A site that refuses it costs a warning.
	Optional bool
	// Type is the type of custom content that is listed, whose bookmark is its own.
	Type string
	// Trash: the list holds what is in the trash. An incremental walk reads it in full.
	Trash bool
}

// Order is the order in which the rows of a list come, as far as they show it.
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

// Begun reports whether an answer of the list that a resumed walk goes on in has come in an
// earlier run, or of one before it that shares its time.
func (w *Walk) Begun() bool {
	if !w.Resumed() {
		return false
	}
	i := w.From.List
	return w.From.At.Begun() || i > 0 && (w.Lists[i].Type == "" || w.Lists[i-1].Type == w.Lists[i].Type)
}

// Resumed reports whether the walk goes on from an earlier run.
func (w *Walk) Resumed() bool { return w.Places != nil }

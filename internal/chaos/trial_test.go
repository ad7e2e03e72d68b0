package chaos

import (
	"encoding/json"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// trial is all that a trial does, drawn from a seed and shrunk when it fails. As JSON it is the
// description that repeats it.
type trial struct {
	Seed    uint64
	Site    siteSpec
	Airbyte bool   `json:",omitzero"`
	Anchor  string `json:",omitzero"` // anchor_date; empty: a year before the site's time
	Runs    []runSpec
	// Daily, if set, resumes the last run's sync with its own last state, killed in the same
	// way, until it ends: at most so many times.
	Daily int `json:",omitzero"`
}

// siteSpec is the site that a trial begins with.
type siteSpec struct {
	Seed                                              int64
	Spaces, Pages, Posts, Attachments, Footer, Inline int  `json:",omitzero"`
	Tasks, Groups, Custom, Most                       int  `json:",omitzero"`
	AllVisible, NoChangeSort                          bool `json:",omitzero"`
	NewSpace                                          bool `json:",omitzero"` // the last space is hidden at first
	OneStatus                                         bool `json:",omitzero"` // no list mixes the trash with the rest
}

func (s siteSpec) options() simconfluence.Options {
	o := simconfluence.Options{
		Seed: s.Seed, Spaces: s.Spaces, Pages: s.Pages, BlogPosts: s.Posts, Attachments: s.Attachments,
		FooterComments: s.Footer, InlineComments: s.Inline, Tasks: s.Tasks, Groups: s.Groups, CustomContent: s.Custom,
		Most: s.Most, Labels: 40, BodyBytes: 60, AllVisible: s.AllVisible,
		Now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), // when virtual time begins
	}
	o.Lies.NoChangeSort = s.NoChangeSort
	return o
}

// settingsSpec are the settings that matter here.
type settingsSpec struct {
	Statuses        []string `json:",omitzero"` // nil: the default
	Spaces, Exclude []int    `json:",omitzero"` // ordinals
	Body            string   `json:",omitzero"`
	PageSize        int
	Concurrency     int
	Audit           int  `json:",omitzero"`
	Retries         int  `json:",omitzero"`
	Activate        bool `json:",omitzero"`
	Types           bool `json:",omitzero"` // name the types of custom content
}

// runSpec is one run of the program and what happens before and during it.
type runSpec struct {
	Job      int `json:",omitzero"` // runs of one job share a target
	Settings settingsSpec
	Streams  []tapfixture.Selected
	After    time.Duration `json:",omitzero"` // since the run before
	Before   []change      `json:",omitzero"`
	During   []change      `json:",omitzero"`
	State    stateRef
	Latency  time.Duration `json:",omitzero"` // of every request
	Kill     kill          `json:",omitzero"`
	Fault    fault         `json:",omitzero"`
	Sync     int           `json:",omitzero"` // Airbyte's sync_id; 0: the platform gives none
}

// change is one change of the site. What it is made to is picked among what there is.
type change struct {
	Do   string             // see player.change
	Kind simconfluence.Kind `json:",omitzero"`
	Pick uint32             `json:",omitzero"`
	Arg  uint32             `json:",omitzero"`
	At   int                `json:",omitzero"` // before the request of that number
}

// kill ends a run early.
type kill struct {
	// How is empty for not at all; else "signal", "network" (no request is answered any more),
	// "crash" (nothing comes out any more), "closed" (stdout is closed).
	How string `json:",omitzero"`
	// Request is when it happens; if it is 0, Byte of stdout is.
	Request, Byte int `json:",omitzero"`
}

// fault is one way in which the site misbehaves during a run.
type fault struct {
	// What is empty for nothing; else "burst", "limit", "parent", "listing".
	What string `json:",omitzero"`
	// From and Count are requests: of a burst, a limit, or of the listing's own.
	From, Count int                `json:",omitzero"`
	Status      int                `json:",omitzero"`
	Kind        simconfluence.Kind `json:",omitzero"`
	Pick        uint32             `json:",omitzero"`
}

// stateRef says which state a run is given.
type stateRef struct {
	// Take is "none", "last" (the job's last one), "shared" (the last one of any job), "old" (any
	// state line of run From, of whichever job).
	Take string
	From int    `json:",omitzero"`
	Line uint32 `json:",omitzero"`
	// Lag has some streams fall behind (Airbyte): the lower half says which ones, the upper half by how
	// many of their states.
	Lag uint32 `json:",omitzero"`
	// Onto, if set, is a state that this one is merged with, key by key; this one wins.
	Onto *stateRef `json:",omitzero"`
}

// text is the description of a trial that repeats it.
func (t *trial) text() string {
	b, err := json.Marshal(t)
	if err != nil {
		panic(err) // plain data
	}
	return string(b)
}

// clone returns a trial that shares nothing with this one.
func (t *trial) clone() *trial {
	var c trial
	if err := json.Unmarshal([]byte(t.text()), &c); err != nil {
		panic(err) // its own text
	}
	return &c
}

// selects returns how a run reads a stream.
func (r *runSpec) selects(name string) (incremental, ok bool) {
	for _, s := range r.Streams {
		if s.Name == name {
			return s.Incremental, true
		}
	}
	return false, false
}

// chooses reports whether the run reads some spaces only.
func (s *settingsSpec) chooses() bool { return s.Spaces != nil || s.Exclude != nil }

// statuses returns page_status as the run has it.
func (s *settingsSpec) statuses() []string {
	if s.Statuses == nil {
		return []string{stream.Current, stream.Archived}
	}
	return s.Statuses
}

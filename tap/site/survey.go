package site

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Question says which facts Survey asks the site for.
type Question struct {
	// Types asks for the types of custom content, beside those that earlier runs found.
	Types   bool
	Earlier []string
	// Roles asks whether the site has space roles.
	Roles bool
	// ByLabel are the listings whose labels may be read label by label.
	ByLabel []*stream.Listing
	// ByOwner are the listings of comments that may be read page by page and post by post, in few
	// chosen spaces.
	ByOwner []*stream.Listing
	// Pays reports whether reading a listing of ByOwner that way takes fewer requests.
	Pays func(*stream.Listing, OwnerCounts) bool
}

// Facts are the facts of the site that a plan is made of. They are plain data and are not changed: With
// and WithText return copies.
type Facts struct {
	// Clock is the site's time when the run began.
	Clock time.Time
	// Told reports whether the site told that time; otherwise it is the local one.
	Told bool
	// Local is what the local clock showed then.
	Local time.Time
	// Spaces are the spaces of the run.
	Spaces Spaces
	// Types are the types of custom content to read. TypesErr says why they could not be found, or nil.
	Types    []string
	TypesErr error
	// Roles is what the site tells of its space roles.
	Roles Roles
	// Labels counts the site's labels. Parents counts, by listing, the items that may carry them; a
	// listing whose count is unknown is missing.
	Labels  int
	Parents map[*stream.Listing]int
	// Owners holds the listings of comments that are read page by page and post by post, with the
	// counts that decided it. Other listings are read as a whole.
	Owners map[*stream.Listing]OwnerCounts
	// Learned is what walks found out about listings.
	Learned map[*stream.Listing]Learned
}

// Learned is what a walk found out about a listing.
type Learned struct {
	// Unsorted reports whether the site can't list it by change.
	Unsorted bool
	// Split reports whether the site takes only one status a request.
	Split bool
	// Refused reports whether the site refuses the listing. Its rows are then read parent by parent.
	Refused bool
	// Restarts counts how often the listing started over in this run, since the site refused a cursor
	// or gave another order.
	Restarts int
}

// With returns a copy of the facts, in which learn has changed what is known of a listing.
func (f Facts) With(l *stream.Listing, learn func(*Learned)) Facts {
	f.Learned = maps.Clone(f.Learned)
	if f.Learned == nil {
		f.Learned = map[*stream.Listing]Learned{}
	}
	known := f.Learned[l]
	learn(&known)
	f.Learned[l] = known
	return f
}

// finding is one field of Learned that a sync remembers, with its name in positions.
type finding struct {
	name string
	of   func(*Learned) *bool
}

var findings = []finding{
	{"unsorted", func(l *Learned) *bool { return &l.Unsorted }},
	{"split", func(l *Learned) *bool { return &l.Split }},
	{"refused", func(l *Learned) *bool { return &l.Refused }},
}

// LearnedText returns what walks found out about listings as a text for positions, such as
// "pages:split,tasks:unsorted". It does not hold Restarts, which count for one run only.
func (f Facts) LearnedText() string {
	var words []string
	for l, learned := range f.Learned {
		for _, found := range findings {
			if *found.of(&learned) {
				words = append(words, l.Name+":"+found.name)
			}
		}
	}
	slices.Sort(words)
	return strings.Join(words, ",")
}

// WithText returns a copy of the facts with the findings of a LearnedText. It skips unknown words.
func (f Facts) WithText(text string) Facts {
	for word := range strings.SplitSeq(text, ",") {
		listing, name, _ := strings.Cut(word, ":")
		for _, l := range stream.EveryListing() {
			for _, found := range findings {
				if l.Name == listing && found.name == name {
					f = f.With(l, func(known *Learned) { *found.of(known) = true })
				}
			}
		}
	}
	return f
}

// OwnerCounts are the counts that decide whether reading by owner pays. All are estimates.
type OwnerCounts struct {
	// Owners counts the pages and posts in the run's spaces.
	Owners int
	// Inside counts the listing's rows in the run's spaces. All counts those of the whole site.
	Inside, All int
}

// Survey asks the site for the facts of a plan. Counts that the site refuses stay unknown. The error
// is *config.Error for a key of space_keys that the site does not show; other errors end the sync.
func (s *Site) Survey(ctx context.Context, q Question) (Facts, error) {
	f := Facts{Clock: s.clock, Told: s.told, Local: s.local, Parents: map[*stream.Listing]int{}, Owners: map[*stream.Listing]OwnerCounts{}}
	var err error
	if f.Spaces, err = s.Spaces(ctx); err != nil {
		return f, err
	}
	if q.Types {
		if f.Types, f.TypesErr = s.Types(ctx, q.Earlier); f.TypesErr != nil {
			if err := s.Judge(ctx, f.TypesErr); err != nil {
				return f, err
			}
		}
	}
	if q.Roles {
		if f.Roles, err = s.roles(ctx); err != nil {
			return f, err
		}
	}
	for _, l := range q.ByLabel {
		if err := s.surveyLabels(ctx, &f, l); err != nil {
			return f, err
		}
	}
	if f.Spaces.Included == nil {
		return f, nil
	}
	for _, l := range q.ByOwner {
		if err := s.surveyOwners(ctx, &f, l, q); err != nil {
			return f, err
		}
	}
	return f, nil
}

// surveyLabels counts the labels, and the items that may carry them.
func (s *Site) surveyLabels(ctx context.Context, f *Facts, l *stream.Listing) error {
	parents, err := s.Count(ctx, l, false)
	if err != nil {
		parents, err = s.AtLeast(ctx, l)
	}
	if err != nil {
		return s.unknown(ctx, "how many "+l.Name+" there are", err)
	}
	labels, err := s.CountLabels(ctx, parents)
	if err != nil {
		return s.unknown(ctx, "how many labels there are", err)
	}
	f.Parents[l], f.Labels = parents, labels
	return nil
}

// Owners returns the listings whose items own comments that may be read by owner: pages and posts.
func Owners() []*stream.Listing { return []*stream.Listing{stream.Pages, stream.BlogPosts} }

// surveyOwners counts the pages and posts that a listing's comments lie in, and notes the counts if
// reading by owner pays.
func (s *Site) surveyOwners(ctx context.Context, f *Facts, l *stream.Listing, q Question) error {
	var c OwnerCounts
	for _, of := range Owners() {
		n, err := s.Count(ctx, of, false)
		if err != nil {
			return s.unknown(ctx, "how many "+of.Name+" the chosen spaces have", err)
		}
		c.Owners += n
	}
	var err error
	if c.Inside, err = s.Count(ctx, l, false); err == nil {
		c.All, err = s.Count(ctx, l, true)
	}
	if err != nil {
		return s.unknown(ctx, "how many "+l.Name+" there are", err)
	}
	if q.Pays(l, c) {
		f.Owners[l] = c
	}
	return nil
}

// unknown logs that something could not be counted. It returns an error only if that interrupts the
// sync.
func (s *Site) unknown(ctx context.Context, what string, err error) error {
	s.log.Debug("not known: "+what, "error", err, "kind", client.KindOf(err))
	return s.Judge(ctx, err)
}

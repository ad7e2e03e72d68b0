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

// Question says what a plan has to know of the site.
type Question struct {
	// Types asks for the types of custom content, beside those that earlier runs found.
	Types   bool
	Earlier []string
	// Roles asks whether the site has space roles.
	Roles bool
	// ByLabel are listings whose labels may be read label by label.
	ByLabel []*stream.Listing
	// ByOwner are listings of comments, which may be read page by page and post by post in few
	// chosen spaces.
	ByOwner []*stream.Listing
	// Pays decides by the counts whether a listing of ByOwner is read so.
	Pays func(*stream.Listing, OwnerCounts) bool
}

// Facts are what a plan is made of. They are plain data: whoever changes them makes a copy.
type Facts struct {
	// Clock is the site's time when the run began.
	Clock time.Time
	// Told reports whether the site told that time; otherwise it is the local one.
	Told bool
	// Local is what the local clock showed then.
	Local time.Time
	// Spaces are those of the run.
	Spaces Spaces
	// Types are the types of custom content. TypesErr is why they could not be found out.
	Types    []string
	TypesErr error
	// Roles reports whether the site has space roles.
	Roles Roles
	// Labels counts the site's labels, Parents what carries them, by listing. Missing: unknown.
	Labels  int
	Parents map[*stream.Listing]int
	// Owners counts what the rows of a listing lie in; none for a listing that is read as a whole.
	Owners map[*stream.Listing]OwnerCounts
	// Learned is what walks found out about listings.
	Learned map[*stream.Listing]Learned
}

// Learned is what a walk found out about a listing.
type Learned struct {
	// Unsorted: the site can't list it by change.
	Unsorted bool
	// Split: the site takes one status a request only.
	Split bool
	// Refused: the site does not list it as a whole; its rows are read parent by parent.
	Refused bool
	// Restarts counts how often it started over in this run, since a cursor was refused.
	Restarts int
}

// With returns a copy of the facts in which something more is known of a listing.
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

// finding is one thing that a sync remembers of a listing.
type finding struct {
	name string
	of   func(*Learned) *bool
}

var findings = []finding{
	{"unsorted", func(l *Learned) *bool { return &l.Unsorted }},
	{"split", func(l *Learned) *bool { return &l.Split }},
	{"refused", func(l *Learned) *bool { return &l.Refused }},
}

// LearnedText tells what walks found out about listings, for the further runs of the sync: such as
// "pages:split,tasks:unsorted". Restarts are of one run.
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

// WithText returns a copy of the facts with what a LearnedText tells. Words that it does not know
// are left out.
func (f Facts) WithText(text string) Facts {
	for word := range strings.SplitSeq(text, ",") {
		listing, name, _ := strings.Cut(word, ":")
		for _, l := range stream.Passes() {
			for _, found := range findings {
				if l.Name == listing && found.name == name {
					f = f.With(l, func(known *Learned) { *found.of(known) = true })
				}
			}
		}
	}
	return f
}

// OwnerCounts are estimates of what reading by owner costs.
type OwnerCounts struct {
	// Owners counts pages and posts in the run's spaces.
	Owners int
	// Inside counts the listing's rows in the run's spaces, All those of the whole site.
	Inside, All int
}

// Survey asks the site what a plan has to know. Counts that the site refuses are unknown facts;
// the error is *config.Error for space_keys that do not exist, else what interrupts the sync.
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

// surveyLabels counts labels and what may carry them.
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

// Owners are the listings of what is counted to decide whether a listing is read by owner.
func Owners() []*stream.Listing { return []*stream.Listing{stream.Pages, stream.BlogPosts} }

// surveyOwners counts what the rows of a listing lie in, and notes it where reading them one by one
// pays.
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

// unknown notes that something could not be counted. It returns only what interrupts the sync.
func (s *Site) unknown(ctx context.Context, what string, err error) error {
	s.log.Debug("not known: "+what, "error", err, "kind", client.KindOf(err))
	return s.Judge(ctx, err)
}

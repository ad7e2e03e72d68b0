package absence

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// small is a site of few items that are all visible.
func small() simconfluence.Options {
	return simconfluence.Options{
		Seed: 11, Spaces: 3, Pages: 24, BlogPosts: 4, Attachments: 12, FooterComments: 40, InlineComments: 12,
		Tasks: 6, Groups: 5, CustomContent: 12, Most: 4, BodyBytes: 200, AllVisible: true,
	}
}

// scenario is a run on a site that something is wrong with, in virtual time.
type scenario struct {
	site     simconfluence.Options
	settings map[string]any
	wrong    func(*simconfluence.Site)
	streams  []string
	state    any
	// incremental reads what can be.
	incremental bool
}

// run runs it as a Singer tap that may activate table versions.
func (s scenario) run(t *testing.T) *outcome {
	t.Helper()
	f := tapfixture.Virtual(t, s.site).With(map[string]any{"emit_activate_version": true}).With(s.settings)
	if s.wrong != nil {
		s.wrong(f.Site)
	}
	var r *tapfixture.Result
	synctest.Test(t, func(t *testing.T) {
		r = f.On(t).Singer(tapfixture.SingerCatalog(tapfixture.Each(s.incremental, s.streams...)...), s.state)
	})
	return &outcome{t: t, fixture: f, result: r}
}

// outcome is what came of a run.
type outcome struct {
	t       *testing.T
	fixture *tapfixture.Fixture
	result  *tapfixture.Result
}

// ends wants an exit status.
func (o *outcome) ends(status int) *outcome {
	o.t.Helper()
	if o.result.Status != status {
		o.t.Fatalf("exit status %d, want %d\n%s", o.result.Status, status, tail(o.result.Stderr))
	}
	return o
}

// says wants words in the log.
func (o *outcome) says(words ...string) *outcome {
	o.t.Helper()
	for _, w := range words {
		if !strings.Contains(o.result.Stderr, w) {
			o.t.Errorf("the log does not say %q\n%s", w, tail(o.result.Stderr))
		}
	}
	return o
}

// hides wants words to be nowhere in the log.
func (o *outcome) hides(words ...string) *outcome {
	o.t.Helper()
	for _, w := range words {
		if strings.Contains(o.result.Stderr, w) {
			o.t.Errorf("the log says %q\n%s", w, tail(o.result.Stderr))
		}
	}
	return o
}

// rows returns the records of a stream by key; a later one replaces an earlier one.
func (o *outcome) rows(name string) map[string]string {
	o.t.Helper()
	rows := map[string]string{}
	for _, m := range o.result.Of("RECORD") {
		if m.Stream == name {
			fields := tapfixture.Decode(o.t, m.Record)
			rows[tapfixture.Key(o.t, name, fields)] = tapfixture.Canonical(o.t, name, fields)
		}
	}
	return rows
}

// whole wants every row of streams, and no other one.
func (o *outcome) whole(names ...string) *outcome {
	o.t.Helper()
	for _, name := range names {
		tapfixture.Compare(o.t, name, o.rows(name), o.fixture.Expect(name, tapfixture.Scope()))
	}
	return o
}

// activates wants ACTIVATE_VERSION of exactly these streams.
func (o *outcome) activates(names ...string) *outcome {
	o.t.Helper()
	got := slices.Sorted(slices.Values(o.result.Streams("ACTIVATE_VERSION")))
	if !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		o.t.Errorf("ACTIVATE_VERSION of %v, want %v\n%s", got, names, tail(o.result.Stderr))
	}
	return o
}

// tail is the end of a log.
func tail(log string) string { return log[max(0, len(log)-3000):] }

// first returns the key of the first row of a stream.
func first(f *simconfluence.Site, name string) string {
	for row := range f.Truth(name, tapfixture.Scope()) {
		return row.Key[0]
	}
	panic(fmt.Sprintf("the site has no %s", name))
}

// of restricts a fault to a route and an item.
func of(route, id string, fault simconfluence.Fault) simconfluence.Fault {
	return simconfluence.Where(on(strings.ReplaceAll(route, "{id}", id)), fault)
}

// commentStreams are those of the list of footer comments.
var commentStreams = []string{"page_footer_comments", "blog_post_footer_comments"}

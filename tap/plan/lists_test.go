package plan_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// learned returns facts in which something is known of a listing.
func learned(l *stream.Listing, k site.Learned) func(*site.Facts) {
	return func(f *site.Facts) { *f = f.With(l, func(known *site.Learned) { *known = k }) }
}

// TestLists shows the lists of one stream's walk.
func TestLists(t *testing.T) {
	t.Parallel()
	everything := []string{stream.Current, stream.Archived, stream.Trashed, stream.Deleted}
	spaces := func(n int) func(*site.Facts) {
		return func(f *site.Facts) {
			f.Spaces.Included = make([]string, n)
			for i := range n {
				f.Spaces.Included[i] = strconv.Itoa(i + 1)
			}
		}
	}
	hundred := strings.ReplaceAll(strings.Trim(fmt.Sprint(numbers(100)), "[]"), " ", "%2C")
	const pages = " /wiki/api/v2/pages?body-format=storage"
	for _, test := range []struct {
		name string
		given
		want string
	}{
		{"in full", given{full: "pages"}, "all by id" + pages + "&sort=id"},
		{"one status", given{full: "pages", statuses: []string{stream.Archived}}, "all by id" + pages + "&status=archived&sort=id"},
		{"what the route gives unasked, in another order", given{full: "pages", statuses: []string{stream.Archived, stream.Current}}, "all by id" + pages + "&sort=id"},
		{"with the trash", given{full: "pages", statuses: everything}, "all by id" + pages + "&status=current&status=archived&status=trashed&status=deleted&sort=id"},
		{"only the trash", given{full: "pages", statuses: everything[2:]}, "all by id trash" + pages + "&status=trashed&status=deleted&sort=id"},
		{"a status that posts don't have", given{full: "blog_posts", statuses: []string{stream.Archived}}, ""},
		{"children of the trash are none", given{full: "page_labels", statuses: everything[2:]}, ""},
		{"children beside what is in the trash", given{full: "page_labels", statuses: everything}, "all by id /wiki/api/v2/pages?sort=id"},
		{
			"one status a request", given{full: "pages", statuses: everything, facts: learned(stream.Pages, site.Learned{Split: true})},
			"trashed by id trash" + pages + "&status=trashed&sort=id\n" + "deleted by id trash" + pages + "&status=deleted&sort=id\n" +
				"archived by id" + pages + "&status=archived&sort=id\n" + "current by id" + pages + "&status=current&sort=id\n" +
				"again-trashed by id trash" + pages + "&status=trashed&sort=id\n" + "again-deleted by id trash" + pages + "&status=deleted&sort=id\n" +
				"again-archived by id" + pages + "&status=archived&sort=id",
		},
		{"changes", given{changes: "pages"}, "live by change" + pages + "&sort=-modified-date"},
		{
			"changes and the trash", given{changes: "pages", statuses: everything},
			"trash by id trash" + pages + "&status=trashed&status=deleted&sort=id\nlive by change" + pages + "&sort=-modified-date",
		},
		{"changes in the trash alone", given{changes: "pages", statuses: everything[2:]}, "trash by id trash" + pages + "&status=trashed&status=deleted&sort=id"},
		{
			"changes, one status a request", given{changes: "pages", statuses: everything[:3], facts: learned(stream.Pages, site.Learned{Split: true})},
			"trashed by id trash" + pages + "&status=trashed&sort=id\nlive-archived by change" + pages + "&status=archived&sort=-modified-date\n" +
				"live-current by change" + pages + "&status=current&sort=-modified-date\n" + "again-live-archived by change" + pages + "&status=archived&sort=-modified-date",
		},
		{"changes of a site that can't sort", given{changes: "pages", facts: learned(stream.Pages, site.Learned{Unsorted: true})}, "live by id" + pages + "&sort=id"},
		{"changes of what never sorts", given{changes: "tasks"}, "all /wiki/api/v2/tasks?body-format=storage"},
		{"some spaces", given{full: "pages", facts: spaces(2)}, "all by id" + pages + "&space-id=1%2C2&sort=id"},
		{"as many as a request takes", given{full: "pages", facts: spaces(100)}, "all by id" + pages + "&space-id=" + hundred + "&sort=id"},
		{"more than a request takes", given{full: "pages", facts: spaces(101)}, "all by id" + pages + "&sort=id"},
		{"some spaces themselves", given{full: "spaces", facts: spaces(2)}, "all by id /wiki/api/v2/spaces?description-format=plain&include-icon=true&ids=1%2C2&sort=id"},
		{"what takes no space", given{full: "attachments", facts: spaces(2)}, "all by time /wiki/api/v2/attachments?sort=created-date"},
		{"all but some spaces", given{full: "pages", facts: func(f *site.Facts) { f.Spaces.Excluded = []string{"1"} }}, "all by id" + pages + "&sort=id"},
		{"no bodies", given{full: "pages", config: func(c *config.Config) { c.BodyFormat = "none" }}, "all by id /wiki/api/v2/pages?sort=id"},
		{"bodies made here", given{full: "pages", config: func(c *config.Config) { c.BodyFormat = "markdown" }}, "all by id" + pages + "&sort=id"},
		{"bodies as documents", given{full: "pages", config: func(c *config.Config) { c.BodyFormat = "atlas_doc_format" }}, "all by id /wiki/api/v2/pages?body-format=atlas_doc_format&sort=id"},
		{"bodies that nobody selects", given{full: "pages", removed: map[string]catalog.Fields{"pages": {"body": nil}}}, "all by id /wiki/api/v2/pages?sort=id"},
		{"bodies that somebody selects in part", given{full: "pages", removed: map[string]catalog.Fields{"pages": {"body": {"storage": nil}}}}, "all by id" + pages + "&sort=id"},
		{"rows that have no bodies", given{full: "page_labels"}, "all by id /wiki/api/v2/pages?sort=id"},
		{"no types", given{full: "custom_content", facts: func(f *site.Facts) { f.Types = nil }}, ""},
		{
			"changes by type", given{changes: "custom_content", facts: learned(stream.CustomContent, site.Learned{Unsorted: true})},
			"ac:a:note by id /wiki/api/v2/custom-content?body-format=storage&type=ac:a:note&sort=id\nac:b:card by id /wiki/api/v2/custom-content?body-format=storage&type=ac:b:card&sort=id",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w, _ := find(t, test.build(t), test.full+test.changes)
			var lines []string
			for i := range w.Lists {
				lines = append(lines, list(&w.Lists[i]))
				if !w.Lists[i].Request.Ahead {
					t.Errorf("%s is not asked for ahead", w.Lists[i].Name)
				}
			}
			wantText(t, strings.Join(lines, "\n"), test.want)
		})
	}
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

// TestWalks shows which streams share a walk, and in which order walks begin.
func TestWalks(t *testing.T) {
	t.Parallel()
	fewLabels := func(f *site.Facts) {
		f.Labels, f.Parents = 1, map[*stream.Listing]int{stream.Pages: 9, stream.Attachments: 9}
	}
	for _, test := range []struct {
		name string
		given
		want string
	}{
		{"nothing", given{}, ""},
		{"parents that nobody selects", given{full: "page_labels space_permissions"}, "spaces: space_permissions\npages: page_labels"},
		{"one listing", given{full: "page_labels pages page_versions"}, "pages: pages page_labels page_versions"},
		{"full and incremental", given{full: "page_labels", changes: "pages page_versions"}, "pages, changes: pages page_versions\npages: page_labels"},
		{"kinds of comments", given{full: "page_footer_comments blog_post_footer_comments", changes: "page_inline_comments"}, "footer comments: page_footer_comments blog_post_footer_comments\ninline comments, changes: page_inline_comments"},
		{
			"comments of a listing that is refused, with pages", given{full: "pages page_footer_comments blog_post_footer_comments", facts: learned(stream.FooterComments, site.Learned{Refused: true})},
			"pages: pages page_footer_comments\nblog posts: blog_post_footer_comments",
		},
		{
			"their changes are in a full walk", given{changes: "pages page_footer_comments", facts: learned(stream.FooterComments, site.Learned{Refused: true})},
			"pages, changes: pages\npages: page_footer_comments",
		},
		{
			"one that is distrusted", given{full: "page_footer_comments blog_post_footer_comments", entries: map[string]state.Entry{"page_footer_comments": {Plain: true}}},
			"pages: page_footer_comments\nfooter comments: blog_post_footer_comments",
		},
		{"labels of two kinds, label by label", given{full: "page_labels attachment_labels", facts: fewLabels}, "labels: page_labels attachment_labels"},
		{"labels with partners", given{full: "page_labels page_content_properties attachment_labels", facts: fewLabels}, "pages: page_labels page_content_properties\nlabels: attachment_labels"},
		{"some of a run", given{full: "pages page_labels spaces", pending: []string{"page_labels", "spaces"}}, "spaces: spaces\npages: page_labels"},
		{"none of a run", given{full: "pages page_labels spaces", pending: []string{}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var lines []string
			for _, w := range test.build(t).Walks {
				name := w.Listing.Name
				if w.Incremental {
					name += ", changes"
				}
				lines = append(lines, name+": "+strings.Join(w.Names(), " "))
			}
			wantText(t, strings.Join(lines, "\n"), test.want)
		})
	}
}

// TestScope says which rows, parents and children count for a stream.
func TestScope(t *testing.T) {
	t.Parallel()
	live := []string{stream.Current, stream.Archived}
	plain := func(name string) map[string]state.Entry { return map[string]state.Entry{name: {Plain: true}} }
	for _, test := range []struct {
		stream   string
		statuses []string
		entries  map[string]state.Entry
		rows     []string // nil for all
		children []string
	}{
		{"pages", live, nil, live, nil},
		{"pages", []string{stream.Trashed}, nil, []string{stream.Trashed}, nil},
		{"spaces", []string{stream.Trashed}, nil, nil, nil},
		{"space_labels", []string{stream.Trashed}, nil, nil, nil},
		{"page_labels", []string{stream.Trashed, stream.Archived}, nil, []string{stream.Archived}, nil},
		{"page_labels", []string{stream.Trashed}, nil, []string{}, nil},
		{"page_footer_comments", []string{stream.Trashed}, nil, nil, nil},
		{"page_footer_comments", []string{stream.Trashed}, plain("page_footer_comments"), live, nil},
		{"blog_post_footer_comments", []string{stream.Trashed}, plain("blog_post_footer_comments"), []string{stream.Current}, nil},
		{"child_pages", []string{stream.Archived}, nil, []string{stream.Archived}, []string{stream.Archived}},
		// Children of a status may lie below parents of another one.
		{"child_pages", []string{stream.Archived, stream.Trashed}, plain("child_pages"), []string{stream.Current, stream.Archived, stream.Trashed}, []string{stream.Archived, stream.Trashed}},
	} {
		_, r := find(t, given{full: test.stream, statuses: test.statuses, entries: test.entries}.build(t), test.stream)
		if !slices.Equal(r.Statuses, test.rows) || (r.Statuses == nil) != (test.rows == nil) || !slices.Equal(r.ChildStatuses, test.children) {
			t.Errorf("%s, %v, %v: rows %v, children %v; want %v, %v", test.stream, test.statuses, test.entries, r.Statuses, r.ChildStatuses, test.rows, test.children)
		}
	}
}

// TestEarlierTypes asks for the types that entries hold, whatever the mode.
func TestEarlierTypes(t *testing.T) {
	t.Parallel()
	entries := map[string]state.Entry{
		"custom_content": {Partitions: map[string]string{"ac:b:card": "", "ac:a:note": february}},
	}
	for _, g := range []given{{full: "custom_content", entries: entries}, {changes: "custom_content", entries: entries}} {
		if got := plan.Question(g.selections(t), g.state(t)).Earlier; !slices.Equal(got, []string{"ac:a:note", "ac:b:card"}) {
			t.Errorf("%q", got)
		}
	}
}

// TestQuestion asks only what the streams need.
func TestQuestion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		given
		types            bool
		byLabel, byOwner []*stream.Listing
	}{
		{"nothing", given{full: "spaces pages page_versions"}, false, nil, nil},
		{"types", given{changes: "custom_content"}, true, nil, nil},
		{"labels alone", given{full: "page_labels attachment_labels"}, false, []*stream.Listing{stream.Pages, stream.Attachments}, nil},
		{"labels beside incremental versions", given{full: "page_labels", changes: "page_versions"}, false, []*stream.Listing{stream.Pages}, nil},
		{"labels with a partner", given{full: "page_labels page_versions"}, false, nil, nil},
		{"labels that are distrusted", given{full: "page_labels", entries: map[string]state.Entry{"page_labels": {Plain: true}}}, false, nil, nil},
		{"labels whose partner is distrusted", given{full: "page_labels page_versions", entries: map[string]state.Entry{"page_versions": {Plain: true}}}, false, []*stream.Listing{stream.Pages}, nil},
		{"owners, once each", given{full: "page_footer_comments blog_post_footer_comments attachments"}, false, nil, []*stream.Listing{stream.FooterComments}},
		{"owners of changes", given{changes: "page_inline_comments"}, false, nil, nil},
		{"owners, with the trash", given{full: "page_inline_comments", statuses: []string{stream.Current, stream.Trashed}}, false, nil, []*stream.Listing{stream.InlineComments}},
	} {
		q := plan.Question(test.selections(t), test.state(t))
		if q.Types != test.types || !slices.Equal(q.ByLabel, test.byLabel) || !slices.Equal(q.ByOwner, test.byOwner) || q.Pays == nil {
			t.Errorf("%s: %+v", test.name, q)
		}
	}
}

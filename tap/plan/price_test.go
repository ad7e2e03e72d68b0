package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestPrice shows what a thousand items of one listing cost, of which half are at version 1, a
// tenth has more labels than a block shows, and each has two labels and three versions.
func TestPrice(t *testing.T) {
	t.Parallel()
	thousand := site.Size{Rows: 1000, Shape: site.Shape{
		First: 0.5, Rows: map[string]float64{"labels": 2, "versions": 3, "properties": 1}, Long: map[string]float64{"labels": 0.1},
	}}
	plain := map[string]state.Entry{"page_labels": {Plain: true}}
	off := func(c *config.Config) { c.AuditSamples = 0 }
	for _, test := range []struct {
		name string
		given
		pages, audits int
		streams       string // requests and rows of each
	}{
		{"rows alone", given{full: "pages"}, 4, 0, "pages 0 1000"},
		{"small pages", given{full: "pages", config: func(c *config.Config) { c.PageSize = 10 }}, 100, 0, "pages 0 1000"},
		{"a list per parent", given{full: "page_labels", entries: plain}, 4, 0, "page_labels 1000 2000"},
		{"children of the rows", given{full: "child_pages"}, 4, 20, "child_pages 0 1000"},
		{"versions alone", given{full: "page_versions"}, 4, 30, "page_versions 500 3000"},
		{"two of a combined read, and what goes beyond a block", given{full: "page_labels page_content_properties"}, 4, 60, "page_labels 600 2000 page_content_properties 500 1000"},
		{"three of a combined read", given{full: "page_labels page_versions page_content_properties"}, 4, 90, "page_labels 433 2000 page_versions 333 3000 page_content_properties 333 1000"},
		{"no audits", given{full: "page_versions", config: off}, 4, 0, "page_versions 500 3000"},
		{"comments of two kinds", given{full: "page_footer_comments blog_post_footer_comments"}, 4, 120, "page_footer_comments 0 500 blog_post_footer_comments 0 500"},
		{"several lists", given{full: "custom_content", config: func(c *config.Config) { c.PageSize = 250 }, facts: types("a:1", "a:2", "a:3", "a:4", "a:5", "a:6")}, 6, 0, "custom_content 0 1000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := test.build(t)
			price := plan.PriceOf(p, slices.Repeat([]site.Size{thousand}, len(p.Walks)), test.settings())
			if len(price.Walks) != 1 {
				t.Fatalf("%d walks", len(price.Walks))
			}
			w := price.Walks[0]
			var streams []string
			requests, rows := w.Pages+w.Audits, 0
			for _, s := range w.Streams {
				streams = append(streams, fmt.Sprint(s.Name, " ", s.Requests, " ", s.Rows))
				requests, rows = requests+s.Requests, rows+s.Rows
			}
			if w.Pages != test.pages || w.Audits != test.audits || strings.Join(streams, " ") != test.streams {
				t.Errorf("%d pages, %d audits, %s; want %d, %d, %s", w.Pages, w.Audits, streams, test.pages, test.audits, test.streams)
			}
			if price.Requests != requests || price.Rows != rows || price.Unknown != nil {
				t.Errorf("in all %d requests and %d rows, unknown %q", price.Requests, price.Rows, price.Unknown)
			}
		})
	}
}

// TestPriceOfFewSpaces counts the requests for rows that lie elsewhere, and for where they lie.
func TestPriceOfFewSpaces(t *testing.T) {
	t.Parallel()
	g := given{full: "attachments"}
	price := plan.PriceOf(g.build(t), []site.Size{{Rows: 300, Elsewhere: 9700}}, g.settings())
	if price.Requests != 80 || price.Rows != 300 {
		t.Errorf("%+v", price)
	}
}

// TestUnknownPrice names what could not be counted.
func TestUnknownPrice(t *testing.T) {
	t.Parallel()
	g := given{full: "pages spaces"}
	p := g.build(t)
	price := plan.PriceOf(p, []site.Size{{Rows: 7}, {Unknown: "how many pages there are (forbidden)"}}, g.settings())
	if price.Requests != 2 || price.Rows != 7 || !slices.Equal(price.Unknown, []string{"how many pages there are (forbidden)"}) {
		t.Errorf("%+v", price)
	}
}

// TestMeasure says what has to be measured of a walk.
func TestMeasure(t *testing.T) {
	t.Parallel()
	at := func(values ...string) map[string]state.Entry {
		entries := map[string]state.Entry{}
		for i := 0; i < len(values); i += 2 {
			entries[values[i]] = state.Entry{ReplicationKey: "modifiedAt", ReplicationKeyValue: values[i+1]}
		}
		return entries
	}
	trash := []string{stream.Current, stream.Archived, stream.Trashed}
	for _, test := range []struct {
		name string
		given
		lists int
		types []string
		since string
		shape bool
	}{
		{"rows alone", given{full: "pages"}, 1, nil, "", false},
		{"children", given{full: "page_labels"}, 1, nil, "", true},
		{"changes since the lowest bookmark", given{changes: "pages page_versions", entries: at("pages", february, "page_versions", january)}, 1, nil, january, true},
		{"changes, beside the trash", given{changes: "pages", statuses: trash, entries: at("pages", february)}, 1, nil, february, false},
		{"the trash", given{full: "pages", statuses: trash}, 1, nil, "", false},
		{"changes of a list that has no order", given{changes: "tasks", entries: at("tasks", february)}, 1, nil, "", false},
		{"types", given{changes: "custom_content", entries: at("custom_content", february)}, 2, []string{"ac:a:note", "ac:b:card"}, "", false},
	} {
		w := test.build(t).Walks[0]
		m := w.Measure()
		since := test.since == "" && m.Since.IsZero() || test.since != "" && m.Since.Equal(moment(t, test.since))
		if m.Listing != w.Listing || len(m.Lists) != test.lists || !slices.Equal(m.Types, test.types) || !since || m.Shape != test.shape {
			t.Errorf("%s: %+v", test.name, m)
		}
	}
}

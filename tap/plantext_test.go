package tap

import (
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/plan"
)

// TestPlanText tells the time first, then what costs most and what the sync takes without it.
func TestPlanText(t *testing.T) {
	priced := func(name string, requests int, words string) plan.StreamPrice {
		return plan.StreamPrice{Name: name, Requests: requests, Rows: 10, Words: words}
	}
	pages := plan.WalkPrice{Listing: "pages", Items: 10_000, Pages: 40, Streams: []plan.StreamPrice{
		priced("pages", 0, ""), priced("page_labels", 5_000, "one request per page"), priced("page_versions", 5_000, "one request per page, if it was edited")}}
	comments := plan.WalkPrice{Listing: "footer comments", Items: 9, Pages: 1, Streams: []plan.StreamPrice{priced("page_footer_comments", 0, "")}}
	attachments := plan.WalkPrice{Listing: "attachments", Items: 30_000, Pages: 120, Audits: 60, Streams: []plan.StreamPrice{
		priced("attachments", 0, ""), priced("attachment_labels", 20_000, "one request per attachment"), priced("attachment_properties", 17_839, "one request per attachment")}}
	changes := plan.WalkPrice{Listing: "tasks", Incremental: true, Items: 2, Pages: 1, Streams: []plan.StreamPrice{priced("tasks", 0, "")}}
	for name, test := range map[string]struct {
		walks     []plan.WalkPrice
		perSecond float64
		want      []string
	}{
		"most for one listing": {[]plan.WalkPrice{pages, attachments}, 5, []string{
			"About 2 h 40 min at 5 requests a second: 48,059 requests for 60 rows.",
			"Most of them, 37,839, are for labels and properties of 30,000 attachments; without attachment_* it takes 34 min.",
			"  attachment_labels                  20,000           10   one request per attachment",
			"  page_versions                       5,000           10   one request per page, if it was edited",
			"attachments, in full                    180                the list, and 60 to check shortcuts",
			"in all                               48,059           60",
		}},
		"a pattern would name others": {[]plan.WalkPrice{pages, comments}, 10, []string{
			"About 17 min at 10 requests a second", "of 10,000 pages; without page_labels and page_versions it takes 4 s.",
		}},
		"no rate": {[]plan.WalkPrice{pages, comments}, 0, []string{"About 10,041 requests for 40 rows.", "it is 41 requests."}},
		"little":  {[]plan.WalkPrice{changes}, 5, []string{"About 1 s at 5 requests a second: 1 request for 10 rows.", "tasks, changes only"}},
	} {
		price := plan.Price{Walks: test.walks, Unknown: []string{"how many labels there are"}}
		for _, w := range test.walks {
			price.Requests, price.Rows = price.Requests+w.Requests(), price.Rows+w.Rows()
		}
		text := planText(price, test.perSecond)
		for _, want := range append(test.want, "Not known: how many labels there are.") {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in\n%s", name, want, text)
			}
		}
		for line := range strings.Lines(text) {
			if strings.TrimRight(line, " \n") != strings.TrimSuffix(line, "\n") {
				t.Errorf("%s: a line ends with spaces: %q", name, line)
			}
		}
	}
}

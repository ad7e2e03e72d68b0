package engine_test

import (
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// TestFewRequestsARun interrupts a sync after few requests, again and again, where it costs many to find
// out how a listing can be read, or to audit its first parents. The sync gets to its end: what a run found
// out stays known, and after runs that got nowhere one does without audits.
func TestFewRequestsARun(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		site        func(*simconfluence.Site)
		settings    map[string]any
		incremental bool
		streams     []string
		requests    int // of a run
		most        int // runs
	}{
		{
			name:     "one status a request",
			site:     func(s *simconfluence.Site) { s.SetQuirks(simconfluence.Quirks{RefuseMixedTrash: true}) },
			settings: map[string]any{"page_status": []string{"current", "archived", "trashed"}},
			streams:  []string{"pages"}, requests: 15, most: 12,
		},
		{
			name: "a site-wide list that is refused",
			site: func(s *simconfluence.Site) {
				s.SetFaults(simconfluence.On("/footer-comments", simconfluence.Status(403, `{"message":"no"}`)))
			},
			streams: []string{"page_footer_comments"}, requests: 60, most: 8,
		},
		{
			name:        "no order by change",
			site:        func(s *simconfluence.Site) { s.SetLies(simconfluence.Lies{NoChangeSort: true}) },
			settings:    map[string]any{"max_retries": 0},
			incremental: true, streams: []string{"pages", "blog_posts", "attachments", "page_footer_comments"}, requests: 60, most: 12,
		},
		{
			name:     "audits that take longer than a run",
			settings: map[string]any{"audit_samples": 10},
			streams:  []string{"page_footer_comments", "child_pages"}, requests: 30, most: 20,
		},
		{
			name:     "audits in passing that take longer than a run",
			settings: map[string]any{"audit_samples": 10, "concurrency": 2, "page_size": 250},
			streams:  []string{"page_labels", "page_versions", "page_content_properties", "page_footer_comments"}, requests: 20, most: 150,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			virtual(t, shown(39, 60), func(t *testing.T, f *tapfixture.Fixture) {
				if test.site != nil {
					test.site(f.Site)
				}
				c := reads(t, f.With(map[string]any{"page_size": 5}).With(test.settings), test.incremental, test.streams...).hasty()
				for range test.most {
					r := c.try(limit{request: test.requests})
					if c.keep(r.messages); r.status == 0 {
						c.wantWhole(c.rows)
						return
					}
				}
				t.Errorf("no end after %d runs: %s\n%s", test.most, c.state, c.try(limit{request: test.requests}).told())
			})
		})
	}
}

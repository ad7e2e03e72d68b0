package engine_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
)

// Types of custom content, which have a bookmark each.

// kindsOf returns the type of each custom content by its key.
func kindsOf(t *testing.T, f *tapfixture.Fixture) map[string]string {
	t.Helper()
	kinds := map[string]string{}
	for row := range f.Site.Truth("custom_content", scope()) {
		var fields struct{ Type string }
		if err := json.Unmarshal(row.Data, &fields); err != nil {
			t.Fatal(err)
		}
		kinds[row.Key[0]] = fields.Type
	}
	return kinds
}

// TestTypesOfCustomContent follows the bookmarks of types: each is the newest change of its own
// type. A type that is added begins at the anchor, one that the site does not know is left out
// and harms nobody.
func TestTypesOfCustomContent(t *testing.T) {
	t.Parallel()
	o := shown(51, 100)
	o.CustomContent = 60
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		names, kinds := f.Site.CustomTypes(), kindsOf(t, f)
		oldest := func(kind string) string {
			last := ""
			for _, id := range newestFirst(t, f, "custom_content") {
				if kinds[id] == kind {
					last = id
				}
			}
			return last
		}
		wantType := func(c *client, got rows, kind, since string) {
			t.Helper()
			for id, at := range changes(t, f, "custom_content") {
				if _, came := got["custom_content"][id]; kinds[id] == kind && came == at.Before(moment(t, since)) {
					t.Errorf("%s of %s, of %s: came %v, the bookmark was %s", id, kind, at, came, since)
				}
			}
		}
		const anchor = "2000-01-01T00:00:00.000Z"
		c := reads(t, f, true, "custom_content").with(map[string]any{"custom_content_types": names[:1]})
		r := c.run()
		wantType(c, r.rows, names[0], anchor)
		first := c.entry("custom_content").Partitions
		if e := c.entry("custom_content"); len(first) != 1 || e.ReplicationKeyValue != anchor {
			t.Fatalf("the entry is %+v", e)
		}

		c = c.with(map[string]any{"custom_content_types": append([]string{"ac:org.example.unknown:thing"}, names...)})
		edit(t, f, simconfluence.CustomContent, oldest(names[0]))
		f.Site.Advance(time.Hour)
		r = c.run()
		wantType(c, r.rows, names[0], first[names[0]])
		wantType(c, r.rows, names[1], anchor)
		second := c.entry("custom_content").Partitions
		if at := timestamp.Format(f.Site.Now().Add(-time.Hour)); second[names[0]] != at || second[names[1]] >= at || second[names[1]] == anchor || len(second) != 3 {
			t.Errorf("the bookmarks are %v, want the first at %s", second, at)
		}
		r.wantLog("WARN", "ac:org.example.unknown:thing")

		edit(t, f, simconfluence.CustomContent, oldest(names[1]))
		f.Site.Advance(time.Hour)
		r = c.run()
		wantType(c, r.rows, names[0], second[names[0]])
		wantType(c, r.rows, names[1], second[names[1]])
		third := c.entry("custom_content").Partitions
		if at := timestamp.Format(f.Site.Now().Add(-time.Hour)); third[names[0]] != second[names[0]] || third[names[1]] != at {
			t.Errorf("only the second type changed; the bookmarks are %v", third)
		}
	})
}

// TestTypeOlderThanAnchor has types of custom content whose newest changes lie before the anchor:
// none of their rows comes, and their bookmarks are not the older times.
func TestTypeOlderThanAnchor(t *testing.T) {
	t.Parallel()
	o := shown(52, 100)
	o.Now = time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC)
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f, true, "custom_content")
		for range 2 {
			r := c.run()
			e := c.entry("custom_content")
			if n := len(r.rows["custom_content"]); n > 0 || len(e.Partitions) != len(f.Site.CustomTypes()) {
				t.Errorf("%d rows, entry %+v", n, e)
			}
			for kind, at := range e.Partitions {
				if at != "2000-01-01T00:00:00.000Z" {
					t.Errorf("the bookmark of %s is %s", kind, at)
				}
			}
		}
	})
}

// TestCommentsByParentMoveTheirBookmark reads comments parent by parent, since the site refuses their
// own list. The types of the parents have no part in the bookmark.
func TestCommentsByParentMoveTheirBookmark(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"attachment_footer_comments", "custom_content_footer_comments"} {
		virtual(t, simconfluence.Scaled(1, 300), func(t *testing.T, f *tapfixture.Fixture) {
			f.Site.SetFaults(refuse(http.StatusForbidden, "no", "/footer-comments")...)
			c := reads(t, f.With(map[string]any{"extra_streams": "all"}), true, name)
			first := c.run()
			f.Site.Advance(time.Hour)
			if again := c.run(); len(first.rows[name]) < 5 || len(again.rows[name]) > 1 || len(c.entry(name).Partitions) > 0 {
				t.Errorf("%s: %d rows, then %d, entry %+v", name, len(first.rows[name]), len(again.rows[name]), c.entry(name))
			}
		})
	}
}

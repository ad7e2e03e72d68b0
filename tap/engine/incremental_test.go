package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// What an incremental run reads, what it costs and which bookmark it leaves: one edge at a
// time.

// TestAnchor runs incrementally without a state: every stream begins at the anchor, one year
// ago if none is set, and ends with the newest change as its bookmark. A full read is not
// narrowed by it.
func TestAnchor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		anchor, want time.Time
	}{
		{"default", time.Time{}, time.Date(2025, 11, 1, 0, 0, 3, 0, time.UTC)},
		{"configured", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, shown(31, 60))
			w.config.AnchorDate, w.everyState = tt.anchor, true // whose clock shows that day
			got, last, _ := w.collect(sync_{streams: incrementalStreams(), incremental: true})
			narrowed := 0
			for _, name := range incrementalStreams() {
				w.wantSince(got, name, tt.want)
				narrowed += len(w.truth(name)) - len(got[name])
				told := `set anchor_date to read from another day on" stream=` + name + " anchor_date=" + timestamp.Format(tt.want)
				if !strings.Contains(w.logs(), told) {
					t.Errorf("the log does not tell of %s that it begins at %s", name, tt.want)
				}
			}
			if narrowed < 50 {
				t.Errorf("the anchor left out %d rows only", narrowed)
			}
			newest := w.changeTimes("pages", simconfluence.TruthOptions{})[strconv.Quote(w.newestFirst("pages")[0])+" "]
			if !newest.After(tt.want) || !w.bookmark(last, "pages").Equal(newest) {
				t.Errorf("the bookmark is %s, the newest page is of %s", w.bookmark(last, "pages"), newest)
			}
			got, _, _ = w.collect(sync_{streams: incrementalStreams()})
			if missing := w.missing(got, incrementalStreams()); missing != nil {
				t.Errorf("a full read lacks %q", missing)
			}
		})
	}
}

// TestUnchangedSite runs again on a site that did not change: at most two requests a pass,
// only rows of the bookmark's time, and the same state. Tasks can't be listed by change and
// are read in full.
func TestUnchangedSite(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		o := simconfluence.Scaled(32, 300)
		o.BodyBytes = 60
		w := newWorld(t, o)
		w.config.CustomContentTypes = w.site.CustomTypes()
		run := sync_{streams: incrementalStreams(), incremental: true, airbyte: airbyte}
		_, run.state, _ = w.collect(run)
		_, run.state, _ = w.collect(run) // tasks know by now what the newest one is
		got, last, requests := w.collect(run)
		for name, before := range w.entries(run.state) {
			if after := w.entries(last)[name]; fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("the entry of %s was %+v and is %+v", name, before, after)
			}
			for key, record := range got[name] {
				at := w.recordTime(name, record)
				if name == "custom_content" {
					if !slices.ContainsFunc(w.partitionTimes(last), at.Equal) {
						t.Errorf("%s %s of %s came again", name, key, at)
					}
				} else if !at.Equal(w.bookmark(last, name)) {
					t.Errorf("%s %s of %s came again, the bookmark is %s", name, key, at, w.bookmark(last, name))
				}
			}
		}
		passes := map[string]int{}
		for route, n := range requests {
			passes[strings.Split(strings.Trim(route, "/"), "/")[0]] += n
		}
		visible := len(w.truth("tasks"))
		for pass, n := range passes {
			most := 2
			if pass == "tasks" {
				most = 1 + o.Tasks/250
			}
			if n > most {
				t.Errorf("%d requests in the pass of %s, want at most %d", n, pass, most)
			}
		}
		if passes["tasks"] < listRequests(visible) {
			t.Errorf("%d requests for %d tasks", passes["tasks"], visible)
		}
		t.Logf("airbyte %v: requests by pass %v", airbyte, passes)
	}
}

// partitionTimes are the bookmarks of the types of custom content.
func (w *world) partitionTimes(st []byte) []time.Time {
	var times []time.Time
	for _, p := range w.entries(st)["custom_content"].Partitions {
		times = append(times, momentOf(w.t, p.ReplicationKeyValue))
	}
	return times
}

// TestOnePercentChanged edits one page of a hundred: the next run brings these with their
// versions, for at most a twentieth of the requests of a full read of the same streams.
func TestOnePercentChanged(t *testing.T) {
	t.Parallel()
	const pages = 500
	o := simconfluence.Scaled(33, pages)
	o.BodyBytes = 60
	w := newWorld(t, o)
	w.config.CustomContentTypes = w.site.CustomTypes()
	_, _, full := w.collect(sync_{streams: incrementalStreams()})
	run := sync_{streams: incrementalStreams(), incremental: true}
	_, run.state, _ = w.collect(run)
	since := w.site.Now()
	ids := w.newestFirst("pages")
	for i := range pages / 100 {
		w.edit(simconfluence.Page, ids[(i*97+50)%len(ids)])
	}
	got, _, requests := w.collect(run)
	for _, name := range []string{"pages", "page_versions"} {
		changed := w.changeTimes(name, simconfluence.TruthOptions{})
		maps.DeleteFunc(changed, func(_ string, at time.Time) bool { return !at.After(since) })
		if len(changed) != pages/100 {
			t.Fatalf("%d rows of %s changed", len(changed), name)
		}
		for key, at := range changed {
			if record, came := got[name][key]; !came || !w.recordTime(name, record).Equal(at) {
				t.Errorf("%s %s did not come as of %s", name, key, at)
			}
		}
	}
	a, b := totalOf(requests), totalOf(full)
	t.Logf("%d requests with 1%% of %d pages changed, %d for a full read: %.1f%%", a, pages, b, 100*float64(a)/float64(b))
	if 20*a > b {
		t.Errorf("%d requests, more than a twentieth of the full read's %d: %v", a, b, requests)
	}
}

func totalOf(requests map[string]int) int {
	n := 0
	for _, count := range requests {
		n += count
	}
	return n
}

// TestEqualTimesAtBookmark lets several rows share the bookmark's time, one of which comes to
// be after the run that saw the others: none is lost.
func TestEqualTimesAtBookmark(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		w := newWorld(t, shown(34, 60))
		ids := w.newestFirst("pages")
		at := w.site.Now().Add(time.Hour)
		share := func(id string) {
			if err := w.site.EditAt(simconfluence.Page, id, at); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range ids[10:14] {
			share(id)
		}
		run := sync_{streams: []string{"pages", "page_versions"}, incremental: true, airbyte: airbyte}
		_, run.state, _ = w.collect(run)
		if !w.bookmark(run.state, "pages").Equal(at) {
			t.Fatalf("the bookmark is %s", w.bookmark(run.state, "pages"))
		}
		share(ids[20])
		got, last, _ := w.collect(run)
		for _, name := range run.streams {
			w.wantSince(got, name, at)
			if len(got[name]) != 5 || !w.bookmark(last, name).Equal(at) {
				t.Errorf("%d rows of %s, bookmark %s", len(got[name]), name, w.bookmark(last, name))
			}
		}
	}
}

// TestBookmarkInFuture gives bookmarks that no row has reached: nothing comes but one STATE,
// which holds them unmoved.
func TestBookmarkInFuture(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		for _, name := range incrementalStreams() {
			w := newWorld(t, shown(34, 60))
			const future = "2030-02-03T04:05:06.000Z"
			run := sync_{streams: []string{name}, incremental: true, airbyte: airbyte, state: handWritten(airbyte, name, future)}
			out := w.run(run)
			if out.err != nil {
				t.Fatal(out.err)
			}
			states := 0
			for _, line := range out.lines {
				if strings.HasPrefix(string(line), `{"type":"STATE"`) {
					states++
				}
			}
			last, records := w.read(out.lines, rows{}, nil)
			if records != 0 || states != 1 || w.entries(last)[name].ReplicationKeyValue != future {
				t.Errorf("%s, airbyte %v: %d records, %d states, the last is %s", name, airbyte, records, states, last)
			}
		}
	}
}

// TestBookmarkTexts reads bookmarks as people write them: in other zones, without fractions
// or without a time. All of a kind mean the same moment, and rows of that very moment come.
func TestBookmarkTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(34, 60))
	for _, tt := range []struct {
		at    time.Time
		texts []string
	}{
		// The site writes the first two without a fraction, as it does every seventh second.
		{time.Date(2026, 11, 2, 12, 0, 5, 0, time.UTC), []string{"2026-11-02T12:00:05Z", "2026-11-02T12:00:05.000Z", "2026-11-02T14:00:05+02:00", "2026-11-02T04:00:05.000-08:00", "2026-11-02T12:00:05.000000Z", "2026-11-02T12:00:05"}},
		{time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC), []string{"2026-11-03", "2026-11-03T00:00:00", "2026-11-03T05:45:00+05:45", "2026-11-02T23:00:00-01:00"}},
		{time.Date(2026, 11, 4, 1, 2, 3, 457_000_000, time.UTC), []string{"2026-11-04T01:02:03.457Z", "2026-11-03T17:02:03.457-08:00"}},
	} {
		ids := w.newestFirst("pages")
		edit := func(i int, at time.Time) {
			if err := w.site.EditAt(simconfluence.Page, ids[i], at); err != nil {
				t.Fatal(err)
			}
		}
		edit(9, tt.at.Add(-time.Millisecond))
		edit(8, tt.at)
		edit(7, tt.at.Add(time.Millisecond))
		for _, text := range tt.texts {
			for _, airbyte := range []bool{false, true} {
				got, last, _ := w.collect(sync_{streams: []string{"pages"}, incremental: true, airbyte: airbyte, state: handWritten(airbyte, "pages", text)})
				w.wantSince(got, "pages", tt.at)
				if len(got["pages"]) != 2 || !w.bookmark(last, "pages").Equal(tt.at.Add(time.Millisecond)) {
					t.Errorf("bookmark %s: %d rows, then %s", text, len(got["pages"]), w.bookmark(last, "pages"))
				}
			}
		}
	}
}

// TestDatesWithoutMilliseconds compares rows whose times the site writes without a fraction
// with bookmarks that have one.
func TestDatesWithoutMilliseconds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shown(34, 60))
	at := time.Unix((w.site.Now().Unix()/7+100)*7, 0).UTC()
	id := w.newestFirst("pages")[3]
	if err := w.site.EditAt(simconfluence.Page, id, at); err != nil {
		t.Fatal(err)
	}
	raw := ""
	for row := range w.site.Truth("pages", simconfluence.TruthOptions{}) {
		if row.Key[0] == id {
			raw = string(row.Data)
		}
	}
	if !strings.Contains(raw, at.Format(`"createdAt":"2006-01-02T15:04:05Z"`)) {
		t.Fatalf("the site writes %s", raw)
	}
	run := sync_{streams: []string{"pages"}, incremental: true}
	for range 2 {
		got, last, _ := w.collect(run)
		record := string(got["pages"][strconv.Quote(id)+" "])
		if !strings.Contains(record, at.Format(`"modifiedAt":"2006-01-02T15:04:05.000Z"`)) {
			t.Errorf("the record is %s", record)
		}
		if e := w.entries(last)["pages"]; e.ReplicationKeyValue != timestamp.Format(at) {
			t.Errorf("the bookmark is %s", e.ReplicationKeyValue)
		}
		run.state = last
	}
}

// TestMixedModes reads some of a listing's streams incrementally and others in full, all in
// one run: the full ones are whole every time, and the listing that is read for them alone
// brings no bodies.
func TestMixedModes(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		w := newWorld(t, shown(48, 100))
		run := sync_{incremental: true, airbyte: airbyte}
		_, run.state, _ = w.collect(run)
		if !airbyte && w.entries(run.state)["page_labels"].Done != nil {
			t.Errorf("a full stream is done for good: %s", run.state)
		}
		ids := w.newestFirst("pages")
		w.edit(simconfluence.Page, ids[30:33]...)
		requests := w.watchRequests()
		out := w.run(run)
		if out.err != nil {
			t.Fatal(out.err)
		}
		got := rows{}
		last, _ := w.read(out.lines, got, run.state)
		var full []string
		for _, s := range stream.All {
			if s.ReplicationKey == "" {
				full = append(full, s.Name)
			} else if s.Name != "tasks" && s.Name != "custom_content" {
				w.wantSince(got, s.Name, w.bookmark(run.state, s.Name))
			}
		}
		if missing := w.missing(got, full); missing != nil {
			t.Errorf("streams that are read in full lack %q", missing)
		}
		if !w.bookmark(last, "pages").Equal(w.site.Now()) || w.entries(last)["page_labels"].ReplicationKeyValue != "" {
			t.Errorf("state %s", last)
		}
		sorts := map[string]bool{}
		for _, r := range requests() {
			if r.path != "/pages" {
				continue
			}
			sort := strings.Join(r.query["sort"], "")
			sorts[sort] = true
			if body := strings.Join(r.query["body-format"], ""); (body != "") != (sort == "-modified-date") {
				t.Errorf("pages by %s are asked for with the body format %q", sort, body)
			}
		}
		if !sorts["id"] || !sorts["-modified-date"] {
			t.Errorf("the pages are listed by %v", sorts)
		}
	}
}

// TestNewlySelected selects streams beside one that has a bookmark: they begin at the anchor,
// it goes on from where it was, and they share the listing.
func TestNewlySelected(t *testing.T) {
	t.Parallel()
	for _, airbyte := range []bool{false, true} {
		w := newWorld(t, shown(49, 100))
		w.config.AnchorDate = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		run := sync_{streams: []string{"pages", "page_footer_comments"}, incremental: true, airbyte: airbyte}
		_, run.state, _ = w.collect(run)
		before := map[string]time.Time{}
		for _, name := range run.streams {
			before[name] = w.bookmark(run.state, name)
		}
		w.edit(simconfluence.Page, w.newestFirst("pages")[50])
		run.streams = append(run.streams, "page_versions", "blog_post_footer_comments", "attachments")
		got, last, requests := w.collect(run)
		for _, name := range run.streams {
			since, old := before[name]
			if !old {
				since = w.config.AnchorDate
			}
			w.wantSince(got, name, since)
			if w.bookmark(last, name).Before(since) {
				t.Errorf("the bookmark of %s went back to %s", name, w.bookmark(last, name))
			}
		}
		if requests["/pages"] != 1 || requests["/footer-comments"] != 1 {
			t.Errorf("the listings are not shared: %v", requests)
		}
		if !w.bookmark(last, "page_versions").Equal(w.bookmark(last, "pages")) {
			t.Errorf("state %s", last)
		}
		// A stream that is selected no more keeps its bookmark.
		run.streams, run.state = []string{"attachments"}, last
		_, st, _ := w.collect(run)
		if !w.bookmark(st, "pages").Equal(w.bookmark(last, "pages")) {
			t.Errorf("the bookmark of an unselected stream was lost: %s", st)
		}
	}
}

package simconfluence

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// plain reads a stream the plainest way: the listing, and for child streams one request
// for each parent.
func plain(t *testing.T, s *Site, st *stream.Stream) map[string]string {
	t.Helper()
	rows := map[string]string{}
	add := func(parent string, row json.RawMessage) {
		var key []string
		for _, f := range st.Key {
			if f == st.ParentField {
				key = append(key, parent)
			} else {
				key = append(key, field(t, row, f))
			}
		}
		k := strings.Join(key, " ")
		if was, ok := rows[k]; ok {
			t.Errorf("%s: key %s twice: %.80s and %.80s", st.Name, k, was, row)
		}
		rows[k] = string(row)
	}
	if st.Route == "" {
		for _, row := range listing(t, s, st.Listing) {
			add("", row)
		}
		return rows
	}
	for _, parent := range listing(t, s, st.Parent) {
		id := field(t, parent, "id")
		for _, row := range allRows(t, s, with(st.Route, id, queryOf(st.Query))) {
			if typ := field(t, row, "type"); st.Derive == stream.ChildOf && typ != "page" {
				continue
			}
			add(id, row)
			if st.Replies != "" {
				replies(t, s, st, id, field(t, row, "id"), add)
			}
		}
	}
	return rows
}

func replies(t *testing.T, s *Site, st *stream.Stream, parent, comment string, add func(string, json.RawMessage)) {
	t.Helper()
	for _, row := range allRows(t, s, with(st.Replies, comment, "")) {
		add(parent, row)
		replies(t, s, st, parent, field(t, row, "id"), add)
	}
}

// listing reads a listing: of every type, where it is by type.
func listing(t *testing.T, s *Site, l *stream.Listing) []json.RawMessage {
	t.Helper()
	switch {
	case l.Offset:
		return offsetRows(t, s, l.Route, l.MaxLimit)
	case l.Typed:
		var rows []json.RawMessage
		for _, typ := range s.CustomTypes() {
			rows = append(rows, allRows(t, s, with(l.Route, "", queryOf(l.Query, "type="+typ)))...)
		}
		return rows
	}
	return allRows(t, s, with(l.Route, "", queryOf(l.Query)))
}

func offsetRows(t *testing.T, s *Site, route string, limit int) []json.RawMessage {
	t.Helper()
	var rows []json.RawMessage
	for {
		var p page
		sep := "?"
		if strings.Contains(route, "?") {
			sep = "&"
		}
		got := get(t, s, fmt.Sprintf("%s%sstart=%d&limit=%d", route, sep, len(rows), limit))
		if err := json.Unmarshal(got.body, &p); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, p.Results...)
		if len(p.Results) < limit {
			return rows
		}
	}
}

// TestTruthIsWhatPlainRoutesGive compares both ways in which the site can tell its rows.
func TestTruthIsWhatPlainRoutesGive(t *testing.T) {
	for _, o := range []Options{small(), Scaled(11, 100), Scaled(3, 10), Scaled(5, 1), {Seed: 2}, withLies(small(), Lies{FirstVersions: true})} {
		s := New(o)
		change(t, s)
		for i := range stream.All {
			st := &stream.All[i]
			t.Run(fmt.Sprintf("%d pages, %s", o.Pages, st.Name), func(t *testing.T) {
				want := plain(t, s, st)
				n := 0
				for row := range s.Truth(st.Name, TruthOptions{}) {
					n++
					key := strings.Join(row.Key, " ")
					if got, ok := want[key]; !ok {
						t.Errorf("truth has %s, the routes have not", key)
					} else if got != string(row.Data) {
						t.Errorf("row %s\ntruth  %s\nroutes %s", key, row.Data, got)
					}
				}
				if n != len(want) {
					t.Errorf("truth has %d rows, the routes %d", n, len(want))
				}
			})
		}
		if v := s.Violations(); len(v) > 0 {
			t.Errorf("our own requests: %q", v)
		}
	}
}

func withLies(o Options, l Lies) Options {
	o.Lies = l
	return o
}

// change changes a site a little, if it has enough to change.
func change(t *testing.T, s *Site) {
	t.Helper()
	if s.opts.Pages < 50 {
		return
	}
	for _, k := range []Kind{Page, BlogPost, Attachment, FooterComment, InlineComment, Task, CustomContent} {
		id := s.Create(k)
		other := s.Create(k)
		if err := s.Edit(k, id); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(k, other); err != nil {
			t.Fatal(err)
		}
	}
	// The homepage of the second space goes to the trash; what hangs on it goes with it,
	// its child pages move up.
	if err := s.SetStatus(Page, string(s.appendID(nil, Page, 1)), trashed); err != nil {
		t.Fatal(err)
	}
}

// TestTruthInScope narrows the truth by space and status.
func TestTruthInScope(t *testing.T) {
	s := New(Scaled(7, 1500))
	keys := s.SpaceKeys()
	keys = keys[:len(keys)/2]
	for _, name := range stream.Names() {
		whole := count(s, name, TruthOptions{})
		only := count(s, name, TruthOptions{SpaceKeys: keys})
		rest := count(s, name, TruthOptions{ExcludeSpaceKeys: keys})
		want := whole
		if name == "groups" {
			want = 2 * whole // groups belong to no space
		}
		if whole == 0 || only+rest != want || only == 0 || rest == 0 {
			t.Errorf("%s: %d rows, %d in some spaces, %d in the others", name, whole, only, rest)
		}
	}
	all := []string{current, archived, trashed, deleted}
	for name, l := range map[string]*stream.Listing{"pages": stream.Pages, "blog_posts": stream.BlogPosts, "attachments": stream.Attachments} {
		want := len(allRows(t, s, with(l.Route, "", "limit=250&status="+strings.Join(l.Statuses, ","))))
		if got := count(s, name, TruthOptions{Statuses: all}); got != want {
			t.Errorf("%s in every status: %d, want %d", name, got, want)
		}
		if more := count(s, name, TruthOptions{Statuses: all}) - count(s, name, TruthOptions{}); more < 3 {
			t.Errorf("%s: only %d in other statuses", name, more)
		}
	}
	if c, w := count(s, "page_labels", TruthOptions{Statuses: all}), count(s, "page_labels", TruthOptions{}); c != w {
		t.Errorf("labels of pages in the trash: %d, want %d", c, w)
	}
}

func count(s *Site, name string, o TruthOptions) int {
	n := 0
	for range s.Truth(name, o) {
		n++
	}
	return n
}

// TestSameSeedSameSite says that a site follows from its options alone.
func TestSameSeedSameSite(t *testing.T) {
	rows := func(seed int64) []string {
		var all []string
		for _, name := range stream.Names() {
			for row := range New(Scaled(seed, 30)).Truth(name, TruthOptions{BodyFormat: "storage"}) {
				all = append(all, string(row.Data))
			}
		}
		return all
	}
	one, again, other := rows(1), rows(1), rows(2)
	if !slices.Equal(one, again) {
		t.Error("the same seed gives another site")
	}
	if slices.Equal(one, other) {
		t.Error("another seed gives the same site")
	}
}

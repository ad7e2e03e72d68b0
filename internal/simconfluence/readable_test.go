package simconfluence

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// readable is a site for readers.
func readable(pages int) *Site {
	o := Scaled(3, pages)
	o.Readable, o.Most = true, 24
	return New(o)
}

// TestReadable says that a site for readers holds nothing that is hard to handle, in any stream and format.
func TestReadable(t *testing.T) {
	s := readable(600)
	for _, name := range slices.Concat(stream.Names(), stream.ExtraNames()) {
		for _, format := range []string{"storage", "atlas_doc_format"} {
			rows := 0
			for row := range s.Truth(name, TruthOptions{BodyFormat: format}) {
				rows++
				if !json.Valid(row.Data) {
					t.Fatalf("%s %v is no JSON: %s", name, row.Key, row.Data)
				}
				for _, text := range nasty {
					if bytes.Contains(row.Data, []byte(text)) {
						t.Fatalf("%s %v holds %q: %s", name, row.Key, text, row.Data)
					}
				}
			}
			if rows == 0 {
				t.Errorf("%s: no rows", name)
			}
		}
	}
}

// TestReadableNames says that names are unique where they are on a real site.
func TestReadableNames(t *testing.T) {
	s := readable(3000)
	for what, names := range map[string]func(yield func(string)){
		"title of a page in its space": func(yield func(string)) {
			for i := range s.n[Page] {
				yield(s.SpaceKey(s.space(Page, i)) + "/" + string(s.appendTitle(nil, Page, i)))
			}
		},
		"space": func(yield func(string)) {
			for i := range s.n[Space] {
				yield(s.SpaceKey(i))
			}
		},
		"label": func(yield func(string)) {
			for i := range s.n[Label] {
				yield(s.labelName(i))
			}
		},
		"person": func(yield func(string)) {
			for u := range s.users {
				if s.userState(u) != closed {
					yield(string(s.userName(nil, u)))
				}
			}
		},
		"file": func(yield func(string)) {
			for i := range s.n[Attachment] {
				yield(string(s.appendTitle(nil, Attachment, i)))
			}
		},
		"role held in a space": func(yield func(string)) {
			for i := range s.n[Space] {
				for j := range s.assignments(i) {
					typ, id := s.assignee(i, j)
					yield(string(appendRole([]byte(s.SpaceKey(i)+" "+typ+" "+id+" "), j%roles)))
				}
			}
		},
	} {
		seen := map[string]bool{}
		names(func(name string) {
			if seen[name] {
				t.Errorf("two of one name: %s %s", what, name)
			}
			seen[name] = true
		})
	}
}

// TestReadableGroups says that groups ascend by name, also where there are hundreds.
func TestReadableGroups(t *testing.T) {
	for _, pages := range []int{20, 300, 9000} {
		s, last := readable(pages), ""
		for i := range s.n[Group] {
			name := string(s.appendGroupName(nil, i))
			if name <= last {
				t.Errorf("of %d groups: %s after %s", s.n[Group], name, last)
			}
			last = name
		}
	}
}

// TestPageTally says that every page is in the tally once.
func TestPageTally(t *testing.T) {
	const want = "300 pages: 257 current and 12 archived, which a full read gives; 10 in the trash, 2 deleted, 2 in draft, 17 hidden from the account"
	o := Scaled(1, 300)
	o.Spaces = 8
	s := New(o)
	if got := s.PageTally(); got != want {
		t.Errorf("got %s", got)
	}
	if n := s.Counts(TruthOptions{})["pages"]; n != 257+12 {
		t.Errorf("%d pages", n)
	}
}

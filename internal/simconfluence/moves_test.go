package simconfluence

import (
	"strconv"
	"strings"
	"testing"
)

// spacesOf returns the space of every page.
func spacesOf(t *testing.T, s *Site) map[string]string {
	t.Helper()
	spaces := map[string]string{}
	for id, row := range rowsOf(s, "pages") {
		spaces[id] = field(t, []byte(row), "spaceId")
	}
	return spaces
}

func mustID(t *testing.T, id string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMove takes a page to another space, with the pages below it.
func TestMove(t *testing.T) {
	s := New(Options{Seed: 3, Spaces: 2, Pages: 60, AllVisible: true, BodyBytes: 10})
	child, parent := "", ""
	for row := range s.Truth("child_pages", TruthOptions{}) {
		if s.id(Page, s.first[Space]) <= mustID(t, row.Parent) {
			child, parent = row.Key[0], row.Parent
			break
		}
	}
	if child == "" {
		t.Fatal("no page lies two levels below a homepage")
	}
	before := spacesOf(t, s)
	to := ""
	for id := range rowsOf(s, "spaces") {
		if id != before[parent] {
			to = id
		}
	}
	if err := s.Move(Page, parent, to); err != nil {
		t.Fatal(err)
	}
	after := spacesOf(t, s)
	if after[parent] != to || after[child] != to || len(after) != len(before) {
		t.Errorf("page %s is in %s, the one below in %s, want %s; %d pages of %d", parent, after[parent], after[child], to, len(after), len(before))
	}
	home := string(s.appendID(nil, Page, 0))
	if err := s.Move(Page, home, to); err == nil {
		t.Error("a homepage was moved")
	}
}

// TestSetVisible hides a space with all that lies in it, and shows it again.
func TestSetVisible(t *testing.T) {
	s := New(small())
	id := string(s.appendID(nil, Space, 0))
	in := func() (n int) {
		for _, space := range spacesOf(t, s) {
			if space == id {
				n++
			}
		}
		return n
	}
	before := in()
	if err := s.SetVisible(Space, id, false); err != nil {
		t.Fatal(err)
	}
	if _, shown := rowsOf(s, "spaces")[id]; shown || in() != 0 || before == 0 {
		t.Errorf("the space is shown: %v; %d of its pages are, %d were", shown, in(), before)
	}
	if err := s.SetVisible(Space, id, true); err != nil {
		t.Fatal(err)
	}
	if in() != before {
		t.Errorf("%d pages come back, %d were there", in(), before)
	}
}

// TestSetLabel puts labels on a page and takes them off.
func TestSetLabel(t *testing.T) {
	s := New(small())
	id := string(s.appendID(nil, Page, 0))
	labels := func() (n int) {
		for key := range rowsOf(s, "page_labels") {
			if strings.HasPrefix(key, id+" ") {
				n++
			}
		}
		return n
	}
	none := func(on bool) int {
		for l := range s.first[Label] {
			if err := s.SetLabel(Page, id, l, on); err != nil {
				t.Fatal(err)
			}
		}
		return labels()
	}
	if n := none(false); n != 0 {
		t.Errorf("%d labels are left", n)
	}
	if all := none(true); all < s.first[Label]/2 {
		t.Errorf("%d labels of %d", all, s.first[Label])
	}
}

// TestMost caps what an item begins with.
func TestMost(t *testing.T) {
	o := small()
	o.Most = 2
	s := New(o)
	for _, name := range []string{"page_versions", "space_permissions", "page_content_properties"} {
		of := map[string]int{}
		for row := range s.Truth(name, TruthOptions{}) {
			if of[row.Parent]++; of[row.Parent] > 2 {
				t.Errorf("%s: %s has more than two", name, row.Parent)
			}
		}
		if len(of) == 0 {
			t.Errorf("%s has no rows", name)
		}
	}
}

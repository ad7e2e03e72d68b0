package method_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

var update = flag.Bool("update", false, "write the expected methods")

// TestFor shows by which methods each stream of the table is read, in every situation that the
// planner tells apart.
func TestFor(t *testing.T) {
	t.Parallel()
	const golden = "testdata/methods.golden"
	got := methodsTable()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(filepath.Clean(golden))
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is other than this; go test ./tap/method -update writes it:\n%s", golden, got)
	}
}

// methodsTable lists each stream's methods, for each situation in which they differ from those
// of a full read.
func methodsTable() string {
	fewLabels := site.Facts{Labels: 10, Parents: map[*stream.Listing]int{stream.Pages: 11, stream.BlogPosts: 11, stream.Attachments: 11}}
	manyLabels := site.Facts{Labels: 11, Parents: fewLabels.Parents}
	narrowed := fewLabels
	narrowed.Spaces.Included = []string{"1"}
	fewSpaces, refused := site.Facts{Owners: map[*stream.Listing]site.OwnerCounts{}}, site.Facts{}
	for _, l := range stream.Listings {
		refused = refused.With(l, func(k *site.Learned) { k.Refused = true })
	}
	for _, l := range []*stream.Listing{stream.FooterComments, stream.InlineComments} {
		fewSpaces.Owners[l] = site.OwnerCounts{}
	}
	situations := []struct {
		name   string
		choice method.Choice
	}{
		{"in full", method.Choice{Partners: 1}},
		{"with a partner", method.Choice{Partners: 2}},
		{"changes", method.Choice{Partners: 1, Incremental: true}},
		{"plainly", method.Choice{Partners: 2, Plain: true}},
		{"changes plainly", method.Choice{Partners: 2, Plain: true, Incremental: true}},
		{"fewer labels than parents", method.Choice{Partners: 1, Facts: &fewLabels}},
		{"as many labels as parents", method.Choice{Partners: 1, Facts: &manyLabels}},
		{"fewer labels and a partner", method.Choice{Partners: 2, Facts: &fewLabels}},
		{"fewer labels, plainly", method.Choice{Partners: 1, Facts: &fewLabels, Plain: true}},
		{"fewer labels, some spaces", method.Choice{Partners: 1, Facts: &narrowed}},
		{"few spaces", method.Choice{Partners: 1, Facts: &fewSpaces}},
		{"changes in few spaces", method.Choice{Partners: 1, Facts: &fewSpaces, Incremental: true}},
		{"refused", method.Choice{Partners: 1, Facts: &refused}},
		{"changes, refused", method.Choice{Partners: 1, Facts: &refused, Incremental: true}},
	}
	var b strings.Builder
	for i := range stream.All {
		s := &stream.All[i]
		usual := ""
		for _, situation := range situations {
			c := situation.choice
			if c.Incremental && s.ReplicationKey == "" || c.Partners > 1 && s.Include == "" && !c.Plain {
				continue
			}
			if c.Stream = s; c.Facts == nil {
				c.Facts = &site.Facts{}
			}
			names := make([]string, 0, 2)
			for _, k := range method.For(c) {
				names = append(names, k.String())
			}
			methods := strings.Join(names, ", then ")
			if usual == "" {
				usual = methods
				fmt.Fprintf(&b, "%s: %s\n", s.Name, methods)
			} else if methods != usual {
				fmt.Fprintf(&b, "    %s: %s\n", situation.name, methods)
			}
		}
	}
	return b.String()
}

// TestListings shows that all methods of a stream walk one listing in any situation, so that the
// planner may ask any of them.
func TestListings(t *testing.T) {
	t.Parallel()
	for i := range stream.All {
		s := &stream.All[i]
		for bits := range 16 {
			facts := site.Facts{Labels: bits & 1, Parents: map[*stream.Listing]int{s.Parent: bits & 1 * 2}}
			kinds := method.For(method.Choice{Stream: s, Incremental: bits&2 > 0, Plain: bits&4 > 0, Partners: 1 + bits&8/8, Facts: &facts})
			if len(kinds) == 0 {
				t.Errorf("%s: no method", s.Name)
				continue
			}
			for _, k := range kinds {
				if a, b := method.Of(k).Listing(s), method.Of(kinds[0]).Listing(s); a != b {
					t.Errorf("%s: %s walks %s, %s walks %s", s.Name, k, a.Name, kinds[0], b.Name)
				}
			}
		}
	}
}

// TestTable shows that every method can read and has a name of its own, and that each shortcut
// says how it is compared.
func TestTable(t *testing.T) {
	t.Parallel()
	named := map[string]method.Kind{}
	for i, m := range method.Table() {
		k := method.Kind(i)
		if other, taken := named[m.Name]; taken || m.Name == "" {
			t.Errorf("%d and %d are both %q", other, k, m.Name)
		}
		named[m.Name] = k
		if m.FromRow == nil && m.Read == nil && k != method.LookedUp { // which reads in no order of rows
			t.Errorf("%s reads nothing", k)
		}
		if inPassing := m.Audit == method.InPassing; inPassing != (m.Again != nil) {
			t.Errorf("%s is compared in passing: %v, can be repeated: %v", k, inPassing, m.Again != nil)
		}
		if text, err := k.MarshalText(); err != nil || string(text) != m.Name {
			t.Errorf("%d: written as %q, %v", k, text, err)
		}
	}
}

// TestOwnerPays compares the requests of both ways.
func TestOwnerPays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		l      *stream.Listing
		counts site.OwnerCounts
		want   bool
	}{
		// A list of each kind for every page, and of replies for every comment.
		{stream.FooterComments, site.OwnerCounts{Owners: 4, Inside: 10, All: 2000}, false},
		{stream.FooterComments, site.OwnerCounts{Owners: 4, Inside: 10, All: 6000}, true},
		{stream.InlineComments, site.OwnerCounts{Owners: 4, Inside: 1000, All: 6000}, false},
	} {
		if got := method.OwnerPays(test.l, test.counts); got != test.want {
			t.Errorf("%s, %+v: %v", test.l.Name, test.counts, got)
		}
	}
}

// TestDescribe shows how the plan words the requests of each method.
func TestDescribe(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kinds  []method.Kind
		walked *stream.Listing
		want   string
	}{
		{[]method.Kind{method.OwnRow}, stream.Pages, ""},
		{[]method.Kind{method.PerParent}, stream.BlogPosts, "one request per blog post"},
		{[]method.Kind{method.Derived, method.PerParent}, stream.Pages, "one request per page"},
		{[]method.Kind{method.FirstVersion, method.Combined}, stream.Pages, "one request per page for all that it has, if it was edited"},
		{[]method.Kind{method.ByLabel}, stream.Labels, "a list per label"},
		{[]method.Kind{method.LookedUp}, stream.Users, "250 at once"},
		{[]method.Kind{method.ByID}, stream.Tree, "one by one"},
		{[]method.Kind{method.BulkSearch}, stream.Content, "a search for many at once"},
	} {
		if got := method.Describe(test.kinds, test.walked); got != test.want {
			t.Errorf("%s: %q, want %q", test.kinds, got, test.want)
		}
	}
}

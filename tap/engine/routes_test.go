package engine_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Whatever the route, the rows are the same. Every stream is read by every route that can
// serve it, and its records are compared field by field with those of the plain route.

const (
	manyLabels = 320 // more than there are items, and than one answer holds
	fewLabels  = 12  // fewer than there are items of any kind
)

// varied is a site of which every list and block has more rows than one answer holds, at
// least for one parent (of labels only if there are many), and whose content is in every
// status.
func varied(labels int) simconfluence.Options {
	o := simconfluence.Scaled(5, 60)
	o.BodyBytes, o.BlogPosts, o.Attachments, o.Labels = 60, 40, 120, labels
	return o
}

// plainState is a Singer state that sends streams to their plain routes.
func plainState(names ...string) []byte {
	entries := map[string]any{}
	for _, name := range names {
		entries[name] = map[string]bool{"plain": true}
	}
	st, err := json.Marshal(map[string]any{
		"bookmarks": entries, "tap_confluence": map[string]any{"v": 1, "site": siteName},
	})
	if err != nil {
		panic(err) // maps of strings and booleans
	}
	return st
}

// collect runs a sync that must succeed and returns its records, its last state and the
// requests that it made, by route as the table of streams has it.
func (w *world) collect(s sync_) (got rows, last []byte, requests map[string]int) {
	w.t.Helper()
	w.site.Reset()
	out := w.run(s)
	if out.err != nil {
		w.t.Fatalf("sync of %v: %v\n%s", s.streams, out.err, w.warnings())
	}
	requests = map[string]int{}
	for route, n := range w.site.Requests() {
		requests[strings.TrimPrefix(route, stream.V2)] = n
	}
	got = rows{}
	last, _ = w.read(out.lines, got, s.state)
	return got, last, requests
}

// warnings returns what was logged above the level of information.
func (w *world) warnings() string {
	lines := slices.DeleteFunc(strings.Split(w.logs(), "\n"), func(l string) bool {
		return !strings.Contains(l, "level=WARN") && !strings.Contains(l, "level=ERROR")
	})
	return strings.Join(lines, "\n")
}

// included names the streams that a parent's combined read can hold, by its listing.
func included(l *stream.Listing) []string {
	var names []string
	for _, s := range stream.All {
		if s.Parent == l && s.Include != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// where lists the streams for which is says yes.
func where(is func(*stream.Stream) bool) []string {
	var names []string
	for i := range stream.All {
		if is(&stream.All[i]) {
			names = append(names, stream.All[i].Name)
		}
	}
	return names
}

func isVersions(s *stream.Stream) bool { return s.Derive == stream.FirstVersion }
func isLabels(s *stream.Stream) bool   { return s.Labelled != "" }
func isComments(s *stream.Stream) bool { return s.Replies != "" }
func isChild(s *stream.Stream) bool    { return s.IsChild() }
func hasPlain(s *stream.Stream) bool   { return s.Route != "" }

// refuse makes the site answer some routes with a status.
func refuse(status int, routes ...string) func(*world) {
	return func(w *world) {
		var faults []simconfluence.Fault
		for _, route := range routes {
			faults = append(faults, simconfluence.On(route, simconfluence.Status(status, `{"errors":[{"status":0,"code":"NO","title":"no"}]}`)))
		}
		w.site.SetFaults(faults...)
	}
}

// route is one way of reading some streams.
type route struct {
	name    string
	labels  int     // that the site has, 0 for many
	sync    []sync_ // run one after another, each from scratch
	prepare func(*world)
	used    []string // routes that must be asked
	unused  []string // routes that must not be
	// differs names the fields in which the route's records legitimately differ from the
	// plain route's, by stream, and why.
	differs map[string]string
}

func routes() []route {
	alone := func(names []string) (s []sync_) {
		for _, name := range names {
			s = append(s, sync_{streams: []string{name}})
		}
		return s
	}
	var combined []sync_
	for _, l := range []*stream.Listing{stream.Spaces, stream.Pages, stream.BlogPosts, stream.Attachments} {
		names := included(l)
		combined = append(combined, sync_{streams: names}, sync_{streams: names[:2]})
	}
	items := []string{"/spaces/{id}", "/pages/{id}", "/blogposts/{id}", "/attachments/{id}"}
	comments := []string{"/footer-comments", "/inline-comments"}
	return []route{
		{
			name: "everything at once", sync: []sync_{{}, {airbyte: true}},
			used:   append([]string{"/footer-comments", "/inline-comments"}, items...),
			unused: []string{"/pages/{id}/direct-children", "/labels", "/footer-comments/{id}/children", "/pages/{id}/footer-comments"},
		},
		{
			name: "every stream alone", sync: alone(stream.Names()),
			used:   []string{"/pages/{id}/labels", "/spaces/{id}/labels", "/pages/{id}/properties", "/pages/{id}/versions"},
			unused: items,
		},
		{
			name: "combined reads of two and of all", sync: combined, used: items,
			unused: []string{"/labels"},
		},
		{
			name: "plain lists one by one", sync: []sync_{{streams: where(isChild), state: plainState(where(isChild)...)}},
			used:   []string{"/pages/{id}/direct-children", "/attachments/{id}/versions", "/pages/{id}/labels"},
			unused: append([]string{"/labels"}, items...),
		},
		{
			name: "labels parent by parent", sync: []sync_{{streams: where(isLabels), state: plainState(where(isLabels)...)}},
			used:   []string{"/pages/{id}/labels", "/blogposts/{id}/labels", "/attachments/{id}/labels"},
			unused: append([]string{"/labels"}, items...),
		},
		{
			name: "labels by label", labels: fewLabels, sync: []sync_{{streams: where(isLabels)}},
			used:   []string{"/labels", "/labels/{id}/pages", "/labels/{id}/blogposts", "/labels/{id}/attachments"},
			unused: append([]string{"/pages/{id}/labels"}, items...),
		},
		{
			name: "versions in order of change", sync: []sync_{{streams: where(isVersions), incremental: true}},
			used:   []string{"/pages/{id}/versions", "/blogposts/{id}/versions", "/attachments/{id}/versions"},
			unused: items,
		},
		{
			name: "children told by their rows", sync: []sync_{{streams: []string{"child_pages"}}},
			used: []string{"/pages"}, unused: []string{"/pages/{id}/direct-children", "/pages/{id}/children"},
		},
		{
			name: "children by the older route", sync: []sync_{{streams: []string{"child_pages"}, state: plainState("child_pages")}},
			prepare: func(w *world) { w.site.SetMissingScopes("read:hierarchical-content:confluence") },
			used:    []string{"/pages/{id}/direct-children", "/pages/{id}/children"},
			differs: map[string]string{"child_pages.type": "the older route lists pages only and has no type"},
		},
		{
			name: "comments by parent", sync: []sync_{{streams: where(isComments), state: plainState(where(isComments)...)}},
			used:   []string{"/pages/{id}/footer-comments", "/blogposts/{id}/inline-comments", "/footer-comments/{id}/children", "/inline-comments/{id}/children"},
			unused: comments,
		},
		{
			name: "comments of a site that refuses its lists", sync: []sync_{{streams: where(isComments)}},
			prepare: refuse(http.StatusGone, comments...),
			used:    append([]string{"/pages/{id}/footer-comments"}, comments...),
		},
		{
			name: "chosen spaces, all of them", sync: []sync_{{}},
			prepare: func(w *world) { w.config.SpaceKeys = w.site.SpaceKeys() },
			used:    append([]string{"/spaces"}, items...),
		},
		{
			name: "small pages, many at once", sync: []sync_{{}},
			prepare: func(w *world) { w.config.PageSize, w.config.Concurrency = 7, 16 },
			used:    append([]string{"/pages"}, items...),
		},
		{
			name: "incremental from long ago", sync: []sync_{{incremental: true}},
			used:   append([]string{"/pages/{id}/versions"}, comments...),
			unused: []string{"/pages/{id}/footer-comments"},
		},
	}
}

// TestEveryRouteGivesTheSameRows reads every stream by every route.
func TestEveryRouteGivesTheSameRows(t *testing.T) {
	t.Parallel()
	truths := map[int]rows{}
	for _, labels := range []int{manyLabels, fewLabels} {
		w := newWorld(t, varied(labels))
		truths[labels], _, _ = w.collect(sync_{state: plainState(where(hasPlain)...)})
		if missing := w.missing(truths[labels], nil); missing != nil {
			t.Fatalf("the plain routes lack rows: %q", missing)
		}
	}
	served := map[string]int{}
	for _, r := range routes() {
		t.Run(r.name, func(t *testing.T) {
			labels := cmp.Or(r.labels, manyLabels)
			w, plain := newWorld(t, varied(labels)), truths[labels]
			// Audits would hide what a route lacks.
			w.config.AuditSamples = 0
			if r.prepare != nil {
				r.prepare(w)
			}
			requests, differs := map[string]int{}, map[string]string{}
			for _, s := range r.sync {
				got, _, made := w.collect(s)
				for route, n := range made {
					requests[route] += n
				}
				names := s.streams
				if names == nil {
					names = stream.Names()
				}
				for _, name := range names {
					served[name]++
					if len(plain[name]) == 0 {
						t.Errorf("the site has no rows of %s", name)
					}
					maps.Copy(differs, differences(t, name, plain[name], got[name]))
				}
			}
			for field, example := range differs {
				if r.differs[field] == "" {
					t.Errorf("%s differs from the plain route: %s", field, example)
				}
			}
			for field, why := range r.differs {
				if differs[field] == "" {
					t.Errorf("%s does not differ any more (%s)", field, why)
				}
			}
			for _, route := range r.used {
				if requests[route] == 0 {
					t.Errorf("%s was not asked", route)
				}
			}
			for _, route := range r.unused {
				if requests[route] > 0 {
					t.Errorf("%s was asked %d times", route, requests[route])
				}
			}
			if v := w.site.Violations(); len(v) > 0 {
				t.Errorf("requests that the documents don't have: %q", v[:1])
			}
		})
	}
	for _, s := range stream.All {
		want := 2 // alone and with all others
		if s.IsChild() || isComments(&s) {
			want = 4
		}
		if served[s.Name] < want {
			t.Errorf("%s was read %d times, want at least %d", s.Name, served[s.Name], want)
		}
	}
}

// TestChosenSpacesGiveTheSameRows reads one space at a time, in which other routes may be
// cheaper, and all spaces but one: the rows are those of the plain routes in that space.
func TestChosenSpacesGiveTheSameRows(t *testing.T) {
	t.Parallel()
	o := varied(manyLabels)
	o.Spaces = 4
	w := newWorld(t, o)
	plain, _, _ := w.collect(sync_{state: plainState(where(hasPlain)...)})
	keys := w.site.SpaceKeys()
	for i, key := range keys {
		for _, only := range []bool{true, false} {
			w, scope := newWorld(t, o), simconfluence.TruthOptions{}
			if only {
				w.config.SpaceKeys, scope.SpaceKeys = []string{key}, []string{key}
			} else if i > 0 {
				continue
			} else {
				w.config.ExcludeSpaceKeys, scope.ExcludeSpaceKeys = []string{key}, []string{key}
			}
			got, _, _ := w.collect(sync_{})
			for _, name := range stream.Names() {
				want := map[string]json.RawMessage{}
				for row := range w.site.Truth(name, scope) {
					key := rowKey(name, row)
					want[key] = plain[name][key]
				}
				for field, example := range differences(t, name, want, got[name]) {
					t.Errorf("space %s (only: %v): %s differs: %s", key, only, field, example)
				}
			}
		}
	}
}

// rowKey is the key of a row of the truth as rows have it.
func rowKey(name string, row simconfluence.Row) string {
	var key strings.Builder
	for i, k := range row.Key {
		if stream.Find(name).Key[i] != "number" {
			k = strconv.Quote(k)
		}
		key.WriteString(k + " ")
	}
	return key.String()
}

// differences returns, by field, an example of how records differ from the plain route's.
func differences(t *testing.T, name string, plain, got map[string]json.RawMessage) map[string]string {
	t.Helper()
	differs := map[string]string{}
	for key := range got {
		if _, ok := plain[key]; !ok {
			differs[name+" (row too many)"] = key
		}
	}
	for key, record := range plain {
		other, ok := got[key]
		if !ok {
			differs[name+" (row missing)"] = key
			continue
		}
		if bytes.Equal(record, other) {
			continue
		}
		a, b := fieldsOf(t, record), fieldsOf(t, other)
		for field := range a {
			if !reflect.DeepEqual(a[field], b[field]) {
				differs[name+"."+field] = fmt.Sprintf("row %s: plain %v, here %v", key, a[field], b[field])
			}
		}
		if len(a) != len(b) {
			differs[name+" (fields)"] = fmt.Sprintf("row %s: %d and %d of them", key, len(a), len(b))
		}
	}
	return differs
}

func fieldsOf(t *testing.T, record json.RawMessage) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(record)))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

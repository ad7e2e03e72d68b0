package tap_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
)

// tree names the streams of the page tree.
func tree() []string { return []string{"folders", "whiteboards", "databases", "embeds"} }

// TestTreeUnsearched reads the page tree of a site that refuses the search: what pages lie in comes,
// with a warning.
func TestTreeUnsearched(t *testing.T) {
	t.Parallel()
	o := varied()
	o.Quirks.SearchRefuses = []string{"folder"}
	for protocol, read := range readers() {
		f := onDemand(t, o)
		r := read(f, tree(), nil).OK()
		truth := tapfixture.Scope()
		truth.Unsearched = true
		for _, name := range tree() {
			tapfixture.Compare(t, name, r.Canonical(name), f.Expect(name, truth))
		}
		if protocol == "singer" && !strings.Contains(r.Stderr, "the search is refused") {
			t.Errorf("no warning: %s", r.Stderr)
		}
	}
}

// TestTreeGone removes a folder that a search has found, or behind the page that names it: it is left
// out, named, and counted.
func TestTreeGone(t *testing.T) {
	t.Parallel()
	for _, unsearched := range []bool{false, true} {
		o, truth := varied(), tapfixture.Scope()
		if unsearched {
			o.Quirks.SearchRefuses, truth.Unsearched = []string{"folder"}, true
		}
		f := onDemand(t, o)
		id, _, _ := first(f.Site.Truth("folders", truth))
		f.Site.SetFaults(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if strings.HasSuffix(r.URL.Path, "/folders/"+id) {
				_ = f.Site.Delete(simconfluence.Folder, id) // it is asked for twice
			}
			return false
		})
		r := f.Singer(tapfixture.Select(tree()...), nil).OK()
		want := f.Expect("folders", truth)
		if _, still := want[id]; still {
			t.Fatalf("folder %s is still there", id)
		}
		tapfixture.Compare(t, "folders", r.Canonical("folders"), want)
		for _, says := range []string{"an item vanished between listing and reading [listing=folders id=" + id + "]", "skipped: 1 × folders that vanished"} {
			if !strings.Contains(r.Stderr, says) {
				t.Errorf("%q is not said: %s", says, r.Stderr)
			}
		}
	}
}

// TestTreeRefused refuses one kind: its stream fails alone, or, where it is not selected, those that
// would be found through it.
func TestTreeRefused(t *testing.T) {
	t.Parallel()
	f := onDemand(t, varied())
	f.Site.SetFaults(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.Contains(r.URL.Path, "/whiteboards/") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"code":403,"message":"not allowed to see whiteboards"}`)
		return true
	})
	r := f.Singer(tapfixture.Select(tree()...), nil).Wants(tap.ExitFailed)
	for _, name := range tree() {
		if name != "whiteboards" {
			tapfixture.Compare(t, name, r.Canonical(name), f.Expect(name, tapfixture.Scope()))
		}
	}
	if strings.Count(r.Stderr, "stream failed") != 1 || !strings.Contains(r.Stderr, "not allowed to see whiteboards") {
		t.Errorf("said: %s", r.Stderr)
	}
	if r := f.Singer(tapfixture.Select("folders"), nil).Wants(tap.ExitFailed); !strings.Contains(r.Stderr, "not allowed to see whiteboards") {
		t.Errorf("said: %s", r.Stderr)
	}
}

// TestTreeSearchBreaksOff refuses the second page of the search for folders: a lasting refusal fails
// the streams, and a cursor that is refused once has the search start over.
func TestTreeSearchBreaksOff(t *testing.T) {
	t.Parallel()
	behind := simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Get("cursor") != "" },
		simconfluence.Status(http.StatusForbidden, `{"message":"not now"}`))
	once := simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Get("cursor") != "" },
		simconfluence.Times(1, simconfluence.Status(http.StatusBadRequest, `{"message":"The cursor is not valid"}`)))
	for _, test := range []struct {
		fault  simconfluence.Fault
		status int
	}{{behind, tap.ExitFailed}, {once, 0}} {
		f := onDemand(t, varied()).With(map[string]any{"page_size": 5})
		f.Site.SetFaults(simconfluence.On("/wiki/rest/api/search", test.fault))
		r := f.Singer(tapfixture.Select(tree()...), nil).Wants(test.status)
		if test.status != 0 {
			f.Site.SetFaults()
			r = f.Singer(tapfixture.Select(tree()...), r.LastState()).OK()
		}
		came := map[string]bool{} // a list that starts over gives rows twice
		for _, m := range r.Of("RECORD") {
			id, _ := tapfixture.Decode(t, m.Record)["id"].(string)
			came[m.Stream+" "+id] = true
		}
		for _, name := range tree() {
			for id := range f.Expect(name, tapfixture.Scope()) {
				if !came[name+" "+id] {
					t.Errorf("status %d: no %s %s", test.status, name, id)
				}
			}
		}
	}
}

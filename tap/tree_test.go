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

// TestTreeGone removes a folder behind the page that names it: it is left out, and counted.
func TestTreeGone(t *testing.T) {
	t.Parallel()
	f := onDemand(t, varied())
	id, _, _ := first(f.Site.Truth("folders", tapfixture.Scope()))
	f.Site.SetFaults(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if strings.HasSuffix(r.URL.Path, "/folders/"+id) {
			_ = f.Site.Delete(simconfluence.Folder, id) // it is asked for twice
		}
		return false
	})
	r := f.Singer(tapfixture.Select(tree()...), nil).OK()
	want := f.Expect("folders", tapfixture.Scope())
	if _, still := want[id]; still {
		t.Fatalf("folder %s is still there", id)
	}
	tapfixture.Compare(t, "folders", r.Canonical("folders"), want)
	if !strings.Contains(r.Stderr, "vanished") {
		t.Errorf("not said: %s", r.Stderr)
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

package torture

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// lasting is a condition that no retry ends.
type lasting struct {
	name string
	// strike answers in place of the site, or changes it on the way.
	strike func(w http.ResponseWriter, r *http.Request, a *answer) bool
	// failed are the streams that must fail, and no others; nil with status 0.
	failed []string
	// early says that the whole run ends.
	early bool
	// status is Singer's exit status, says what the log must say.
	status int
	says   string
	// missing says which rows of a run that ends well may be missing.
	missing func(name string, record map[string]any) bool
	// settings are beside the usual ones.
	settings map[string]any
}

// beyond reports whether a site has answered that many requests.
func beyond(a *answer, n int) bool { return a.site.Total() > n }

// ofPath answers requests whose path ends so with a status.
func ofPath(suffix string, code int) func(http.ResponseWriter, *http.Request, *answer) bool {
	return func(w http.ResponseWriter, r *http.Request, a *answer) bool {
		if !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		status(code, 0)(w, r, a)
		return true
	}
}

// midway switches the site's mode once it has answered 60 requests.
func midway(m simconfluence.Mode) func(http.ResponseWriter, *http.Request, *answer) bool {
	return func(_ http.ResponseWriter, _ *http.Request, a *answer) bool {
		if beyond(a, 60) {
			a.site.SetMode(m)
		}
		return false
	}
}

// victim is the first parent of a stream's rows that has one with such an end of its key.
func victim(t *testing.T, of, field, end string) string {
	for _, key := range slices.Sorted(maps.Keys(truth(t)[of])) {
		if id, ok := tapfixture.Decode(t, truth(t)[of][key])[field].(string); ok && strings.HasSuffix(key, end) {
			return id
		}
	}
	t.Fatalf("%s has no such row", of)
	return ""
}

// withoutItem takes an item's row out of a list.
func withoutItem(text, id string) string {
	var l list
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		panic(err) // the site's own answer
	}
	l.Results = slices.DeleteFunc(l.Results, func(row json.RawMessage) bool { return strings.Contains(string(row), `"id":"`+id+`"`) })
	out, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func conditions(t *testing.T) []lasting {
	// A page's second version is never told by its row alone.
	page, space := victim(t, "page_versions", "pageId", "/2"), victim(t, "space_labels", "spaceId", "")
	ofPage := func(r *http.Request) bool { return strings.Contains(r.URL.Path+"/", "/pages/"+page+"/") }
	pageStreams := []string{"page_labels", "page_content_properties", "page_versions"}
	return []lasting{
		{name: "an endpoint is gone", strike: ofPath("/api/v2/tasks", 410), failed: tapfixture.StreamsOf(stream.Tasks), status: 1, says: "410"},
		{name: "an endpoint always answers 500", strike: ofPath("/rest/api/group", 500), failed: tapfixture.StreamsOf(stream.Groups), status: 1, says: "500"},
		{name: "the lists of all parents always answer 500", strike: ofPath("/permissions", 500), failed: []string{"space_permissions"}, status: 1, says: "500"},
		{name: "the search for types of custom content fails", strike: ofPath("/rest/api/search", 500), failed: tapfixture.StreamsOf(stream.CustomContent), status: 1, says: "searching for types"},
		{name: "an endpoint is not implemented", strike: ofPath("/api/v2/tasks", 501), failed: tapfixture.StreamsOf(stream.Tasks), status: 1, says: "501"},
		{name: "a parent's list is not found, the parent is", strike: ofPath("/spaces/"+space+"/permissions", 404), failed: []string{"space_permissions"}, status: 1, says: "404"},
		{name: "a parent is forbidden", strike: ofPath("/spaces/"+space+"/permissions", 403), failed: []string{"space_permissions"}, status: 1, says: "403"},
		{
			name: "a page loses its permission", failed: pageStreams, status: 1, says: "403",
			strike: func(w http.ResponseWriter, r *http.Request, a *answer) bool {
				if ofPage(r) && !strings.HasSuffix(r.URL.Path, "/direct-children") {
					status(403, 0)(w, r, a)
					return true
				}
				return false
			},
			settings: map[string]any{"audit_samples": 0},
		},
		{
			name: "a page vanishes between listing and reading", says: "vanished",
			strike: func(w http.ResponseWriter, r *http.Request, a *answer) bool {
				switch {
				case r.URL.Query().Has("id"): // the listing, asked for it and for another one
					body("application/json", withoutItem(a.body(), page))(w, r, a)
				case ofPage(r) && !strings.HasSuffix(r.URL.Path, "/direct-children"):
					simconfluence.Status(404, `{"errors":[{"status":404,"title":"Cannot find a page with id [`+page+`]"}]}`)(w, r, a)
				default:
					return false
				}
				return true
			},
			missing: func(name string, record map[string]any) bool {
				return slices.Contains(pageStreams, name) && record["pageId"] == page
			},
			settings: map[string]any{"audit_samples": 0},
		},
		{name: "the token is revoked", strike: midway(simconfluence.Unauthorized), early: true, status: tap.ExitRefused, says: "401"},
		{name: "the token's user is taken for anonymous", strike: midway(simconfluence.Anonymous), early: true, status: tap.ExitRefused, says: "anonymous"},
		{name: "the licence ends", strike: midway(simconfluence.Unlicensed), early: true, status: tap.ExitRefused, says: "not permitted"},
		{name: "the site is given up", strike: midway(simconfluence.UnknownSite), early: true, status: tap.ExitRefused, says: "no Confluence site"},
		{name: "a login page for good", strike: midway(simconfluence.LoginPage), early: true, status: tap.ExitLater, says: "login page"},
		{name: "maintenance for good", strike: midway(simconfluence.Maintenance), early: true, status: tap.ExitLater, says: "maintenance"},
		{
			name: "no answer of more than five rows fits", says: "asking for fewer rows at once",
			strike: func(w http.ResponseWriter, r *http.Request, a *answer) bool {
				if overFive(r, a) {
					huge(w, r, a)
					return true
				}
				return false
			},
		},
		{
			name: "a space is archived meanwhile", says: "",
			strike: func(_ http.ResponseWriter, _ *http.Request, a *answer) bool {
				if beyond(a, 60) {
					archiveSpace(a.site, space)
				}
				return false
			},
		},
		{
			name: "a scope is missing", failed: tapfixture.StreamsOf(stream.Tasks), status: 1, says: "read:task:confluence",
			strike: func(_ http.ResponseWriter, _ *http.Request, a *answer) bool {
				a.site.SetMissingScopes("read:task:confluence")
				return false
			},
		},
	}
}

// archiveSpace moves a space into the archive.
func archiveSpace(site *simconfluence.Site, id string) {
	if err := site.SetStatus(simconfluence.Space, id, stream.Archived); err != nil {
		panic(err)
	}
}

// switched strikes until it is switched off.
type switched struct {
	hostile
	off atomic.Bool
}

func (s *switched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.off.Load() {
		s.hostile.ServeHTTP(w, r)
		return
	}
	s.site.ServeHTTP(w, r)
}

// heal ends the condition.
func (s *switched) heal() {
	s.off.Store(true)
	s.site.SetMode(simconfluence.Normal)
	s.site.SetMissingScopes()
}

// TestLastingFaults meets conditions that last: the streams concerned fail and are named,
// the others are complete, and once the condition is over a run from the state that was
// left brings the rest.
func TestLastingFaults(t *testing.T) {
	t.Parallel()
	want := truth(t)
	for i, l := range conditions(t) {
		for j, m := range modes {
			if !tapfixture.Torture() && (i+j)%4 != 0 {
				continue
			}
			t.Run(l.name+"/"+m.String(), func(t *testing.T) {
				t.Parallel()
				f := virtual(t)
				synctest.Test(t, func(t *testing.T) { l.sync(t, f, m, want) })
			})
		}
	}
}

func (l *lasting) sync(t *testing.T, f *tapfixture.Fixture, m mode, want rows) {
	h := &switched{hostile: hostile{simconfluence.New(small()), l.strike}}
	n := newNetwork(h)
	defer n.Close() //nolint:errcheck // it never fails
	s := settings()
	maps.Copy(s, l.settings)
	r := syncOver(t, f.With(s), m, "", n)
	status := l.status
	if m.airbyte {
		status = min(status, 1)
	}
	if r.Status != status || !strings.Contains(r.log+strings.Join(r.Errors(), "\n"), l.says) {
		t.Errorf("exit status %d, want %d, and words of %q\n%s", r.Status, status, l.says, tail(r.log))
	}
	got := rows{}
	got.add(t, r)
	if l.status == 0 {
		l.checkRest(t, got, want)
		return
	}
	slices.Sort(r.failed)
	if failed := slices.Sorted(slices.Values(l.failed)); !l.early && !slices.Equal(r.failed, failed) {
		t.Errorf("%v failed, want %v\n%s", r.failed, failed, tail(r.log))
	}
	judgeFailed(t, m, r, got, want)
	if r.state(m) == "" {
		t.Error("the run left no state")
	}
	if m.airbyte && len(r.Errors()) == 0 {
		t.Error("no error on stdout")
	}
	h.heal()
	goOn(t, f, m, r, n, got, want)
	n.check(t)
}

// checkRest wants all rows but those that are excused.
func (l *lasting) checkRest(t *testing.T, got, want rows) {
	t.Helper()
	for _, name := range stream.Names() {
		for key, record := range want[name] {
			if got[name][key] == nil && (l.missing == nil || !l.missing(name, tapfixture.Decode(t, record))) {
				t.Errorf("%s %s is missing", name, key)
			}
		}
	}
}

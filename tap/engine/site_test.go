package engine_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// What tests know of a site: when its rows changed, and what they make it do.

// scope is what a client with the default statuses reads.
func scope() simconfluence.TruthOptions { return simconfluence.TruthOptions{} }

// changes returns when each row of the site was changed, zero where rows don't tell.
func changes(t *testing.T, f *tapfixture.Fixture, name string) map[string]time.Time {
	t.Helper()
	return changesIn(t, f, name, scope())
}

func changesIn(t *testing.T, f *tapfixture.Fixture, name string, o simconfluence.TruthOptions) map[string]time.Time {
	t.Helper()
	key := stream.Find(name).ReplicationKey
	times := map[string]time.Time{}
	for row := range f.Site.Truth(name, o) {
		var at time.Time
		if key != "" {
			fields := tapfixture.Decode(t, row.Data)
			if version, ok := fields["version"].(map[string]any); ok && key == "modifiedAt" {
				fields[key] = version["createdAt"]
			}
			text, _ := fields[key].(string)
			at = moment(t, text)
		}
		times[strings.Join(row.Key, "/")] = at
	}
	return times
}

// moment reads a time that the site or the program wrote.
func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := timestamp.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// newestFirst lists the ids of a stream's rows, the newest change first.
func newestFirst(t *testing.T, f *tapfixture.Fixture, name string) []string {
	t.Helper()
	times := changes(t, f, name)
	ids := slices.Collect(maps.Keys(times))
	slices.SortFunc(ids, func(a, b string) int {
		if c := times[b].Compare(times[a]); c != 0 {
			return c
		}
		return strings.Compare(b, a)
	})
	return ids
}

// edit makes new versions of items.
func edit(t *testing.T, f *tapfixture.Fixture, k simconfluence.Kind, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := f.Site.Edit(k, id); err != nil {
			t.Fatal(err)
		}
	}
}

// changedAt is a record's replication key.
func changedAt(t *testing.T, name string, record json.RawMessage) time.Time {
	t.Helper()
	text, _ := tapfixture.Decode(t, record)[stream.Find(name).ReplicationKey].(string)
	return moment(t, text)
}

// wantSince fails the test unless a stream's records are exactly the rows that changed at or
// after a time, as they are now.
func (c *client) wantSince(got rows, name string, since time.Time) {
	c.t.Helper()
	for key, at := range changes(c.t, c.f, name) {
		record, came := got[name][key]
		switch {
		case came && at.Before(since):
			c.t.Errorf("%s %s came though it is of %s, before %s", name, key, timestamp.Format(at), timestamp.Format(since))
		case at.Before(since):
		case !came:
			c.t.Errorf("%s %s of %s did not come", name, key, timestamp.Format(at))
		case !changedAt(c.t, name, record).Equal(at):
			c.t.Errorf("%s %s came as of %s, it is of %s", name, key, changedAt(c.t, name, record), at)
		}
	}
}

// before does something just before the nth request of a route is answered. The test fails in
// the end if there never was one.
func before(t *testing.T, route string, nth int, do func()) simconfluence.Fault {
	var done atomic.Bool
	t.Cleanup(func() {
		if !done.Load() {
			t.Errorf("%s was not asked for %d times", route, nth)
		}
	})
	return simconfluence.On(route, simconfluence.When(func(n int) bool { return n == nth },
		func(http.ResponseWriter, *http.Request, http.Handler) bool {
			do()
			done.Store(true)
			return false
		}))
}

// refuse answers requests of routes with a status and words.
func refuse(status int, words string, routes ...string) []simconfluence.Fault {
	var faults []simconfluence.Fault
	for _, route := range routes {
		faults = append(faults, simconfluence.On(route, simconfluence.ErrorShapes()[0].Fault(status, words)))
	}
	return faults
}

// without makes the site ignore a parameter of a route.
func without(route, parameter string) simconfluence.Fault {
	return simconfluence.On(route, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		q := r.URL.Query()
		q.Del(parameter)
		r = r.Clone(r.Context())
		r.URL.RawQuery = q.Encode()
		next.ServeHTTP(w, r)
		return true
	})
}

// watching lets requests pass and tells of their parameters.
func watching(tell func(query map[string][]string)) simconfluence.Fault {
	var mu sync.Mutex
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		mu.Lock()
		defer mu.Unlock()
		tell(r.URL.Query())
		return false
	}
}

// hasType matches requests that list a type of custom content.
func hasType(kind string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.URL.Query().Get("type") == kind }
}

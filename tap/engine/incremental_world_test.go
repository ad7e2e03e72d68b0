package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// What tests of incremental runs share: when rows changed on the site, and what came of them.

// incrementalStreams are the streams that can be read incrementally.
func incrementalStreams() []string {
	return where(func(s *stream.Stream) bool { return s.ReplicationKey != "" })
}

// changeTimes returns when each row was changed that a stream must deliver now, by the keys
// that rows.add writes.
func (w *world) changeTimes(name string, o simconfluence.TruthOptions) map[string]time.Time {
	w.t.Helper()
	st := stream.Find(name)
	times := map[string]time.Time{}
	for row := range w.site.Truth(name, o) {
		at := rawjson.Value(row.Data).Member(st.ReplicationKey)
		if st.ReplicationKey == "modifiedAt" {
			at = rawjson.Value(row.Data).Member("version").Member("createdAt")
		}
		var key strings.Builder
		for i, k := range row.Key {
			if st.Key[i] != "number" {
				k = strconv.Quote(k)
			}
			key.WriteString(k + " ")
		}
		times[key.String()] = momentOf(w.t, text(at))
	}
	return times
}

// recordTime is a record's replication key.
func (w *world) recordTime(name string, record json.RawMessage) time.Time {
	w.t.Helper()
	return momentOf(w.t, text(rawjson.Value(record).Member(stream.Find(name).ReplicationKey)))
}

// momentOf reads a time that the site or the tap wrote.
func momentOf(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := timestamp.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// wantSince fails the test unless a stream's records are exactly the rows that the site has
// and that changed at or after a time, in their newest version.
func (w *world) wantSince(got rows, name string, since time.Time) {
	w.t.Helper()
	want := w.wantAllSince(got, name, since)
	for key, record := range got[name] {
		if _, asked := want[key]; !asked {
			w.t.Errorf("%s %s came though it is of %s, before %s", name, key, w.recordTime(name, record), since)
		}
	}
}

// wantAllSince fails the test if one of these rows lacks or came in an older version, and
// returns when they changed.
func (w *world) wantAllSince(got rows, name string, since time.Time) map[string]time.Time {
	w.t.Helper()
	want := w.changeTimes(name, simconfluence.TruthOptions{})
	maps.DeleteFunc(want, func(_ string, at time.Time) bool { return at.Before(since) })
	for key, at := range want {
		record, came := got[name][key]
		switch {
		case !came:
			w.t.Errorf("%s %s of %s did not come", name, key, timestamp.Format(at))
		case !w.recordTime(name, record).Equal(at):
			w.t.Errorf("%s %s came as of %s, it is of %s", name, key, w.recordTime(name, record), at)
		}
	}
	return want
}

// newestFirst returns the ids of a stream's rows, the newest change first.
func (w *world) newestFirst(name string) []string {
	times := w.changeTimes(name, simconfluence.TruthOptions{})
	keys := slices.Collect(maps.Keys(times))
	slices.SortFunc(keys, func(a, b string) int {
		if c := times[b].Compare(times[a]); c != 0 {
			return c
		}
		return strings.Compare(b, a)
	})
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i] = strings.Trim(key, `" `)
	}
	return ids
}

// bookmark is a stream's bookmark in a state of either protocol.
func (w *world) bookmark(st []byte, name string) time.Time {
	w.t.Helper()
	return momentOf(w.t, w.entries(st)[name].ReplicationKeyValue)
}

// edit makes a new version of an item.
func (w *world) edit(k simconfluence.Kind, ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		if err := w.site.Edit(k, id); err != nil {
			w.t.Fatal(err)
		}
	}
}

// before does something just before the nth request of a route is answered. The test fails
// in the end if there never was one.
func (w *world) before(route string, nth int, do func()) simconfluence.Fault {
	done := make(chan struct{})
	w.t.Cleanup(func() {
		select {
		case <-done:
		default:
			w.t.Errorf("%s was not asked for %d times", route, nth)
		}
	})
	return simconfluence.On(route, simconfluence.When(func(n int) bool { return n == nth },
		func(http.ResponseWriter, *http.Request, http.Handler) bool {
			do()
			close(done)
			return false
		}))
}

// handWritten is a state of one bookmark as a person writes it.
func handWritten(airbyte bool, name, value string) []byte {
	key := stream.Find(name).ReplicationKey
	if airbyte {
		return fmt.Appendf(nil, `[{"type":"STREAM","stream":{"stream_descriptor":{"name":%q},"stream_state":{"v":1,"site":%q,"replication_key":%q,"replication_key_value":%q}}}]`,
			name, siteName, key, value)
	}
	return fmt.Appendf(nil, `{"bookmarks":{%q:{"replication_key":%q,"replication_key_value":%q}}}`, name, key, value)
}

// shown is a site of that many pages, of which the user sees everything.
func shown(seed int64, pages int) simconfluence.Options {
	o := simconfluence.Scaled(seed, pages)
	o.BodyBytes, o.AllVisible, o.BlogPosts = 60, true, pages/5
	return o
}

// keyOf is the key of a row that is known by its id, as rows.add writes it.
func keyOf(id string) string { return strconv.Quote(id) + " " }

// newer says whether a record came in its newest version.
func (w *world) newer(got rows, name, id string) bool {
	w.t.Helper()
	record, came := got[name][keyOf(id)]
	return came && w.recordTime(name, record).Equal(w.changeTimes(name, simconfluence.TruthOptions{})[keyOf(id)])
}

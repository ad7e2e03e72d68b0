package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// unitsOf are rows of one page, named by the keys of their positions.
func unitsOf(keys string) *pageUnits {
	page := &pageUnits{}
	for key := range strings.FieldsSeq(keys) {
		page.end.At.Key = strings.TrimSuffix(key, "*")
		page.units = append(page.units, unit{page: page, key: page.end.At.Key, done: strings.HasSuffix(key, "*")})
	}
	return page
}

// TestTrack moves the position over the longest finished prefix of rows, in whatever order they
// are finished.
func TestTrack(t *testing.T) {
	t.Parallel()
	begin := plan.Place{At: state.Position{Key: "0"}}
	tr := newTrack(begin)
	if tr.hasMoved(begin) {
		t.Error("a walk has moved before its first row")
	}
	first, second := unitsOf("1 2 3*"), unitsOf("4 5")
	tr.add(first)
	tr.add(&pageUnits{})
	tr.add(second)
	if !tr.hasMoved(begin) {
		t.Error("a walk with rows has not moved")
	}
	want := func(key string, pages int) {
		t.Helper()
		if got := tr.place().At.Key; got != key || tr.pages != pages {
			t.Errorf("at %s with %d pages, want %s with %d", got, tr.pages, key, pages)
		}
	}
	want("0", 2)
	tr.finish(&first.units[1])
	want("0", 2)
	tr.finish(&second.units[0])
	want("0", 2)
	tr.finish(&first.units[0])
	want("4", 1)
	tr.finish(&second.units[1])
	want("5", 0)
	tr.add(unitsOf("6* 7*"))
	want("7", 0)
	still := unitsOf("8* 9*")
	still.still = true
	tr.add(still)
	want("7", 0)
	tr.moveTo(plan.Place{List: 1})
	if got := tr.place(); got != (plan.Place{List: 1}) {
		t.Errorf("at %+v", got)
	}
}

// TestTrackWaits holds a listing back until few enough pages have unfinished rows.
func TestTrackWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := newTrack(plan.Place{})
		pages := []*pageUnits{unitsOf("1"), unitsOf("2"), unitsOf("3")}
		for _, page := range pages {
			tr.add(page)
		}
		waited := make(chan error, 2)
		go func() { waited <- tr.waitPages(t.Context(), 1) }()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("stopped"))
		defer cancel()
		go func() { waited <- tr.waitPages(ctx, 0) }()
		tr.finish(&pages[1].units[0])
		synctest.Wait()
		if len(waited) > 0 {
			t.Fatal("the first page is not finished")
		}
		tr.finish(&pages[0].units[0])
		if err := <-waited; err != nil {
			t.Error(err)
		}
		if err := <-waited; err == nil || err.Error() != "stopped" {
			t.Errorf("a wait that is stopped: %v", err)
		}
	})
}

// TestReadingBookmark says where a complete read leaves a stream's bookmark.
func TestReadingBookmark(t *testing.T) {
	t.Parallel()
	began, window := moment(t, "2026-02-01T00:00:00Z"), 10*time.Minute
	for _, test := range []struct {
		name    string
		resumed state.Position
		dates   []time.Time // of answers
		saw     []time.Time
		want    time.Time
	}{
		{"nothing seen", state.Position{}, []time.Time{began}, nil, time.Time{}},
		{"the newest", state.Position{}, []time.Time{began}, []time.Time{began.Add(-time.Hour), began.Add(-2 * time.Hour)}, began.Add(-time.Hour)},
		{"within the window", state.Position{}, []time.Time{began}, []time.Time{began.Add(-time.Minute)}, began.Add(-window)},
		{"in the future", state.Position{}, []time.Time{began}, []time.Time{began.Add(time.Hour)}, began.Add(-window)},
		{"the first answer's time counts", state.Position{}, []time.Time{began, began.Add(time.Hour)}, []time.Time{began.Add(time.Minute)}, began.Add(-window)},
		{"no time", state.Position{}, []time.Time{{}, began}, []time.Time{began.Add(-time.Hour)}, time.Time{}},
		{"goes on", state.Position{Began: began, Newest: began.Add(-time.Hour)}, []time.Time{began.Add(24 * time.Hour)}, []time.Time{began.Add(-2 * time.Hour)}, began.Add(-time.Hour)},
		{"goes on, with changes since", state.Position{Began: began}, []time.Time{began.Add(24 * time.Hour)}, []time.Time{began.Add(time.Hour)}, began.Add(-window)},
	} {
		r := newReading(&method.Reader{Stream: stream.Find("pages")}, nil, test.resumed)
		r.heard = !test.resumed.Began.IsZero()
		for _, date := range test.dates {
			r.begin(date)
		}
		for _, at := range test.saw {
			r.saw(at)
		}
		if got := r.bookmark(window); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestFailures counts what could not be read: the first few are named; a hundred alike make
// requests be asked once, and words that refuse the route close it.
func TestFailures(t *testing.T) {
	t.Parallel()
	forbidden := &client.Error{Kind: client.KindForbidden, Status: http.StatusForbidden, Message: "no"}
	scope := &client.Error{Kind: client.KindScope, Status: http.StatusUnauthorized}
	for _, test := range []struct {
		name         string
		errs         []error // each added so often, nil for a success
		times        []int
		count        int
		once, closed bool
	}{
		{"none", nil, nil, 0, false, false},
		{"a few", []error{forbidden}, []int{99}, 99, false, false},
		{"many", []error{forbidden}, []int{100}, 100, true, false},
		{"a success in between", []error{forbidden, nil, forbidden}, []int{99, 1, 99}, 198, false, false},
		{"a success behind them", []error{forbidden, nil}, []int{100, 1}, 100, false, false},
		{"of two sorts", []error{forbidden, scope, forbidden}, []int{60, 60, 60}, 180, false, false},
		{"the words refuse the route", []error{scope}, []int{100}, 100, true, true},
		{"a success does not open it again", []error{scope, nil}, []int{100, 1}, 100, true, true},
		{"nor does a failure of another sort", []error{scope, forbidden}, []int{100, 1}, 101, true, true},
	} {
		var f failures
		for i, err := range test.errs {
			for range test.times[i] {
				if err == nil {
					f.succeeded()
				} else {
					f.add(fmt.Errorf("of page 7: %w", err))
				}
			}
		}
		n, err := f.total()
		if n != test.count || f.once() != test.once || f.refused() != test.closed || (err != nil) != (test.count > 0) {
			t.Errorf("%s: %d failures (%v), once %v, closed %v", test.name, n, err, f.once(), f.refused())
		}
		if err != nil && (strings.Count(err.Error(), "of page 7") != min(n, 3) || n > 3 && !strings.HasPrefix(err.Error(), fmt.Sprintf("%d failures, the first of them: ", n))) {
			t.Errorf("%s: the error is %v", test.name, err)
		}
	}
}

// TestIsAbout takes a 404 for one about an item only if it names the whole id.
func TestIsAbout(t *testing.T) {
	for path, want := range map[string]bool{
		"/wiki/api/v2/footer-comments/123/children?limit=250":  true,
		"/wiki/api/v2/footer-comments/1234/children?limit=250": false,
		"/wiki/api/v2/footer-comments/0123/children":           false,
		"/wiki/rest/api/group/by-id?id=123":                    true,
		"/wiki/rest/api/group/by-id?id=1230":                   false,
	} {
		for kind, gone := range map[client.Kind]bool{client.KindNotFound: true, client.KindVague: true, client.KindForbidden: false} {
			if got := isAbout(&client.Error{Kind: kind, Path: path}, "123"); got != (want && gone) {
				t.Errorf("%s: %s: %v", path, kind, got)
			}
		}
	}
}

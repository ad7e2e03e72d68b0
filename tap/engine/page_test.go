package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// pageOf is a page whose rows show these sort keys, empty for a row that shows none.
func pageOf(t *testing.T, l *stream.Listing, order plan.Order, keys ...string) *client.Page {
	t.Helper()
	p := &client.Page{}
	for _, key := range keys {
		text := `{}`
		switch {
		case key == "":
		case order == plan.ByChange:
			text = fmt.Sprintf(`{"version":{"createdAt":%q}}`, key)
		default:
			text = fmt.Sprintf(`{%q:%q}`, l.SortField, key)
		}
		row, err := rawjson.ParseObject([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

// reading a list of pages or attachments in some order, from the beginning.
func listOf(l *stream.Listing, order plan.Order) *listReading {
	w := &walk{plan: &plan.Walk{Listing: l, Lists: make([]plan.List, 3)}}
	return &listReading{walk: w, list: &plan.List{Order: order}, index: 1, skip: skipper{order: order}}
}

// TestReachesEnd says when a listing in order of change ends: where the last fifty dated rows, and
// all of the last page, lie below the bookmark.
func TestReachesEnd(t *testing.T) {
	t.Parallel()
	const above, at, below = "2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-01-31T23:59:59.999Z"
	page := func(kinds string) []string { // of n rows each: above, at, below, without a date
		var keys []string
		for _, kind := range kinds {
			keys = append(keys, map[rune]string{'a': above, '=': at, 'b': below, '?': ""}[kind])
		}
		return keys
	}
	b := strings.Repeat
	for _, test := range []struct {
		name  string
		order plan.Order
		pages []string
		end   int // the page at which it ends, -1 for none
	}{
		{"fifty below on one page", plan.ByChange, []string{b("b", 50)}, 0},
		{"one too few", plan.ByChange, []string{b("b", 49)}, -1},
		{"fifty over pages", plan.ByChange, []string{b("a", 9) + b("b", 1), b("b", 10), b("b", 10), b("b", 10), b("b", 10), b("b", 9), b("b", 9)}, 5},
		{"a page that is partly above", plan.ByChange, []string{"a" + b("b", 249)}, -1},
		{"and the one behind it", plan.ByChange, []string{"a" + b("b", 249), "b"}, 1},
		{"at the bookmark is not below", plan.ByChange, []string{b("b", 60) + "=", b("b", 50)}, 1},
		{"a row out of order begins anew", plan.ByChange, []string{b("b", 49), "a", b("b", 49), "b"}, 3},
		{"rows without a date count for nothing", plan.ByChange, []string{b("?", 60), b("b", 30) + b("?", 30) + b("b", 20)}, 1},
		{"a page without a date never ends it", plan.ByChange, []string{b("b", 49), b("?", 10)}, -1},
		{"nor does an empty one", plan.ByChange, []string{b("b", 49), "", "b"}, 2},
		{"a list in another order never ends", plan.ByID, []string{b("b", 100)}, -1},
	} {
		r := listOf(stream.Pages, test.order)
		r.low = moment(t, at)
		end := -1
		for i, kinds := range test.pages {
			if r.reachesEnd(pageOf(t, stream.Pages, plan.ByChange, page(kinds)...)) {
				end = i
				break
			}
		}
		if end != test.end {
			t.Errorf("%s: ends at page %d, want %d", test.name, end, test.end)
		}
	}
}

// TestSorted says which rows below the bookmark prove that a list is not in order of change.
func TestSorted(t *testing.T) {
	t.Parallel()
	b := strings.Repeat
	for _, test := range []struct {
		name, ages string // by row: 9 is the newest
		want       bool
	}{
		{"newest first", b("9", 10) + b("8", 20) + b("1", 20), true},
		{"all alike", b("5", 50), true},
		{"oldest first", b("1", 10) + "23456" + b("6", 35), true}, // five of fifty
		{"one more", b("1", 10) + "234567" + b("7", 34), false},
		{"a few out of order", b("9", 20) + "3" + b("8", 20) + "2" + b("7", 8), true},
		{"every third one out of order", b("987", 17), false},
		{"every second one", b("91", 25), false},
	} {
		var a ages
		for _, age := range test.ages {
			a.add(moment(t, fmt.Sprintf("2026-01-0%cT00:00:00Z", age)))
		}
		if a.sorted() != test.want {
			t.Errorf("%s: sorted is %v, want %v", test.name, !test.want, test.want)
		}
	}
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestPositions says where a walk is once the rows up to each one are finished: never beyond a
// row that comes later.
func TestPositions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		order      plan.Order
		keys       string
		next       string
		want       string // the key of each position but the last
		last       string // key, cursor of the last
		lastInList bool
	}{
		{"ids", plan.ByID, "1 2 10", "n", "1 2", "10 n fresh", false},
		{"the last page", plan.ByID, "1 2", "", "1", "", true},
		{"an empty page", plan.ByID, "", "n", "", "", false},
		{"ids out of order", plan.ByID, "5 2 7 3 9", "n", "2 3 3 7", "9 n fresh", false},
		{"the last row out of order", plan.ByID, "5 7 6", "n", "5 6", "7 n fresh", false},
		{"a row without a key", plan.ByID, "5 - 7", "n", "5 5", "7 n fresh", false},
		{"no row has a key", plan.Unordered, "- - -", "n", "- -", "- n fresh", false},
		{"equal times", plan.ByTime, "2026-01-01T00:00:00Z 2026-01-01T01:00:00+01:00", "n", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z n fresh", false},
		{"changes", plan.ByChange, "2026-01-03T00:00:00.000Z 2026-01-01T00:00:00.000Z 2026-01-02T00:00:00.000Z", "n", "2026-01-03T00:00:00.000Z 2026-01-02T00:00:00.000Z", "2026-01-01T00:00:00.000Z n fresh", false},
	} {
		l := map[plan.Order]*stream.Listing{plan.ByTime: stream.Attachments}[test.order]
		if l == nil {
			l = stream.Pages
		}
		var keys []string
		for key := range strings.FieldsSeq(test.keys) {
			keys = append(keys, strings.TrimPrefix(key, "-"))
		}
		r, p := listOf(l, test.order), pageOf(t, l, test.order, keys...)
		p.Cursor, p.Next = "c", test.next
		units := r.units(p, r.rows(p)).units
		var got []string
		for i := range units {
			place := units[i].place()
			text := place.At.Key
			if text == "" {
				text = "-"
			}
			if i == len(units)-1 {
				if text += " " + place.At.Cursor; place.At.Fresh {
					text += " fresh"
				}
				if place.List == 2 {
					text = ""
				}
				if text != test.last || (place.List == 2) != test.lastInList {
					t.Errorf("%s: the last position is %+v, want %q", test.name, place, test.last)
				}
				continue
			}
			if place.List != 1 || place.At.Cursor != "c" || place.At.Fresh {
				t.Errorf("%s: position %d is %+v", test.name, i, place)
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: positions %q, want %q", test.name, got, test.want)
		}
	}
}

// TestSkipper says which rows of a resumed list are written already.
func TestSkipper(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		order  plan.Order
		after  string
		search bool
		pages  []string // of keys
		want   string   // of each row: s for skipped, . for written, ! for disorder
	}{
		{"on the position's page", plan.ByID, "5", false, []string{"3 4 5 6", "2"}, "ss..."},
		{"ties come again", plan.ByTime, "2026-01-02T00:00:00.000Z", false, []string{"2026-01-01T23:59:59.999Z 2026-01-02T00:00:00.000Z 2026-01-02T00:00:00.001Z"}, "s.."},
		{"out of order", plan.ByID, "5", false, []string{"7 3 6"}, ".s."},
		{"without a key", plan.ByID, "5", false, []string{"3 - 6"}, "s.."},
		{"newest first", plan.ByChange, "2026-01-02T00:00:00.000Z", false, []string{"2026-01-03T00:00:00.000Z 2026-01-02T00:00:00.000Z 2026-01-01T00:00:00.000Z"}, "s.."},
		{"no position", plan.ByID, "", false, []string{"1 2"}, ".."},
		{"rows that show no key", plan.Unordered, "", true, []string{"- -"}, ".."},
		{"looked for", plan.ByID, "5", true, []string{"1 2", "3 4", "5 6", "2"}, "ssss..."},
		{"looked for, and gone", plan.ByID, "5", true, []string{"1 2", "7 8"}, "ss.."},
		{"looked for among rows out of order", plan.ByID, "5", true, []string{"1 3 2"}, "ss!"},
		{"looked for among rows without keys", plan.ByID, "5", true, []string{"1 -"}, "s!"},
		{"out of order behind it", plan.ByID, "5", true, []string{"1 6 2"}, "s.."},
	} {
		s := skipper{order: test.order, after: test.after, search: test.search}
		got := ""
	rows:
		for _, page := range test.pages {
			for key := range strings.FieldsSeq(page) {
				skipped, err := s.drop(strings.TrimPrefix(key, "-"))
				switch {
				case errors.Is(err, errDisorder):
					got += "!"
					break rows
				case skipped:
					got += "s"
				default:
					got += "."
				}
			}
			s.endPage()
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestFreshPosition skips nothing of a page of which no row is finished, whatever its keys.
func TestFreshPosition(t *testing.T) {
	t.Parallel()
	w := &walk{plan: &plan.Walk{Listing: stream.Pages, Lists: []plan.List{{Order: plan.ByID}}}}
	for _, test := range []struct {
		from   state.Position
		search bool
		after  string
	}{
		{state.Position{Key: "5", Cursor: "c"}, false, "5"},
		{state.Position{Key: "5", Cursor: "c", Fresh: true}, false, ""},
		{state.Position{Key: "5", Cursor: "c", Fresh: true}, true, "5"}, // from the list's beginning
	} {
		if r := newListReading(w, 0, test.from, test.search); r.skip.after != test.after {
			t.Errorf("%+v, search %v: skips before %q", test.from, test.search, r.skip.after)
		}
	}
}

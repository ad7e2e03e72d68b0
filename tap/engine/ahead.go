package engine

import (
	"context"
	"slices"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/plan"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// ahead tells the rows that a walk has yet to bring. For a resumed walk these are the rows of later
// lists, and those whose sort key lies beyond the position. An audit compares only such rows.
type ahead struct {
	walk *walk
	// beyond is the sort key beyond which the rows of the position's list are still to come. If it is
	// empty, nothing is known of that list's rows.
	beyond string
}

// ahead finds out where a walk begins.
func (w *walk) ahead(ctx context.Context) (ahead, error) {
	a := ahead{walk: w, beyond: w.plan.From.At.Key}
	if a.everything() || a.list().Order != plan.Unordered {
		return a, nil
	}
	// Rows don't show the order, and the position has no key. The first of them that tells when it was
	// made has one.
	w.countRequest()
	noBody := func(context.Context, string, error) error { return nil }
	page, err := newPages(w.Client, w.plan.Listing, a.list().Request, w.plan.Listing.Limit(w.Config.PageSize), noBody).
		next(ctx, w.plan.From.At.Cursor)
	if err != nil {
		return a, w.interrupts(ctx, err) // the walk will meet it, too
	}
	defer page.Release()
	for _, row := range page.Rows {
		if a.beyond = a.key(row); a.beyond != "" {
			break
		}
	}
	return a, nil
}

// everything reports whether the walk begins at the beginning.
func (a ahead) everything() bool { return !a.walk.plan.Resumed() }

// list returns the list in which the walk resumes.
func (a ahead) list() *plan.List { return &a.walk.plan.Lists[a.walk.plan.From.List] }

// has reports whether a row is certain to be ahead.
func (a ahead) has(row rawjson.Object) bool {
	from := a.walk.plan.From
	later := func(l plan.List) bool { return asksFor(l, row) }
	switch {
	case a.everything(), slices.ContainsFunc(a.walk.plan.Lists[from.List+1:], later):
		return true
	case !asksFor(*a.list(), row):
		return false
	case !from.At.Begun():
		return true
	}
	key := a.key(row)
	return key != "" && a.beyond != "" && a.list().Order.Compare(key, a.beyond) > 0
}

// key returns a row's sort key. Comments come in the order in which they were made; only those that
// were never edited tell when.
func (a ahead) key(row rawjson.Object) string {
	if a.list().Order != plan.Unordered {
		return a.walk.sortKey(a.list(), row)
	}
	if method.VersionNumber(row) != 1 {
		return ""
	}
	made, _ := changedAt(a.walk.plan.Listing.Changed, row)
	return timestamp.Text(made) // which sorts as text
}

// asksFor reports whether a list gives rows of a row's status.
func asksFor(l plan.List, row rawjson.Object) bool {
	status, _ := row.Get("status").Text()
	asked := false
	for _, q := range l.Request.Query {
		if q[0] != stream.StatusParam {
			continue
		}
		if asked = true; q[1] == status {
			return true
		}
	}
	return !asked
}

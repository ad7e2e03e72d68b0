package site

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Item names one item of a listing.
type Item struct {
	Listing *stream.Listing
	ID      string
	// Status is the status in the item's row, empty if rows have none.
	Status string
	// Beside is the id of another item of the listing, read a moment ago; empty for none.
	Beside string
}

// Gone reports whether an item is proven to be gone, or to have a status other than those whose
// children are read; nil is every status. False proves nothing. The error is that of a request that the site did not
// answer.
//
// Two answers are proof. The listing, asked for the item and the known one beside it, shows only the
// known one. Or the item's own GET, with these statuses asked for, is a 404 that names the item, or
// shows another status.
func (s *Site) Gone(ctx context.Context, it Item, statuses []string) (bool, error) {
	if it.Listing.IDs != "" && !it.Listing.Typed {
		shown, beside, err := s.shown(ctx, it, statuses)
		if err != nil || shown || beside {
			return err == nil && !shown && beside, err
		}
	}
	if it.Listing.Item == "" {
		return false, nil
	}
	doc, err := s.item(ctx, it.Listing, it.ID, statuses)
	if err == nil {
		status := doc.Get("status").AsText()
		return status != "" && statuses != nil && it.Listing.Statuses != nil && !slices.Contains(statuses, status), nil
	}
	return Names(err, it.ID), passOn(err)
}

// item asks for an item without a status. While the site answers that there is none, it asks with one
// status after the other, since the route may give some of them only if they are named, and at last
// without one again: the item may have left the trash meanwhile.
func (s *Site) item(ctx context.Context, l *stream.Listing, id string, statuses []string) (doc rawjson.Object, err error) {
	bare := ItemRequest(l, id, "")
	requests := []client.Request{bare}
	for _, status := range statuses {
		if named := ItemRequest(l, id, status); len(named.Query) > len(bare.Query) {
			requests = append(requests, named)
		}
	}
	if len(requests) > 1 {
		requests = append(requests, bare)
	}
	for _, req := range requests {
		if doc, err = s.client.Get(ctx, req); !Names(err, id) {
			break
		}
	}
	return doc, err
}

// Names reports whether an error is a 404 whose text names the item.
func Names(err error, id string) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && e.Kind == client.KindNotFound && e.Names(id)
}

// passOn returns an error that leaves the question open, and nil for a 404, which answers it.
func passOn(err error) error {
	if client.KindOf(err) == client.KindNotFound {
		return nil
	}
	return err
}

// shown asks the listing for the item and the known one beside it, and reports of each whether the
// answer shows it.
func (s *Site) shown(ctx context.Context, it Item, statuses []string) (item, beside bool, err error) {
	q := append(query{{it.Listing.IDs, strings.TrimSuffix(it.ID+","+it.Beside, ",")}}, inStatuses(it.Listing, statuses)...)
	err = s.rows(ctx, listRequest(it.Listing, q), func(row rawjson.Object) error {
		id := row.Get("id").AsText()
		item = item || id == it.ID
		beside = beside || id == it.Beside && id != ""
		return nil
	})
	return item, beside, err
}

package client

import (
	"context"
	"hash/maphash"
	"net/http"
	"strconv"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
)

// offsetStarts is how often an offset listing is begun before it is given up.
const offsetStarts = 3

// offsetGaps is how many empty stretches in a row are passed over because the site says that
// there is more behind them.
const offsetGaps = 3

// offsetList is the reading of one offset listing.
type offsetList struct {
	c     *Client
	req   Request
	size  *pageSize
	key   func(rawjson.Object) string
	fn    func(rows []rawjson.Object, date time.Time) error
	given map[uint64]struct{} // hashes of the keys of all rows passed on
	seed  maphash.Seed
}

// OffsetPages reads a listing of version 1 of the API, which pages by offset (start, limit),
// and calls fn with the rows of each answer that it has not been given before, told by key, and with
// the site's time when it answered, zero if it did not tell.
// The rows are accounted for as buffered until fn returns.
//
// An offset counts rows, so a row that vanishes meanwhile would make the next answer skip
// one. Each request therefore starts at the last row received and has to show it again; if
// it doesn't, the list is read again from its start, at most twice. Offsets advance by the
// rows received, never by the limit, which the site may lower.
//
// The list ends when a request shows nothing new, whether the answers before had a next link
// or not: no site promises one. Nothing new with a next link is asked for once more, from
// behind the row that is known. A row that exists from beginning to end is given to fn.
// Errors of the API are of type *Error, those of fn come back as they are.
func (c *Client) OffsetPages(ctx context.Context, req Request, limit int,
	key func(rawjson.Object) string, fn func(rows []rawjson.Object, date time.Time) error,
) error {
	// An answer of one row would only ever show the row that is known.
	list := &offsetList{
		c: c, req: req, size: newPageSize(limit, 2), key: key, fn: fn,
		given: map[uint64]struct{}{}, seed: maphash.MakeSeed(),
	}
	for range offsetStarts {
		complete, err := list.walk(ctx)
		if err != nil || complete {
			return err
		}
		c.log.Warn("the list has changed while it was read: reading it again", "request", shortPath(req))
	}
	return &Error{
		Kind: KindMalformed, Method: http.MethodGet, Path: shortPath(req),
		Message: "the list keeps changing while it is read", Hint: hintLater,
	}
}

// walk reads the list once from its start. It is complete unless the list has moved.
func (l *offsetList) walk(ctx context.Context) (complete bool, err error) {
	end, last := 0, "" // where the rows received end, and the key of the last one
	start, gaps := 0, 0
	for {
		rows, more, date, lease, err := l.read(ctx, start)
		if err != nil {
			return false, err
		}
		if start < end && (len(rows) == 0 || l.key(rows[0]) != last) {
			lease.release()
			return false, nil
		}
		reached := start + len(rows)
		if len(rows) > 0 {
			last = l.key(rows[len(rows)-1])
		}
		err = l.pass(rows, date)
		lease.release()
		switch {
		case err != nil:
			return false, err
		case reached > end && len(rows) > 0:
			end, gaps = reached, 0
			start = end - 1
		case !more || gaps == offsetGaps:
			return true, nil
		case start < end:
			start = end // only the row that is known: what comes behind it?
		default:
			start += l.size.now
			gaps++
		}
	}
}

// read asks for the rows from start on, and whether the site says that there are more.
func (l *offsetList) read(ctx context.Context, start int) (rows []rawjson.Object, more bool, date time.Time, _ *lease, _ error) {
	k := &call{parse: func(b *buffer, h http.Header) error {
		if err := b.page.Parse(b.body); err != nil {
			return err
		}
		next, err := nextLink(b.page.Top, h)
		if err != nil {
			return &Error{Kind: KindMalformed, Message: err.Error(), Cause: err}
		}
		rows, more, date = b.page.Rows, next != "", dateOf(h)
		return nil
	}}
	lease, err := l.c.shrinking(ctx, k, l.size, func(limit int) Request {
		return l.req.with([2]string{"start", strconv.Itoa(start)}, [2]string{"limit", strconv.Itoa(limit)})
	})
	return rows, more, date, lease, err
}

// pass gives fn the rows that it has not been given yet.
func (l *offsetList) pass(rows []rawjson.Object, date time.Time) error {
	fresh := make([]rawjson.Object, 0, len(rows))
	for _, row := range rows {
		hash := maphash.String(l.seed, l.key(row))
		if _, old := l.given[hash]; !old {
			l.given[hash] = struct{}{}
			fresh = append(fresh, row)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return l.fn(fresh, date)
}

package client

import (
	"context"
	"hash/maphash"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
)

// offsetStarts is how often an offset listing is begun before it is given up.
const offsetStarts = 3

// offsetGaps is how many empty stretches in a row are passed over because the site says that
// there is more behind them.
const offsetGaps = 3

// OffsetList is a list of version 1 of the API, which pages by offset (start, limit).
type OffsetList struct {
	Request
	// Limit is how many rows are asked for at once.
	Limit int
	// Key tells rows apart.
	Key func(rawjson.Object) string
	// Within is the path of the list in the answer, empty where the answer is the list.
	Within []string
}

// offsetList is the reading of one offset listing.
type offsetList struct {
	OffsetList
	c     *Client
	size  pageSize
	fn    func(rows []rawjson.Object, date time.Time) error
	given map[uint64]struct{} // hashes of the keys of all rows passed on
	seed  maphash.Seed
}

// OffsetPages reads a list to its end. It calls fn with the rows of each answer whose keys are new, and
// with the site's time of the answer, zero if unknown. The rows are valid until fn returns.
//
// An offset counts rows, so a row that vanishes meanwhile would make the next answer skip
// one. Each request therefore starts at the last row received and has to show it again; if
// it doesn't, the list is read again from its start, at most twice. Offsets advance by the
// rows received, never by the limit, which the site may lower.
//
// The list ends when two answers in a row agree. The second shows nothing new. The first shows nothing
// new either, or says that it is the last, with fewer rows than it has room for. A missing next link
// proves nothing, since no site promises one. If an answer shows nothing new but has a next link, or no
// room for more, the next request starts behind the known row. So fn gets every row that exists from
// beginning to end. Errors of the API are of type *Error; errors of fn come back unchanged.
func (c *Client) OffsetPages(ctx context.Context, of OffsetList, fn func(rows []rawjson.Object, date time.Time) error) error {
	// An answer of one row would only ever show the row that is known.
	list := &offsetList{
		OffsetList: of, c: c, size: newPageSize(of.Limit, 2), fn: fn,
		given: map[uint64]struct{}{}, seed: maphash.MakeSeed(),
	}
	for range offsetStarts {
		complete, err := list.walk(ctx)
		if err != nil || complete {
			return err
		}
		c.log.Warn("the list has changed while it was read: reading it again", "request", shortPath(of.Request))
	}
	return &Error{
		Kind: KindMalformed, Method: http.MethodGet, Path: shortPath(of.Request),
		Message: "the list keeps changing while it is read", Hint: hintLater,
	}
}

// walk reads the list once from its start. It is complete unless the list has moved.
func (l *offsetList) walk(ctx context.Context) (complete bool, err error) {
	var p offsetPlace
	for {
		a, lease, err := l.read(ctx, p.start)
		if err != nil {
			return false, err
		}
		if p.start < p.end && (len(a.rows) == 0 || l.Key(a.rows[0]) != p.last) {
			lease.release()
			return false, nil
		}
		if n := len(a.rows); n > 0 {
			p.last = l.Key(a.rows[n-1])
		}
		err = l.pass(a.rows, a.date)
		lease.release()
		if err != nil || p.ends(a, l.size.now) {
			return err == nil, err
		}
	}
}

// offsetPlace is how far a list has been read.
type offsetPlace struct {
	start int    // of the next request
	end   int    // of the rows received
	last  string // the key of the last of them
	gaps  int    // empty stretches in a row
	over  bool   // the answer before was a sign that the list ends
}

// ends notes an answer and reports whether the list ends with it. If not, it sets the next start.
func (p *offsetPlace) ends(a offsetAnswer, limit int) bool {
	reached := p.start + len(a.rows)
	switch {
	case reached > p.end && len(a.rows) > 0:
		p.start, p.end, p.gaps, p.over = reached-1, reached, 0, a.last
		return false
	case p.over && (!a.more || p.gaps == offsetGaps):
		return true
	case !a.more: // the same once more: one answer may be wrong
	case p.start < p.end:
		p.start = p.end // only the row that is known: what comes behind it?
	default:
		p.start += limit
		p.gaps++
	}
	p.over = true
	return false
}

// offsetAnswer is one answer of an offset listing.
type offsetAnswer struct {
	rows []rawjson.Object
	more bool // it says that more follows, or that it has no room for more
	last bool // it says that it has fewer rows than it has room for, and nothing follows
	date time.Time
}

// read asks for the rows from start on.
func (l *offsetList) read(ctx context.Context, start int) (a offsetAnswer, _ *lease, _ error) {
	k := &call{parse: func(b *buffer, h http.Header) error {
		list, rows, err := l.find(b)
		if err != nil {
			return err
		}
		next, err := nextLink(list, h)
		if err != nil {
			return &Error{Kind: KindMalformed, Message: err.Error(), Cause: err}
		}
		room, told := RoomIn(list, len(rows))
		a = offsetAnswer{rows: rows, more: next != "" || told && room == 0, date: dateOf(h)}
		a.last = !a.more && told
		return nil
	}}
	lease, err := l.c.shrinking(ctx, k, &l.size, func(limit int) Request {
		return l.with([2]string{"start", strconv.Itoa(start)}, [2]string{"limit", strconv.Itoa(limit)})
	})
	return a, lease, err
}

// find returns the list in an answer, and its rows.
func (l *offsetList) find(b *buffer) (list rawjson.Object, rows []rawjson.Object, err error) {
	if l.Within == nil {
		err = b.page.Parse(b.body)
		return b.page.Top, b.page.Rows, err
	}
	if list, err = rawjson.ParseObject(b.body); err != nil {
		return list, nil, err
	}
	for _, name := range l.Within {
		list, _ = list.Get(name).Object() // what is no object has no results
	}
	if results := list.Get("results"); len(results) == 0 || results[0] != '[' {
		return list, nil, &Error{Kind: KindMalformed, Message: "no list " + strings.Join(l.Within, ".") + " in the answer"}
	}
	rows, ok := list.Get("results").Objects()
	if !ok {
		return list, nil, &Error{Kind: KindMalformed, Message: "a row of " + strings.Join(l.Within, ".") + " is no object"}
	}
	return list, rows, nil
}

// RoomIn returns how many rows more a list of version 1 of the API has room for, by its fields size and
// limit. It reports whether the list tells: it has both, and its size is the number of its rows.
func RoomIn(list rawjson.Object, rows int) (room int, told bool) {
	size, err := strconv.Atoi(string(list.Get("size")))
	limit, err2 := strconv.Atoi(string(list.Get("limit")))
	return limit - rows, err == nil && err2 == nil && size == rows && rows <= limit
}

// pass gives fn the rows that it has not been given yet.
func (l *offsetList) pass(rows []rawjson.Object, date time.Time) error {
	fresh := make([]rawjson.Object, 0, len(rows))
	for _, row := range rows {
		hash := maphash.String(l.seed, l.Key(row))
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

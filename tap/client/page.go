package client

import (
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
)

// Page is one answer of a listing.
type Page struct {
	Rows   []rawjson.Object
	Cursor string // it was asked for with this cursor, "" for the first page
	Next   string // cursor of the next page, "" at the listing's end
	Limit  int    // it was asked for with this limit

	header http.Header
	lease  *lease
}

// Date returns the site's time when it answered, from the Date header; zero if that is absent or
// unreadable.
func (p *Page) Date() time.Time { return dateOf(p.header) }

// Release gives the page's memory back. The caller must not use the rows afterwards: another answer
// takes their place. It never fails and may be called again. A Page that is dropped without it counts
// as buffered for ever.
func (p *Page) Release() {
	if p.lease != nil {
		p.Rows = nil
		p.lease.release()
	}
}

// Pager reads a cursor listing page by page, once through. It is used by one goroutine.
type Pager struct {
	c    *Client
	req  Request
	size pageSize
	hint int64 // likely size of the next page in bytes
	// seen holds hashes of the cursors so far, to notice a listing that goes in a circle; nil
	// while there was none.
	seen map[uint64]struct{}
	seed maphash.Seed
	// Doubt, if set, is asked when the site keeps failing on the first page, before fewer rows are
	// asked for. Its error ends the listing.
	Doubt func(ctx context.Context, cause error) error
	// empty counts the pages without a row since the last one that had some.
	empty int
}

// mostEmpty is how many pages in a row may be empty without being the last. What the account
// may not see can leave pages empty; a site that shows no row in so many of them, millions of
// hidden ones, is more likely to make links without end.
const mostEmpty = 10_000

// Pager returns a reader of the listing that asks for limit rows at a time. If an answer is too large,
// or keeps failing on the site's side, it asks for fewer rows. The limit climbs back while that works.
func (c *Client) Pager(req Request, limit int) *Pager {
	return &Pager{c: c, req: req, size: newPageSize(limit, 1)}
}

// Page reads the page at the cursor, "" for the first one. A page may be short or empty
// without being the last: only Next tells. The caller has to Release it. Errors are of
// type *Error: KindCursor if the site refuses the cursor, KindMalformed if the link to the
// next page is unusable, leads back to a page that was read before, or follows thousands of
// empty pages.
func (p *Pager) Page(ctx context.Context, cursor string) (*Page, error) {
	page := &Page{Cursor: cursor}
	k := &call{hint: p.hint}
	if cursor == "" {
		k.doubt = p.Doubt
	}
	k.parse = func(b *buffer, h http.Header) error {
		err := b.page.Parse(b.body)
		if err != nil {
			return err
		}
		page.Rows = b.page.Rows
		page.header = h
		p.hint = likely(len(b.body))
		page.Next, err = nextCursor(b.page.Top, h)
		return err
	}
	var err error
	page.lease, err = p.c.shrinking(ctx, k, &p.size, func(limit int) Request {
		page.Limit = limit
		req := p.req.with([2]string{"limit", strconv.Itoa(limit)})
		if cursor != "" {
			req = req.with([2]string{"cursor", cursor})
		}
		return req
	})
	if err != nil {
		return nil, err
	}
	if problem := p.endless(page); problem != "" {
		page.lease.release()
		return nil, k.complete(&Error{Kind: KindMalformed, Message: problem})
	}
	return page, nil
}

// Rows reads the listing page by page for callers that need no position. It yields the rows of each
// answer that has some, and an error at most once, as the last. The rows are valid until the loop's
// body returns. The listing ends when there is no next page.
func (c *Client) Rows(ctx context.Context, req Request, limit int) iter.Seq2[[]rawjson.Object, error] {
	return func(yield func([]rawjson.Object, error) bool) {
		pager := c.Pager(req, limit)
		for cursor, more := "", true; more; more = cursor != "" {
			page, err := pager.Page(ctx, cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			goOn := len(page.Rows) == 0 || yield(page.Rows, nil)
			cursor = page.Next
			page.Release()
			if !goOn {
				return
			}
		}
	}
}

// dateOf reads the Date header, zero if it is absent or unreadable.
func dateOf(h http.Header) time.Time {
	value := h.Get("Date")
	if value == "" {
		return time.Time{}
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return time.Time{}
	}
	return date
}

// nextCursor returns the cursor of the next page, "" at the end.
func nextCursor(top rawjson.Object, h http.Header) (string, error) {
	next, err := nextLink(top, h)
	if err == nil && next != "" {
		next, err = cursorOf(next)
	}
	if err != nil {
		return "", &Error{Kind: KindMalformed, Message: err.Error(), Cause: err}
	}
	return next, nil
}

// endless says why a listing seems to have no end, or "".
func (p *Pager) endless(page *Page) string {
	if p.again(page.Cursor, page.Next) {
		return "the listing goes in a circle: its next page was read before"
	}
	if p.empty++; len(page.Rows) > 0 {
		p.empty = 0
	}
	if page.Next != "" && p.empty > mostEmpty {
		return "the listing does not end: 10,000 pages in a row were empty"
	}
	return ""
}

// again reports whether next has been a cursor of this listing before, and remembers both.
func (p *Pager) again(cursor, next string) bool {
	if next == "" {
		return false
	}
	if p.seen == nil {
		p.seen, p.seed = map[uint64]struct{}{}, maphash.MakeSeed()
	}
	if cursor != "" {
		p.seen[maphash.String(p.seed, cursor)] = struct{}{}
	}
	hash := maphash.String(p.seed, next)
	_, repeated := p.seen[hash]
	p.seen[hash] = struct{}{}
	return repeated
}

// likely guesses the size of the page after one of that size, with an eighth to spare.
func likely(size int) int64 {
	return min(int64(size)+int64(size)/8+1, maxBody/8)
}

// shrinking sends a call of a listing. When the site can't give that many rows, it asks for
// half of them, and so on.
func (c *Client) shrinking(ctx context.Context, k *call, size *pageSize, build func(limit int) Request) (*lease, error) {
	for {
		k.req = build(size.now)
		k.shrinkable = size.now > size.least && !k.req.Once
		l, err := c.do(ctx, k)
		if err == nil {
			size.worked()
			return l, nil
		}
		if k.failure == nil || !k.failure.smaller || !size.halve() {
			var e *Error
			if errors.As(err, &e) && e.Kind == KindTooLarge {
				e.Hint = "the item after the cursor is larger than this tap reads"
			}
			return nil, err
		}
		if k.doubt != nil && KindOf(err) == KindServer {
			if doubt := k.doubt(ctx, err); doubt != nil {
				return nil, doubt
			}
			k.doubt = nil
		}
		c.log.Warn("asking for fewer rows at once", "request", shortPath(k.req), "reason", k.failure.err.reason(), "limit", size.now)
	}
}

// pageSize is the limit that a listing asks for now.
type pageSize struct {
	most, least, now int
	good             int  // answers at the present limit
	need             int  // good answers before the limit is doubled
	raised           bool // the last change was upwards
}

// Bounds of pageSize.need.
const (
	leastGood = 4
	mostGood  = 64
)

func newPageSize(most, least int) pageSize {
	most = max(most, least)
	return pageSize{most: most, least: least, now: most, need: leastGood}
}

// halve lowers the limit, and reports whether it could. If that undoes a raise, the next one will
// take longer to come.
func (s *pageSize) halve() bool {
	if s.now <= s.least {
		return false
	}
	if s.raised {
		s.need = min(2*s.need, mostGood)
	}
	s.now, s.good, s.raised = max(s.now/2, s.least), 0, false
	return true
}

// worked counts a good answer, and doubles a lowered limit after enough of them.
func (s *pageSize) worked() {
	if s.now >= s.most {
		return
	}
	if s.good++; s.good >= s.need {
		s.now, s.good, s.raised = min(2*s.now, s.most), 0, true
	}
}

package method

import (
	"context"
	"slices"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// combined reads several streams of one parent with one request. The answer holds a block of rows for
// each stream. A block that may be cut is read from the stream's own list.
var combined = Method{
	Name: "one combined read per parent",
	Fits: func(c Choice) bool {
		return c.Stream.Include != "" && !c.Plain && !c.Incremental && c.Partners > 1
	},
	Listing: func(s *stream.Stream) *stream.Listing { return s.Parent },
	Read:    readCombined,
	Again:   readCombined,
	Audit:   InPassing,
	Price: func(c Cost) float64 {
		return c.Share/float64(max(c.Partners, 1)) + c.Shape.Long[c.Stream.Include]
	},
	Words: func(l *stream.Listing) string { return "one request per " + itemOf(l) + " for all that it has" },
}

// Sharing returns how many of a walk's readers share its combined reads, and the share of parents that
// need one: all, unless each of them has the version of an unedited item from its row.
func Sharing(readers []*Reader, shape site.Shape) (partners int, share float64) {
	share = 1 - shape.First
	for _, r := range readers {
		if !r.Uses(Combined) {
			continue
		}
		partners++
		if !r.Uses(FirstVersion) {
			share = 1
		}
	}
	return partners, share
}

// Blocks end at 50 rows, and lists without a limit at 25. A block of just so many rows may be cut,
// even if the answer says that there are no more.
const (
	blockMost   = 50
	listDefault = 25
)

func readCombined(ctx context.Context, env Env, p *Parent, readers []*Reader) error {
	plainly := func(r *Reader) error { return ReadPlain(ctx, env, p, r) }
	if len(readers) == 1 {
		return each(ctx, env, readers, plainly)
	}
	doc, err := env.Get(ctx, readers[0], combinedRequest(p, readers))
	if err != nil {
		if stop := env.Interrupts(ctx, err); stop != nil {
			return stop
		}
		// The site may have refused only one of the blocks: each list is asked for itself.
		return each(ctx, env, readers, plainly)
	}
	return each(ctx, env, readers, func(r *Reader) error {
		rows, complete := Block(doc, r.Stream.Include)
		if !complete || r.tooFew(rows, p) {
			return plainly(r)
		}
		return env.Write(r, r.childItems(env, rows, p))
	})
}

// combinedRequest asks for one parent with a block per reader.
func combinedRequest(p *Parent, readers []*Reader) client.Request {
	req := site.ItemRequest(p.Listing, p.ID, p.Status)
	req.Query = slices.Grow(req.Query, len(readers))
	for _, r := range readers {
		req.Query = append(req.Query, [2]string{"include-" + r.Stream.Include, "true"})
	}
	return req
}

// tooFew reports whether a block shows fewer versions than the last one's number: the block was cut,
// or old versions were purged. Only the list tells.
func (r *Reader) tooFew(rows []rawjson.Object, p *Parent) bool {
	return r.Stream.Derive == stream.FirstVersion && len(rows) < p.Version
}

// Block returns the rows of one block of a combined read, and reports whether they are certainly all.
// A block that is missing, or lacks results, proves nothing: it is not complete.
func Block(doc rawjson.Object, name string) (rows []rawjson.Object, complete bool) {
	page, err := rawjson.ParsePage(doc.Get(name))
	if err != nil || string(page.Top.Get("meta").Member("hasMore")) != "false" {
		return nil, false
	}
	return page.Rows, len(page.Rows) != blockMost && len(page.Rows) != listDefault
}

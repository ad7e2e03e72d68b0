package method

import (
	"context"
	"strconv"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/record"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// readByOperation reads who alone may do what with one page or post. A list that the answer may
// have cut is read to its end.
func readByOperation(ctx context.Context, env Env, p *Parent, r *Reader) error {
	doc, err := env.Get(ctx, r, r.PlainRequest(p.ID))
	if err != nil {
		return err
	}
	items, whole, err := restrictions(doc, p, r)
	if err != nil {
		return err
	}
	if whole {
		return env.Write(r, items)
	}
	for _, op := range r.Stream.Operations {
		if err := readOperation(ctx, env, p, r, op); err != nil {
			return err
		}
	}
	return nil
}

// restrictions makes rows of the blocks of all operations. Whole reports that no list was cut.
func restrictions(blocks rawjson.Object, p *Parent, r *Reader) (items []Item, whole bool, err error) {
	whole = true
	for _, op := range r.Stream.Operations {
		block := blocks.Get(op).Member("restrictions")
		for _, kind := range principals {
			list := block.Member(kind.list)
			whole = whole && isWhole(list)
			if items, err = kind.rows(items, list, p, op); err != nil {
				return nil, false, err
			}
		}
	}
	return items, whole, nil
}

// isWhole reports whether a list tells that it shows less than it would have room for.
func isWhole(list rawjson.Value) bool {
	size, err := strconv.Atoi(string(list.Member("size")))
	limit, err2 := strconv.Atoi(string(list.Member("limit")))
	return err == nil && err2 == nil && size < limit
}

// principal is a kind of who may do something.
type principal struct{ list, id string }

// principals are people and groups, with the fields that identify them.
var principals = []principal{{"user", "accountId"}, {"group", "id"}}

// rows adds a row for each of a list.
func (k principal) rows(items []Item, list rawjson.Value, p *Parent, op string) ([]Item, error) {
	for v := range list.Member("results").Elements() {
		b := []byte(`{"operation":`)
		b = rawjson.AppendString(b, op)
		b = append(append(b, `,"principalType":"`...), k.list...)
		b = append(b, `","principalId":`...)
		if id := v.Member(k.id); id != nil {
			b = append(b, id...)
		} else {
			b = append(b, "null"...)
		}
		b = rawjson.AppendString(append(b, `,"contentType":`...), p.Listing.SearchType)
		b = append(append(append(b, `,"`...), k.list...), `":`...)
		row, err := rawjson.ParseObject(append(append(b, v...), '}'))
		if err != nil {
			return nil, &client.Error{Kind: client.KindMalformed, Message: "who may " + op + " " + p.ID + " is unreadable", Cause: err}
		}
		items = append(items, Item{row, record.Source{ParentID: p.ID}})
	}
	return items, nil
}

// operationPage is how many people, and groups, are asked for at once.
const operationPage = 100

// operationStarts is how often a list that changes while it is read is begun.
const operationStarts = 3

// readOperation reads who alone may do one thing, to the end. People and groups are paged by one
// offset. Each request starts at the last row received, which has to come again: an offset counts
// rows, so one that vanishes meanwhile would make the next answer skip one.
func readOperation(ctx context.Context, env Env, p *Parent, r *Reader, op string) error {
	for range operationStarts {
		moved, err := pageOperation(ctx, env, p, r, op)
		if err != nil || !moved {
			return err
		}
	}
	return &client.Error{Kind: client.KindMalformed, Path: stream.Path(r.Stream.Route, p.ID), Message: "the list keeps changing while it is read"}
}

// pageOperation reads the list once; moved reports that it changed meanwhile.
func pageOperation(ctx context.Context, env Env, p *Parent, r *Reader, op string) (moved bool, err error) {
	last := make([]string, len(principals)) // the last row of each list
	ends := make([]int, len(principals))    // where the rows received end
	for start, more := 0, true; more; {
		req := r.PlainRequest(p.ID)
		req.Path += "/" + op
		req.Query = append(req.Query, [2]string{"start", strconv.Itoa(start)}, [2]string{"limit", strconv.Itoa(operationPage)})
		doc, err := env.Get(ctx, r, req)
		if err != nil {
			return false, err
		}
		more = false
		furthest := 0
		var items []Item
		for i, kind := range principals {
			list := doc.Get("restrictions").Member(kind.list)
			rows, err := kind.rows(nil, list, p, op)
			if err != nil {
				return false, err
			}
			shown := len(rows) > 0 && idOf(rows[0]) == last[i]
			if ends[i] == start+1 && start > 0 && !shown || ends[i] < start && len(rows) > 0 {
				return true, nil
			}
			if fresh := start + len(rows) - ends[i]; fresh > 0 && len(rows) > 0 {
				items = append(items, rows[len(rows)-fresh:]...)
				ends[i], last[i] = start+len(rows), idOf(rows[len(rows)-1])
				more = true
			}
			furthest = max(furthest, ends[i])
		}
		if err := env.Write(r, items); err != nil {
			return false, err
		}
		start = max(furthest-1, 0)
	}
	return false, nil
}

func idOf(it Item) string { return text(it.Row, "principalId") }

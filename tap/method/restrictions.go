package method

import (
	"context"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/record"
)

// readByOperation reads the restrictions of one page or post: who alone may read or update it. If the
// answer may have cut a list, the lists of all operations are read to their end.
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

// restrictions makes items of the blocks of all operations. Whole reports whether no list was cut.
func restrictions(blocks rawjson.Object, p *Parent, r *Reader) (items []Item, whole bool, err error) {
	whole = true
	for _, op := range r.Stream.Operations {
		block := blocks.Get(op).Member("restrictions")
		for _, kind := range principals {
			list := block.Member(kind.list)
			before := len(items)
			for v := range list.Member("results").Elements() {
				it, err := kind.row(v, p, op)
				if err != nil {
					return nil, false, err
				}
				items = append(items, it)
			}
			whole = whole && isWhole(list, len(items)-before)
		}
	}
	return items, whole, nil
}

// isWhole reports whether a list of that many rows is complete: it says that it has room for more.
func isWhole(list rawjson.Value, rows int) bool {
	object, _ := list.Object() // what is no object tells nothing
	room, told := client.RoomIn(object, rows)
	return told && room > 0
}

// principal is a kind of who may do something.
type principal struct{ list, id string }

// principals are people and groups, with the fields that identify them.
var principals = []principal{{"user", "accountId"}, {"group", "id"}}

// row makes an item of one element of a principal's list.
func (k principal) row(v rawjson.Value, p *Parent, op string) (Item, error) {
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
		return Item{}, &client.Error{Kind: client.KindMalformed, Message: "who may " + op + " " + p.ID + " is unreadable", Cause: err}
	}
	return Item{row, record.Source{ParentID: p.ID}}, nil
}

// operationPage is how many people, or groups, are asked for at once.
const operationPage = 100

// readOperation reads all people and groups who alone may do one operation.
func readOperation(ctx context.Context, env Env, p *Parent, r *Reader, op string) error {
	for _, kind := range principals {
		list := client.OffsetList{Request: r.PlainRequest(p.ID), Limit: operationPage, Within: []string{"restrictions", kind.list}}
		list.Path += "/" + op
		list.Key = func(row rawjson.Object) string { return row.Get(kind.id).AsText() }
		err := env.ListByOffset(ctx, r, list, func(rows []rawjson.Object) error {
			items := make([]Item, 0, len(rows))
			for _, row := range rows {
				it, err := kind.row(row.Raw(), p, op)
				if err != nil {
					return err
				}
				items = append(items, it)
			}
			return env.Write(r, items)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

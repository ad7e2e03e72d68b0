package engine

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// pages reads a list page by page, once through. A page that the site can't give with bodies,
// however small, is asked for without them, and the bodies item by item.
type pages struct {
	client *client.Client
	items  *stream.Listing // of the rows, whose items are asked for one by one
	req    client.Request
	pager  *client.Pager
	bare   *client.Pager // of pages without bodies, one row at a time; nil until it is needed
	// unreadable is told of each row whose body can't be had. Its error ends the reading: the whole
	// site does not answer.
	unreadable func(ctx context.Context, id string, err error) error
}

func newPages(c *client.Client, items *stream.Listing, req client.Request, limit int, unreadable func(context.Context, string, error) error) *pages {
	return &pages{client: c, items: items, req: req, pager: c.Pager(req, limit), unreadable: unreadable}
}

// next reads the page at a cursor. The caller releases it.
func (p *pages) next(ctx context.Context, cursor string) (*client.Page, error) {
	page, err := p.pager.Page(ctx, cursor)
	if err == nil || client.KindOf(err) != client.KindServer || ctx.Err() != nil || !p.asksForBodies() {
		return page, err
	}
	if p.bare == nil {
		p.bare = p.client.Pager(p.req.Without(stream.BodyParam), 1)
	}
	// One row at a time: the pager has come down to that, and the page after it is its own.
	page, bareErr := p.bare.Page(ctx, cursor)
	if bareErr != nil {
		return nil, err
	}
	for i, row := range page.Rows {
		if page.Rows[i], err = p.withBody(ctx, row); err != nil {
			page.Release()
			return nil, err
		}
	}
	return page, nil
}

func (p *pages) asksForBodies() bool { return p.items.Item != "" && p.req.Has(stream.BodyParam) }

// withBody returns a row with the body of the item itself, or the row as it is if the item can't
// be read.
func (p *pages) withBody(ctx context.Context, row rawjson.Object) (rawjson.Object, error) {
	id := row.Get("id").AsText()
	status, _ := row.Get("status").Text()
	req := site.ItemRequest(p.items, id, status)
	for _, q := range p.req.Query {
		if q[0] == stream.BodyParam {
			req.Query = append(req.Query, q)
		}
	}
	doc, err := p.client.Get(ctx, req)
	if ctx.Err() != nil {
		return row, context.Cause(ctx)
	}
	body := doc.Get("body")
	if err == nil && body.IsNull() {
		err = &client.Error{Kind: client.KindMalformed, Method: http.MethodGet, Path: req.Path, Message: "the answer holds no body"}
	}
	if err != nil {
		return row, p.unreadable(ctx, id, fmt.Errorf("reading the body of %s: %w", id, err))
	}
	return withField(row, "body", body)
}

// withField returns a copy of a row in which a field has another value.
func withField(row rawjson.Object, name string, value rawjson.Value) (rawjson.Object, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for field, v := range row.Fields() {
		if field != name {
			b.Write(rawjson.AppendString(nil, field))
			b.WriteByte(':')
			b.Write(v)
			b.WriteByte(',')
		}
	}
	b.Write(rawjson.AppendString(nil, name))
	b.WriteByte(':')
	b.Write(value)
	b.WriteByte('}')
	return rawjson.ParseObject(b.Bytes())
}

// isCursor reports whether the site refused a cursor.
func isCursor(err error) bool { return client.KindOf(err) == client.KindCursor }

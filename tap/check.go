package tap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// checked is the result of a check.
type checked struct {
	// who names the account, account is its id; empty if the site does not tell.
	who, account string
	// spaces is how many spaces the account sees, or one more than one answer shows.
	spaces int
	// missing holds a sentence for each thing that the account can't read. unread names the streams.
	missing, unread []string
}

// checker finds out which streams the account can read, with a request for one row each.
type checker struct {
	*session
	checked
	site     *site.Site
	asked    map[*stream.Listing]bool
	refusals []error
}

// check asks one row of every listing after the probe, and of every extra stream that the settings
// add. If the account can't read spaces, or nothing at all, that is the error.
func (s *session) check(ctx context.Context) (*checked, error) {
	here := site.New(s.config, s.client, s.log)
	if err := here.Open(ctx, s.program.now()); err != nil {
		return nil, err
	}
	c := &checker{session: s, site: here, asked: map[*stream.Listing]bool{}}
	c.who, c.account = here.Who(), here.Account()
	if err := c.listings(ctx); err != nil {
		return nil, err
	}
	for _, st := range s.extra {
		if err := c.judge(c.stream(ctx, st), st.Name); err != nil {
			return nil, err
		}
	}
	if _, err := here.Spaces(ctx); err != nil {
		return nil, err
	}
	var err error
	if c.spaces, err = here.AtLeast(ctx, stream.Spaces); err != nil {
		return nil, err
	}
	if c.spaces == 0 {
		c.missing = append(c.missing, seesNothing(c.who))
	}
	return &c.checked, nil
}

// listings asks one row of every listing.
func (c *checker) listings(ctx context.Context) error {
	for _, l := range stream.Listings {
		c.asked[l] = true
		err := c.judge(c.listing(ctx, l), streamsOf(l)...)
		if err != nil || l == stream.Spaces && len(c.refusals) > 0 {
			return errors.Join(err, errors.Join(c.refusals...))
		}
	}
	if len(c.refusals) == len(c.asked) {
		return errors.Join(c.refusals...)
	}
	return nil
}

// streamsOf names the usual streams that are read from a listing.
func streamsOf(l *stream.Listing) []string {
	var names []string
	for _, st := range stream.All {
		if st.Listing == l {
			names = append(names, st.Name)
		}
	}
	return names
}

// seesNothing is the message for an account that sees no space, which most likely lacks a permission.
func seesNothing(who string) string {
	return who + " sees no space: give the account permission to view spaces"
}

// judge notes the streams that an error says the account may not read. It returns any other error.
func (c *checker) judge(err error, names ...string) error {
	switch client.KindOf(err) {
	case client.KindScope, client.KindForbidden, client.KindGone, client.KindNotFound:
		c.refuse(err, names...)
		return nil
	}
	return err
}

// refuse notes streams that can't be read.
func (c *checker) refuse(err error, names ...string) {
	c.refusals = append(c.refusals, err)
	c.unread = append(c.unread, names...)
	c.missing = append(c.missing, fmt.Sprintf("can't read %s: %v", strings.Join(names, ", "), err))
}

// listing asks for one row of a listing. One that needs a type is asked for the first that there is.
func (c *checker) listing(ctx context.Context, l *stream.Listing) error {
	if l.Typed {
		types, err := c.site.Types(ctx, nil)
		if err != nil {
			c.refuse(err, streamsOf(l)...) // in a sync, too, only its streams fail
		}
		if len(types) == 0 {
			return nil
		}
		_, err = c.row(ctx, l, [2]string{"type", types[0]})
		return err
	}
	_, err := c.row(ctx, l)
	return err
}

// row asks for one row of a listing, and returns its id, empty if there is none.
func (c *checker) row(ctx context.Context, l *stream.Listing, more ...[2]string) (id string, err error) {
	query := slices.Concat(l.Query, more, [][2]string{{"limit", "1"}})
	req := client.Request{Path: stream.Path(l.Route, ""), Query: query, Scopes: l.Scopes}
	doc, err := c.client.Get(ctx, req)
	if err != nil {
		return "", err
	}
	for v := range doc.Get("results").Elements() {
		if row, ok := v.Object(); ok {
			id = row.Get("id").AsText()
			break
		}
	}
	return id, nil
}

// stream asks for a row of an extra stream: of its listing, if that has not been asked, or of one
// parent's list.
func (c *checker) stream(ctx context.Context, st *stream.Stream) error {
	if bulk := st.Listing.Bulk; bulk != nil {
		return c.bulk(ctx, st.Listing)
	}
	if st.Node != nil {
		return c.node(ctx, st.Node)
	}
	if !st.IsChild() {
		if c.asked[st.Listing] {
			return nil
		}
		c.asked[st.Listing] = true
		_, err := c.row(ctx, st.Listing)
		if err != nil && st.Listing.Needs != "" {
			return fmt.Errorf("it needs %s: %w", st.Listing.Needs, err)
		}
		return err
	}
	parents := st.Parent
	if parents.Of != nil {
		parents = parents.Of[0]
	}
	id, err := c.row(ctx, parents)
	if err != nil || id == "" {
		return nil //nolint:nilerr // the parents' listing has been judged before
	}
	req := client.Request{Path: stream.Path(st.Route, id), Query: st.Query, Scopes: st.Scopes}
	if st.Operations == nil {
		req.Query = [][2]string{{"limit", "1"}}
	}
	_, err = c.client.Get(ctx, req)
	return err
}

// bulk asks for the account itself by its id. A refused search does not matter: streams do without it.
func (c *checker) bulk(ctx context.Context, l *stream.Listing) error {
	req, err := method.BulkRequest(l.Bulk, []string{c.account})
	if err != nil || c.account == "" {
		return err
	}
	_, err = c.client.Get(ctx, req)
	return err
}

// node asks for an item of the page tree that a search finds. A refused search does not matter.
func (c *checker) node(ctx context.Context, n *stream.Listing) error {
	doc, err := c.client.Get(ctx, client.Request{
		Path: stream.Path(stream.Hits.Route, ""), Query: [][2]string{{"cql", "type=" + n.SearchType}, {"limit", "1"}}, Scopes: stream.Hits.Scopes,
	})
	if err != nil {
		return nil // streams read without it
	}
	for v := range doc.Get("results").Elements() {
		if id := v.Member("content").Member("id").AsText(); id != "" {
			_, err := c.client.Get(ctx, site.ItemRequest(n, id, ""))
			return err
		}
	}
	return nil
}

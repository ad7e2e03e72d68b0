package tap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// checker finds out what the account can read, with a request for one row each.
type checker struct {
	*session
	account  string // empty if the site does not tell
	asked    map[*stream.Listing]bool
	refusals []error
	missing  []string // sentences
}

// check asks one row of every listing after the probe, and of every extra stream that the settings
// add. What the account can't read is returned as sentences; if it can't read spaces, or nothing at
// all, that is the error.
func (s *session) check(ctx context.Context) ([]string, error) {
	here := site.New(s.config, s.client, s.log)
	if err := here.Open(ctx, s.program.now()); err != nil {
		return nil, err
	}
	c := &checker{session: s, account: here.Account(), asked: map[*stream.Listing]bool{}}
	for _, l := range stream.Listings {
		if l.Typed {
			continue // it needs a type, and there may be none
		}
		c.asked[l] = true
		_, err := c.row(ctx, l)
		if err := c.judge(l.Name, err); err != nil || l == stream.Spaces && len(c.refusals) > 0 {
			return nil, errors.Join(err, errors.Join(c.refusals...))
		}
	}
	if len(c.refusals) == len(c.asked) {
		return nil, errors.Join(c.refusals...)
	}
	for _, st := range s.extra {
		if err := c.judge(st.Name, c.stream(ctx, st)); err != nil {
			return nil, err
		}
	}
	if _, err := here.Spaces(ctx); err != nil {
		return c.missing, err
	}
	if blind, err := here.Blind(ctx); err == nil && blind {
		c.missing = append(c.missing, seesNothing(here.Who()))
	}
	return c.missing, nil
}

// seesNothing says what an empty site most likely means.
func seesNothing(who string) string {
	return who + " sees no space, and so nothing that lies in one: give the account permission to view spaces"
}

// judge notes what the account may not read. The error is any other.
func (c *checker) judge(name string, err error) error {
	switch client.KindOf(err) {
	case client.KindScope, client.KindForbidden, client.KindGone, client.KindNotFound:
		c.refusals = append(c.refusals, err)
		c.missing = append(c.missing, fmt.Sprintf("can't read %s: %v", name, err))
		return nil
	}
	return err
}

// row asks for one row of a listing, and returns its id, empty if there is none.
func (c *checker) row(ctx context.Context, l *stream.Listing) (id string, err error) {
	req := client.Request{Path: stream.Path(l.Route, ""), Query: append(slices.Clip(l.Query), [2]string{"limit", "1"}), Scopes: l.Scopes}
	doc, err := c.client.Get(ctx, req)
	if err != nil {
		return "", err
	}
	for v := range doc.Get("results").Elements() {
		if row, ok := v.Object(); ok {
			id, _ = row.Get("id").Text()
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
	_, err = c.get(ctx, req)
	return err
}

// bulk asks for the account itself by its id. A search that is refused is no matter.
func (c *checker) bulk(ctx context.Context, l *stream.Listing) error {
	req, err := method.BulkRequest(l.Bulk, []string{c.account})
	if err != nil || c.account == "" {
		return err
	}
	_, err = c.get(ctx, req)
	return err
}

// node asks for an item of the page tree that a search finds. A search that is refused is no matter.
func (c *checker) node(ctx context.Context, n *stream.Listing) error {
	doc, err := c.get(ctx, client.Request{
		Path: stream.Path(stream.Hits.Route, ""), Query: [][2]string{{"cql", "type=" + n.SearchType}, {"limit", "1"}}, Scopes: stream.Hits.Scopes,
	})
	if err != nil {
		return nil // streams read without it
	}
	for v := range doc.Get("results").Elements() {
		if id, ok := v.Member("content").Member("id").Text(); ok {
			_, err := c.get(ctx, site.ItemRequest(n, id, ""))
			return err
		}
	}
	return nil
}

// get asks for one document.
func (c *checker) get(ctx context.Context, req client.Request) (rawjson.Object, error) {
	return c.client.Get(ctx, req)
}

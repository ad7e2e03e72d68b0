package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// ownerListings list what attachments and comments belong to.
var ownerListings = []*stream.Listing{stream.Pages, stream.BlogPosts, stream.CustomContent}

// ownerKinds are the names that routes by owner have for them.
var ownerKinds = map[*stream.Listing]string{stream.Pages: "pages", stream.BlogPosts: "blogposts", stream.CustomContent: "custom-content"}

// keepSpace returns what decides whether a row that names its space is in scope, nil for all.
// Listings are asked for the spaces included; a site that ignored that would show others.
func (s *spaces) keepSpace(field string) keep {
	if !s.narrowed() || field == "" {
		return nil
	}
	return func(_ context.Context, row row, _ int64) (bool, error) {
		id, ok := row.Get(field).Text()
		return !ok || s.inScope(id), nil
	}
}

// inScope says whether a space is.
func (s *spaces) inScope(id string) bool {
	if s.included == nil {
		return !s.excluded[id]
	}
	_, in := slices.BinarySearchFunc(s.included, id, compareIDs)
	return in && !s.excluded[id]
}

// keepOwner returns what decides whether a row is in scope by what it belongs to: a page, a
// post or custom content of the spaces named, or not. A row that names its space needs no owner.
func (r *Run) keepOwner(l *stream.Listing, trash bool) keep {
	return func(ctx context.Context, row row, since int64) (bool, error) {
		if space, ok := row.Get(l.SpaceField).Text(); ok && l.SpaceField != "" {
			return r.spaces.inScope(space), nil
		}
		owned, err := r.ownersFor(ctx, row, l.Owners, since)
		if err != nil {
			return false, err
		}
		if owned.has(row, l.Owners) {
			return r.spaces.included != nil, nil
		}
		if id, ok := row.Get("customContentId").Text(); ok && (trash || owned.partial) && slices.Contains(l.Owners, "customContentId") {
			return r.keepHidden(ctx, id, owned)
		}
		return r.spaces.included == nil, nil
	}
}

// ownersFor returns the owners that decide on a row. A row that none of them has may belong to
// one that was made after they were read: then they are read again, unless they are as new
// as the answer that the row's listing began with. What came later is the next run's.
func (r *Run) ownersFor(ctx context.Context, row row, fields []string, since int64) (*owners, error) {
	owned, err := r.readOwners(ctx, 0)
	if err != nil || owned.asOf >= since || owned.has(row, fields) {
		return owned, err
	}
	return r.readOwners(ctx, since)
}

// owners are the pages, posts and custom content of the spaces that space_keys or
// exclude_space_keys name: 8 bytes an id.
type owners struct {
	// asOf is the tick before the first of them was asked for.
	asOf int64
	// ids are sorted, by the listing that shows them.
	ids map[*stream.Listing][]uint64
	// partial says that not all custom content is among them: the site refuses a type of it, or
	// the search for types.
	partial bool
}

// has says whether one of a row's fields names an owner.
func (o *owners) has(row row, fields []string) bool {
	return slices.ContainsFunc(fields, func(field string) bool {
		text, ok := row.Get(field).Text()
		return ok && o.hasID(text)
	})
}

func (o *owners) hasID(text string) bool {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return false
	}
	for _, ids := range o.ids {
		if _, found := slices.BinarySearch(ids, id); found {
			return true
		}
	}
	return false
}

// keepHidden decides by custom content that no listing shows, because it is in the trash
// or of a type that the site refuses to list: it is asked for on its own. Where that is refused
// too, the row is kept.
func (r *Run) keepHidden(ctx context.Context, id string, owned *owners) (bool, error) {
	doc, err := r.Client.Get(ctx, itemRequest(stream.CustomContent, id, nil))
	if err != nil {
		if endsRun(ctx, err) {
			return false, err
		}
		r.warnOnce("hidden owner", "can't tell the space of custom content in the trash or of a type that can't be listed; what belongs to it is kept", "id", id, "error", err)
		return true, nil
	}
	if space, ok := doc.Get("spaceId").Text(); ok {
		return r.spaces.inScope(space), nil
	}
	return owned.has(doc, []string{"pageId", "blogPostId", "customContentId"}) == (r.spaces.included != nil), nil
}

// readOwners returns the owners, read after a tick: a listing without bodies, once a run
// where no row asks for newer ones.
func (r *Run) readOwners(ctx context.Context, since int64) (*owners, error) {
	if known := r.ownersAsOf(since); known != nil { // every row asks, also while others wait for newer ones
		return known, nil
	}
	select {
	case r.ownerTurn <- struct{}{}:
		defer func() { <-r.ownerTurn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if known := r.ownersAsOf(since); known != nil {
		return known, nil
	}
	owned := &owners{asOf: r.ticks.Add(1), ids: map[*stream.Listing][]uint64{}}
	for _, l := range ownerListings {
		if err := r.addOwners(ctx, owned, l); err != nil {
			return nil, fmt.Errorf("listing %s of the chosen spaces: %w", l.Name, err)
		}
	}
	r.owned.Store(owned)
	return owned, nil
}

// ownersAsOf returns the owners if they have been read after a tick, else nil.
func (r *Run) ownersAsOf(since int64) *owners {
	if o := r.owned.Load(); o != nil && o.asOf >= since {
		return o
	}
	return nil
}

// addOwners lists the owners of one kind: custom content of every type, whichever are read.
func (r *Run) addOwners(ctx context.Context, owned *owners, l *stream.Listing) error {
	how := listing{spaces: r.spaces.included, statuses: append([]string{stream.Current, stream.Archived}, r.Config.PageStatus...), everyType: true}
	if how.spaces == nil {
		how.spaces = r.spaces.leftOut()
	}
	lists, err := r.listsOf(ctx, l, how)
	if err != nil && l.Typed && !endsRun(ctx, err) && refusesSearch(err) {
		owned.partial = true
		if how.everyType = false; len(r.Config.CustomContentTypes) == 0 {
			return nil
		}
		lists, err = r.listsOf(ctx, l, how)
	}
	if err != nil {
		return err
	}
	var ids []uint64
	for _, li := range lists {
		li.request.Ahead = false // the page whose rows are decided on may hold the memory that is waited for
		err := r.each(ctx, li.request, func(row row) error {
			text, _ := row.Get("id").Text()
			id, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return &client.Error{Kind: client.KindMalformed, Message: fmt.Sprintf("a row of %s has the id %q, which is no number", l.Route, text)}
			}
			ids = append(ids, id)
			return nil
		})
		switch {
		case err == nil:
		case li.refusable && unknownType(err):
			owned.partial = true
		default:
			return err
		}
	}
	slices.Sort(ids)
	owned.ids[l] = slices.Compact(ids)
	return nil
}

// cheaperByOwner says whether the chosen spaces are so few that what has no space of its
// own is cheaper to read item by item than from the site-wide listing. Where a count is
// refused, the listing is read.
func (r *Run) cheaperByOwner(ctx context.Context, l *stream.Listing) (bool, error) {
	if r.spaces.included == nil || l.ByOwner == "" {
		return false, nil
	}
	r.narrowMu.Lock()
	defer r.narrowMu.Unlock()
	if narrow, decided := r.narrow[l]; decided {
		return narrow, nil
	}
	owned, err := r.readOwners(ctx, 0)
	if err != nil {
		return false, fatal(ctx, err) // the walk that needs them says so
	}
	kind := searchKinds[l]
	if owned.partial && kind != "" {
		return false, nil // attachments of custom content that is not among them
	}
	byOwner := 0
	for _, of := range ownerListings {
		if kind != "" || of != stream.CustomContent {
			byOwner += len(owned.ids[of])
		}
	}
	if kind == "" {
		// A comment's replies are a list of their own.
		inSpaces, err := r.countKind(ctx, "comment")
		if err != nil {
			return false, fatal(ctx, err)
		}
		kind, byOwner = "comment", byOwner+inSpaces/2
	}
	all, err := r.searchCount(ctx, "type="+kind)
	if err != nil {
		return false, fatal(ctx, err)
	}
	if kind == "comment" {
		all /= 2 // below and within the text
	}
	siteWide := (all + l.MaxLimit - 1) / l.MaxLimit
	r.log.Debug("compared the site-wide listing with one request per item of the chosen spaces",
		"listing", l.Name, "site_wide", siteWide, "by_owner", byOwner)
	r.narrow[l] = byOwner < siteWide
	return r.narrow[l], nil
}

// fatal passes on an error that ends the run. Any other says only that something, such as a
// count, is unknown.
func fatal(ctx context.Context, err error) error {
	if endsRun(ctx, err) {
		return err
	}
	return nil
}

// byOwner lists a route owner by owner instead of site-wide.
func (o *owners) byOwner(l *stream.Listing, lists []list) []list {
	var out []list
	for _, of := range ownerListings {
		for _, id := range o.ids[of] {
			path := strings.ReplaceAll(l.ByOwner, "{kind}", ownerKinds[of])
			for _, li := range lists {
				li.request.Path, li.keep = stream.Path(path, strconv.FormatUint(id, 10)), nil
				out = append(out, li)
			}
		}
	}
	return out
}

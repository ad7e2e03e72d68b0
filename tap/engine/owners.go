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
	return func(_ context.Context, row row) (bool, error) {
		id, ok := row.Get(field).Text()
		if s.included != nil && ok {
			_, in := slices.BinarySearchFunc(s.included, id, compareIDs)
			return in && !s.excluded[id], nil
		}
		return !s.excluded[id], nil
	}
}

// keepOwner returns what decides whether a row is in scope by what it belongs to: a page, a
// post or custom content of the spaces named, or not.
func (r *Run) keepOwner(fields []string, trash bool) keep {
	return func(ctx context.Context, row row) (bool, error) {
		for _, field := range fields {
			text, ok := row.Get(field).Text()
			if !ok {
				continue
			}
			if r.spaces.owns(text) {
				return r.spaces.included != nil, nil
			}
			if field != "customContentId" {
				continue
			}
			if trash {
				return r.keepHidden(ctx, text)
			}
			if r.spaces.included != nil && len(r.spaces.owners[stream.CustomContent]) == 0 {
				r.warnOnce("unknown owner", "what belongs to custom content of unknown types is left out, since its space can't be told; set custom_content_types",
					"listing", stream.Attachments.Name)
			}
		}
		return r.spaces.included == nil, nil
	}
}

// ownerInScope says whether what belongs to an id is in scope. Owners have to be known.
func (s *spaces) ownerInScope(id string) bool {
	return !s.narrowed() || s.owns(id) == (s.included != nil)
}

// owns says whether an id is of a page, post or custom content of the spaces named.
func (s *spaces) owns(text string) bool {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return false
	}
	for _, ids := range s.owners {
		if _, found := slices.BinarySearch(ids, id); found {
			return true
		}
	}
	return false
}

// keepHidden decides by custom content that no listing shows, because it is in the trash:
// it is asked for on its own. Where that is refused too, the row is kept.
func (r *Run) keepHidden(ctx context.Context, id string) (bool, error) {
	doc, err := r.Client.Get(ctx, itemRequest(stream.CustomContent, id, nil))
	if err != nil {
		if endsRun(ctx, err) {
			return false, err
		}
		r.warnOnce("hidden owner", "can't tell the space of custom content in the trash; what belongs to it is kept", "id", id, "error", err)
		return true, nil
	}
	space, _ := doc.Get("spaceId").Text()
	named := r.spaces.excluded[space] || slices.Contains(r.spaces.included, space)
	for _, field := range []string{"pageId", "blogPostId", "customContentId"} {
		above, _ := doc.Get(field).Text()
		named = named || r.spaces.owns(above)
	}
	return named == (r.spaces.included != nil), nil
}

// readOwners reads the ids of all pages, posts and custom content in the spaces that
// space_keys or exclude_space_keys name: a listing without bodies, 8 bytes an id.
func (r *Run) readOwners(ctx context.Context) error {
	s := &r.spaces
	if s.owners != nil {
		return nil
	}
	owners := map[*stream.Listing][]uint64{}
	named := s.included
	if named == nil {
		for id := range s.excluded {
			named = append(named, id)
		}
		slices.SortFunc(named, compareIDs)
	}
	statuses := append([]string{stream.Current, stream.Archived}, r.Config.PageStatus...)
	for _, l := range ownerListings {
		lists, err := r.listsOf(ctx, l, listing{spaces: named, statuses: statuses})
		switch {
		case err != nil && l.Typed && !endsRun(ctx, err) && refusesSearch(err):
			// Unknown types have no owners; what belongs to one is told where it is left out.
		case err != nil:
			return err
		}
		for _, li := range lists {
			err := r.each(ctx, li.request, func(row row) error {
				text, _ := row.Get("id").Text()
				id, err := strconv.ParseUint(text, 10, 64)
				if err != nil {
					return &client.Error{Kind: client.KindMalformed, Message: fmt.Sprintf("a row of %s has the id %q, which is no number", l.Route, text)}
				}
				owners[l] = append(owners[l], id)
				return nil
			})
			if err != nil && !(li.refusable && unknownType(err)) {
				return fmt.Errorf("listing %s of the chosen spaces: %w", l.Name, err)
			}
		}
		slices.Sort(owners[l])
		owners[l] = slices.Compact(owners[l])
	}
	s.owners = owners
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
	if err := r.readOwners(ctx); err != nil {
		return false, err
	}
	kind := searchKinds[l]
	byOwner := 0
	for _, of := range ownerListings {
		if kind != "" || of != stream.CustomContent {
			byOwner += len(r.spaces.owners[of])
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

// fatal passes on an error that ends the run; without any other, a count is just unknown.
func fatal(ctx context.Context, err error) error {
	if endsRun(ctx, err) {
		return err
	}
	return nil
}

// byOwner lists a route item by item instead of site-wide.
func (r *Run) byOwner(l *stream.Listing, lists []list) []list {
	var out []list
	for _, of := range ownerListings {
		for _, id := range r.spaces.owners[of] {
			path := strings.ReplaceAll(l.ByOwner, "{kind}", ownerKinds[of])
			for _, li := range lists {
				li.request.Path, li.keep = stream.Path(path, strconv.FormatUint(id, 10)), nil
				out = append(out, li)
			}
		}
	}
	return out
}

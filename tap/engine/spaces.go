package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// spaces narrows a run to some spaces, or to all but some.
type spaces struct {
	// included are the ids of the spaces asked for, nil for all.
	included []string
	// excluded are the ids of the spaces left out.
	excluded map[string]bool
	// owners are the pages, posts and custom content of the spaces named, sorted; what has
	// no space of its own is in scope by its owner.
	owners []uint64
	known  bool // owners were read
}

// narrowed says whether the run leaves any space out.
func (s *spaces) narrowed() bool { return s.included != nil || len(s.excluded) > 0 }

// resolve turns the configured space keys into ids. A key of space_keys that the site does
// not show is an error; one of exclude_space_keys is a warning.
func (s *spaces) resolve(ctx context.Context, r *Run) error {
	ids, unknown, err := r.spaceIDs(ctx, r.Config.SpaceKeys)
	if err != nil {
		return fmt.Errorf("looking up space_keys: %w", err)
	}
	if len(unknown) > 0 {
		return &config.Error{Problems: []string{"space_keys: the site does not show " + strings.Join(unknown, ", ") +
			" to this account; check the spelling (the key follows /spaces/ in a space's address) and the account's permissions"}}
	}
	if len(r.Config.SpaceKeys) > 0 {
		s.included = ids
	}
	ids, unknown, err = r.spaceIDs(ctx, r.Config.ExcludeSpaceKeys)
	if err != nil {
		return fmt.Errorf("looking up exclude_space_keys: %w", err)
	}
	for _, key := range unknown {
		r.log.Warn("exclude_space_keys names a space that the site does not show", "key", key)
	}
	s.excluded = make(map[string]bool, len(ids))
	for _, id := range ids {
		s.excluded[id] = true
	}
	return nil
}

// spaceIDs looks up spaces by key; unknown are the keys that the site does not show.
func (r *Run) spaceIDs(ctx context.Context, keys []string) (ids, unknown []string, err error) {
	for _, batch := range split(keys, stream.Spaces.SpaceMax) {
		found := map[string]bool{}
		req := client.Request{
			Path: stream.Path(stream.Spaces.Route, ""), Scopes: stream.Spaces.Scopes,
			Query: query{{"keys", strings.Join(batch, ",")}},
		}
		err := r.each(ctx, req, func(row row) error {
			id, _ := row.Get("id").Text()
			key, _ := row.Get("key").Text()
			alias, _ := row.Get("currentActiveAlias").Text()
			// A site that ignored the filter would show every space.
			if i := slices.IndexFunc(batch, func(k string) bool { return strings.EqualFold(k, key) || k == alias }); i >= 0 {
				found[batch[i]] = true
				ids = append(ids, id)
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		for _, key := range batch {
			if !found[key] {
				unknown = append(unknown, key)
			}
		}
	}
	slices.SortFunc(ids, compareIDs)
	return ids, unknown, nil
}

// each reads a cursor listing to its end, row by row.
func (r *Run) each(ctx context.Context, req client.Request, use func(row) error) error {
	pager := r.Client.Pager(req, r.Config.PageSize)
	for cursor := ""; ; {
		p, err := pager.Page(ctx, cursor)
		if err != nil {
			return err
		}
		for _, row := range p.Rows {
			if err := use(row); err != nil {
				return err
			}
		}
		cursor = p.Next
		p.Release()
		if cursor == "" {
			return nil
		}
	}
}

// keepSpace returns what decides whether a row that names its space is in scope.
func (s *spaces) keepSpace(field string) keep {
	if len(s.excluded) == 0 || field == "" {
		return nil
	}
	return func(_ context.Context, row row) (bool, error) {
		id, _ := row.Get(field).Text()
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
			if trash && field == "customContentId" {
				return r.keepHidden(ctx, text)
			}
		}
		return r.spaces.included == nil, nil
	}
}

// owns says whether an id is of a page, post or custom content of the spaces named.
func (s *spaces) owns(text string) bool {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return false
	}
	_, found := slices.BinarySearch(s.owners, id)
	return found
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
	if s.known {
		return nil
	}
	named := s.included
	if named == nil {
		for id := range s.excluded {
			named = append(named, id)
		}
		slices.SortFunc(named, compareIDs)
	}
	statuses := append([]string{stream.Current, stream.Archived}, r.Config.PageStatus...)
	for _, l := range []*stream.Listing{stream.Pages, stream.BlogPosts, stream.CustomContent} {
		lists, err := r.listsOf(ctx, l, listing{spaces: named, statuses: statuses})
		if err != nil {
			return err
		}
		for _, li := range lists {
			err := r.each(ctx, li.request, func(row row) error {
				text, _ := row.Get("id").Text()
				id, err := strconv.ParseUint(text, 10, 64)
				if err != nil {
					return &client.Error{Kind: client.KindMalformed, Message: fmt.Sprintf("a row of %s has the id %q, which is no number", l.Route, text)}
				}
				s.owners = append(s.owners, id)
				return nil
			})
			if err != nil && !(li.refusable && unknownType(err)) {
				return fmt.Errorf("listing %s of the chosen spaces: %w", l.Name, err)
			}
		}
	}
	slices.Sort(s.owners)
	s.owners, s.known = slices.Compact(s.owners), true
	return nil
}

// CheckSpaces finds out whether the configured spaces exist, without reading anything else.
// The error names those that the site does not show.
func CheckSpaces(ctx context.Context, o Options) error {
	r := &Run{Options: o, log: o.Logger}
	return r.spaces.resolve(ctx, r)
}

package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
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
}

// narrowed says whether the run leaves any space out.
func (s *spaces) narrowed() bool { return s.included != nil || len(s.excluded) > 0 }

// leftOut returns the ids of the spaces left out, in a fixed order.
func (s *spaces) leftOut() []string { return slices.Sorted(maps.Keys(s.excluded)) }

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

// CheckSpaces finds out whether the configured spaces exist, without reading anything else.
// The error names those that the site does not show.
func CheckSpaces(ctx context.Context, o Options) error {
	r := &Run{Options: o, log: o.Logger}
	return r.spaces.resolve(ctx, r)
}

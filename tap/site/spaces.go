package site

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Spaces says which spaces a run reads. Ids are in ascending order.
type Spaces struct {
	// Included are the ids of the spaces to read, nil for all.
	Included []string
	// Excluded are the ids of the spaces to skip.
	Excluded []string
	// Hidden are the keys of excluded spaces that the site does not show. It may show them later.
	Hidden []string
}

// Narrowed reports whether the run skips any space.
func (s Spaces) Narrowed() bool {
	return s.Included != nil || len(s.Excluded)+len(s.Hidden) > 0
}

// Has reports whether the run reads the space with that id. It does not know Hidden spaces.
func (s Spaces) Has(id string) bool {
	if _, out := slices.BinarySearchFunc(s.Excluded, id, CompareIDs); out {
		return false
	}
	if s.Included == nil {
		return true
	}
	_, in := slices.BinarySearchFunc(s.Included, id, CompareIDs)
	return in
}

// CompareIDs compares decimal ids of any length by number, as cmp.Compare does.
func CompareIDs(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// Spaces looks up the spaces of the settings. If the site does not show a key of space_keys, that is a
// *config.Error. For a key of exclude_space_keys it is a warning.
func (s *Site) Spaces(ctx context.Context) (Spaces, error) {
	var out Spaces
	ids, unknown, err := s.spaceIDs(ctx, s.cfg.SpaceKeys)
	if err != nil {
		return out, fmt.Errorf("looking up space_keys: %w", err)
	}
	if len(unknown) > 0 {
		return out, &config.Error{Problems: []string{"space_keys: the site does not show " + strings.Join(unknown, ", ") +
			": check the keys and the account's permissions"}}
	}
	if len(s.cfg.SpaceKeys) > 0 {
		out.Included = ids
	}
	if out.Excluded, unknown, err = s.spaceIDs(ctx, s.cfg.ExcludeSpaceKeys); err != nil {
		return out, fmt.Errorf("looking up exclude_space_keys: %w", err)
	}
	for _, key := range unknown {
		s.log.Warn("exclude_space_keys names a space that the site does not show", "key", key)
	}
	out.Hidden = unknown
	return out, nil
}

// Blind reports whether the account sees no space at all. Errors are of type *client.Error.
func (s *Site) Blind(ctx context.Context) (bool, error) {
	page, err := s.client.Pager(client.Request{Path: stream.Path(stream.Spaces.Route, ""), Scopes: stream.Spaces.Scopes}, 1).Page(ctx, "")
	if err != nil {
		return false, err
	}
	defer page.Release()
	return len(page.Rows) == 0 && page.Next == "", nil
}

// inSpaces reports whether a space is read. If the site did not show an excluded space, each space is
// asked for its key: the site may show the excluded one by now.
func (s *Site) inSpaces(ctx context.Context, spaces Spaces, id string) (bool, error) {
	if !spaces.Has(id) || len(spaces.Hidden) == 0 {
		return spaces.Has(id), nil
	}
	key, err := s.keyOf.get(ctx, id, func(ctx context.Context) (string, error) {
		doc, err := s.client.Get(ctx, ItemRequest(stream.Spaces, id, ""))
		if Names(err, id) {
			return spaces.Hidden[0], nil // the site hides this space: it counts as the excluded one
		}
		return doc.Get("key").AsText(), err
	})
	return err == nil && !slices.ContainsFunc(spaces.Hidden, func(k string) bool { return strings.EqualFold(k, key) }), err
}

// spaceIDs looks up spaces by key. It returns their ids, and the keys that the site does not show.
func (s *Site) spaceIDs(ctx context.Context, keys []string) (ids, unknown []string, err error) {
	for batch := range slices.Chunk(keys, stream.Spaces.SpaceMax) {
		found := map[string]bool{}
		err := s.rows(ctx, listRequest(stream.Spaces, query{{"keys", strings.Join(batch, ",")}}), func(row rawjson.Object) error {
			// A site that ignored the filter would show every space.
			match := func(key string) bool {
				return strings.EqualFold(key, row.Get("key").AsText()) || key == row.Get("currentActiveAlias").AsText()
			}
			if i := slices.IndexFunc(batch, match); i >= 0 {
				found[batch[i]] = true
				ids = append(ids, row.Get("id").AsText())
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
	slices.SortFunc(ids, CompareIDs)
	return ids, unknown, nil
}

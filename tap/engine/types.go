package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tap-confluence/tap-confluence/tap/client"
)

// customTypes remembers what a search for types found.
type customTypes struct {
	mu    sync.Mutex
	known bool
	found []string
	err   error // why the search failed that should have found them
}

// customTypes returns the types of custom content to read: those configured, else, or if every
// type is asked for, those that a search finds, since no route lists types. A search that fails
// or is refused is an error: there may be types, whose rows would be missing without a word.
func (r *Run) customTypes(ctx context.Context, every bool) ([]string, error) {
	configured := r.Config.CustomContentTypes
	if len(configured) > 0 && !every {
		return configured, nil
	}
	r.types.mu.Lock()
	defer r.types.mu.Unlock()
	if r.types.known {
		return r.types.found, r.types.err
	}
	found, err := r.searchTypes(ctx)
	switch {
	case err != nil && endsRun(ctx, err):
		return nil, err
	case err != nil:
		r.types.known, r.types.err = true, fmt.Errorf("looking for types of custom content, which custom_content_types would name: %w", err)
		return nil, r.types.err
	case len(configured) > 0:
		// A search may not show all there is.
		found = slices.Compact(slices.Sorted(slices.Values(append(found, configured...))))
	case len(found) == 0:
		r.log.Info("a search found no custom content; set custom_content_types if there is some")
	default:
		r.log.Info("a search found types of custom content; set custom_content_types to read exactly these or others", "types", strings.Join(found, ","))
	}
	r.types.known, r.types.found = true, found
	return found, nil
}

// refusesSearch says whether the site, or the account's rights, do not allow the search.
func refusesSearch(err error) bool {
	k := client.KindOf(err)
	return k == client.KindScope || unknownType(err) || refused(err)
}

// searchError is the error of a search. The probe has shown that the account may use
// Confluence: where a search says otherwise, it refuses only itself.
func searchError(err error) error {
	var e *client.Error
	if errors.As(err, &e) && e.Kind == client.KindLicence {
		own := *e
		own.Kind, own.Hint = client.KindForbidden, "the account may not search"
		return &own
	}
	return err
}

// searchTypes searches for content that is of none of Confluence's own types, then for
// content of none of the types seen either, until nothing is left: a request per handful
// of types, however much content there is.
func (r *Run) searchTypes(ctx context.Context) ([]string, error) {
	const mostTypes = 100 // a search that doesn't heed the question must end, too
	known := []string{"page", "blogpost", "comment", "attachment", "space", "user", "whiteboard", "database", "folder", "embed"}
	var found []string
	for len(known) < mostTypes {
		fresh, all, err := r.typesBut(ctx, known)
		if err != nil && (len(found) == 0 || endsRun(ctx, err) || !refusesSearch(err)) {
			return nil, err
		}
		known = append(known, fresh...)
		for _, t := range fresh {
			// Types that apps define have a prefix, such as ac: or forge:.
			if strings.Contains(t, ":") {
				found = append(found, t)
			}
		}
		if all || len(fresh) == 0 {
			break // also where the site doesn't take such types in a question: what was found stands
		}
	}
	slices.Sort(found)
	return found, nil
}

// typesBut returns types of the content that a search finds beside the known types, and
// whether it showed all there is. Archived spaces are searched, too.
func (r *Run) typesBut(ctx context.Context, known []string) (types []string, all bool, err error) {
	page, err := r.Client.Pager(client.Request{
		Path: "/wiki/rest/api/search", Query: query{{"cql", "type not in (" + quoted(known) + ")"}, {"includeArchivedSpaces", "true"}},
		Scopes: []string{"search:confluence", "read:content-details:confluence"},
	}, 100).Page(ctx, "")
	if err != nil {
		return nil, false, searchError(err)
	}
	defer page.Release()
	for _, row := range page.Rows {
		t, _ := row.Get("content").Member("type").Text()
		if t != "" && !slices.Contains(types, t) && !slices.Contains(known, t) {
			types = append(types, t)
		}
	}
	return types, page.Next == "", nil
}

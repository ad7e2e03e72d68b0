package engine

import (
	"context"
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

// customTypes returns the types of custom content to read: those configured, else those
// that a search finds. No route lists types, so a search that is refused or finds nothing
// is a warning, not an error. A search that fails for another reason is one: there may be
// types.
func (r *Run) customTypes(ctx context.Context) ([]string, error) {
	if len(r.Config.CustomContentTypes) > 0 {
		return r.Config.CustomContentTypes, nil
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
	case err != nil && !refusesSearch(err):
		r.types.known, r.types.err = true, fmt.Errorf("looking for types of custom content: %w", err)
		return nil, r.types.err
	case err != nil:
		r.log.Warn("can't look for types of custom content; set custom_content_types to read them", "error", err)
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

// searchTypes searches for content that is of none of Confluence's own types, then for
// content of none of the types found either, until nothing is left: a request per handful
// of types, however much content there is.
func (r *Run) searchTypes(ctx context.Context) ([]string, error) {
	const mostTypes = 100 // a search that doesn't heed the question must end, too
	known := []string{"page", "blogpost", "comment", "attachment", "space", "user", "whiteboard", "database", "folder", "embed"}
	var found []string
	for len(found) < mostTypes {
		fresh, all, err := r.typesBut(ctx, append(slices.Clone(known), found...))
		if err != nil && (len(found) == 0 || endsRun(ctx, err) || !refusesSearch(err)) {
			return nil, err
		}
		found = append(found, fresh...)
		if all || len(fresh) == 0 {
			break // also where the site doesn't take such types in a question: what was found stands
		}
	}
	slices.Sort(found)
	return found, nil
}

// typesBut returns types that apps define of the content that a search finds beside the
// known types, and whether it showed all there is.
func (r *Run) typesBut(ctx context.Context, known []string) (types []string, all bool, err error) {
	page, err := r.Client.Pager(client.Request{
		Path: "/wiki/rest/api/search", Query: query{{"cql", "type not in (" + quoted(known) + ")"}},
		Scopes: []string{"search:confluence", "read:content-details:confluence"},
	}, 100).Page(ctx, "")
	if err != nil {
		return nil, false, err
	}
	defer page.Release()
	for _, row := range page.Rows {
		// Types that apps define have a prefix, such as ac: or forge:.
		t, _ := row.Get("content").Member("type").Text()
		if strings.Contains(t, ":") && !slices.Contains(types, t) && !slices.Contains(known, t) {
			types = append(types, t)
		}
	}
	return types, page.Next == "", nil
}

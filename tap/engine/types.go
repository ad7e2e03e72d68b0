package engine

import (
	"context"
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
}

// customTypes returns the types of custom content to read: those configured, else those
// that a search finds. No route lists types, so a search that is refused or finds nothing
// is a warning, not an error.
func (r *Run) customTypes(ctx context.Context) ([]string, error) {
	if len(r.Config.CustomContentTypes) > 0 {
		return r.Config.CustomContentTypes, nil
	}
	r.types.mu.Lock()
	defer r.types.mu.Unlock()
	if r.types.known {
		return r.types.found, nil
	}
	found, err := r.searchTypes(ctx)
	switch {
	case err != nil && endsRun(ctx, err):
		return nil, err
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

// searchTypes searches for content that is of none of Confluence's own types and gathers
// the types of what it finds.
func (r *Run) searchTypes(ctx context.Context) ([]string, error) {
	const (
		own       = `type not in ("page","blogpost","comment","attachment","space","user","whiteboard","database","folder","embed")`
		mostPages = 20 // a search lists items, not types: a bounded look
	)
	req := client.Request{
		Path: "/wiki/rest/api/search", Query: query{{"cql", own}},
		Scopes: []string{"search:confluence", "read:content-details:confluence"},
	}
	var types []string
	pager := r.Client.Pager(req, 100)
	for cursor, n := "", 0; n < mostPages; n++ {
		p, err := pager.Page(ctx, cursor)
		if err != nil {
			return nil, err
		}
		for _, row := range p.Rows {
			content, _ := row.Get("content").Object()
			// Types that apps define have a prefix, such as ac: or forge:.
			if t, _ := content.Get("type").Text(); strings.Contains(t, ":") && !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
		cursor = p.Next
		p.Release()
		if cursor == "" {
			break
		}
	}
	slices.Sort(types)
	return types, nil
}

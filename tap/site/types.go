package site

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// ownTypes are lists of Confluence's own types of content, which a search excludes. If the site
// refuses the longest list, shorter ones are tried.
var ownTypes = [][]string{
	{"page", "blogpost", "comment", "attachment", "space", "user", "whiteboard", "database", "folder", "embed"},
	{"page", "blogpost", "comment", "attachment"},
	{"page"},
}

// mostTypes bounds how many types one search excludes.
const mostTypes = 100

// Types returns the types of custom content to read. They are those of the settings, or else those
// that a search finds and those that earlier runs found: a search lags behind, and lacks types while
// its index is rebuilt. An earlier type is dropped if the site no longer knows it. A search that fails
// is an error, since rows of unknown types would be missing.
func (s *Site) Types(ctx context.Context, earlier []string) ([]string, error) {
	if len(s.cfg.CustomContentTypes) > 0 {
		return s.cfg.CustomContentTypes, nil
	}
	found, err := s.foundTypes(ctx)
	if err != nil {
		return nil, err
	}
	types := slices.Clone(found)
	for _, kind := range earlier {
		if slices.Contains(types, kind) {
			continue
		}
		if unknown, err := s.UnknownType(ctx, kind); err == nil && unknown {
			s.log.Info("the site no longer knows a type of custom content", "type", kind)
			continue
		}
		s.log.Info("the search does not show a known type of custom content; reading it anyway", "type", kind)
		types = append(types, kind)
	}
	slices.Sort(types)
	return types, nil
}

// foundTypes returns the types of custom content that a search finds.
func (s *Site) foundTypes(ctx context.Context) ([]string, error) {
	return s.types.get(ctx, struct{}{}, func(ctx context.Context) ([]string, error) {
		found, err := s.searchTypes(ctx)
		if err != nil {
			return nil, fmt.Errorf("searching for types of custom content (custom_content_types would name them): %w", err)
		}
		if len(found) == 0 {
			s.log.Info("a search found no custom content; set custom_content_types if there is some")
		} else {
			s.log.Info("a search found types of custom content", "types", strings.Join(found, ","))
		}
		return found, nil
	})
}

// searchTypes searches for content of types that are not known yet. It excludes the types found and
// searches again, until nothing is left: few requests, however much content there is. One empty answer
// proves nothing, so a second one has to show nothing new. If the site refuses a longer list of types,
// the last accepted search is read to its end.
func (s *Site) searchTypes(ctx context.Context) ([]string, error) {
	known, page, err := s.firstQuestion(ctx)
	if err != nil {
		return nil, err
	}
	var found []string
	refused := false
	for first := true; ; first = false {
		fresh := page.fresh(known)
		found = append(found, fresh...)
		if page.next == "" && (refused || len(fresh) == 0 && !first) {
			break
		}
		longer := slices.Concat(known, fresh)
		if page, err = page.beyond(ctx, s, known, longer); err != nil {
			return nil, err
		}
		if refused = page.question < len(longer); !refused {
			known = longer
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	// Types that apps define have a prefix, such as ac: or forge:.
	return slices.DeleteFunc(found, func(t string) bool { return !strings.Contains(t, ":") }), nil
}

// firstQuestion finds the longest list of Confluence's own types that the site takes.
func (s *Site) firstQuestion(ctx context.Context) (known []string, page typesPage, err error) {
	for _, known := range ownTypes {
		if page, err = s.typesBut(ctx, known, ""); err == nil || !refusedQuestion(err) {
			return known, page, err
		}
	}
	return nil, page, err
}

// typesPage is one answer of a search for types.
type typesPage struct {
	types    []string
	next     string
	question int // how many types the search excluded
}

// fresh returns the types that are not known yet.
func (p typesPage) fresh(known []string) []string {
	return slices.DeleteFunc(slices.Clone(p.types), func(t string) bool { return slices.Contains(known, t) })
}

// beyond returns the next answer: of the longer search, if there is one and the site takes it, else
// the next page.
func (p typesPage) beyond(ctx context.Context, s *Site, known, longer []string) (typesPage, error) {
	if len(longer) > len(known) && len(longer) <= mostTypes {
		page, err := s.typesBut(ctx, longer, "")
		if err == nil || !refusedQuestion(err) {
			return page, err
		}
	}
	return s.typesBut(ctx, known, p.next)
}

// typesBut searches for content of other types than the known ones, in archived spaces, too.
func (s *Site) typesBut(ctx context.Context, known []string, cursor string) (typesPage, error) {
	page, err := s.client.Pager(searchRequest(query{{"cql", "type not in (" + quoted(known) + ")"}, {"includeArchivedSpaces", "true"}}), 100).Page(ctx, cursor)
	if err != nil {
		return typesPage{}, SearchError(err)
	}
	defer page.Release()
	out := typesPage{next: page.Next, question: len(known)}
	for _, row := range page.Rows {
		if t, _ := row.Get("content").Member("type").Text(); t != "" && !slices.Contains(out.types, t) {
			out.types = append(out.types, strings.Clone(t))
		}
	}
	return out, nil
}

// searchRequest is a search in Confluence's query language (GET /wiki/rest/api/search).
func searchRequest(q query) client.Request {
	return client.Request{Path: "/wiki/rest/api/search", Query: q, Scopes: []string{"search:confluence", "read:content-details:confluence"}}
}

// SearchError makes the error of a search one that people can act on. If the search says that the account may not use
// Confluence, the error says that it may not search: the probe was answered, so the account is good.
func SearchError(err error) error {
	if e, ok := errors.AsType[*client.Error](err); ok && e.Kind == client.KindLicence {
		own := *e
		own.Kind, own.Hint = client.KindForbidden, "the account may not search"
		return &own
	}
	return err
}

// refusedQuestion reports whether the site refused the form of a search (400).
func refusedQuestion(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && e.Status == http.StatusBadRequest
}

// UnknownType reports whether the site does not know a type of custom content: it answers 400, 404 or
// 501 to a request for one row with no other parameter, so that nothing else can be the cause. A 404
// without words proves nothing, and is the error.
func (s *Site) UnknownType(ctx context.Context, kind string) (bool, error) {
	l := stream.CustomContent
	req := client.Request{Path: stream.Path(l.Route, ""), Query: query{{"type", kind}, {"limit", "1"}}, Scopes: l.Scopes}
	_, err := s.client.Get(ctx, req)
	if e, ok := errors.AsType[*client.Error](err); ok {
		if bare := e.Message == "" || strings.EqualFold(e.Message, "not found"); bare && e.Status == http.StatusNotFound {
			return false, err // lost credentials and overload look like this, too
		}
		switch e.Status {
		case http.StatusBadRequest, http.StatusNotFound, http.StatusNotImplemented:
			return true, nil
		}
	}
	return false, err
}

// Answers reports whether the site answers a listing's request. An error interrupts the sync.
func (s *Site) Answers(ctx context.Context, req client.Request) (bool, error) {
	page, err := s.client.Pager(req, 1).Page(ctx, "")
	if err != nil {
		return false, s.Judge(ctx, err)
	}
	page.Release()
	return true, nil
}

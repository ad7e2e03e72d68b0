package site

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// ErrUnplaced says that the site does not tell in which space an item lies.
var ErrUnplaced = errors.New("the site does not tell in which space an item lies")

// Verdict reports whether a row counts: it lies in a space of the run, and the item that it lies in
// has a status that the listing wants.
type Verdict struct {
	Inside bool
	// Reason is the line of the summary that counts the row, empty for none.
	Reason string
	// Err says why the row's space is unknown, nil if it is known. The row is then skipped, and its
	// streams fail.
	Err error
}

// Reasons of verdicts, as the summary shows them.
const (
	reasonLoose = "rows that lie in no page, post or custom content; kept"
	reasonGone  = "rows whose page, post or custom content is gone"
	reasonBound = "comments on pages and posts that are neither current nor archived"
)

const (
	// mostPlaces bounds what is remembered: twice as much, about 10 MB.
	mostPlaces = 50_000
	// placesAtOnce is how many items one question names, the most that the site takes.
	placesAtOnce = 250
	// typedSingly is how many items of custom content are asked for one by one: a question for many
	// at once names a type, and there are several.
	typedSingly = 3
	// After learnedAfter questions about items of a listing, up to learnedMost of its first pages are
	// read: many more questions are likely, and few pages answer them.
	learnedAfter = 10
	learnedMost  = 50
	// deepest is how many containers within containers are followed.
	deepest = 8
)

// everyStatus lists all statuses. A request names those that its route takes.
var everyStatus = []string{stream.Current, stream.Archived, stream.Trashed, stream.Deleted, stream.Draft}

// Inside decides for each row of a page whether it counts. A row that names no space lies in the space
// of the item that it names. If the site does not tell that item's status, the row counts; doubt is
// the error if the site did not answer.
func (s *Site) Inside(ctx context.Context, l *stream.Listing, spaces Spaces, rows []rawjson.Object) (verdicts []Verdict, doubt error) {
	verdicts = make([]Verdict, len(rows))
	placed := spaces.Narrowed() && (l.SpaceField != "" || l.Containers != nil)
	asked := rows
	if !placed {
		asked = slices.DeleteFunc(slices.Clone(rows), func(row rawjson.Object) bool {
			c, _, _ := within(l, row)
			return c.Statuses == nil
		})
	}
	failed := s.prefetch(ctx, l, asked, 0)
	for i, row := range rows {
		v := &verdicts[i]
		if v.Inside = true; placed {
			*v = s.inside(ctx, l, spaces, row)
		}
		c, p, _ := within(l, row)
		if !v.Inside || c.Statuses == nil {
			continue
		}
		found, known := s.known(p)
		switch {
		case !known:
			doubt = failed
		case found.status != "" && !slices.Contains(c.Statuses, found.status):
			*v = Verdict{Reason: reasonBound}
		}
	}
	return verdicts, doubt
}

func (s *Site) inside(ctx context.Context, l *stream.Listing, spaces Spaces, row rawjson.Object) Verdict {
	space, found, err := s.locate(ctx, l, row, 0)
	switch {
	case err != nil:
		return Verdict{Err: fmt.Errorf("%w: %s of %s: %w", ErrUnplaced, row.Get("id").AsText(), l.Name, err)}
	case !found:
		return Verdict{Inside: true, Reason: reasonLoose}
	case space == "":
		return Verdict{Reason: reasonGone}
	}
	in, err := s.inSpaces(ctx, spaces, space)
	if err != nil {
		return Verdict{Err: fmt.Errorf("%w: space %s: %w", ErrUnplaced, space, err)}
	}
	return Verdict{Inside: in}
}

// within returns the item that a row lies in, and the field that names it. It reports whether the row
// names one.
func within(l *stream.Listing, row rawjson.Object) (stream.Container, place, bool) {
	for _, c := range l.Containers {
		if id := row.Get(c.Field).AsText(); id != "" {
			return c, place{stream.ListingNamed(c.Of), id}, true
		}
	}
	return stream.Container{}, place{}, false
}

// locate returns the space of a row, empty if the item that it lies in is gone. Found reports whether
// the row names a space or an item at all.
func (s *Site) locate(ctx context.Context, l *stream.Listing, row rawjson.Object, depth int) (space string, found bool, err error) {
	if l.SpaceField != "" {
		if space := row.Get(l.SpaceField).AsText(); space != "" {
			return space, true, nil
		}
	}
	_, p, ok := within(l, row)
	if !ok {
		return "", false, nil
	}
	if depth == deepest {
		return "", false, errors.New("its containers lie in each other")
	}
	space, err = s.spaceOfItem(ctx, p, depth)
	return space, true, err
}

// prefetch looks up the items that a page's rows lie in, many with one request, if their listing takes
// ids. The error is that of the last request that failed.
func (s *Site) prefetch(ctx context.Context, l *stream.Listing, rows []rawjson.Object, depth int) error {
	wanted := map[*stream.Listing][]string{}
	for _, row := range rows {
		if l.SpaceField != "" && row.Get(l.SpaceField).AsText() != "" {
			continue
		}
		_, p, ok := within(l, row)
		if _, known := s.known(p); ok && !known && p.listing.IDs != "" && depth < deepest {
			wanted[p.listing] = append(wanted[p.listing], p.id)
		}
	}
	var failed error
	for of, ids := range wanted {
		for batch := range slices.Chunk(trimmed(ids), placesAtOnce) {
			if err := s.lookUp(ctx, of, batch, depth); err != nil {
				failed = err
			}
		}
	}
	return failed
}

// lookUp looks up items in their listing, custom content type by type if there is much of it. The
// error is that of the last request that failed.
func (s *Site) lookUp(ctx context.Context, l *stream.Listing, ids []string, depth int) error {
	if !l.Typed {
		return s.lookUpIn(ctx, l, nil, ids, depth)
	}
	if len(ids) <= typedSingly {
		return nil
	}
	types, failed := s.Types(ctx, nil)
	for _, kind := range types {
		if err := s.lookUpIn(ctx, l, query{{"type", kind}}, ids, depth); err != nil {
			failed = err
		}
		if ids = s.unplaced(l, ids); len(ids) <= typedSingly {
			return failed
		}
	}
	return failed
}

// lookUpIn looks up items in a part of a listing. It also remembers the items that are not shown.
func (s *Site) lookUpIn(ctx context.Context, l *stream.Listing, part query, ids []string, depth int) error {
	statuses := inStatuses(l, everyStatus)
	if s.asksAgain(l, part) == learnedAfter {
		_ = s.learn(ctx, listRequest(l, slices.Concat(part, statuses)), l, learnedMost, depth) // what it does not tell is asked for
		if ids = s.unplaced(l, ids); len(ids) == 0 {
			return nil
		}
	}
	named := part.with(l.IDs, strings.Join(ids, ","))
	if err := s.learn(ctx, listRequest(l, slices.Concat(named, statuses)), l, math.MaxInt, depth); err != nil {
		return err
	}
	for _, id := range ids {
		if _, known := s.known(place{l, id}); !known {
			s.remember(place{l, id}, container{})
		}
	}
	return nil
}

// trimmed returns the ids of a list that are not empty, each once.
func trimmed(ids []string) []string {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return slices.DeleteFunc(ids, func(id string) bool { return strings.TrimSpace(id) == "" })
}

// asksAgain counts a question about items of a part of a listing, and returns the count so far.
func (s *Site) asksAgain(l *stream.Listing, part query) int {
	s.containers.mu.Lock()
	defer s.containers.mu.Unlock()
	if s.containers.asked == nil {
		s.containers.asked = map[string]int{}
	}
	key := fmt.Sprint(l.Name, part)
	s.containers.asked[key]++
	return s.containers.asked[key]
}

// unplaced returns the ids of items whose space is unknown.
func (s *Site) unplaced(l *stream.Listing, ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { found, _ := s.known(place{l, id}); return found.placed })
}

// learn remembers the items that the first pages of a list show, with their spaces where known.
func (s *Site) learn(ctx context.Context, req client.Request, l *stream.Listing, pages, depth int) (failed error) {
	for rows, err := range s.client.Rows(ctx, req, s.cfg.PageSize) {
		if err != nil {
			return err
		}
		if err := s.prefetch(ctx, l, rows, depth+1); err != nil {
			failed = err
		}
		for _, row := range rows {
			space, found, err := s.locate(ctx, l, row, depth+1)
			if err != nil {
				failed = err
			}
			s.remember(place{l, row.Get("id").AsText()}, container{placed: found && err == nil, space: space, status: row.Get("status").AsText()})
		}
		if pages--; pages == 0 {
			break
		}
	}
	return failed
}

// spaceOfItem returns the space of one item, empty if the site says of it that it is gone.
func (s *Site) spaceOfItem(ctx context.Context, p place, depth int) (string, error) {
	if found, _ := s.known(p); found.placed {
		return found.space, nil
	}
	ask := func(ctx context.Context) (string, error) { return s.askSpace(ctx, p, depth) }
	if depth > 0 {
		return ask(ctx) // not through the memo: items that lie in each other would wait for each other
	}
	return s.spaceOf.get(ctx, p, ask)
}

// askSpace asks for an item and, if that names no space, for the item that it lies in.
func (s *Site) askSpace(ctx context.Context, p place, depth int) (string, error) {
	doc, err := s.item(ctx, p.listing, p.id, everyStatus)
	if Names(err, p.id) && p.listing.Typed && s.readsTrash() {
		return "", fmt.Errorf("it may lie in the trash, which tells no space: drop trashed from page_status: %w", err)
	}
	if Names(err, p.id) {
		s.remember(p, container{placed: true})
		return "", nil
	}
	if err != nil {
		return "", err
	}
	space, found, err := s.locate(ctx, p.listing, doc, depth+1)
	if err == nil && !found {
		err = &client.Error{Kind: client.KindMalformed, Message: "item " + p.id + " names no space"}
	}
	if err == nil {
		s.remember(p, container{placed: true, space: space, status: doc.Get("status").AsText()})
	}
	return space, err
}

// readsTrash reports whether the run reads the trash.
func (s *Site) readsTrash() bool {
	return slices.Contains(s.cfg.PageStatus, stream.Trashed) || slices.Contains(s.cfg.PageStatus, stream.Deleted)
}

// known returns the remembered facts of an item, and reports whether it was looked up.
func (s *Site) known(p place) (container, bool) {
	s.containers.mu.Lock()
	defer s.containers.mu.Unlock()
	found, known := s.containers.found[p]
	if !known {
		found, known = s.containers.earlier[p]
	}
	return found, known
}

// remember keeps the facts of an item. When there are too many, it drops the older half.
func (s *Site) remember(p place, found container) {
	s.containers.mu.Lock()
	defer s.containers.mu.Unlock()
	if s.containers.found == nil || len(s.containers.found) >= mostPlaces {
		s.containers.found, s.containers.earlier = map[place]container{}, s.containers.found
	}
	found.space, found.status = strings.Clone(found.space), strings.Clone(found.status)
	s.containers.found[place{p.listing, strings.Clone(p.id)}] = found
}

package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
)

// env implements method.Env for the methods of a walk.
type env struct {
	walk *walk
	// collect takes the items that an audit found, in place of writing them; nil outside of audits. In
	// an audit unreadable bodies are no failures of the stream.
	collect func(r *reading, items []method.Item) error
}

// Get asks for one document.
func (e *env) Get(ctx context.Context, r *method.Reader, req client.Request) (rawjson.Object, error) {
	rd := e.walk.of(r)
	rd.out.requests.Add(1)
	req.Once = rd.failures.once()
	return e.walk.Client.Get(ctx, req)
}

// List reads a list to its end, a page at a time. A list whose cursor is refused in the middle
// starts over, once.
func (e *env) List(ctx context.Context, r *method.Reader, req client.Request, use func([]rawjson.Object) error) error {
	err := e.list(ctx, r, req, use)
	if isCursor(err) {
		e.walk.log.Warn("the site refuses a cursor; the list starts over, rows may come twice", "stream", r.Stream.Name, "error", err)
		err = e.list(ctx, r, req, use)
	}
	return err
}

// ListByOffset reads a list that pages by offset to its end.
func (e *env) ListByOffset(ctx context.Context, r *method.Reader, list client.OffsetList, use func([]rawjson.Object) error) error {
	rd := e.walk.of(r)
	list.Once = rd.failures.once()
	list.Limit = min(list.Limit, e.walk.Config.PageSize)
	return e.walk.Client.OffsetPages(ctx, list, func(rows []rawjson.Object, _ time.Time) error {
		rd.out.requests.Add(1)
		return use(rows)
	})
}

func (e *env) list(ctx context.Context, r *method.Reader, req client.Request, use func([]rawjson.Object) error) error {
	rd := e.walk.of(r)
	req.Once = rd.failures.once()
	list := newPages(e.walk.Client, r.Stream.Listing, req, e.walk.Config.PageSize, func(ctx context.Context, _ string, err error) error {
		if stop := e.walk.interrupts(ctx, err); stop != nil {
			return stop
		}
		if e.collect == nil {
			rd.failures.add(err)
		}
		return nil
	})
	for cursor := ""; ; {
		rd.out.requests.Add(1)
		page, err := list.next(ctx, cursor)
		if err != nil {
			return err
		}
		err = use(page.Rows)
		cursor = page.Next
		page.Release()
		if err != nil || cursor == "" {
			return err
		}
	}
}

// pauses are the waits before an item is asked for again if it answers 404 though the site shows it.
// They do not apply to a 404 that names nothing: the client has already repeated that for longer.
var pauses = [...]time.Duration{time.Second, 3 * time.Second, 6 * time.Second}

// Present repeats a read that the site answers with 404. It returns a method.GoneError once the
// item is proven to be gone, and the read's error if it stays.
func (e *env) Present(ctx context.Context, it site.Item, statuses []string, read func() error) error {
	for i := 0; ; i++ {
		err := read()
		if !isAbout(err, it.ID) {
			return err
		}
		gone, doubt := e.walk.site.Gone(ctx, it, statuses)
		switch {
		case gone:
			return method.GoneError{Item: it}
		case doubt != nil, i == len(pauses), e.collect != nil, client.KindOf(err) == client.KindVague:
			return err
		}
		timer := time.NewTimer(pauses[i])
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// isAbout reports whether an error is a 404 to a request that names an item in its path or parameters.
func isAbout(err error, id string) bool {
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Kind != client.KindNotFound && e.Kind != client.KindVague {
		return false
	}
	parts := strings.FieldsFunc(e.Path, func(r rune) bool { return strings.ContainsRune("/?&=", r) })
	return slices.Contains(parts, id)
}

// First reports whether this is the first call with that text in the walk.
func (e *env) First(question string) bool {
	_, asked := e.walk.asked.LoadOrStore(question, struct{}{})
	return !asked
}

// InSpace reports whether the run reads the space with that id.
func (e *env) InSpace(id string) bool {
	return !e.walk.facts.Spaces.Narrowed() || e.walk.facts.Spaces.Has(id)
}

// Write makes records of items and writes them.
func (e *env) Write(r *method.Reader, items []method.Item) error {
	rd := e.walk.of(r)
	if e.collect != nil {
		return e.collect(rd, items)
	}
	return rd.out.write(rd.wanted(items, ""))
}

// Interrupts returns the error that ends the whole sync, nil if err concerns only the request.
func (e *env) Interrupts(ctx context.Context, err error) error { return e.walk.interrupts(ctx, err) }

package method_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// fakeEnv is a site of a few answers, by the path and query of the request. An answer is a document, a list
// of pages, or an error. It writes down what is asked and what is written.
type fakeEnv struct {
	t       *testing.T
	answers map[string]any
	asked   []string
	written []string
}

var (
	errPart  = errors.New("this can't be had")
	errWhole = errors.New("the site is gone")
)

func (e *fakeEnv) answer(req client.Request) any {
	name := strings.TrimPrefix(req.Path, "/wiki/api/v2")
	for i, q := range req.Query {
		name += fmt.Sprint([]string{"?", "&"}[min(i, 1)], q[0], "=", q[1])
	}
	e.asked = append(e.asked, name)
	a, ok := e.answers[name]
	if !ok {
		e.t.Errorf("asked for %s", name)
		return errPart
	}
	return a
}

// Get answers with a document.
func (e *fakeEnv) Get(_ context.Context, _ *method.Reader, req client.Request) (rawjson.Object, error) {
	switch a := e.answer(req).(type) {
	case error:
		return rawjson.Object{}, a
	case string:
		return object(e.t, a), nil
	default:
		e.t.Fatalf("%s is no document", req.Path)
		return rawjson.Object{}, nil
	}
}

// ListByOffset answers as List does.
func (e *fakeEnv) ListByOffset(ctx context.Context, r *method.Reader, list client.OffsetList, use func([]rawjson.Object) error) error {
	return e.List(ctx, r, list.Request, use)
}

// List answers with pages of rows.
func (e *fakeEnv) List(_ context.Context, _ *method.Reader, req client.Request, use func([]rawjson.Object) error) error {
	switch a := e.answer(req).(type) {
	case error:
		return a
	case []string:
		for _, page := range a {
			var texts []json.RawMessage
			if err := json.Unmarshal([]byte(page), &texts); err != nil {
				e.t.Fatal(err)
			}
			rows := make([]rawjson.Object, len(texts))
			for i, text := range texts {
				rows[i] = object(e.t, string(text))
			}
			if err := use(rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// Present takes a method.GoneError for what it is.
func (e *fakeEnv) Present(_ context.Context, it site.Item, statuses []string, read func() error) error {
	if it.ID == "" || it.Listing == nil {
		e.t.Errorf("asked for the presence of %+v in %v", it, statuses)
	}
	return read()
}

// Write writes the rows down.
func (e *fakeEnv) Write(r *method.Reader, items []method.Item) error {
	for _, it := range items {
		e.written = append(e.written, strings.TrimSpace(r.Stream.Name+" "+string(it.Row.Raw())+" "+about(it)))
	}
	return nil
}

// Interrupts takes only one error for the end of everything.
// First is always true: nothing is remembered.
func (e *fakeEnv) First(string) bool { return true }

func (e *fakeEnv) InSpace(id string) bool { return id != "elsewhere" }

func (e *fakeEnv) Interrupts(_ context.Context, err error) error {
	if errors.Is(err, errWhole) {
		return err
	}
	return nil
}

// reader reads a stream of the live statuses.
func reader(name string) *method.Reader {
	return &method.Reader{Stream: stream.Find(name), Statuses: []string{stream.Current, stream.Archived}, BodyFormat: map[bool]string{true: "storage"}[stream.Find(name).Body]}
}

// TestRead shows what the methods ask for one parent, and what they write.
func TestRead(t *testing.T) {
	t.Parallel()
	const (
		combined = "/pages/7?include-labels=true&include-versions=true"
		block    = `{"results":[%s],"meta":{"hasMore":false}}`
	)
	blocks := func(labels, versions string) string {
		return fmt.Sprintf(`{"id":"7","labels":`+block+`,"versions":`+block+`}`, labels, versions)
	}
	page := method.Parent{Item: site.Item{Listing: stream.Pages, ID: "7", Status: stream.Current}, Title: "T", Version: 2}
	archived := page
	archived.Status = stream.Archived
	label := method.Parent{Item: site.Item{Listing: stream.Labels, ID: "5"}, Row: []byte(`{"id":"5"}`)}
	for _, test := range []struct {
		name    string
		kind    method.Kind
		parent  method.Parent
		streams []string
		answers map[string]any
		written []string
		failed  []string // streams
		ended   error
	}{
		{
			name: "a list", kind: method.PerParent, parent: page, streams: []string{"page_labels"},
			answers: map[string]any{"/pages/7/labels": []string{`[{"id":"1"}]`, `[]`, `[{"id":"2"}]`}},
			written: []string{`page_labels {"id":"1"} of 7 T`, `page_labels {"id":"2"} of 7 T`},
		},
		{
			name: "lists, of which one can't be read", kind: method.PerParent, parent: page, streams: []string{"page_labels", "page_versions"},
			answers: map[string]any{"/pages/7/labels": errPart, "/pages/7/versions": []string{`[{"number":1}]`}},
			written: []string{`page_versions {"number":1} of 7 T`}, failed: []string{"page_labels"},
		},
		{
			name: "the site is gone", kind: method.PerParent, parent: page, streams: []string{"page_labels", "page_versions"},
			answers: map[string]any{"/pages/7/labels": errWhole}, ended: errWhole,
		},
		{
			name: "the parent is gone", kind: method.PerParent, parent: page, streams: []string{"page_labels", "page_versions"},
			answers: map[string]any{"/pages/7/labels": method.GoneError{Item: page.Item}}, ended: method.GoneError{Item: page.Item},
		},
		{
			name: "comments and replies", kind: method.PerParent, parent: page, streams: []string{"page_footer_comments"},
			answers: map[string]any{
				"/pages/7/footer-comments?body-format=storage":      []string{`[{"id":"1"},{"id":"2"}]`},
				"/footer-comments/1/children?body-format=storage":   []string{`[{"id":"11"}]`},
				"/footer-comments/11/children?body-format=storage":  []string{`[{"id":"111"}]`, `[]`},
				"/footer-comments/111/children?body-format=storage": []string{},
				"/footer-comments/2/children?body-format=storage":   method.GoneError{Item: site.Item{Listing: stream.FooterComments, ID: "2"}}, // it was deleted: no replies, no failure
			},
			written: []string{
				`page_footer_comments {"id":"1"} of 7 T`, `page_footer_comments {"id":"2"} of 7 T`,
				`page_footer_comments {"id":"11"} of 7 T`, `page_footer_comments {"id":"111"} of 7 T`,
			},
		},
		{
			name: "replies that can't be read", kind: method.PerParent, parent: page, streams: []string{"page_inline_comments"},
			answers: map[string]any{
				"/pages/7/inline-comments?body-format=storage":    []string{`[{"id":"1"}]`},
				"/inline-comments/1/children?body-format=storage": errPart,
			},
			written: []string{`page_inline_comments {"id":"1"} of 7 T`}, failed: []string{"page_inline_comments"},
		},
		{
			name: "a comment without an id", kind: method.PerParent, parent: page, streams: []string{"page_inline_comments"},
			answers: map[string]any{"/pages/7/inline-comments?body-format=storage": []string{`[{"a":"1"}]`}},
			written: []string{`page_inline_comments {"a":"1"} of 7 T`}, failed: []string{"page_inline_comments"},
		},
		{
			name: "children, of which some are no pages", kind: method.PerParent, parent: page, streams: []string{"child_pages"},
			answers: map[string]any{"/pages/7/direct-children?sort=id": []string{`[{"id":"1","type":"page"},{"id":"2","type":"folder"},{"id":"3","status":"trashed"},{"id":"5","spaceId":"elsewhere"},{"id":"4"}]`}},
			written: []string{`child_pages {"id":"1","type":"page"} of 7 T`, `child_pages {"id":"4"} of 7 T`},
		},
		{
			name: "two blocks", kind: method.Combined, parent: page, streams: []string{"page_labels", "page_versions"},
			answers: map[string]any{combined: blocks(`{"id":"1"}`, `{"number":2},{"number":1}`)},
			written: []string{`page_labels {"id":"1"} of 7 T`, `page_versions {"number":2} of 7 T`, `page_versions {"number":1} of 7 T`},
		},
		{
			name: "fewer versions than the number tells", kind: method.Combined, parent: page, streams: []string{"page_labels", "page_versions"},
			answers: map[string]any{combined: blocks(``, `{"number":2}`), "/pages/7/versions": []string{`[{"number":2},{"number":1}]`}},
			written: []string{`page_versions {"number":2} of 7 T`, `page_versions {"number":1} of 7 T`},
		},
		{
			name: "a block that may be cut", kind: method.Combined, parent: page, streams: []string{"page_labels", "page_versions"},
			answers: map[string]any{combined: `{"labels":{},"versions":{"results":[{"number":1},{"number":2}],"meta":{"hasMore":false}}}`, "/pages/7/labels": []string{`[{"id":"1"}]`}},
			written: []string{`page_labels {"id":"1"} of 7 T`, `page_versions {"number":1} of 7 T`, `page_versions {"number":2} of 7 T`},
		},
		{
			name: "a combined read that is refused", kind: method.Combined, parent: page, streams: []string{"page_labels", "page_versions"},
			answers: map[string]any{combined: errPart, "/pages/7/labels": []string{`[{"id":"1"}]`}, "/pages/7/versions": errPart},
			written: []string{`page_labels {"id":"1"} of 7 T`}, failed: []string{"page_versions"},
		},
		{
			name: "a combined read of a site that is gone", kind: method.Combined, parent: page, streams: []string{"page_labels", "page_versions"},
			answers: map[string]any{combined: errWhole}, ended: errWhole,
		},
		{
			name: "of one block the list is read", kind: method.Combined, parent: page, streams: []string{"page_labels"},
			answers: map[string]any{"/pages/7/labels": []string{`[{"id":"1"}]`}}, written: []string{`page_labels {"id":"1"} of 7 T`},
		},
		{
			name: "what is not current is asked for by its status", kind: method.Combined, parent: archived, streams: []string{"page_labels", "page_versions"},
			answers: map[string]any{"/pages/7?status=archived&include-labels=true&include-versions=true": blocks(``, `{"number":1},{"number":2}`)},
			written: []string{`page_versions {"number":1} of 7 T`, `page_versions {"number":2} of 7 T`},
		},
		{
			name: "what carries a label", kind: method.ByLabel, parent: label, streams: []string{"page_labels"},
			answers: map[string]any{"/labels/5/pages?sort=id": []string{`[{"id":"1","status":"current"},{"id":"2","status":"trashed"}]`, `[{"id":"3"}]`}},
			written: []string{`page_labels {"id":"5"} of 1`, `page_labels {"id":"5"} of 3`},
		},
		{
			name: "a label of which nobody can tell", kind: method.ByLabel, parent: label, streams: []string{"page_labels"},
			answers: map[string]any{"/labels/5/pages?sort=id": errPart}, failed: []string{"page_labels"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := &fakeEnv{t: t, answers: test.answers}
			var readers []*method.Reader
			for _, name := range test.streams {
				readers = append(readers, reader(name))
			}
			if test.streams[0] == "child_pages" {
				readers[0].ChildStatuses = readers[0].Statuses
			}
			err := method.Of(test.kind).Read(t.Context(), env, &test.parent, readers)
			if !slices.Equal(env.written, test.written) {
				t.Errorf("wrote\n%s\nwant\n%s", strings.Join(env.written, "\n"), strings.Join(test.written, "\n"))
			}
			wantFailures(t, err, readers, test.failed, test.ended)
		})
	}
}

// wantFailures fails the test unless an error is of these readers and no other, or ends
// everything.
func wantFailures(t *testing.T, err error, readers []*method.Reader, streams []string, ended error) {
	t.Helper()
	if ended != nil {
		if _, partly := errors.AsType[method.PartlyError](err); partly || !errors.Is(err, ended) {
			t.Errorf("error %v, want %v", err, ended)
		}
		return
	}
	parts, _ := errors.AsType[method.PartlyError](err)
	for _, r := range readers {
		if failed := parts[r] != nil; failed != slices.Contains(streams, r.Stream.Name) {
			t.Errorf("%s failed: %v (%v)", r.Stream.Name, failed, err)
		}
	}
	if len(parts) != len(streams) || err != nil && parts == nil {
		t.Errorf("error %v of %d readers, want %v", err, len(slices.Collect(maps.Keys(parts))), streams)
	}
}

// TestAgain repeats shortcuts for their audits.
func TestAgain(t *testing.T) {
	t.Parallel()
	page := &method.Parent{Item: site.Item{Listing: stream.Pages, ID: "7", Status: stream.Archived}, Version: 1}
	for _, test := range []struct {
		answer  any
		written []string
		ended   error
		failed  []string
	}{
		{answer: `{"id":"7","title":"T","version":{"number":1}}`, written: []string{`page_versions {"number":1} of 7 T derived`}},
		{answer: `{"id":"7","version":{"number":2}}`, ended: method.ErrNothingToCompare},
		{answer: errPart, failed: []string{"page_versions"}},
		{answer: errWhole, ended: errWhole},
	} {
		env := &fakeEnv{t: t, answers: map[string]any{"/pages/7?status=archived": test.answer}}
		readers := []*method.Reader{reader("page_versions")}
		err := method.Of(method.FirstVersion).Again(t.Context(), env, page, readers)
		if !slices.Equal(env.written, test.written) {
			t.Errorf("%v: wrote %q", test.answer, env.written)
		}
		wantFailures(t, err, readers, test.failed, test.ended)
	}
}

// TestPartlyErrorInOrder joins errors in the order of the streams.
func TestPartlyErrorInOrder(t *testing.T) {
	t.Parallel()
	partly := method.PartlyError{}
	var want []string
	for _, name := range []string{"page_content_properties", "page_labels", "page_likes", "page_versions"} {
		partly[reader(name)] = errors.New("no " + name)
		want = append(want, "no "+name)
	}
	for range 20 { // a map's order differs from one call to the next
		if got := partly.Error(); got != strings.Join(want, "\n") {
			t.Fatalf("joined\n%s", got)
		}
	}
}

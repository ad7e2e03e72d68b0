package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestResumedTypeWithFailure: a body that failed in an earlier run of the sync holds the bookmark of
// its type of custom content, though nothing fails in the run that goes on.
func TestResumedTypeWithFailure(t *testing.T) {
	t.Parallel()
	o := shown(31, 40)
	o.CustomContent = 60
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		f = f.With(map[string]any{"page_size": 5})
		kind := f.Site.CustomTypes()[0]
		type row struct {
			ID      string
			Type    string
			Version struct{ CreatedAt string }
		}
		var all []row
		for r := range f.Site.Truth("custom_content", tapfixture.Scope()) {
			var x row
			_ = json.Unmarshal(r.Data, &x)
			if x.Type == kind {
				all = append(all, x)
			}
		}
		slices.SortFunc(all, func(a, b row) int { return strings.Compare(b.Version.CreatedAt, a.Version.CreatedAt) })
		newest := all[3]
		f.Site.SetQuirks(simconfluence.Quirks{Unrenderable: []string{newest.ID}})
		c := reads(t, f, true, "custom_content")
		whole := c.hasty().try(limit{})
		for i, m := range whole.messages { // the first position that tells of the failure, within the type
			if m.Type == "STATE" && strings.Contains(string(m.State), "failed=1") && strings.Contains(string(m.State), "cursor=") {
				c.keep(whole.messages[:i+1])
				break
			}
		}
		if c.state == "" {
			t.Fatalf("no position\n%s", whole.told())
		}
		r := c.hasty().try(limit{})
		if c.keep(r.messages); r.status != 1 {
			t.Fatalf("exit status %d", r.status)
		}
		f.Site.SetQuirks(simconfluence.Quirks{})
		c.rows = rows{}
		c.run()
		if got := string(c.rows["custom_content"][newest.ID]); !strings.Contains(got, `"storage"`) {
			t.Errorf("the body of %s never came: %.100q\n%s", newest.ID, got, c.state)
		}
	})
}

// TestSplitUnarchived: a page that is taken out of the archive while the statuses are read one
// after another is in one of the lists.
func TestSplitUnarchived(t *testing.T) {
	t.Parallel()
	for _, incremental := range []bool{false, true} {
		virtual(t, shown(35, 60), func(t *testing.T, f *tapfixture.Fixture) {
			f.Site.SetQuirks(simconfluence.Quirks{RefuseRepeated: true})
			f = f.With(map[string]any{"page_size": 250, "page_status": []string{"current", "archived", "trashed"}})
			id := ""
			for r := range f.Site.Truth("pages", simconfluence.TruthOptions{Statuses: []string{"archived"}}) {
				id = r.Key[0]
			}
			var lists []string
			f.Site.SetFaults(simconfluence.On("/pages", func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				q := r.URL.Query()
				if len(q["status"]) == 1 && q.Get("limit") != "1" {
					lists = append(lists, q.Get("status"))
					if n := len(lists); q.Get("status") == "archived" && n > 1 && lists[n-2] == "current" {
						_ = f.Site.SetStatus(simconfluence.Page, id, "current")
					}
				}
				return false
			}))
			c := reads(t, f, incremental, "pages")
			r := c.run()
			if r.rows["pages"][id] == nil {
				t.Errorf("page %s is lost, incremental %v; lists %v", id, incremental, lists)
			}
		})
	}
}

// TestUnplacedTrash: where a page lies can't be asked for many at once: what lies in a page in the
// trash is not taken for gone.
func TestUnplacedTrash(t *testing.T) {
	t.Parallel()
	o := shown(36, 60)
	o.Spaces = 3
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		key := ""
		for r := range f.Site.Truth("spaces", tapfixture.Scope()) {
			var x struct{ ID, Key string }
			_ = json.Unmarshal(r.Data, &x)
			key = x.Key
			break
		}
		f = f.With(map[string]any{"space_keys": []string{key}, "page_status": []string{"current", "archived", "trashed"}})
		good := reads(t, f, false, "attachments").run()
		f.Site.SetFaults(simconfluence.On("/pages", simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Has("id") },
			simconfluence.Status(400, `{"message":"too many ids"}`))))
		bad := reads(t, f, false, "attachments").try(limit{})
		a, b := len(good.rows["attachments"]), len(bad.rows["attachments"])
		t.Log(a, b, bad.status)
		if a != b && bad.status == 0 {
			t.Errorf("%d attachments where lists by id are refused, %d else\n%s", b, a, bad.told())
		}
	})
}

// TestLiesThatBeginLater: what is compared parent by parent is compared in a run that goes on, too.
func TestLiesThatBeginLater(t *testing.T) {
	t.Parallel()
	virtual(t, shown(37, 200), func(t *testing.T, f *tapfixture.Fixture) {
		c := reads(t, f.With(map[string]any{"page_size": 50, "concurrency": 1}), false, "page_labels", "page_content_properties", "page_versions")
		c.keep(c.try(limit{request: 80}).messages)
		if c.position("page_labels").Key == "" {
			t.Fatalf("no position: %s", c.state)
		}
		f.Site.SetLies(simconfluence.Lies{CombinedCut: 1})
		c.f = c.f.With(map[string]any{"audit_samples": 10})
		c.run()
		c.wantWhole(c.rows)
	})
}

// TestStopDuringProbe: a signal while the account is asked for loses no position.
func TestStopDuringProbe(t *testing.T) {
	t.Parallel()
	virtual(t, shown(40, 600), func(t *testing.T, f *tapfixture.Fixture) {
		f = f.With(map[string]any{"page_size": 5})
		c := reads(t, f, false, "pages")
		f.Site.SetFaults(simconfluence.On("/pages", simconfluence.Delay(20*time.Second)))
		// The second request for the account is that behind the first page.
		r := c.tryStoppedAtProbe(2)
		c.keep(r.messages)
		if p := c.position("pages"); p.Cursor == "" {
			t.Errorf("no position after %d rows: %s\n%s", len(r.rows["pages"]), c.state, r.told())
		}
	})
}

// probed stops a run when it asks for the account for the n-th time.
type probed struct {
	next http.RoundTripper
	at   int64
	n    atomic.Int64
	stop context.CancelCauseFunc
}

func (p *probed) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/user/current") && p.n.Add(1) == p.at {
		p.stop(tap.ErrStopped)
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return p.next.RoundTrip(r)
}

func (c *client) tryStoppedAtProbe(n int64) *run {
	ctx, stop := context.WithCancelCause(c.t.Context())
	defer stop(nil)
	f := c.f.Under(tap.OverNetwork(&probed{next: c.f.Site.Transport(), at: n, stop: stop}))
	var out, stderr bytes.Buffer
	var given any
	if c.state != "" {
		given = c.state
	}
	r := &run{t: c.t, rows: rows{}}
	r.status = f.Launch(ctx, &out, &stderr, f.SingerArgs(tapfixture.SingerCatalog(c.streams...), given)...)
	r.log = stderr.String()
	r.messages, _, _ = tapfixture.Lines(out.Bytes())
	for _, m := range r.messages {
		if m.Type == "RECORD" {
			r.rows.add(c.t, m)
		}
	}
	return r
}

// TestCircleOfBodies: a listing that goes in a circle ends, also while its bodies fail.
func TestCircleOfBodies(t *testing.T) {
	t.Parallel()
	virtual(t, shown(43, 60), func(t *testing.T, f *tapfixture.Fixture) {
		n := 0
		var links []string
		f.Site.SetFaults(
			simconfluence.On("/pages", simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Has("body-format") }, simconfluence.Status(500, `{}`))),
			simconfluence.On("/pages", simconfluence.Where(func(*http.Request) bool { n++; return n < 500 }, simconfluence.Next(func(_ *http.Request, link string) string {
				if links = append(links, link); len(links) > 3 {
					return links[len(links)%3]
				}
				return link
			}))),
			simconfluence.On("/pages", simconfluence.Status(418, `{"message":"stop"}`)))
		r := reads(t, f.With(map[string]any{"max_retries": 0}), false, "pages").try(limit{})
		if n >= 500 {
			t.Errorf("%d requests in a circle, %d", n, r.status)
		}
	})
}

// TestDeadCursorPastAnOutlier: the row of the position is deleted, its cursor is dead, and its key
// was beyond all others.
func TestDeadCursorPastAnOutlier(t *testing.T) {
	t.Parallel()
	o := shown(46, 60)
	o.Attachments = 60
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		outlier := ""
		f.Site.SetFaults(simconfluence.On("/attachments", simconfluence.Rewrite(func(body []byte) []byte {
			page := tapfixture.Decode(t, body)
			list, ok := page["results"].([]any)
			if !ok || len(list) == 0 {
				return body
			}
			last, _ := list[len(list)-1].(map[string]any)
			if outlier == "" {
				outlier = fmt.Sprint(last["id"])
			}
			if outlier == fmt.Sprint(last["id"]) {
				last["createdAt"] = "2080-01-01T00:00:00.000Z"
			}
			body, _ = json.Marshal(page)
			return body
		})))
		f = f.With(map[string]any{"page_size": 5})
		c := reads(t, f, false, "attachments")
		whole := c.hasty().try(limit{})
		for i, m := range whole.messages {
			if m.Type == "STATE" && strings.Contains(string(m.State), "key=2080") {
				c.keep(whole.messages[:i+1])
				break
			}
		}
		if c.state == "" {
			t.Fatal("no such position")
		}
		_ = f.Site.Delete(simconfluence.Attachment, outlier)
		f.Site.ExpireCursors()
		c.run()
		c.wantWhole(c.rows)
	})
}

// TestBare404OfType: a bare 404 is no word on a type of custom content.
func TestBare404OfType(t *testing.T) {
	t.Parallel()
	o := shown(61, 40)
	o.CustomContent = 30
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		f.Site.SetFaults(simconfluence.On("/custom-content", simconfluence.Where(func(r *http.Request) bool {
			return r.URL.Query().Get("type") == f.Site.CustomTypes()[0]
		}, simconfluence.BareNotFound())))
		c := reads(t, f, false, "custom_content")
		r := c.try(limit{})
		c.keep(r.messages)
		if r.status == 0 {
			c.wantWhole(c.rows)
		}
	})
}

// TestEmptyObjects: an answer without results is no end.
func TestEmptyObjects(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"results":null}`, `{"_links":{}}`, `[]`, `null`, `{"results":{}}`, `{"results":[null]}`} {
		for _, name := range []string{"pages", "groups", "page_labels", "page_versions"} {
			t.Run(body+name, func(t *testing.T) {
				t.Parallel()
				o := shown(64, 40)
				o.Groups = 300
				virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
					n := 0
					f.Site.SetFaults(simconfluence.Where(func(r *http.Request) bool {
						p := r.URL.Path
						if strings.HasSuffix(p, "/user/current") || strings.Contains(p, "search") {
							return false
						}
						n++
						return n > 2 && n < 20
					}, simconfluence.Body("application/json", body)))
					c := reads(t, f.With(map[string]any{"page_size": 10}), false, name)
					r := c.try(limit{})
					c.keep(r.messages)
					if r.status == 0 {
						c.wantWhole(c.rows)
					}
				})
			})
		}
	}
}

// TestLastProbe: the site, or the account, goes away at the very last request.
func TestLastProbe(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]simconfluence.Mode{"lost": simconfluence.Lost, "public": simconfluence.Public, "down": simconfluence.Maintenance, "401": simconfluence.Unauthorized} {
		for _, m := range modes {
			for back := range 3 {
				t.Run(name+m.String(), func(t *testing.T) {
					t.Parallel()
					virtual(t, shown(65, 40), func(t *testing.T, f *tapfixture.Fixture) {
						n := total(m.client(t, f, "pages", "page_labels", "spaces").try(limit{}).requests)
						c := m.client(t, f.With(map[string]any{"emit_activate_version": true}), "pages", "page_labels", "spaces")
						f.Site.SetModeAfter(n-1-back, mode)
						r := c.try(limit{})
						c.keep(r.messages)
						if r.status == 0 {
							t.Errorf("exit status 0")
						}
						for _, x := range r.messages {
							if x.Type == "ACTIVATE_VERSION" || x.Status == "COMPLETE" {
								c.wantWhole(c.rows, x.Stream)
							}
						}
						f.Site.RestoreAccount()
						c.run()
						c.wantWhole(c.rows)
					})
				})
			}
		}
	}
}

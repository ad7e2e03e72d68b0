package absence

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap"
)

// on matches requests whose path ends so.
func on(suffix string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, suffix) }
}

// TestLostCredentials (rows 1 and 3): a site that no longer knows the account, whichever way it
// shows that, interrupts the run. Nothing is said to have vanished, no table is activated.
func TestLostCredentials(t *testing.T) {
	t.Parallel()
	streams := []string{"pages", "page_labels", "spaces"}
	for name, mode := range map[string]simconfluence.Mode{
		"bare 404": simconfluence.Lost, "public rows only": simconfluence.Public, "public rows, 403": simconfluence.PublicDenied,
		"401": simconfluence.Unauthorized,
	} {
		for _, after := range []int{4, 9, 15, 22} {
			t.Run(fmt.Sprintf("%s after %d", name, after), func(t *testing.T) {
				t.Parallel()
				o := scenario{site: small(), streams: streams, wrong: func(s *simconfluence.Site) { s.SetModeAfter(after, mode) }}.run(t)
				o.ends(tap.ExitRefused).activates()
				if mode != simconfluence.Public && mode != simconfluence.PublicDenied { // which hide pages, one by one
					o.hides("vanished")
				}
				if last := o.result.Messages[len(o.result.Messages)-1]; last.Type != "STATE" {
					t.Errorf("the last line is %.200s", last.Line)
				}
				// What was written and what the next run gives is everything.
				rest := scenario{site: small(), streams: streams, state: o.result.LastState()}.run(t).ends(tap.ExitDone)
				for _, name := range streams {
					all := o.rows(name)
					maps.Copy(all, rest.rows(name))
					for key := range o.fixture.Expect(name, scope) {
						if all[key] == "" {
							t.Errorf("%s %s is lost", name, key)
						}
					}
				}
			})
		}
	}
}

// TestAnotherAccount: a site that names another account in mid-run has lost the one that began.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	o := scenario{site: small(), streams: []string{"pages", "spaces"}, wrong: func(s *simconfluence.Site) {
		s.SetFaults(simconfluence.On("/wiki/rest/api/user/current", simconfluence.After(1, simconfluence.Body("application/json",
			`{"type":"known","accountId":"somebody-else","displayName":"Somebody Else"}`))))
	}}.run(t)
	o.ends(tap.ExitRefused).says("another account").activates()
}

// TestHiddenParents (row 1): lists that answer a bare 404 while the site still knows the account
// fail their parents. The others are read.
func TestHiddenParents(t *testing.T) {
	t.Parallel()
	o := scenario{site: small(), streams: []string{"pages", "page_labels"}, wrong: func(s *simconfluence.Site) {
		s.SetFaults(of("/pages/{id}/labels", first(s, "pages"), simconfluence.BareNotFound()))
	}}.run(t)
	o.ends(tap.ExitFailed).hides("vanished").says("stream=page_labels", "Not Found").activates("pages").whole("pages")
}

// parents are items whose lists are read one by one, with the streams of these.
var parents = map[string][]string{
	"spaces": {"space_permissions", "space_labels"}, "pages": {"page_labels", "page_versions"},
	"blogposts": {"blog_post_labels", "blog_post_content_properties"}, "attachments": {"attachment_labels", "attachment_versions"},
}

// listed is the stream whose rows are the items of a route.
func listed(route string) string {
	if route == "blogposts" {
		return "blog_posts"
	}
	return route
}

// TestAbsentForAWhile (row 2): the routes of an item that its listing shows answer 404 for a moment.
func TestAbsentForAWhile(t *testing.T) {
	t.Parallel()
	for route, children := range parents {
		for name, fault := range map[string]func(id string) simconfluence.Fault{
			"bare":  func(string) simconfluence.Fault { return simconfluence.BareNotFound() },
			"named": notFound,
		} {
			t.Run(route+" "+name, func(t *testing.T) {
				t.Parallel()
				streams := append([]string{listed(route)}, children...)
				o := scenario{site: small(), streams: streams, wrong: func(s *simconfluence.Site) {
					id, began := first(s, listed(route)), time.Time{}
					var mu sync.Mutex
					s.SetFaults(simconfluence.Where(func(r *http.Request) bool {
						if !strings.Contains(r.URL.Path+"/", "/"+route+"/"+id+"/") {
							return false
						}
						mu.Lock()
						defer mu.Unlock()
						if began.IsZero() {
							began = time.Now()
						}
						return time.Since(began) < 1500*time.Millisecond
					}, fault(id)))
				}}.run(t)
				if route == "attachments" && name == "named" {
					return // its own route says that it is gone: that is the proof there
				}
				o.ends(tap.ExitDone).hides("vanished").whole(streams...)
			})
		}
	}
}

// TestGoneParents: an item that is deleted between its listing and its lists is gone, on the site's
// word. All else is whole, and nothing fails.
func TestGoneParents(t *testing.T) {
	t.Parallel()
	kinds := map[string]simconfluence.Kind{"pages": simconfluence.Page, "blogposts": simconfluence.BlogPost, "attachments": simconfluence.Attachment}
	for route, kind := range kinds {
		t.Run(route, func(t *testing.T) {
			t.Parallel()
			o := scenario{site: small(), settings: unaudited, streams: append([]string{listed(route)}, parents[route]...), wrong: func(s *simconfluence.Site) {
				id := first(s, listed(route))
				s.SetFaults(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
					if strings.Contains(r.URL.Path+"/", "/"+route+"/"+id+"/") {
						_ = s.Delete(kind, id) // the second time there is nothing to delete
					}
					return false
				})
			}}.run(t)
			o.ends(tap.ExitDone).says("skipped: 1 × ", "vanished between listing and reading").whole(parents[route]...)
			o.activates(append([]string{listed(route)}, parents[route]...)...)
		})
	}
}

// TestClosedProbe: a route that tells the account and is closed in mid-run interrupts nothing. One
// that says that nobody is known does.
func TestClosedProbe(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		fault     simconfluence.Fault
		status    int
		activates bool
	}{
		{"410", simconfluence.WhoAmI(410), tap.ExitDone, false},
		{"403", simconfluence.WhoAmI(403), tap.ExitDone, false},
		{"a scope", simconfluence.Status(401, `{"code":401,"message":"Unauthorized; scope does not match"}`), tap.ExitDone, false},
		{"401", simconfluence.Unauthenticated(), tap.ExitRefused, false},
		{"bare 404", simconfluence.BareNotFound(), tap.ExitRefused, false},
		{"503", simconfluence.Status(503, ""), tap.ExitLater, false},
		{"one 401", simconfluence.Times(1, simconfluence.Unauthenticated()), tap.ExitDone, true},
		{"one 503", simconfluence.Times(1, simconfluence.Status(503, "")), tap.ExitDone, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := scenario{site: small(), streams: []string{"pages", "spaces"}, wrong: func(s *simconfluence.Site) {
				s.SetFaults(simconfluence.Where(on("/user/current"), simconfluence.After(1, test.fault)))
			}}.run(t)
			o.ends(test.status)
			if test.activates {
				o.activates("pages", "spaces")
			} else {
				o.activates()
			}
		})
	}
}

// notFound is the 404 that names an item.
func notFound(id string) simconfluence.Fault {
	return simconfluence.Status(404, `{"errors":[{"status":404,"code":"NOT_FOUND","title":"Cannot find an item with id [`+id+`]","detail":null}]}`)
}

// TestGoneReplies (row 6): a comment whose replies answer 404 is a failed parent, unless its own
// route says that it is gone.
func TestGoneReplies(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]bool{"there": false, "not told": false, "gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := scenario{site: small(), streams: commentStreams, wrong: func(s *simconfluence.Site) {
				id := first(s, "page_footer_comments")
				faults := []simconfluence.Fault{
					simconfluence.On("/footer-comments", simconfluence.Status(410, `{"message":"gone"}`)), // read page by page
					of("/footer-comments/{id}/children", id, simconfluence.BareNotFound()),
				}
				if name == "not told" {
					faults = append(faults, of("/footer-comments/{id}", id, simconfluence.BareNotFound()))
				}
				if gone {
					faults[1] = of("/footer-comments/{id}/children", id, notFound(id))
					faults = append(faults, of("/footer-comments/{id}", id, notFound(id)))
				}
				s.SetFaults(faults...)
			}}.run(t)
			if gone {
				o.ends(tap.ExitDone)
				return
			}
			o.ends(tap.ExitFailed).says("stream=page_footer_comments").activates()
		})
	}
}

// TestRightsOfOneSpace (row 15): a refusal with AUTHORISATION_FAILED is about what was asked for,
// not about who is signed in.
func TestRightsOfOneSpace(t *testing.T) {
	t.Parallel()
	o := scenario{site: small(), streams: []string{"spaces", "space_permissions", "tasks"}, wrong: func(s *simconfluence.Site) {
		s.SetFaults(of("/spaces/{id}/permissions", first(s, "spaces"), simconfluence.Denied(simconfluence.LoginNoRights)))
	}}.run(t)
	o.ends(tap.ExitFailed).hides("anonymous").says("stream=space_permissions").whole("spaces", "tasks").activates("spaces", "tasks")
}

// TestStrayRefusals (row 16): one 401, or one page of an edge server, among good answers.
func TestStrayRefusals(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]simconfluence.Fault{
		"401": simconfluence.Unauthenticated(), "HTML 404": simconfluence.EdgeNotFound(),
		"login page": simconfluence.Body("text/html", "<html><title>Log in</title></html>"),
	} {
		for _, route := range []string{"/pages", "/pages/{id}/labels", "/spaces", "/tasks"} {
			t.Run(name+route, func(t *testing.T) {
				t.Parallel()
				streams := []string{"pages", "page_labels", "spaces", "tasks"}
				o := scenario{site: small(), streams: streams, wrong: func(s *simconfluence.Site) {
					s.SetFaults(simconfluence.On(route, simconfluence.Times(1, fault)))
				}}.run(t)
				o.ends(tap.ExitDone).whole(streams...).activates(streams...)
			})
		}
	}
}

// TestUnnamedAccount (row 17): a site that does not tell whose token it is can be read. No table is
// activated, and that is said.
func TestUnnamedAccount(t *testing.T) {
	t.Parallel()
	for _, status := range []int{410, 403, 501, 500} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			o := scenario{site: small(), streams: []string{"spaces", "pages"}, wrong: func(s *simconfluence.Site) {
				s.SetFaults(simconfluence.WhoAmI(status))
			}}.run(t)
			o.ends(tap.ExitDone).whole("spaces", "pages").activates()
			told := regexp.MustCompile(`(?m)^WARNING .*the site does not .*$`).FindAllString(o.result.Stderr, -1)
			if len(told) != 1 || !strings.Contains(told[0], "whose token this is: no table version will be activated: GET ") || !strings.Contains(told[0], strconv.Itoa(status)) {
				t.Errorf("warned %q\n%s", told, tail(o.result.Stderr))
			}
		})
	}
}

// TestSeesNothing (row 20): an account that sees no space is named, and told that it sees nothing.
func TestSeesNothing(t *testing.T) {
	t.Parallel()
	wrong := func(s *simconfluence.Site) { s.SetQuirks(simconfluence.Quirks{SeesNothing: true}) }
	o := scenario{site: small(), streams: []string{"spaces", "pages"}, wrong: wrong}.run(t)
	o.ends(tap.ExitDone).says("WARNING ", "sees no space").activates()
	for _, args := range [][]string{{"check"}, {"--test"}} {
		r := o.fixture.Run(append(args, "--config", o.fixture.Config())...).OK()
		if text := r.Stderr + string(r.Stdout); !strings.Contains(text, "sees no space") {
			t.Errorf("%v says %s", args, text)
		}
	}
	scenario{site: small(), streams: []string{"spaces", "pages"}}.run(t).ends(tap.ExitDone).hides("sees no space")
}

package torture

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// strike answers a request in place of the site.
type strike = func(http.ResponseWriter, *http.Request, *answer)

// refusal is a class of answers by which a site says no, or less than the truth.
type refusal struct {
	name   string
	strike strike
}

// refusals are the classes that each meet every sort of route. What is 5xx, or broken, is in kinds.
func refusals() []refusal {
	all := []refusal{
		{"404, bare", fault(simconfluence.BareNotFound())},
		{"404 that names another item", fault(simconfluence.Status(404, `{"errors":[{"status":404,"code":"NOT_FOUND","title":"Cannot find a page with id [1]"}]}`))},
		{"404, a page of an edge server", fault(simconfluence.EdgeNotFound())},
		{"403, words about the account", fault(simconfluence.Status(403, `{"statusCode":403,"message":"Current user not permitted to use Confluence"}`))},
		{"403, AUTHORISATION_FAILED", fault(simconfluence.Denied(simconfluence.LoginNoRights))},
		{"403, AUTHENTICATED_FAILED", fault(simconfluence.Denied("AUTHENTICATED_FAILED"))},
		{"401", fault(simconfluence.Unauthenticated())},
		{"401, a scope", fault(simconfluence.Status(401, `{"code":401,"message":"Unauthorized; scope does not match"}`))},
		{"400 about the cursor", fault(simconfluence.RefuseCursor())},
	}
	for _, code := range []int{400, 402, 403, 405, 409, 410, 413, 414, 421, 451, 501} {
		all = append(all, refusal{strconv.Itoa(code), status(code, 0)})
	}
	return append(all, refusal{"200, headers with wrong values", wrongHeaders})
}

// wrongHeaders sends the site's answer under headers that say nothing true.
func wrongHeaders(w http.ResponseWriter, r *http.Request, a *answer) {
	for name, value := range map[string]string{
		"Date": "yesterday", "Retry-After": "-1", "Content-Type": "application/octet-stream", "X-Seraph-LoginReason": "OK",
	} {
		a.Header().Set(name, value)
	}
	a.ServeHTTP(w, r)
}

// sort is a sort of route.
type sort struct {
	name, suffix, within string
	// varies says that runs alike don't make as many of its requests: audits draw their samples, and
	// what is left of a run that takes longer than ten seconds is estimated.
	varies bool
}

// sorts are the routes that refusals meet: lists of the site, of one parent, of replies, by offset,
// single items, searches.
func sorts() []sort {
	return []sort{
		{name: "spaces", suffix: "/spaces", varies: true}, {name: "pages", suffix: "/pages"}, {name: "attachments", suffix: "v2/attachments"},
		{name: "footer comments", suffix: "v2/footer-comments"}, {name: "tasks", suffix: "/tasks", varies: true},
		{name: "custom content", suffix: "v2/custom-content", varies: true}, {name: "permissions of a space", suffix: "/permissions"},
		{name: "properties of a parent", suffix: "/properties", varies: true}, {name: "labels of a parent", suffix: "/labels", varies: true},
		{name: "replies", suffix: "/children", varies: true}, {name: "groups", suffix: "/rest/api/group", varies: true},
		{name: "search", suffix: "/rest/api/search", varies: true}, {name: "one page", within: "/v2/pages/"},
	}
}

// takes reports whether a request is of the sort.
func (s sort) takes(r *http.Request) bool {
	path := r.URL.Path
	if s.suffix == "" { // an item
		_, rest, ok := strings.Cut(path, s.within)
		return ok && !strings.Contains(rest, "/")
	}
	return strings.HasSuffix(path, s.suffix) && strings.Contains(path, s.within)
}

// place is when in a run a refusal comes.
type place struct {
	name string
	// at returns the number of the request that is struck, of so many.
	at func(of int) int
	// again: the request before is struck with 503, so that the refusal answers a retry.
	again bool
}

func places() []place {
	return []place{
		{"first", func(int) int { return 1 }, false},
		{"middle", func(of int) int { return (of + 1) / 2 }, false},
		{"last", last, false},
		{"on a retry", func(of int) int { return (of + 1) / 2 }, true},
	}
}

// last is the number of the last request. Where parents are asked one by one audits draw samples,
// and no two runs ask alike: there it is one near the end.
func last(of int) int {
	if of > 20 {
		return of * 2 / 3
	}
	return of
}

// requestsOf counts the requests of each sort in a run without faults.
var requestsOf = struct {
	sync.Mutex
	by map[mode]map[string]int
}{by: map[mode]map[string]int{}}

func countRequests(t *testing.T, m mode) map[string]int {
	t.Helper()
	requestsOf.Lock()
	defer requestsOf.Unlock()
	if counts := requestsOf.by[m]; counts != nil {
		return counts
	}
	counts := map[string]int{}
	var mu sync.Mutex
	f, site := virtual(t), simconfluence.New(small())
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			for _, s := range sorts() {
				if s.takes(r) {
					counts[s.name]++
				}
			}
			mu.Unlock()
			site.ServeHTTP(w, r)
		}))
		defer n.Close() //nolint:errcheck // it never fails
		if r := syncOver(t, f, m, "", n); r.Status != 0 {
			t.Fatalf("a run without faults ends with %d\n%s", r.Status, tail(r.log))
		}
	})
	requestsOf.by[m] = counts
	return counts
}

// cellOf makes the cell of a refusal that strikes once.
func cellOf(c refusal, s sort, p place, of int) *cell {
	at := p.at(of)
	k := kind{name: c.name, eligible: func(r *http.Request, _ *answer) bool { return s.takes(r) }, strike: c.strike}
	r := rate{name: p.name, strike: func(n int) bool { return n == at }}
	if p.again {
		r.strike = func(n int) bool { return n == at || n == at+1 }
		first := true
		k.strike = func(w http.ResponseWriter, r *http.Request, a *answer) {
			mu.Lock()
			was := first
			first = false
			mu.Unlock()
			if was {
				status(503, 0)(w, r, a)
				return
			}
			c.strike(w, r, a)
		}
	}
	return &cell{kind: k, rate: r, rarely: s.varies}
}

// TestRefusals has every class of refusal meet every sort of route, at the first request, in the
// middle, at the last one, and on a retry. Whatever the run makes of it, no row is lost: it is there,
// or its stream has failed and the next run brings it.
func TestRefusals(t *testing.T) {
	want := truth(t)
	var mu sync.Mutex
	results := map[string]map[string][]*cell{}
	t.Run("cells", func(t *testing.T) {
		for i, c := range refusals() {
			for j, s := range sorts() {
				for k, p := range places() {
					m := modes[(i+j+k)%len(modes)]
					of := countRequests(t, m)[s.name]
					if !tapfixture.Torture() && (i+2*j+k)%8 != 0 || of == 0 || of == 1 && k > 0 && !p.again {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%s/%s", c.name, s.name, p.name, m), func(t *testing.T) {
						t.Parallel()
						f, cl := virtual(t), cellOf(c, s, p, of)
						synctest.Test(t, func(t *testing.T) { cl.sync(t, f, m, want) })
						mu.Lock()
						defer mu.Unlock()
						if results[c.name] == nil {
							results[c.name] = map[string][]*cell{}
						}
						results[c.name][s.name] = append(results[c.name][s.name], cl)
					})
				}
			}
		}
	})
	if *matrix != "" {
		if err := os.WriteFile(strings.TrimSuffix(*matrix, ".md")+"-refusals.md", []byte(refusalTable(results)), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// refusalTable writes a line per class: the exit statuses by sort of route, and the rows lost.
func refusalTable(results map[string]map[string][]*cell) string {
	var b strings.Builder
	b.WriteString("| answer | syncs |")
	for _, s := range sorts() {
		b.WriteString(" " + s.name + " |")
	}
	b.WriteString(" rows lost |\n|---|--:|" + strings.Repeat("---|", len(sorts())) + "--:|\n")
	for _, c := range refusals() {
		syncs, lost := 0, 0
		var columns []string
		for _, s := range sorts() {
			var statuses []string
			for _, cl := range results[c.name][s.name] {
				syncs, lost = syncs+cl.syncs, lost+cl.lost
				statuses = append(statuses, cl.statuses...)
			}
			slices.SortFunc(statuses, cmp.Compare[string])
			columns = append(columns, strings.Join(slices.Compact(statuses), " or "))
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %d |\n", c.name, syncs, strings.Join(columns, " | "), lost)
	}
	return b.String()
}

package engine_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// What becomes of a run while the site says no without saying of what: see tap/client/spell.go.

// slowSite is a site whose answers take some time. It notes when it first said no, and when it was
// asked for the account since.
type slowSite struct {
	next  http.RoundTripper
	takes time.Duration

	mu     sync.Mutex
	no     time.Time
	probes []time.Duration // since it first said no
}

func (s *slowSite) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(s.takes) //nolint:forbidigo // fake time
	resp, err := s.next.RoundTrip(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
	case s.no.IsZero() && resp.StatusCode >= 400:
		s.no = time.Now()
	case !s.no.IsZero() && strings.HasSuffix(r.URL.Path, "/user/current"):
		s.probes = append(s.probes, time.Since(s.no))
	}
	return resp, err
}

// timed runs a client at the default rate on a site that answers in 200 ms.
func timed(c *client, concurrency int) (*run, *slowSite) {
	s := &slowSite{next: c.f.Site.Transport(), takes: 200 * time.Millisecond}
	c = c.with(map[string]any{"requests_per_second": 5, "concurrency": concurrency})
	c.f = c.f.Under(tap.OverNetwork(s))
	r := c.try(limit{})
	c.keep(r.messages)
	return r, s
}

// TestLostToken: a token that is lost in mid-run ends the run once the pauses of one spell have
// passed, however many requests meet it, and soon where the site says 401.
func TestLostToken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		mode simconfluence.Mode
		most time.Duration
		asks int
	}{
		{"bare 404", simconfluence.Lost, 100 * time.Second, 4},
		{"401", simconfluence.Unauthorized, 20 * time.Second, 20},
	} {
		for _, names := range [][]string{{"pages", "page_labels"}, append(stream.Names(), stream.ExtraNames()...)} {
			for _, concurrency := range []int{1, 5, 20} {
				for _, airbyte := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, %d streams, concurrency %d, airbyte %v", test.name, len(names), concurrency, airbyte), func(t *testing.T) {
						t.Parallel()
						virtual(t, shown(71, 30), func(t *testing.T, f *tapfixture.Fixture) {
							f = f.With(map[string]any{"extra_streams": stream.ExtraNames()})
							c := mode{airbyte: airbyte}.client(t, f, names...)
							f.Site.SetModeAfter(len(names), test.mode)
							r, site := timed(c, concurrency)
							if took := time.Since(site.no); took > test.most+site.takes {
								t.Errorf("noticed %v after the first refusal", took)
							}
							if n := len(site.probes); n == 0 || n > test.asks {
								t.Errorf("asked for the account at %v", site.probes)
							}
							wantRefused(t, r, airbyte, "the site no longer knows the account")
						})
					})
				}
			}
		}
	}
}

// TestOverloadPasses: a site that refuses everything for a while, the account too, costs nothing
// but time.
func TestOverloadPasses(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 5, 20} {
		t.Run(fmt.Sprint("concurrency ", concurrency), func(t *testing.T) {
			t.Parallel()
			virtual(t, shown(72, 30), func(t *testing.T, f *tapfixture.Fixture) {
				for _, loss := range []int{3, 15, 28} {
					c := reads(t, f, false, "pages", "page_labels", "spaces", "space_labels")
					f.Site.SetModeAfter(loss, simconfluence.Lost)
					began := time.Now()
					restore := time.AfterFunc(time.Duration(loss+40)*time.Second, f.Site.RestoreAccount)
					r, site := timed(c, concurrency)
					restore.Stop()
					if r.status != 0 || site.no.IsZero() {
						t.Fatalf("exit status %d after %v\n%s", r.status, time.Since(began), r.told())
					}
					c.wantWhole(c.rows)
				}
			})
		})
	}
}

// TestAnotherAccount: a site that answers for another account in mid-run ends the run at the next
// probe.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"pages", "page_labels"}, stream.Names()} {
		for _, airbyte := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d streams, airbyte %v", len(names), airbyte), func(t *testing.T) {
				t.Parallel()
				virtual(t, shown(74, 2000), func(t *testing.T, f *tapfixture.Fixture) {
					f.Site.SetFaults(simconfluence.Where(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/user/current") },
						simconfluence.After(1, simconfluence.Body("application/json", `{"type":"known","accountId":"another"}`))))
					c := mode{airbyte: airbyte}.client(t, f, names...)
					began := time.Now()
					r, _ := timed(c, 5)
					if took := time.Since(began); took > time.Minute {
						t.Errorf("noticed after %v", took)
					}
					wantRefused(t, r, airbyte, "the site no longer knows the account", "another account")
				})
			})
		}
	}
}

// wantRefused fails the test unless a run ended since the account was lost, and said so.
func wantRefused(t *testing.T, r *run, airbyte bool, texts ...string) {
	t.Helper()
	want, told := tap.ExitRefused, r.log
	if airbyte {
		want, told = tap.ExitFailed, ""
		for _, m := range r.messages {
			if m.Type == "TRACE" {
				told += string(m.Line)
			}
		}
	}
	if r.status != want {
		t.Errorf("exit status %d, want %d", r.status, want)
	}
	for _, text := range texts {
		if !strings.Contains(told, text) {
			t.Errorf("%q is not told:\n%s", text, told)
		}
	}
}

// TestLastingParents: parents whose lists answer a bare 404 for good hold up the others for one
// spell. All others are read.
func TestLastingParents(t *testing.T) {
	t.Parallel()
	for _, share := range []int{2, 10} {
		t.Run(fmt.Sprint("one in ", share), func(t *testing.T) {
			t.Parallel()
			virtual(t, shown(73, 100), func(t *testing.T, f *tapfixture.Fixture) {
				names := []string{"pages", "page_versions"}
				whole, _ := timed(reads(t, f, false, names...), 5)
				var ids []string
				for row := range f.Site.Truth("pages", scope()) {
					ids = append(ids, row.Key[0])
				}
				slices.Sort(ids)
				hidden := func(r *http.Request) bool {
					i, found := slices.BinarySearch(ids, strings.Split(strings.TrimPrefix(r.URL.Path, stream.V2+"/pages/")+"/", "/")[0])
					return found && i%share == 0
				}
				f.Site.SetFaults(simconfluence.Where(hidden, simconfluence.BareNotFound()))
				began := time.Now()
				r, _ := timed(reads(t, f, false, names...), 5)
				if took := time.Since(began); took > 4*time.Minute {
					t.Errorf("took %v", took)
				}
				if r.status != 1 {
					t.Errorf("exit status %d\n%s", r.status, r.told())
				}
				lost := 0
				for key, record := range whole.rows["page_versions"] {
					id, _ := tapfixture.Decode(t, record)["page_id"].(string)
					switch i, _ := slices.BinarySearch(ids, id); {
					case r.rows["page_versions"][key] != nil:
					case i%share != 0:
						t.Errorf("version %s of page %s did not come", key, id)
					default:
						lost++
					}
				}
				if lost == 0 {
					t.Error("no page was hidden")
				}
			})
		})
	}
}

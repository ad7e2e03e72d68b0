package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// A site on which reading by parent dominates, as on real ones: its last request by parent
// is sent shortly before the sync ends, so that there is work from the first request to the
// last, but for what the tap itself makes wait.
func manyParents() simconfluence.Options {
	o := simconfluence.Scaled(3, 300)
	o.BodyBytes = 200
	return o
}

// used returns which share of the requests that were allowed from the first one on, the
// first among them, was sent; perSecond are those allowed.
func used(sent []sentRequest, perSecond float64) float64 {
	elapsed := sent[len(sent)-1].at.Sub(sent[0].at)
	return float64(len(sent)) / (1 + elapsed.Seconds()*perSecond)
}

// keepsLimits fails the test if requests were closer to each other than the rate allows, in
// any window of a second more than it allows, or too many under way at once.
func (p *paced) keepsLimits(sent []sentRequest) {
	p.t.Helper()
	const perSecond = 5
	if p.config.RequestsPerSecond != perSecond {
		p.t.Fatal("the limits checked are others")
	}
	for i := range sent {
		if i > 0 && sent[i].at.Sub(sent[i-1].at) < time.Second/perSecond {
			p.t.Fatalf("request %d was sent %s after the one before", i, sent[i].at.Sub(sent[i-1].at))
		}
		if i >= perSecond && sent[i].at.Sub(sent[i-perSecond].at) < time.Second {
			p.t.Fatalf("requests %d to %d were sent within a second", i-perSecond, i)
		}
	}
	if n := p.site.MaxConcurrency(); n > p.config.Concurrency {
		p.t.Fatalf("%d requests at once", n)
	}
}

// TestRateIsUsed measures the whole sync, from the probe to the last request, in virtual
// time.
func TestRateIsUsed(t *testing.T) {
	t.Parallel()
	labels := []string{"page_labels", "blog_post_labels", "attachment_labels"}
	tests := []struct {
		name        string
		streams     []string
		incremental bool
		labels      int // on the site, 0 for its default
		concurrency int
		pageSize    int
	}{
		{name: "all streams", concurrency: 5, pageSize: 250},
		{name: "all streams, incremental", incremental: true, concurrency: 5, pageSize: 250},
		{name: "all streams, small pages", concurrency: 5, pageSize: 20},
		{name: "all streams, one at a time", concurrency: 1, pageSize: 250},
		{name: "labels by label", streams: labels, labels: 150, concurrency: 5, pageSize: 250},
		{name: "labels by parent", streams: labels, labels: 2000, concurrency: 5, pageSize: 250},
		{name: "versions alone", streams: []string{"page_versions", "attachment_versions"}, concurrency: 5, pageSize: 250},
		{name: "one stream by parent", streams: []string{"attachment_content_properties"}, concurrency: 5, pageSize: 250},
	}
	latencies := []time.Duration{300 * time.Millisecond, 900 * time.Millisecond}
	for i, tt := range tests {
		for j, latency := range latencies {
			if !tapfixture.Torture() && ((i+j)%2 > 0 || tt.concurrency == 1 || tt.pageSize < 250) {
				continue // a fast cut: one of them, at the default settings
			}
			t.Run(fmt.Sprintf("%s, %s", tt.name, latency), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					o := manyParents()
					o.Labels = tt.labels
					p := newPaced(t, o, latency)
					p.config.Concurrency, p.config.PageSize = tt.concurrency, tt.pageSize
					out := p.sync(t.Context(), sync_{streams: tt.streams, incremental: tt.incremental})
					if out.err != nil {
						t.Fatal(out.err)
					}
					sent := p.requests()
					p.keepsLimits(sent)
					// Answers that take longer than requests may follow each other allow less.
					allowed := min(5, float64(tt.concurrency)/latency.Seconds())
					share := used(sent, allowed)
					t.Logf("%d requests in %s: %.1f%% of the allowed %.2f a second, at most %d at once", len(sent),
						sent[len(sent)-1].at.Sub(sent[0].at).Round(time.Second/10), 100*share, allowed, p.site.MaxConcurrency())
					if share < 0.95 {
						t.Errorf("only %.1f%% of the allowed requests were sent", 100*share)
					}
				})
			})
		}
	}
}

// TestListingsOverlap says that listings, whose requests can only follow one another, run
// beside each other: a sync takes as long as the longest of them, but for the turns that
// the others take.
func TestListingsOverlap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		streams  []string
		pageSize int
	}{
		{"two listings", []string{"pages", "attachments"}, 25},
		{"all listings", []string{"spaces", "groups", "pages", "blog_posts", "tasks", "attachments", "page_footer_comments", "page_inline_comments"}, 20},
	}
	for _, tt := range tests {
		for _, latency := range []time.Duration{300 * time.Millisecond, 900 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s, %s", tt.name, latency), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := newPaced(t, manyParents(), latency)
					p.config.PageSize, p.config.AuditSamples = tt.pageSize, 0
					begun := time.Now()
					if out := p.sync(t.Context(), sync_{streams: tt.streams}); out.err != nil {
						t.Fatal(out.err)
					}
					took, sent := time.Since(begun), p.requests()
					p.keepsLimits(sent)
					chains, longest := map[string]int{}, 0
					for _, s := range sent[1:] {
						chains[s.path]++
						longest = max(longest, chains[s.path])
					}
					// The probe comes first. Each other listing's request may take one turn
					// that the longest one waits for.
					byChain, turn := time.Duration(1+longest)*latency, time.Second/5
					most := byChain + time.Duration(len(sent)-1-longest)*turn
					t.Logf("%d requests in %s, one after another %s; the longest of %d listings alone takes %s, the rate %s", len(sent), took.Round(turn/2),
						time.Duration(len(sent))*latency, len(chains), byChain, time.Duration(len(sent)-1)*turn+latency)
					if took > most+latency/2 {
						t.Errorf("the sync took %s, want at most %s", took, most)
					}
				})
			})
		}
	}
}

// BenchmarkRateInRealTime reads over a network for five seconds, with the clock that everybody
// else has, and tells the share of the allowed requests that was sent: share-%. A machine that
// is busy wakes the tap late now and then, and a turn that is missed does not come back.
func BenchmarkRateInRealTime(b *testing.B) {
	const requests = 26
	for b.Loop() {
		p := newPaced(b, manyParents(), 300*time.Millisecond)
		server := httptest.NewServer(p.site)
		network := &http.Transport{MaxIdleConnsPerHost: p.config.Concurrency}
		p.config.APIURL = server.URL
		ctx, stop := context.WithCancel(b.Context())
		p.reach = func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
			if len(p.requests()) == requests {
				stop()
			}
			return network.RoundTrip(r)
		}
		out := p.sync(ctx, sync_{})
		stop()
		network.CloseIdleConnections()
		server.Close()
		if !errors.Is(out.err, context.Canceled) {
			b.Fatalf("the sync ended with %v", out.err)
		}
		if n := p.site.MaxConcurrency(); n > p.config.Concurrency {
			b.Errorf("%d requests at once", n)
		}
		// Before the first listings there is the probe and the search for types of custom
		// content, each of which has to be waited for.
		b.ReportMetric(100*used(p.requests()[2:], p.config.RequestsPerSecond), "share-%")
	}
}

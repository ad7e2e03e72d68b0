package engine_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/engine"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

type sent struct {
	at   time.Time
	path string
}

type recorder struct {
	base http.RoundTripper
	mu   sync.Mutex
	sent []sent
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.sent = append(r.sent, sent{time.Now(), req.URL.RequestURI()})
	r.mu.Unlock()
	return r.base.RoundTrip(req)
}

func TestExplore(t *testing.T) {
	for _, latency := range []time.Duration{300 * time.Millisecond, 900 * time.Millisecond} {
		for name, streams := range map[string][]string{"all": nil, "labels": {"page_labels", "blog_post_labels", "attachment_labels"}, "listings": {"pages", "attachments"}} {
			for _, inc := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%v/inc=%v", name, latency, inc), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						o := simconfluence.Scaled(3, 300)
						o.BodyBytes, o.Latency = 200, latency
						site := simconfluence.New(o)
						rec := &recorder{base: site.Transport()}
						cfg := &config.Config{
							Site: siteName, SiteURL: "https://" + siteName, Email: "bot@example.org", APIToken: config.NewSecret("token"),
							PageStatus: []string{"current", "archived"}, BodyFormat: "storage",
							Concurrency: 5, RequestsPerSecond: 5, PageSize: 250, MaxRetries: 2, MaxRetryWait: time.Minute, RequestTimeout: time.Minute,
							AnchorDate: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), AuditSamples: 10,
						}
						logger := slog.New(slog.DiscardHandler)
						c, err := client.New(cfg, client.Options{Logger: logger, Transport: rec})
						if err != nil {
							t.Fatal(err)
						}
						defer c.Close()
						w := &world{t: t, site: site, config: cfg}
						st, err := state.ParseSinger(nil, siteName, known)
						if err != nil {
							t.Fatal(err)
						}
						run, err := engine.New(engine.Options{Config: cfg, Client: c, Selections: w.selections(sync_{streams: streams, incremental: inc}), Logger: logger, Now: time.Now, State: st, Sink: emit.NewSinger(emit.NewOut(io.Discard)), Seed: 1})
						if err != nil {
							t.Fatal(err)
						}
						if _, err := c.Probe(context.Background()); err != nil {
							t.Fatal(err)
						}
						if err := run.Sync(context.Background()); err != nil {
							t.Fatal(err)
						}
						begin := rec.sent[0].at
						end := rec.sent[len(rec.sent)-1].at
						t.Logf("requests %d in %v: %.1f%% max %d", len(rec.sent), end.Sub(begin), 100*float64(len(rec.sent)-1)/(5*end.Sub(begin).Seconds()), site.MaxConcurrency())
						if f, err := os.Create("/tmp/v_" + strings.ReplaceAll(t.Name(), "/", "_")); err == nil {
							for i, s := range rec.sent {
								gap := time.Duration(0)
								if i > 0 {
									gap = s.at.Sub(rec.sent[i-1].at)
								}
								mark := ""
								if gap > 210*time.Millisecond {
									mark = "IDLE"
								}
								fmt.Fprintf(f, "%v %v %s %s\n", s.at.Sub(begin), gap, mark, s.path)
							}
							f.Close()
						}
					})
				})
			}
		}
	}
}

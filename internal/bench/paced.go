package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// pacedPages is the size of the site that is read at the rate that a real one allows.
const pacedPages = 100

// paced reads a site with everything on it at 5 requests a second, with and without the
// shortcuts, in real time and side by side: both wait nearly always.
func (b *bench) paced(ctx context.Context) error {
	names := []string{"tap-confluence", "one request per parent and stream"}
	samples, requests := make([]sample, len(names)), make([]int, len(names))
	errs := make([]error, len(names))
	b.say("paced: %d pages and what belongs to them, at 5 requests a second; this takes minutes", pacedPages)
	var both sync.WaitGroup
	for i, name := range names {
		both.Go(func() {
			samples[i], requests[i], errs[i] = b.pacedRun(ctx, name, i == 1)
		})
	}
	both.Wait()
	var rows [][]string
	for i, name := range names {
		s := samples[i]
		if errs[i] != nil {
			return fmt.Errorf("%s: %w", name, errs[i])
		}
		rows = append(rows, []string{
			name, count(requests[i]), count(s.Records), figure(s.Wall.Seconds()),
			figure(float64(s.Records) / s.Wall.Seconds()), figure(s.CPU.Seconds()),
		})
		b.report.Rows = append(b.report.Rows, progress{Name: name, Points: s.Progress})
	}
	b.report.section("paced", table([]string{"at 5 requests a second", "requests", "rows", "seconds", "rows/s", "seconds of CPU"}, rows))
	used := float64(requests[0]) / samples[0].Wall.Seconds() / 5 * 100
	b.report.atLeast("5 requests a second: % of the rate used", used, 95)
	return nil
}

// pacedRun reads everything on a site of its own.
func (b *bench) pacedRun(ctx context.Context, name string, plain bool) (sample, int, error) {
	site, err := startSite(ctx, "-scaled", strconv.Itoa(pacedPages), "-latency", "100ms")
	if err != nil {
		return sample{}, 0, err
	}
	defer site.close()
	p, err := b.sub(strconv.FormatBool(plain)).tap(name, site.url, run{
		streams: stream.Names(), settings: map[string]any{"requests_per_second": 5}, plain: plain,
	})
	if err != nil {
		return sample{}, 0, err
	}
	s, err := measure(ctx, p)
	if err != nil {
		return s, 0, err
	}
	b.say("paced: %s: %d rows in %.0f s", name, s.Records, s.Wall.Seconds())
	paths, err := site.recorded(ctx, "")
	return s, len(paths), err
}

// point is how many records there were after some time.
type point struct {
	After   time.Duration
	Records int
}

// progress is how a run went on.
type progress struct {
	Name   string
	Points []point
}

// note adds a point to a run's progress, a few a second.
func (s *sample) note(begin time.Time) {
	const every = 500 * time.Millisecond
	after := time.Since(begin)
	if n := len(s.Progress); n == 0 || after-s.Progress[n-1].After >= every {
		s.Progress = append(s.Progress, point{after, s.Records})
	}
}

package tap

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/engine"
)

const (
	redrawEvery  = 500 * time.Millisecond // on a terminal
	reportEvery  = 30 * time.Second       // in a log
	measureAfter = 10 * time.Second       // a sync that ends sooner needs no estimate
)

// progress shows the progress of a sync: bars on a terminal, a line every half minute in a log.
type progress struct {
	session *session
	run     *engine.Run
	started time.Time
	stop    func()
	metrics map[string]int64 // rows told per stream
}

func startProgress(ctx context.Context, s *session, run *engine.Run, started time.Time) *progress {
	p := &progress{session: s, run: run, started: started, metrics: map[string]int64{}}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() { p.measure(ctx) })
	wait.Go(func() { p.show(ctx) })
	p.stop = func() {
		cancel()
		wait.Wait()
	}
	return p
}

// measure has the rows of walks counted: those of the first plan, and of later ones.
func (p *progress) measure(ctx context.Context) {
	tick := time.NewTicker(measureAfter)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.run.Measure(ctx)
		}
	}
}

// show shows how the sync goes until it is over.
func (p *progress) show(ctx context.Context) {
	redraw, report := time.NewTicker(redrawEvery), time.NewTicker(reportEvery)
	defer redraw.Stop()
	defer report.Stop()
	var bars *bars
	if _, mixed := terminal(p.session.program.stdout); p.session.terminal && !mixed {
		bars = newBars(p.session.program.stderr)
		defer bars.stop()
	}
	for {
		select {
		case <-ctx.Done():
			p.countRecords()
			return
		case <-redraw.C:
			if bars != nil {
				bars.update(p.outlook())
			}
		case <-report.C:
			if bars == nil {
				p.report(p.outlook())
			}
			p.countRecords()
		}
	}
}

// outlook is the state of a sync, with an estimate of the rest.
type outlook struct {
	walks          []engine.WalkProgress
	elapsed        time.Duration
	rows, requests int64
	ended, streams int
	// share is the part of the whole that is done, from 0 to 1. left is how long the rest takes. Both
	// are known once every walk is measured.
	share float64
	left  time.Duration
	known bool
}

func (p *progress) outlook() outlook {
	rep := p.run.Report()
	o := outlook{
		walks: p.run.Progress(), elapsed: p.session.program.now().Sub(p.started),
		requests: p.session.client.Stats().Requests, streams: len(rep.Streams),
	}
	for _, s := range rep.Streams {
		o.rows += s.Rows
		if s.Ended {
			o.ended++
		}
	}
	o.estimate()
	return o
}

// estimate estimates the rest of the sync, at as many requests a second as so far.
func (o *outlook) estimate() {
	var left int64
	o.known = len(o.walks) > 0 && o.requests > 0
	for _, p := range o.walks {
		o.known = o.known && (p.Ended || p.Total > 0)
		left += p.Left
	}
	if o.known {
		o.share = min(0.99, float64(o.requests)/float64(o.requests+left)) // the last probe is not counted
		o.left = time.Duration(float64(o.elapsed) * float64(left) / float64(o.requests))
	}
}

// String returns how much is done and how long the rest takes, for people.
func (o *outlook) String() string {
	if !o.known {
		return "reading"
	}
	return fmt.Sprintf("%d%%, about %s left", int(100*o.share), duration(o.left.Seconds()))
}

// report logs how the sync goes.
func (p *progress) report(o outlook) {
	stats := p.session.client.Stats()
	p.session.log.Info(o.String(), "after", o.elapsed.Round(time.Second).String(), "rows", o.rows, "requests", o.requests,
		"per_second", fmt.Sprintf("%.1f", perSecond(o.requests, o.elapsed)), "waited", stats.Waited.Round(time.Second).String(),
		"streams_done", fmt.Sprintf("%d/%d", o.ended, o.streams))
}

// countRecords writes singer-python's METRIC lines for the rows since the last time. They are for
// programs: nobody on a terminal reads them.
func (p *progress) countRecords() {
	if !p.session.lines || p.session.terminal {
		return
	}
	for _, s := range p.run.Report().Streams {
		if n := s.Rows - p.metrics[s.Name]; n > 0 {
			p.metrics[s.Name] = s.Rows
			p.session.log.Info(fmt.Sprintf(`METRIC: {"type":"counter","metric":"record_count","value":%d,"tags":{"endpoint":%q}}`, n, s.Name))
		}
	}
}

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

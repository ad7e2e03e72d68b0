package tap

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/engine"
)

const (
	redrawEvery = time.Second      // on a terminal
	reportEvery = 30 * time.Second // in a log
)

// progress shows how a sync goes: a line that is redrawn on a terminal, a line every half
// minute in a log.
type progress struct {
	session *session
	run     *engine.Run
	started time.Time
	done    chan struct{}
	wait    sync.WaitGroup
	metrics map[string]int64 // rows told per stream
}

func startProgress(s *session, run *engine.Run, started time.Time) *progress {
	p := &progress{session: s, run: run, started: started, done: make(chan struct{}), metrics: map[string]int64{}}
	p.wait.Go(p.loop)
	return p
}

func (p *progress) loop() {
	onTerminal := p.session.terminal
	redraw, report := time.NewTicker(redrawEvery), time.NewTicker(reportEvery)
	defer redraw.Stop()
	defer report.Stop()
	for {
		select {
		case <-p.done:
			if onTerminal {
				p.session.program.stderr.redraw("")
			}
			p.countRecords()
			return
		case <-redraw.C:
			if onTerminal {
				p.session.program.stderr.redraw(p.line())
			}
		case <-report.C:
			if !onTerminal {
				p.session.log.Info(p.line())
			}
			p.countRecords()
		}
	}
}

func (p *progress) stop() {
	close(p.done)
	p.wait.Wait()
}

// line says how the sync goes: what came, at what rate, and which streams are at it.
func (p *progress) line() string {
	rep, stats := p.run.Report(), p.session.client.Stats()
	elapsed := p.session.program.now().Sub(p.started)
	var rows int64
	ended := 0
	var busy []string
	for _, s := range rep.Streams {
		rows += s.Rows
		switch {
		case s.Ended:
			ended++
		case s.Requests > 0 || s.Rows > 0:
			busy = append(busy, fmt.Sprintf("%s %d rows %d requests", s.Name, s.Rows, s.Requests))
		}
	}
	if len(busy) > 4 {
		busy = append(busy[:4], fmt.Sprintf("%d more", len(busy)-4))
	}
	return fmt.Sprintf("%s: %d rows, %d requests (%.1f/s), waited %s for the limit, %d of %d streams done; %s",
		elapsed.Round(time.Second), rows, stats.Requests, perSecond(stats.Requests, elapsed),
		stats.Waited.Round(time.Second), ended, len(rep.Streams), strings.Join(busy, ", "))
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

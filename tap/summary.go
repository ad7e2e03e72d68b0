package tap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/engine"
)

// summarize logs the figures of a sync and, once for each cause, why streams failed. The error is the
// run's.
func (s *session) summarize(ctx context.Context, rep engine.Report, took time.Duration, err error) {
	_, gone := errors.AsType[*emit.OutputError](err)
	s.tellStreams(ctx, rep.Streams, gone)
	for _, f := range rep.Causes() {
		s.failed(f)
	}
	s.tellAudits(rep.Audits)
	for _, skip := range rep.Skipped {
		s.log.Warn(fmt.Sprintf("skipped: %d × %s", skip.Count, skip.Reason))
	}
	var rows int64
	for _, st := range rep.Streams {
		rows += st.Rows
	}
	stats := s.client.Stats()
	s.log.Info(fmt.Sprintf("%s rows in %s: %s requests (%d retries), %.1f MB, %s waited for the site's limits", thousands(rows),
		took.Round(100*time.Millisecond), thousands(stats.Requests), stats.Retries, float64(stats.Bytes)/1e6, stats.Waited.Round(100*time.Millisecond)))
}

// tellStreams logs how many rows each stream had, and how it ended if it is not complete. Gone reports
// whether the reader of stdout is gone.
func (s *session) tellStreams(ctx context.Context, streams []engine.StreamReport, gone bool) {
	if s.program.json {
		var all []any
		for _, st := range streams {
			all = append(all, slog.Group(st.Name, "rows", st.Rows, "requests", st.Requests, "outcome", outcome(st, gone)))
		}
		s.log.Info("streams", all...)
		return
	}
	cells := make([][2]string, len(streams))
	for i, st := range streams {
		cells[i] = [2]string{st.Name, thousands(st.Rows)}
		if what := outcome(st, gone); what != complete {
			cells[i][1] += " " + what
		}
		s.log.Debug("requests of a stream", "stream", st.Name, "requests", st.Requests)
	}
	for _, line := range inColumns(cells, s.width()) {
		s.say(ctx, line)
	}
}

const complete = "complete"

// outcome returns in a word or two how a stream ended.
func outcome(st engine.StreamReport, gone bool) string {
	switch {
	case st.Err != nil:
		return "FAILED"
	case gone && !st.Ended:
		return "not written"
	case st.Skipped:
		return "read earlier"
	case !st.Ended:
		return "not finished"
	}
	return complete
}

// inColumns sets pairs of texts in as many columns as a width takes, from top to bottom. Numbers
// stand at the right of a column, with what follows them.
func inColumns(cells [][2]string, width int) []string {
	const gap = "   "
	left, right := 0, 0
	for _, c := range cells {
		left, right = max(left, len(c[0])), max(right, len(c[1]))
	}
	n := max(1, (width+len(gap))/(left+1+right+len(gap)))
	rows := (len(cells) + n - 1) / n
	lines := make([]string, rows)
	for i, c := range cells {
		if i >= rows {
			lines[i%rows] += gap
		}
		lines[i%rows] += fmt.Sprintf("%-*s %*s", left, c[0], right, c[1])
	}
	return lines
}

// tellAudits logs one line for all shortcuts that an audit found equal, and one for each that differs.
func (s *session) tellAudits(audits []engine.Audit) {
	good, parents := 0, 0
	for _, a := range audits {
		if a.Failed {
			s.log.Warn(fmt.Sprintf("audit of %s: compared on %d parents, FAILED: read again without the shortcut", a.Name, a.Parents))
			continue
		}
		good, parents = good+1, parents+a.Parents
	}
	if good > 0 {
		s.log.Info(fmt.Sprintf("audits: %d shortcuts compared on %d parents in all, no difference", good, parents))
	}
}

// failed logs one cause with the streams that failed for it.
func (s *session) failed(f engine.Failure) {
	msg, name := "stream failed", "stream"
	if len(f.Streams) > 1 {
		msg, name = "streams failed for one cause", "streams"
	}
	args := []any{name, strings.Join(f.Streams, ", ")}
	if len(f.Also) > 0 {
		args = append(args, "also", strings.Join(f.Also, "; "))
	}
	if f.Held != "" {
		args = append(args, "bookmark_held_since", f.Held)
	}
	s.log.Error(msg, append(args, "error", f.Err)...)
}

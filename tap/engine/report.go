package engine

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
)

// Report is what a sync did, or has done so far.
type Report struct {
	Streams []StreamReport
	// Skipped counts what was not read, by reason.
	Skipped []Skip
	// Audits tells which shortcuts were compared with the plain way, a line each.
	Audits []string
}

// StreamReport is what became of one stream.
type StreamReport struct {
	Name     string
	Rows     int64
	Requests int64
	// Err is why the stream failed, nil if it is complete or the run was interrupted before.
	Err   error
	Ended bool
	// CutOff reports whether the run ended before the stream did, Skipped whether an earlier
	// run of the same sync had finished it.
	CutOff, Skipped bool
}

// Skip is one reason for which something was not read, and how often.
type Skip struct {
	Reason string
	Count  int
}

// report counts what a summary tells.
type report struct {
	log *slog.Logger

	mu      sync.Mutex // guards all below
	skipped map[string]int
	audits  map[string]*auditCount
	order   []string // of audits
	warned  map[string]bool
}

type auditCount struct {
	parents int
	failed  bool
}

func newReport(log *slog.Logger) *report {
	return &report{log: log, skipped: map[string]int{}, audits: map[string]*auditCount{}, warned: map[string]bool{}}
}

// skip counts something that is not read.
func (r *report) skip(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped[reason]++
}

// audit counts a comparison of a shortcut with the plain way.
func (r *report) audit(name string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count, known := r.audits[name]
	if !known {
		count = &auditCount{}
		r.audits[name] = count
		r.order = append(r.order, name)
	}
	count.parents++
	count.failed = count.failed || !ok
}

// warnOnce logs a warning once a run.
func (r *report) warnOnce(key, msg string, args ...any) {
	r.mu.Lock()
	told := r.warned[key]
	r.warned[key] = true
	r.mu.Unlock()
	if !told {
		r.log.Warn(msg, args...)
	}
}

func (r *report) figures() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rep Report
	for _, name := range r.order {
		verdict := "nothing missing"
		if r.audits[name].failed {
			verdict = "FAILED: read again without the shortcut"
		}
		rep.Audits = append(rep.Audits, fmt.Sprintf("%s: compared on %d parents, %s", name, r.audits[name].parents, verdict))
	}
	for reason, n := range r.skipped {
		rep.Skipped = append(rep.Skipped, Skip{reason, n})
	}
	slices.SortFunc(rep.Skipped, func(a, b Skip) int { return b.Count - a.Count })
	return rep
}

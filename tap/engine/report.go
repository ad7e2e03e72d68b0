package engine

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/tap-confluence/tap-confluence/tap/client"
)

// Report holds the figures of a sync, at its end or so far.
type Report struct {
	Streams []StreamReport
	// Skipped counts the items that were not read, by reason, the most frequent first.
	Skipped []Skip
	// Audits are the comparisons of shortcuts with the plain way.
	Audits []Audit
}

// Audit is the comparison of one shortcut with the plain way, on some parents. Failed reports whether
// they differed.
type Audit struct {
	Name    string
	Parents int
	Failed  bool
}

// StreamReport says how one stream ended, and counts its rows and requests.
type StreamReport struct {
	Name     string
	Rows     int64
	Requests int64
	// Err says why the stream failed; nil if it did not fail, or not yet.
	Err error
	// Held is the bookmark that stays since the stream failed, empty for none.
	Held  string
	Ended bool
	// CutOff reports whether the run ended before the stream did. Skipped reports whether an earlier
	// run of the sync had finished it.
	CutOff, Skipped bool
}

// Failure is one cause for which one or more streams failed.
type Failure struct {
	// Streams are the failed streams, in the order of the report.
	Streams []string
	// Err is the error of the first of them.
	Err error
	// Also are the hints of the other streams that differ from the hint of Err.
	Also []string
	// Held is the earliest of the streams' bookmarks that stay, empty for none.
	Held string
}

// Causes returns why streams failed. A cause that several streams share comes once.
func (r Report) Causes() []Failure {
	var causes []Failure
	var keys []string
	for _, s := range r.Streams {
		if s.Err == nil {
			continue
		}
		key := causeOf(s.Err)
		i := slices.Index(keys, key)
		if i < 0 {
			i = len(causes)
			keys, causes = append(keys, key), append(causes, Failure{Err: s.Err, Held: s.Held})
		}
		c := &causes[i]
		c.Streams = append(c.Streams, s.Name)
		if hint := hintOf(s.Err); hint != hintOf(c.Err) && !slices.Contains(c.Also, hint) {
			c.Also = append(c.Also, hint)
		}
		if s.Held != "" && (c.Held == "" || s.Held < c.Held) {
			c.Held = s.Held
		}
	}
	return causes
}

// causeOf returns a key for the cause of an error. An error that concerns the account or the network
// has the same key for all requests; any other key holds the request's path.
func causeOf(err error) string {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err.Error()
	}
	cause := fmt.Sprint(e.Kind, e.Status, e.Message)
	switch e.Kind {
	case client.KindNotFound, client.KindVague, client.KindServer, client.KindBadRequest, client.KindCursor, client.KindMalformed, client.KindTooLarge:
		return cause + e.Path
	}
	return cause
}

// hintOf returns an error's hint for the user, empty for none.
func hintOf(err error) string {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Hint
	}
	return ""
}

// Skip is one reason for which items were not read, and how many.
type Skip struct {
	Reason string
	Count  int
}

// report collects the figures of the summary.
type report struct {
	log *slog.Logger

	mu      sync.Mutex // guards all below
	skipped map[string]int
	audits  []Audit
	warned  map[string]bool
}

func newReport(log *slog.Logger) *report {
	return &report{log: log, skipped: map[string]int{}, warned: map[string]bool{}}
}

// skip counts an item that is not read, by reason.
func (r *report) skip(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped[reason]++
}

// audit counts a comparison of a shortcut with the plain way.
func (r *report) audit(name string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.audits, func(a Audit) bool { return a.Name == name })
	if i < 0 {
		i = len(r.audits)
		r.audits = append(r.audits, Audit{Name: name})
	}
	r.audits[i].Parents++
	r.audits[i].Failed = r.audits[i].Failed || !ok
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
	rep := Report{Audits: slices.Clone(r.audits)}
	for reason, n := range r.skipped {
		rep.Skipped = append(rep.Skipped, Skip{reason, n})
	}
	slices.SortFunc(rep.Skipped, func(a, b Skip) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Reason, b.Reason)) })
	return rep
}

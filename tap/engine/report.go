package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/tap-confluence/tap-confluence/tap/client"
)

// Report is what a sync did, or has done so far.
type Report struct {
	Streams []StreamReport
	// Skipped counts what was not read, by reason.
	Skipped []Skip
	// Audits tells which shortcuts were compared with the plain way.
	Audits []Audit
}

// Audit is the comparison of one shortcut with the plain way, on some parents.
type Audit struct {
	Name    string
	Parents int
	Failed  bool
}

// StreamReport is what became of one stream.
type StreamReport struct {
	Name     string
	Rows     int64
	Requests int64
	// Err is why the stream failed, nil if it is complete or the run was interrupted before.
	Err error
	// Held is the bookmark that stays because the stream failed, empty for none.
	Held  string
	Ended bool
	// CutOff reports whether the run ended before the stream did, Skipped whether an earlier
	// run of the same sync had finished it.
	CutOff, Skipped bool
}

// Failure is one cause for which streams failed.
type Failure struct {
	// Streams are those that it meets, in the table's order.
	Streams []string
	// Err is the error of the first of them.
	Err error
	// Also are other remedies than that of Err: what each of the streams needs, where they differ.
	Also []string
	// Held is the earliest bookmark that stays because of it, empty for none.
	Held string
}

// Causes returns why streams failed: what meets several of them comes once.
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

// causeOf names the cause of an error: what concerns the account or the network, whichever
// request met it; anything else with its request.
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

// hintOf returns what an error says that one can do about it.
func hintOf(err error) string {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Hint
	}
	return ""
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
	audits  []Audit
	warned  map[string]bool
}

func newReport(log *slog.Logger) *report {
	return &report{log: log, skipped: map[string]int{}, warned: map[string]bool{}}
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
	slices.SortFunc(rep.Skipped, func(a, b Skip) int { return b.Count - a.Count })
	return rep
}

// Package emit is the only owner of stdout: it frames records, states and statuses as
// Singer or as Airbyte messages, one JSON object a line.
package emit

import (
	"fmt"
	"io"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// Sink writes one protocol's messages. All methods may be called from several goroutines.
// An error is an *OutputError: stdout is gone, and nothing that follows will be written.
type Sink interface {
	// Open writes what comes before everything else.
	Open(streams []catalog.Selection) error
	// Frame appends what stands before and after a record's JSON object on its line, the line
	// feed included. A version of 0 means that the stream has none.
	Frame(prefix, suffix []byte, stream string, at time.Time, version int64) (_, _ []byte)
	// Records takes n whole lines made with Frame. They are written within a moment, and before
	// anything that comes after them.
	Records(stream string, lines []byte, n int) error
	// State writes the state after everything written so far; changed names the streams
	// whose entries are to be told to a protocol that tells them one by one.
	State(s *state.State, changed []string) error
	// Status tells where a stream is.
	Status(stream string, s Status) error
	// Failed tells that a stream (or, with an empty name, the run) failed.
	Failed(stream string, f Failure) error
	// ActivateVersion tells that the records of that version are the whole table.
	ActivateVersion(stream string, version int64) error
}

// Status is a stream's status.
type Status string

// The statuses of a stream, by Airbyte's names.
const (
	Started    Status = "STARTED"
	Running    Status = "RUNNING"
	Complete   Status = "COMPLETE"
	Incomplete Status = "INCOMPLETE"
)

// Failure is why a stream failed.
type Failure struct {
	// Message is for people: what happened and what to do.
	Message string
	// Type is ConfigError, TransientError or SystemError.
	Type FailureType
}

// FailureType sorts failures as Airbyte does.
type FailureType string

// The kinds of failure: the settings must be changed, it may pass, or neither.
const (
	ConfigError    FailureType = "config_error"
	TransientError FailureType = "transient_error"
	SystemError    FailureType = "system_error"
)

// OutputError says that stdout can't be written any more.
type OutputError struct{ Err error }

// Error returns the cause as one line.
func (e *OutputError) Error() string {
	return fmt.Sprintf("writing to stdout: %v: what reads the output is gone, or its disk is full", e.Err)
}

// Unwrap returns the cause.
func (e *OutputError) Unwrap() error { return e.Err }

// Out is stdout with a lock. The first error stays: a line that was cut is never followed
// by another.
type Out struct {
	mu      Lock
	w       io.Writer
	err     error
	waiting []byte // whole lines that are not written yet
	due     *time.Timer
}

const (
	// patience is how long lines wait for others at most.
	patience = 100 * time.Millisecond
	// enough is how many bytes are written without waiting for more.
	enough = 64 << 10
)

// NewOut returns an Out over stdout.
func NewOut(w io.Writer) *Out { return &Out{mu: NewLock(), w: w} }

// Write writes whole lines at once, behind those that wait.
func (o *Out) Write(lines []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush()
	o.put(lines)
	return o.err
}

// Add takes whole lines that may wait a moment, so that those of many small answers are written
// together.
func (o *Out) Add(lines []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting)+len(lines) > enough {
		o.flush()
	}
	if len(lines) > enough {
		o.put(lines)
		return o.err
	}
	if o.waiting = append(o.waiting, lines...); o.due == nil {
		o.due = time.AfterFunc(patience, func() { _ = o.Write(nil) }) // who comes next is told the error
	}
	return o.err
}

// flush writes what waits; the caller holds the lock.
func (o *Out) flush() {
	if o.due != nil {
		o.due.Stop()
		o.due = nil
	}
	o.put(o.waiting)
	o.waiting = o.waiting[:0]
}

// put writes lines, unless stdout is gone; the caller holds the lock.
func (o *Out) put(lines []byte) {
	if len(lines) == 0 || o.err != nil {
		return
	}
	if _, err := o.w.Write(lines); err != nil {
		o.err = &OutputError{err}
	}
}

package main

import (
	"io"
	"os"
	"sync/atomic"
	"time"
)

// patience is how long a stopped run may take while nothing of it reaches its reader, before it is
// ended as it is. A reader that is slow, but reads, gets all that is on its way: half a line, and
// no last state, would be lost on it.
const patience = 5 * time.Second

// output is stdout, and tells when it last took something.
type output struct {
	w    io.Writer
	last atomic.Int64 // nanoseconds since 1970
}

// piece is how many bytes are written at once: as many as a pipe holds, which a slow reader takes
// in a moment.
const piece = 64 << 10

// Write writes in pieces, since a write to a pipe returns only when its reader has made room for
// all of it.
func (o *output) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		var m int
		m, err = o.w.Write(b[:min(piece, len(b))])
		o.last.Store(time.Now().UnixNano())
		n, b = n+m, b[m:]
	}
	return n, err
}

// Fd is the descriptor of the file that is written to, so that it can be asked whether it is a
// terminal; none for anything else.
func (o *output) Fd() uintptr {
	if f, ok := o.w.(*os.File); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

// idle is for how long stdout has taken nothing since a time.
func (o *output) idle(since time.Time) time.Duration {
	if last := time.Unix(0, o.last.Load()); last.After(since) {
		since = last
	}
	return time.Since(since)
}

// await waits for the end of a run that was stopped by a signal, and returns the one to die of: the
// first, once stdout has taken nothing for some time, or another that comes later than that. Within
// that time others are the same one again: timeout sends two, a shell one to each process.
func await(first os.Signal, signals <-chan os.Signal, out *output) os.Signal {
	began := time.Now()
	tick := time.NewTicker(patience / 50)
	defer tick.Stop()
	for {
		select {
		case s := <-signals:
			if time.Since(began) > patience {
				return s
			}
		case <-tick.C:
			if out.idle(began) > patience {
				return first
			}
		}
	}
}

package engine

import (
	"errors"
	"fmt"
	"sync"

	"github.com/tap-confluence/tap-confluence/tap/client"
)

const (
	// After alikeMost failures of one sort in a row, a stream's requests are no longer retried.
	alikeMost = 100
	// namedMost is the number of failures that an error names.
	namedMost = 3
)

// failures collects what could not be read of one stream.
type failures struct {
	mu    sync.Mutex // guards all below
	count int
	first []error
	last  string // the sort of the last failure
	alike int    // how many in a row were of that sort
	good  bool   // something could be read
	// closed reports whether the site's words refuse the route to the account, so that nothing
	// more is asked. What requests under way still bring does not change that.
	closed bool
}

// add notes a failure. The error names what could not be read.
func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.first) < namedMost {
		f.first = append(f.first, err)
	}
	k := client.KindOf(err)
	sort := sortOf(err)
	if sort != f.last {
		f.last, f.alike = sort, 0
	}
	f.alike++
	f.closed = f.closed || f.alike >= alikeMost && (k == client.KindScope || k == client.KindGone)
}

// succeeded notes that something could be read.
func (f *failures) succeeded() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.good, f.alike = true, 0
}

// forgive forgets the failures if nothing could be read, for one reason of that kind, and returns
// the first of them.
func (f *failures) forgive(kind func(error) bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == 0 || f.good || f.alike != f.count || !kind(f.first[0]) {
		return nil
	}
	f.count, f.alike = 0, 0
	return f.first[0]
}

// once reports whether so many requests failed alike that retries are a waste.
func (f *failures) once() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed || f.alike >= alikeMost
}

// none reports whether nothing has failed so far.
func (f *failures) none() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count == 0
}

// refused reports whether nothing more is to be asked.
func (f *failures) refused() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// total returns how many failures there were, and one error that names the first few and
// counts all, nil for none.
func (f *failures) total() (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.count == 0:
		return 0, nil
	case f.count == 1:
		return 1, f.first[0]
	case f.count <= len(f.first):
		return f.count, errors.Join(f.first...)
	}
	return f.count, fmt.Errorf("%d failures, the first of them: %w", f.count, errors.Join(f.first...))
}

// isRefusal reports whether the site answered, but not with what was asked for.
func isRefusal(err error) bool { s := statusOf(err); return s >= 400 && s < 600 }

// sortOf tells failures apart by what went wrong, not by the request that met it.
func sortOf(err error) string { return fmt.Sprint(client.KindOf(err), statusOf(err)) }

// statusOf returns an error's HTTP status, 0 for none.
func statusOf(err error) int {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Status
	}
	return 0
}

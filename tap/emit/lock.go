package emit

// Lock is a mutex for what is held while stdout is written, which takes as long as the
// reader wants. It is a channel, since to wait for a sync.Mutex does not count as waiting
// in virtual time (testing/synctest): slow readers could not be tested there.
type Lock chan struct{}

// NewLock returns an open lock.
func NewLock() Lock { return make(Lock, 1) }

// Lock waits until nobody else holds the lock.
func (l Lock) Lock() { l <- struct{}{} }

// Unlock lets the next one in.
func (l Lock) Unlock() { <-l }

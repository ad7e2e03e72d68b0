package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestWorkers gives more tasks than there are workers: so many run at once, all of them in the end,
// and a group waits for its own only.
func TestWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := startWorkers(3)
		defer w.stop()
		var done atomic.Int32
		task := func() {
			<-time.After(time.Second)
			done.Add(1)
		}
		began := time.Now()
		var first, second sync.WaitGroup
		for _, group := range []*sync.WaitGroup{&first, &first, &first, &first, &second} {
			if err := w.do(t.Context(), group, task); err != nil {
				t.Fatal(err)
			}
		}
		first.Wait()
		second.Wait()
		if took := time.Since(began); done.Load() != 5 || took != 2*time.Second {
			t.Errorf("%d tasks of a second done after %s, want 5 after 2 s", done.Load(), took)
		}
	})
}

// TestWorkersBusy gives up waiting for a worker with the context; the group does not wait for what
// was not begun.
func TestWorkersBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := startWorkers(1)
		defer w.stop()
		var group sync.WaitGroup
		if err := w.do(t.Context(), &group, func() { <-time.After(time.Minute) }); err != nil {
			t.Fatal(err)
		}
		stopped := errors.New("stopped")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, stopped)
		defer cancel()
		var none sync.WaitGroup
		if err := w.do(ctx, &none, func() { t.Error("it ran") }); !errors.Is(err, stopped) {
			t.Errorf("error %v", err)
		}
		none.Wait()
		group.Wait()
	})
}

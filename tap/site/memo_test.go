package site

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestMemo asks once, and remembers errors too.
func TestMemo(t *testing.T) {
	t.Parallel()
	var m memo[string, int]
	refused := errors.New("refused")
	asked := map[string]int{}
	ask := func(key string, err error) {
		t.Helper()
		got, gotErr := m.get(t.Context(), key, func(context.Context) (int, error) {
			asked[key]++
			return len(key), err
		})
		if !errors.Is(gotErr, err) || got != len(key) {
			t.Errorf("%s: %d, %v", key, got, gotErr)
		}
	}
	for range 3 {
		ask("a", nil)
		ask("bc", refused)
	}
	if asked["a"] != 1 || asked["bc"] != 1 {
		t.Errorf("asked %v", asked)
	}
}

// TestMemoShares has those who ask at one time wait for one answer.
func TestMemoShares(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var m memo[string, int]
		asked := 0
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				got, err := m.get(t.Context(), "a", func(ctx context.Context) (int, error) {
					asked++
					return 7, wait(ctx, time.Second)
				})
				if got != 7 || err != nil {
					t.Errorf("%d, %v", got, err)
				}
			})
		}
		all.Wait()
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// TestMemoStopped says whom it concerns that an asker is stopped: nobody else.
func TestMemoStopped(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped")
	answer := func(ctx context.Context) (int, error) { return 7, wait(ctx, 10*time.Second) }

	t.Run("the next asker", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var m memo[string, int]
			if _, err := m.get(stoppedAfter(t, time.Second, stopped), "a", answer); !errors.Is(err, stopped) {
				t.Errorf("the one who was stopped got %v", err)
			}
			if got, err := m.get(t.Context(), "a", answer); got != 7 || err != nil {
				t.Errorf("the next one got %d, %v", got, err)
			}
		})
	})
	t.Run("a waiter that is stopped", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var m memo[string, int]
			var asker sync.WaitGroup
			asker.Go(func() {
				if got, err := m.get(t.Context(), "a", answer); got != 7 || err != nil {
					t.Errorf("the asker got %d, %v", got, err)
				}
			})
			synctest.Wait()
			began := time.Now()
			if _, err := m.get(stoppedAfter(t, time.Second, stopped), "a", answer); !errors.Is(err, stopped) {
				t.Errorf("the waiter got %v", err)
			}
			if took := time.Since(began); took != time.Second {
				t.Errorf("the waiter waited %v", took)
			}
			asker.Wait()
		})
	})
	t.Run("a waiter beside an asker that is stopped", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var m memo[string, int]
			var asker sync.WaitGroup
			asker.Go(func() {
				if _, err := m.get(stoppedAfter(t, time.Second, stopped), "a", answer); !errors.Is(err, stopped) {
					t.Errorf("the asker got %v", err)
				}
			})
			synctest.Wait()
			if got, err := m.get(t.Context(), "a", answer); got != 7 || err != nil {
				t.Errorf("the waiter got %d, %v", got, err)
			}
			asker.Wait()
		})
	})
}

// stoppedAfter returns a context that ends after some time for a reason.
func stoppedAfter(t *testing.T, d time.Duration, why error) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, why)
	t.Cleanup(cancel)
	return ctx
}

// wait waits, or returns why the context ended.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

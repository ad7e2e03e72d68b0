package engine

import (
	"context"
	"sync"
)

// perRequest is how many parents are read at once for each request that may be under way. Parents
// beyond the requests cost little, and keep the allowed rate used while others wait for a retry.
const perRequest = 4

// workers are the goroutines that read parents, for all walks of a run. Their number is fixed,
// since a goroutine for each parent would have to grow a stack that a request fits into.
type workers struct {
	tasks chan task
	group sync.WaitGroup
}

// task is something to be run, and the group that it counts in until it is done.
type task struct {
	run   func()
	group *sync.WaitGroup
}

// startWorkers starts n workers.
func startWorkers(n int) *workers {
	w := &workers{tasks: make(chan task)}
	for range n {
		w.group.Go(func() {
			for t := range w.tasks {
				t.run()
				t.group.Done()
			}
		})
	}
	return w
}

// do waits for a free worker and has it run a task, which counts in a group until it is done. The
// error is that of the context.
func (w *workers) do(ctx context.Context, group *sync.WaitGroup, run func()) error {
	group.Add(1)
	select {
	case w.tasks <- task{run, group}:
		return nil
	case <-ctx.Done():
		group.Done()
		return context.Cause(ctx)
	}
}

// stop ends the workers. Nothing may be given to them any more.
func (w *workers) stop() {
	close(w.tasks)
	w.group.Wait()
}

// Command tap-confluence extracts a Confluence Cloud site as a Singer tap and as an Airbyte
// source. See tap-confluence --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tap-confluence/tap-confluence/tap"
)

// lastState is how long a stopped run may take to write its last state.
const lastState = 5 * time.Second

func main() {
	tuneMemory()
	ctx, cancel := context.WithCancelCause(context.Background())
	ignored := signal.Ignored(syscall.SIGINT) // as a script's background job has it
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	tellBrokenPipes()
	died := make(chan os.Signal, 1)
	go func() {
		s := <-signals
		died <- s
		cancel(tap.ErrStopped)
		// More signals are the same one again: timeout sends two, a shell one to each process.
		<-time.After(lastState)
		dieOf(s, ignored)
	}()
	status := tap.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	select {
	case s := <-died:
		dieOf(s, ignored)
	default:
	}
	os.Exit(status)
}

// Command tap-confluence extracts a Confluence Cloud site as a Singer tap and as an Airbyte
// source. See tap-confluence --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/tap-confluence/tap-confluence/tap"
)

func main() {
	tuneMemory()
	ctx, cancel := context.WithCancelCause(context.Background())
	ignored := signal.Ignored(syscall.SIGINT) // as a script's background job has it
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	tellBrokenPipes()
	stdout := &output{w: os.Stdout}
	died := make(chan os.Signal, 1)
	go func() {
		s := <-signals
		died <- s
		cancel(tap.ErrStopped)
		dieOf(await(s, signals, stdout), ignored)
	}()
	status := tap.Run(ctx, os.Args[1:], os.Stdin, stdout, os.Stderr)
	select {
	case s := <-died:
		dieOf(s, ignored)
	default:
	}
	os.Exit(status)
}

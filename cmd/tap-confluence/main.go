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
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	died := make(chan os.Signal, 1)
	go func() {
		s := <-signals
		died <- s
		cancel(tap.ErrStopped)
		select {
		case s = <-signals:
		case <-time.After(lastState):
		}
		dieOf(s)
	}()
	status := tap.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	select {
	case s := <-died:
		dieOf(s)
	default:
	}
	os.Exit(status)
}

// dieOf ends the process the way the signal does, so that the parent sees why. The first
// process of a container has no default action and exits as a shell would tell it.
func dieOf(s os.Signal) {
	n, ok := s.(syscall.Signal)
	if os.Getpid() != 1 && ok {
		signal.Reset(s)
		if syscall.Kill(os.Getpid(), n) == nil {
			<-time.After(lastState) // the signal needs a moment
		}
	}
	os.Exit(128 + int(n))
}

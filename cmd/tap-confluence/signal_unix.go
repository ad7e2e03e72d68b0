//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// tellBrokenPipes makes a write to a pipe that nobody reads an error, which the run can tell, and
// not the end of the process.
func tellBrokenPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// dieOf ends the process the way the signal does, so that the parent sees why. The first
// process of a container has no default action, and a process that was started with SIGINT
// ignored doesn't die of it: both exit as a shell would tell it.
func dieOf(s os.Signal, ignored bool) {
	n, ok := s.(syscall.Signal)
	if os.Getpid() != 1 && ok && !(ignored && n == syscall.SIGINT) {
		signal.Reset(s)
		if syscall.Kill(os.Getpid(), n) == nil {
			<-time.After(lastState) // the signal needs a moment
		}
	}
	os.Exit(128 + int(n))
}

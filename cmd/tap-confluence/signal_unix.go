//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

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

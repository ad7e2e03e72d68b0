package main

import (
	"os"
	"syscall"
)

// tellBrokenPipes does nothing: here a write to a pipe that nobody reads is an error anyway.
func tellBrokenPipes() {}

// dieOf ends the process with the status by which a shell on other systems tells the same:
// 130 for Ctrl-C and Ctrl-Break, 143 for a closed console, a logoff or a shutdown. Windows
// has no signal to die of.
func dieOf(s os.Signal, _ bool) {
	n, _ := s.(syscall.Signal)
	os.Exit(128 + int(n))
}

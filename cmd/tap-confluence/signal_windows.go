package main

import (
	"os"
	"syscall"
)

// dieOf ends the process with the status by which a shell on other systems tells the same:
// 130 for Ctrl-C and Ctrl-Break, 143 for a closed console, a logoff or a shutdown. Windows
// has no signal to die of.
func dieOf(s os.Signal) {
	n, _ := s.(syscall.Signal)
	os.Exit(128 + int(n))
}

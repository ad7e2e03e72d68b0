package main

import (
	"os"
	"runtime/debug"
)

// What the garbage collector is told unless the environment says otherwise (GOGC, GOMEMLIMIT).
const (
	// gcPercent lets the heap grow to five times what is live: a tap at work has a few
	// megabytes of that, and collects a quarter as often for some more.
	gcPercent = 400
	// gcLimit, in bytes, keeps that from counting where answers are large.
	gcLimit = 160 << 20
)

// tuneMemory trades memory for processor time where there is little of it in use.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(gcLimit)
	}
}

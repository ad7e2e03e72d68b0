// Command profiled is the tap with profiles: it takes the tap's arguments and writes, when
// the run ends, cpu, allocs, heap, mutex and block profiles into the directory that the
// environment names as PROFILES. The benchmark takes its
// mutex profile; by hand: PROFILES=. bin/profiled --config config.json | cat >/dev/null.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"

	"github.com/tap-confluence/tap-confluence/tap"
)

func main() {
	dir := os.Getenv("PROFILES")
	if dir == "" {
		fmt.Fprintln(os.Stderr, "profiled: set PROFILES to the directory for the profiles")
		os.Exit(2)
	}
	status, err := run(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "profiled:", err)
		status = 1
	}
	os.Exit(status)
}

// run runs the tap and writes the profiles.
func run(dir string) (status int, err error) {
	runtime.MemProfileRate = 64 << 10
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(10_000)
	cpu, err := os.Create(filepath.Join(dir, "cpu"))
	if err != nil {
		return 0, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return 0, err
	}
	status = tap.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	pprof.StopCPUProfile()
	if err := cpu.Close(); err != nil {
		return status, err
	}
	for _, name := range []string{"allocs", "heap", "mutex", "block"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return status, err
		}
		if err := pprof.Lookup(name).WriteTo(f, 0); err != nil {
			return status, fmt.Errorf("writing the %s profile: %w", name, err)
		}
		if err := f.Close(); err != nil {
			return status, err
		}
	}
	return status, nil
}

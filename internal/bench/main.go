// Command bench measures the tap on the simulated site and prints Markdown tables for
// docs/performance.md. It is to be run in the repository's root, after make has built what it
// measures:
//
//	bench all [-steps NAME,...] [-rounds N] [-docs FILE]   CPU, memory and time of whole processes
//	bench requests [-pages N] [-seed S]                    requests by route
//	bench site ...                                         the site that is measured against
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out, log io.Writer) error {
	if len(args) == 0 {
		return errors.New("usage: bench all, bench requests or bench site, with -h for more")
	}
	switch args[0] {
	case "site":
		return serveSite(ctx, args[1:], os.Stdin, out)
	case "all":
		return measureAll(ctx, args[1:], out, log)
	}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	pages := fs.Int("pages", 10_000, "pages of the simulated site")
	seed := fs.Int64("seed", 1, "seed of the simulated site")
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "requests":
		text, err := requestsByRoute(ctx, *pages, *seed)
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, text)
		return err
	}
	return fmt.Errorf("unknown measurement %q", args[0])
}

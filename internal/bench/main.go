// Command bench measures the tap on the simulated site and prints Markdown tables for
// docs/performance.md. Usage: bench requests [-pages N] [-seed S].
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("usage: bench requests [-pages N] [-seed S]")
	}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	pages := fs.Int("pages", 10_000, "pages of the simulated site")
	seed := fs.Int64("seed", 1, "seed of the simulated site")
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "requests":
		return requests(ctx, out, *pages, *seed)
	}
	return fmt.Errorf("unknown measurement %q", args[0])
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// innerParts are the packages whose own benchmarks belong to the report.
var innerParts = []string{"./internal/rawjson", "./tap/record"}

// inner runs Go's benchmarks of the parts that every row goes through. The text is what
// benchstat compares.
func (b *bench) inner(ctx context.Context) error {
	b.say("inner: go test -bench")
	args := append([]string{"test", "-run=^$", "-bench=.", "-benchmem"}, innerParts...)
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are above
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("running the benchmarks: %w: %s", err, text)
	}
	b.report.section("inner", "```text\n"+string(text)+"```\n")
	return nil
}

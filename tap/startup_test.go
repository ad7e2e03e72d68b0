package tap_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// BenchmarkStartup builds the program once and runs what has to answer at once: tools ask
// for it before every sync.
func BenchmarkStartup(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "tap-confluence")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../cmd/tap-confluence")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"--version"}, {"spec"}, {"--discover"}, {"--about", "--format", "json"}} {
		b.Run(args[0], func(b *testing.B) {
			for b.Loop() {
				if out, err := exec.CommandContext(b.Context(), binary, args...).Output(); err != nil || len(out) == 0 {
					b.Fatalf("%q: %v, %d bytes", args, err, len(out))
				}
			}
		})
	}
}

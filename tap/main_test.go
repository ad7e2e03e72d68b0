package tap_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/tap-confluence/tap-confluence/tap"
)

// TestMain makes the test binary the program, for scripts.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){
		tap.Name: func() {
			os.Exit(tap.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) //nolint:forbidigo // this is main
		},
	})
}

// tests are this package's tests, run without the settings of the developer's environment.
type tests struct{ *testing.M }

// Run runs the tests, and fails if they leave goroutines behind.
func (m tests) Run() int {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "TAP_CONFLUENCE_") {
			if err := os.Unsetenv(name); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
	}
	status := m.M.Run()
	if err := goleak.Find(); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

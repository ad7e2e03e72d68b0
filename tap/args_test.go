package tap_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
)

// TestUnusedOptions refuses an option that the command has no use for. It takes the others, and in
// Singer also a catalog and a state, which Meltano gives to every command.
func TestUnusedOptions(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, simconfluence.Scaled(5, 10))
	singer := f.File(tapfixture.Select("groups"))
	configured := f.File(tapfixture.Configured("full_refresh", "groups"))
	options := map[string][]string{
		"config": {"--config", f.Config()}, "catalog": {"--catalog", singer}, "state": {"--state", f.File(map[string]any{})},
		"select": {"--select", "groups"}, "incremental": {"--incremental"}, "format": {"--format", "json"},
		"version": {"--version"}, "about": {"--about"}, "discover": {"--discover"}, "test": {"--test"},
	}
	config, read := options["config"], []string{"--catalog", configured}
	for _, test := range []struct {
		command string
		args    []string
		takes   string
		refuses string
	}{
		{"a sync", config, "catalog state select", "format"},
		{"--about", []string{"--about"}, "config catalog state format version", "select incremental discover test"},
		{"--discover", []string{"--discover"}, "config catalog state version", "select incremental format test"},
		{"--test", append([]string{"--test"}, config...), "catalog state version", "select incremental format"},
		{"--version", []string{"--version"}, "config catalog state select incremental format about discover test", ""},
		{"plan", append([]string{"plan"}, config...), "catalog state select incremental format", "version about discover test"},
		{"spec", []string{"spec"}, "", "config catalog state"},
		{"check", append([]string{"check"}, config...), "", "catalog state"},
		{"discover", append([]string{"discover"}, config...), "", "catalog state"},
		{"read", slices.Concat([]string{"read"}, config, read), "state", ""},
	} {
		for name, option := range options {
			takes, refuses := slices.Contains(strings.Fields(test.takes), name), slices.Contains(strings.Fields(test.refuses), name)
			if !takes && !refuses {
				continue // it is there already, it makes another command, or the verb does not know it
			}
			r := f.Text(slices.Concat(test.args, option)...)
			told := "--" + name + " does not go with " + test.command + ": leave it out"
			if refuses && (r.Status != tap.ExitUsage || len(r.Stdout) > 0 || !strings.Contains(r.Stderr, told)) || takes && r.Status != tap.ExitDone {
				t.Errorf("%s with --%s: status %d, %s", test.command, name, r.Status, r.Stderr)
			}
		}
	}
}

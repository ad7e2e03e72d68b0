package engine_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// quotedID finds ids that are written as text though they are numbers.
var quotedID = regexp.MustCompile(`("[a-zA-Z]*[iI]d":)"(\d+)"`)

// TestNumericIDs reads a site that sends ids as numbers, wherever they stand: each counts as its
// text, and every record is the same.
func TestNumericIDs(t *testing.T) {
	t.Parallel()
	names := slices.Concat(stream.Names(), stream.ExtraNames())
	for _, settings := range []map[string]any{{"extra_streams": "all"}, {"extra_streams": "all", "exclude_space_keys": []string{"NONE"}}} {
		virtual(t, shown(3, 30), func(t *testing.T, f *tapfixture.Fixture) {
			want := reads(t, f.With(settings), false, names...).run()
			f.Site.SetFaults(simconfluence.Rewrite(func(body []byte) []byte {
				return quotedID.ReplaceAll(body, []byte("$1$2"))
			}))
			c := reads(t, f.With(settings), false, names...)
			got := c.run()
			for _, name := range names {
				for key, record := range want.rows[name] {
					if string(got.rows[name][key]) != string(record) {
						t.Errorf("%s %s is %s, want %s", name, key, got.rows[name][key], record)
						break
					}
				}
				if len(got.rows[name]) != len(want.rows[name]) || c.entry(name).Plain {
					t.Errorf("%s: %d rows, want %d; plain %v", name, len(got.rows[name]), len(want.rows[name]), c.entry(name).Plain)
				}
			}
		})
	}
}

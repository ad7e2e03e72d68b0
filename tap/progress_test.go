package tap_test

import (
	"regexp"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

var reported = regexp.MustCompile(`(?m)^INFO (\S+ \S+) (reading|(\d+)%, about (.+) left) \[after=(\S+) rows=\d+ requests=(\d+) per_second=(\d\.\d) waited=\S+ streams_done=\d+/\d\]$`)

// TestProgressInLog reports every half minute how much of a sync is done, and about how long the
// rest takes.
func TestProgressInLog(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(5, 1500)
	o.AllVisible, o.BodyBytes, o.Groups = true, 200, 2500
	for name, test := range map[string]struct {
		picked   string
		settings map[string]any
	}{
		"parents":           {"pages,page_*,!page_*_comments,!page_versions", nil},
		"a list by offsets": {"groups", map[string]any{"page_size": 5}},
	} {
		t.Run(name, func(t *testing.T) {
			f := tapfixture.Virtual(t, o).With(test.settings)
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				r := f.On(t).Text("--config", f.Config(), "--select", test.picked).OK()
				reportsProgress(t, r.Stderr, time.Since(began))
			})
		})
	}
}

// reportsProgress checks the lines of a log that report the progress of a sync.
func reportsProgress(t *testing.T, log string, took time.Duration) {
	t.Helper()
	lines := reported.FindAllStringSubmatch(log, -1)
	if len(lines) != int(took/(30*time.Second)) || len(lines) < 2 {
		t.Fatalf("%d lines in %v:\n%s", len(lines), took, log)
	}
	last := -1
	for i, line := range lines {
		after := time.Duration(i+1) * 30 * time.Second
		if at, err := time.Parse(time.DateTime, line[1]); err != nil || at.Second()%30 != 0 || line[5] != after.String() {
			t.Errorf("after %v: %s", after, line[0])
		}
		percent, err := strconv.Atoi(line[3])
		if want := int(100 * after / took); err != nil || percent < last || percent < want-10 || percent > want+10 {
			t.Errorf("after %v of %v: %s", after, took, line[0])
		}
		last = percent
	}
}

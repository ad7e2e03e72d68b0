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

var reported = regexp.MustCompile(`(?m)^INFO (\S+ \S+) (reading|(\d+)%, about (.+) left) \[after=(\S+) rows=\d+ requests=(\d+) per_second=(\d\.\d) waited=\S+ streams_done=\d+/3\]$`)

// TestProgressInLog reports every half minute how much of a sync is done, and about how long the
// rest takes.
func TestProgressInLog(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(5, 1500)
	o.AllVisible, o.BodyBytes = true, 200
	f := tapfixture.Virtual(t, o)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := f.On(t).Text("--config", f.Config(), "--select", "pages,page_*,!page_*_comments,!page_versions").OK()
		took := time.Since(began)
		lines := reported.FindAllStringSubmatch(r.Stderr, -1)
		if len(lines) != int(took/(30*time.Second)) {
			t.Fatalf("%d lines in %v:\n%s", len(lines), took, r.Stderr)
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
	})
}

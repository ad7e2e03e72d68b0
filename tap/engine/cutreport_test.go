package engine_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// The figures come with -v:
//
//	go test ./tap/engine -run TestWorkRepeated -v

// TestWorkRepeated counts the requests that a kill repeats on a site of a thousand pages, at the
// default limits: those sent until then and those that finish the sync, less those of a sync that
// nobody interrupts. However large the site: what came since the last state, which is due every
// fifteen seconds and waits for its proof behind the requests that are queued, and the parents
// under way. The site may have forgotten its cursors.
func TestWorkRepeated(t *testing.T) {
	t.Parallel()
	const most, average = 180, 110 // requests; twenty seconds are a hundred
	moments := tapfixture.Cut(2, 5)
	o := simconfluence.Scaled(17, 1000)
	o.BodyBytes, o.Attachments, o.Latency = 40, 1000, 300*time.Millisecond
	cases := []struct {
		mode    mode
		refused bool // the site has forgotten its cursors
	}{{mode{}, true}, {mode{}, false}, {mode{airbyte: true}, true}, {mode{airbyte: true}, false}}
	for _, test := range cases[:tapfixture.Cut(1, len(cases))] {
		t.Run(fmt.Sprintf("%s, refused=%v", test.mode, test.refused), func(t *testing.T) {
			t.Parallel()
			paced(t, o, func(t *testing.T, f *tapfixture.Fixture, sent func() []time.Time) {
				written, ends := &noting{}, []time.Time{}
				var out bytes.Buffer
				written.note = func(line []byte) {
					out.Write(line)
					for range bytes.Count(line, []byte("\n")) {
						ends = append(ends, time.Now())
					}
				}
				c := test.mode.client(t, f)
				args := f.SingerArgs(tapfixture.SingerCatalog(c.streams...), nil)
				if c.airbyte {
					args = f.AirbyteArgs(tapfixture.AirbyteCatalog(c.syncID, c.streams...), nil)
				}
				if status := f.Launch(t.Context(), written, &bytes.Buffer{}, args...); status != 0 {
					t.Fatalf("exit status %d", status)
				}
				messages := tapfixture.Parse(t, out.Bytes())
				requests := sent()
				sum := 0
				for i := range moments {
					killed := len(requests) * (2*i + 1) / (2 * moments)
					n := 0
					for n < len(ends) && !ends[n].After(requests[killed-1]) {
						n++
					}
					c := test.mode.client(t, f)
					c.keep(messages[:n])
					if test.refused {
						f.Site.ExpireCursors()
					}
					rest := total(c.run().requests)
					extra := killed + rest - len(requests)
					t.Logf("killed after %d of %d requests: %d repeated, %.2f%%", killed, len(requests), extra, 100*float64(extra)/float64(len(requests)))
					if sum += max(0, extra); extra > most {
						t.Errorf("%d requests are repeated, more than %d", extra, most)
					}
					c.wantWhole(c.rows)
				}
				t.Logf("on average %d requests are repeated, %.2f%%", sum/moments, 100*float64(sum)/float64(moments*len(requests)))
				if sum/moments > average {
					t.Errorf("on average %d requests are repeated, more than %d", sum/moments, average)
				}
			})
		})
	}
}

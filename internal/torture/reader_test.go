package torture

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// mostAhead is how many requests may be sent while one message is being read. With all
// streams at once it was 52 at most here, and 78 on a site of 960 pages: each listing and each
// worker finishes what it is at, and then waits.
const mostAhead = 100

// sluggish is a reader of stdout that takes its time for every message.
type sluggish struct {
	bytes.Buffer
	n    *network
	each time.Duration
	// most is how many requests were sent at most while one message was being read.
	most int
	// sent is how many had been sent after each message.
	sent []int
}

// Write takes one message after another.
func (s *sluggish) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		before := s.n.requests()
		<-time.After(s.each)
		after := s.n.requests()
		s.most = max(s.most, after-before)
		s.sent = append(s.sent, after)
		s.Buffer.Write(line)
	}
	return len(p), nil
}

// TestSluggishReader has a reader that takes a minute for every message, which is days for
// all of them: every row comes, nothing times out or is asked for twice, and no more is read
// of the site than fits between it and the reader.
func TestSluggishReader(t *testing.T) {
	t.Parallel()
	want := truth(t)
	for i, m := range modes {
		if !tapfixture.Torture() && i != 1 {
			continue
		}
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			f := virtual(t)
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				n := newNetwork(simconfluence.New(small()))
				defer n.Close() //nolint:errcheck // it never fails
				out := &sluggish{n: n, each: time.Minute}
				r := syncTo(t, out, f, m, "", n)
				got := rows{}
				twice := got.add(t, r)
				if lost, surplus, spoilt := got.compare(want, stream.Names()); r.Status != 0 || twice+lost+surplus+spoilt > 0 {
					t.Errorf("exit status %d, %d rows twice, %d missing, %d too many, %d spoilt\n%s", r.Status, twice, lost, surplus, spoilt, tail(r.log))
				}
				if strings.Contains(r.log, "trying again") {
					t.Errorf("something was asked for twice\n%s", tail(r.log))
				}
				n.check(t)
				// What was read of the site waits for the reader, and the rest of the site with it.
				half := out.sent[len(out.sent)/2]
				if out.most > mostAhead || half > n.requests()*3/4 {
					t.Errorf("%d requests were sent while one message was read, %d of %d before half of them were", out.most, half, n.requests())
				}
				t.Logf("%d messages in %s; at most %d requests while one was read, %d of %d after half of them",
					len(out.sent), time.Since(begun), out.most, half, n.requests())
			})
		})
	}
}

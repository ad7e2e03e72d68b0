package tap_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// What becomes of a sync whose own process is badly off. Faults of the site and the network
// are in internal/torture, in virtual time.

// binary builds the program once for all tests, beside the test's own binary, with which it
// is removed.
var binary = sync.OnceValues(func() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(own), "built", tap.Name)
	out, err := exec.Command("go", "build", "-o", path, "../cmd/tap-confluence").CombinedOutput()
	if err != nil {
		err = errors.New(string(out))
	}
	return path, err
})

// shell runs a line of sh with the program as $TAP and its arguments as $ARGS. What it
// prints comes back with its exit status.
func shell(t *testing.T, script string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Fatal("these tests need a Unix shell")
	}
	path, err := binary()
	if err != nil {
		t.Fatalf("building the program: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, path}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("it does not end\n%s", errs.String())
	}
	for _, output := range []*bytes.Buffer{&out, &errs} {
		tapfixture.NoSecrets(t, output.Bytes(), tapfixture.Email, tapfixture.Token)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestStdoutGone takes stdout away from the built program in every way that there is: it
// ends soon, and never with 0.
func TestStdoutGone(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, long())
	f.Text("--config", f.Config()).OK()
	whole := f.Site.Total()
	catalog := f.File(tapfixture.Configured("full_refresh", stream.Names()...))
	for name, args := range map[string][]string{
		"Singer":  {"--config", f.Config()},
		"Airbyte": {"read", "--config", f.Config(), "--catalog", catalog},
	} {
		scripts := []struct{ name, script, says string }{
			{"closed at once", `{ "$0" "$@"; echo "status $?" >&2; } | true`, ""},
			{"a pipe to head", `{ "$0" "$@"; echo "status $?" >&2; } | head -n 40 >/dev/null`, ""},
			{"its status when the reader is gone", `{ "$0" "$@"; echo "status $?" >&2; } | head -c 50000 >/dev/null`, ""},
		}
		if runtime.GOOS == "linux" { // no other system has a disk that is always full
			scripts = append(scripts, struct{ name, script, says string }{"a full disk", `"$0" "$@" >/dev/full; echo "status $?"`, "no space left"})
		}
		for _, test := range scripts {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				f.Site.Reset()
				out, errs, _ := shell(t, test.script, args...)
				if !strings.Contains(out+errs, "status ") || strings.Contains(out+errs, "status 0\n") {
					t.Errorf("exit status 0, or none, though nobody reads\n%s", errs)
				}
				if !strings.Contains(errs, test.says) {
					t.Errorf("stderr doesn't say %q:\n%s", test.says, errs)
				}
				if n := f.Site.Total(); n > whole*3/4 {
					t.Errorf("%d requests of %d though nobody reads", n, whole)
				}
			})
		}
	}
}

// TestStderrClosed syncs with the built program without a stderr.
func TestStderrClosed(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	out, _, status := shell(t, `"$0" "$@" 2>&-`, "--config", f.Config())
	if status != 0 {
		t.Errorf("exit status %d", status)
	}
	wantCounts(t, f, out)
}

// pausing takes longer than request_timeout for some writes.
type pausing struct {
	bytes.Buffer
	writes int
}

func (p *pausing) Write(b []byte) (int, error) {
	if p.writes++; p.writes%20 == 5 && p.writes < 70 {
		<-time.After(1200 * time.Millisecond)
	}
	return p.Buffer.Write(b)
}

// TestSlowReader has a reader that now and then takes longer than a request may: nothing is
// taken for a stalled site, nothing asked for twice. The time is not the machine's.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small()).With(map[string]any{"request_timeout": 1, "max_retries": 0})
	config := f.Config()
	out := &pausing{}
	var stderr bytes.Buffer
	var status int
	synctest.Test(t, func(t *testing.T) {
		status = tap.Run(t.Context(), []string{"--config", config}, nil, out, &stderr, tap.OverNetwork(f.Site.Transport()))
	})
	if out.writes < 50 {
		t.Errorf("%d writes: too few for the reader to pause", out.writes)
	}
	f.NoSecrets(out.Bytes(), stderr.Bytes())
	if status != 0 || strings.Contains(stderr.String(), "trying again") {
		t.Fatalf("exit status %d\n%s", status, stderr.String())
	}
	wantCounts(t, f, out.String())
}

// wantCounts wants as many RECORDs of each stream in a Singer run's output as the site has.
func wantCounts(t *testing.T, f *tapfixture.Fixture, stdout string) {
	t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(stdout) {
		if rest, ok := strings.CutPrefix(line, `{"type":"RECORD","stream":"`); ok {
			name, _, _ := strings.Cut(rest, `"`)
			counts[name]++
		}
	}
	for name, want := range f.Site.Counts(tapfixture.Scope()) {
		if counts[name] != want {
			t.Errorf("%s: %d records, want %d", name, counts[name], want)
		}
	}
}

// TestLargeBody passes a page of 50 MB with a warning that names it, beside others.
func TestLargeBody(t *testing.T) {
	t.Parallel()
	o := simconfluence.Options{Seed: 3, Spaces: 1, Pages: 12, AllVisible: true, BodyBytes: 300}
	var large atomic.Int64 // the first page that is listed, and one
	o.BodyBytesOf = func(k simconfluence.Kind, i int) int {
		if k == simconfluence.Page && (large.CompareAndSwap(0, int64(i)+1) || large.Load() == int64(i)+1) {
			return 50 << 20
		}
		return -1
	}
	f := tapfixture.New(t, o)
	counter := &lines{}
	var stderr bytes.Buffer
	status := tap.Run(t.Context(), []string{"--config", f.Config(), "--catalog", f.File(tapfixture.Select("pages"))}, nil, counter, &stderr)
	if status != 0 || counter.longest < 50_000_000 {
		t.Fatalf("exit status %d, the longest line has %d bytes\n%s", status, counter.longest, stderr.String())
	}
	if !strings.Contains(stderr.String(), "a very large record") || !strings.Contains(stderr.String(), "id=") {
		t.Errorf("no warning names it:\n%s", stderr.String())
	}
}

// lines measures what is written, and keeps nothing of it.
type lines struct{ n, longest, now int }

func (l *lines) Write(p []byte) (int, error) {
	rest := p
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			l.now += len(rest)
			return len(p), nil
		}
		l.longest, l.now = max(l.longest, l.now+i), 0
		l.n++
		rest = rest[i+1:]
	}
}

var _ io.Writer = (*lines)(nil)

package torture

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// build builds the program as it is released.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tap-confluence")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "../../cmd/tap-confluence")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	return path
}

// counter counts lines and keeps nothing of them.
type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) {
	c.n += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

// highWater returns the most resident memory that a process has had so far, in bytes. What
// wait tells of a child is no use: it begins with the memory of the parent.
func highWater(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kB, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kB, 10, 64)
	if err != nil {
		return 0 // it has ended
	}
	return n << 10
}

// reading is what is read for its memory to be measured.
type reading struct {
	site     simconfluence.Options
	pageSize int
	streams  []string
	environ  []string // beside the usual
}

// resident runs the program and returns the most memory that it had, in bytes.
func resident(t *testing.T, path string, what reading) int64 {
	t.Helper()
	f := tapfixture.New(t, what.site).With(settings()).With(map[string]any{"concurrency": nil, "page_size": what.pageSize, "audit_samples": 0})
	args := f.SingerArgs(tapfixture.Select(what.streams...), nil)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(cmd.Environ(), what.environ...)
	out := &counter{}
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var most int64
	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, highWater(cmd.Process.Pid))
			case <-ended:
				return
			}
		}
	})
	err := cmd.Wait()
	close(ended)
	watch.Wait()
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(stderr.String()))
	}
	if most == 0 {
		t.Fatal("it ended before its memory was looked at")
	}
	pages, attachments := what.site.Pages, what.site.Attachments
	if out.n < (pages+attachments)/2 { // not every item is in a status that is read
		t.Fatalf("%d lines for %d pages and %d attachments", out.n, pages, attachments)
	}
	t.Logf("%d pages, %d attachments: %d lines, %.1f MB resident, %s of processor time %v", pages, attachments, out.n, float64(most)/(1<<20),
		cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), what.environ)
	return most
}

// TestMillionPages reads a million pages and as many attachments within 96 MB, and with
// hardly more than a tenth of them takes. It is for -torture, as TestMemoryLimit is: resident
// memory is measured, and hangs on what else the machine does.
func TestMillionPages(t *testing.T) {
	if !tapfixture.Torture() {
		t.Skip("resident memory is measured with -torture only")
	}
	const bound, margin = 96 << 20, 24 << 20
	const small, large = 100_000, 1_000_000
	path := build(t)
	of := func(pages int) reading {
		return reading{simconfluence.Options{
			Seed: 9, Spaces: 20, Pages: pages, Attachments: pages, AllVisible: true, BodyBytes: 200,
		}, 250, []string{"pages", "child_pages", "attachments"}, nil}
	}
	few, many := resident(t, path, of(small)), resident(t, path, of(large))
	if many > bound || many > few+margin {
		t.Errorf("%d MB resident for %d pages, %d MB for %d", few>>20, small, many>>20, large)
	}
}

// TestMemoryLimit reads answers of 10 MB each, with a garbage collector that is told to be
// lazy: GOMEMLIMIT is kept to, but for what the runtime does not count.
func TestMemoryLimit(t *testing.T) {
	if !tapfixture.Torture() {
		t.Skip("resident memory is measured with -torture only")
	}
	const limit, uncounted = 60 << 20, 30 << 20
	path := build(t)
	large := reading{simconfluence.Options{Seed: 9, Spaces: 4, Pages: 200, AllVisible: true, BodyBytes: 400_000}, 25, []string{"pages"}, []string{"GOGC=400", "GOMEMLIMIT=off"}}
	free := resident(t, path, large)
	large.environ = append(large.environ, "GOMEMLIMIT=60MiB")
	if bound := resident(t, path, large); bound > limit+uncounted || bound >= free {
		t.Errorf("%d MB resident with GOMEMLIMIT=60MiB, %d MB without", bound>>20, free>>20)
	}
}

// TestStoppedForAWhile stops the whole process for longer than a request may take, twice, and
// lets it go on: it brings every row. It tries again often enough for a slow machine, on which
// answers take longer than that, too.
func TestStoppedForAWhile(t *testing.T) {
	path, pause := build(t), 1500*time.Millisecond
	if tapfixture.Torture() {
		pause = time.Minute
	}
	o := small()
	o.Latency = 10 * time.Millisecond
	f := tapfixture.New(t, o).With(settings()).With(map[string]any{"concurrency": nil, "request_timeout": 1, "max_retries": 100})
	cmd := exec.CommandContext(t.Context(), path, f.SingerArgs(nil, nil)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, n := range []int64{60_000, 200_000} {
		if _, err := io.CopyN(&all, stdout, n); err != nil {
			t.Fatalf("reading %d bytes: %v\n%s", n, err, stderr.String())
		}
		for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if signal == syscall.SIGSTOP {
				<-time.After(pause)
			}
		}
	}
	if _, err := io.Copy(&all, stdout); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, tail(stderr.String()))
	}
	f.NoSecrets(all.Bytes(), stderr.Bytes())
	got := map[string]map[string]bool{}
	for _, m := range tapfixture.Parse(t, all.Bytes()) {
		if m.Type == "RECORD" {
			if got[m.Stream] == nil {
				got[m.Stream] = map[string]bool{}
			}
			got[m.Stream][tapfixture.Key(t, m.Stream, tapfixture.Decode(t, m.Record))] = true
		}
	}
	for name, want := range f.Site.Counts(tapfixture.Scope()) {
		if len(got[name]) != want {
			t.Errorf("%s: %d rows of %d", name, len(got[name]), want)
		}
	}
}

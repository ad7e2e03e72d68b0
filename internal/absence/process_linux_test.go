package absence

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// patience is how long a test waits for what should be there at once, on a busy machine.
const patience = time.Minute

// binary builds the program once, beside the test's own binary, with which it is removed.
var binary = sync.OnceValues(func() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(own), "built", "tap-confluence")
	return path, exec.Command("go", "build", "-o", path, "../../cmd/tap-confluence").Run()
})

// slow is a site whose sync takes many seconds.
func slow(t *testing.T) *tapfixture.Fixture {
	t.Helper()
	f := tapfixture.New(t, small())
	f.Site.SetFaults(simconfluence.Delay(20 * time.Millisecond))
	return f.With(map[string]any{"requests_per_second": 5})
}

// sh runs a line of sh with the program as $0 and the settings' file as $1.
func sh(t *testing.T, f *tapfixture.Fixture, script string, more ...string) (stdout, stderr string, status int) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatalf("building the program: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, path, f.Config()}, more...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("it does not end\n%s", errs.String())
	}
	f.NoSecrets(out.Bytes(), errs.Bytes())
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestTwoSignals (row 23): two signals within five seconds are one. All lines are whole, and the
// last one is a state, though the reader is slow.
func TestTwoSignals(t *testing.T) {
	t.Parallel()
	f := slow(t)
	fifo := filepath.Join(t.TempDir(), "stdout")
	// timeout sends its signal to the program and to the group that both are in.
	stdout, stderr, _ := sh(t, f, `mkfifo "$2"; (sleep 1; cat "$2") & "$0" --config "$1" > "$2" & p=$!; sleep 2; kill -TERM $p; kill -TERM $p; kill -INT $p; wait`, fifo)
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if !strings.HasSuffix(stdout, "}\n") || !strings.HasPrefix(lines[len(lines)-1], `{"type":"STATE"`) {
		t.Errorf("stdout ends with %.300s\n%s", lines[len(lines)-1], tail(stderr))
	}
}

// TestSlowReader (row 23): a reader that takes longer than five seconds for what is on its way gets
// it, and the last state.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	o := small()
	o.BodyBytes = 30_000
	f := tapfixture.New(t, o)
	cmd := exec.CommandContext(t.Context(), path, "--config", f.Config())
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var all []byte
	tick := time.NewTicker(60 * time.Millisecond)
	defer tick.Stop()
	for stopped := false; ; <-tick.C {
		buf := make([]byte, 8<<10)
		n, err := pipe.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			break
		}
		if !stopped && bytes.Contains(all, []byte(`"type":"RECORD"`)) {
			stopped = true
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it dies of the signal
	lines := bytes.Split(bytes.TrimSuffix(all, []byte("\n")), []byte("\n"))
	if !bytes.HasSuffix(all, []byte("}\n")) || !bytes.HasPrefix(lines[len(lines)-1], []byte(`{"type":"STATE"`)) {
		t.Errorf("stdout ends with %.300s after %v\n%s", lines[len(lines)-1], time.Since(began), tail(stderr.String()))
	}
	t.Logf("%d bytes in %v", len(all), time.Since(began))
}

// TestIgnoredInterrupt (row 24): a program that was started with SIGINT ignored, as a background
// job of a script, ends of one at once.
func TestIgnoredInterrupt(t *testing.T) {
	t.Parallel()
	f := slow(t)
	if _, err := binary(); err != nil { // which takes its time
		t.Fatal(err)
	}
	began := time.Now()
	_, stderr, status := sh(t, f, `trap '' INT; "$0" --config "$1" > /dev/null & p=$!; sleep 1; kill -INT $p; wait $p`)
	if took := time.Since(began); status != 128+int(syscall.SIGINT) || took > 5*time.Second {
		t.Errorf("status %d after %v\n%s", status, took, tail(stderr))
	}
}

// TestNotWritten (row 25): a reader that is gone, and a full disk, are told on stderr, and no
// stream is said to be complete that was not written.
func TestNotWritten(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"dead target":         `"$0" --config "$1" | head -c 100 > /dev/null; exit 1`,
		"full disk":           `"$0" --config "$1" > /dev/full`,
		"full disk, Airbyte":  `"$0" read --config "$1" --catalog "$2" > /dev/full`,
		"dead target, status": `mkfifo "$1.fifo"; head -c 100 "$1.fifo" > /dev/null & "$0" --config "$1" > "$1.fifo"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := small()
			o.BodyBytes = 20_000 // more than a pipe holds
			f := tapfixture.New(t, o)
			_, stderr, status := sh(t, f, script, f.File(tapfixture.Configured("full_refresh", "pages", "spaces")))
			if status == 0 || !strings.Contains(stderr, "writing to stdout") {
				t.Errorf("status %d\n%s", status, stderr)
			}
			if strings.Contains(name, "full disk") && strings.Contains(stderr, ", complete") {
				t.Errorf("something is complete:\n%s", stderr)
			}
			if name == "full disk" && strings.Count(stderr, "not written") != len(stream.All) {
				t.Errorf("not all streams are not written:\n%s", stderr)
			}
		})
	}
}

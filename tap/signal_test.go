package tap_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// patience is how long a test waits for what should be there at once, on a machine that has
// other things to do. A program that gives up too late is found by make torture, which has
// the machine for itself.
const patience = 2 * time.Minute

// lastState is how long a stopped run may take to write its last state.
func lastState() time.Duration {
	if tapfixture.Torture() {
		return 5 * time.Second
	}
	return patience
}

// TestSignals stops the real program: it writes the last safe state and dies of the signal.
func TestSignals(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatalf("building the program: %v", err)
	}
	p := &built{path}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run("singer "+sig.String(), func(t *testing.T) { t.Parallel(); p.stopSinger(t, sig) })
		t.Run("airbyte "+sig.String(), func(t *testing.T) { t.Parallel(); p.stopAirbyte(t, sig) })
		t.Run("shell "+sig.String(), func(t *testing.T) { t.Parallel(); p.stopUnderShell(t, sig) })
	}
	t.Run("nobody reads", func(t *testing.T) { t.Parallel(); p.stopBlocked(t) })
	t.Run("second signal", func(t *testing.T) { t.Parallel(); p.stopTwice(t) })
	t.Run("stdout closed", func(t *testing.T) { t.Parallel(); p.closeStdout(t) })
}

// built is the program as it is shipped.
type built struct{ binary string }

// slowSite is a site that takes some time for every answer until fast is called.
func slowSite(t *testing.T) (f *tapfixture.Fixture, fast func()) {
	t.Helper()
	f = tapfixture.New(t, simconfluence.Scaled(23, 60))
	f.Site.SetFaults(simconfluence.Delay(15 * time.Millisecond))
	return f, func() { f.Site.SetFaults() }
}

// process is the program under way.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout io.ReadCloser
	stderr bytes.Buffer
	exited chan struct{} // closed when the process is gone
	err    error
}

func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return startInto(t, r, w, name, args...)
}

// startInto starts the program with a pipe for its stdout.
func startInto(t *testing.T, r, w *os.File, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, exited: make(chan struct{})}
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	p.cmd.Stderr = &p.stderr
	p.stdout, p.cmd.Stdout = r, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close() // the process has its own
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may be gone
		<-p.exited
		tapfixture.NoSecrets(t, p.stderr.Bytes(), tapfixture.Email, tapfixture.Token)
		_ = r.Close()
	})
	return p
}

// readUntil reads lines until one satisfies enough, and returns them.
func (p *process) readUntil(r *bufio.Reader, enough func(line string) bool) []byte {
	p.t.Helper()
	var all []byte
	defer func() { tapfixture.NoSecrets(p.t, all, tapfixture.Email, tapfixture.Token) }()
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			p.t.Fatalf("stdout ended too early: %v\n%s", err, p.text())
		}
		all = append(all, line...)
		if enough(string(line)) {
			return all
		}
	}
}

// text is what the process logged; it must be gone.
func (p *process) text() string {
	<-p.exited
	return p.stderr.String()
}

// gone waits until the process is gone, at most for a time, and returns how it ended.
func (p *process) gone(most time.Duration) syscall.WaitStatus {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(most):
		p.t.Fatalf("the process still runs after %v", most)
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		p.t.Fatal("the system does not tell how the process ended")
	}
	return status
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// stop sends a signal in the middle of a sync, when 200 records have come and so many streams
// have told that they STARTED, and returns all of stdout.
func (p *process) stop(sig syscall.Signal, streams int) []tapfixture.Message {
	p.t.Helper()
	r := bufio.NewReader(p.stdout)
	records, started := 0, 0
	before := p.readUntil(r, func(line string) bool {
		switch {
		case strings.HasPrefix(line, `{"type":"RECORD"`):
			records++
		case strings.Contains(line, `"STARTED"`):
			started++
		}
		return records >= 200 && started >= streams
	})
	p.signal(sig)
	after, err := io.ReadAll(r)
	if err != nil {
		p.t.Fatal(err)
	}
	status := p.gone(lastState())
	if !status.Signaled() || status.Signal() != sig {
		p.t.Errorf("the process ended with %v, want death of %v\n%s", status, sig, p.text())
	}
	return tapfixture.Parse(p.t, append(before, after...))
}

func (b *built) stopSinger(t *testing.T, sig syscall.Signal) {
	f, fast := slowSite(t)
	messages := start(t, b.binary, "--config", f.Config()).stop(sig, 0)
	last := messages[len(messages)-1]
	if last.Type != "STATE" {
		t.Fatalf("the last line is %.200s, not a STATE", last.Line)
	}
	fast()
	rest := f.Singer(nil, string(last.State)).OK()
	complete(t, f, messages, rest.Messages)
}

func (b *built) stopAirbyte(t *testing.T, sig syscall.Signal) {
	f, fast := slowSite(t)
	catalog := tapfixture.Configured("full_refresh", stream.Names()...)
	messages := start(t, b.binary, "read", "--config", f.Config(), "--catalog", f.File(catalog)).stop(sig, 5)
	begun, told, since := map[string]bool{}, map[string]string{}, map[string]int{}
	for _, m := range messages {
		switch {
		case m.Type == "RECORD":
			since[m.Stream]++
		case m.Type == "STATE":
			told[m.Stream] = fmt.Sprintf(`{"type":"STREAM","stream":{"stream_descriptor":{"name":%q},"stream_state":%s}}`, m.Stream, m.State)
			since[m.Stream] = 0
		case m.Status == "STARTED":
			begun[m.Stream] = true
		}
	}
	if len(begun) < 5 {
		t.Errorf("only %d streams had begun: too few to mean something", len(begun))
	}
	var states []json.RawMessage
	for name := range begun {
		if told[name] == "" || since[name] > 0 {
			t.Errorf("%s has begun and has no STATE, or records after it: %d", name, since[name])
			continue
		}
		states = append(states, json.RawMessage(told[name]))
	}
	fast()
	rest := f.Airbyte(catalog, states).OK()
	complete(t, f, messages, rest.Messages)
}

// complete fails the test unless two runs together have every row of the site.
func complete(t *testing.T, f *tapfixture.Fixture, runs ...[]tapfixture.Message) {
	t.Helper()
	got := map[string]map[string]bool{}
	for _, messages := range runs {
		for _, m := range messages {
			if m.Type != "RECORD" {
				continue
			}
			if got[m.Stream] == nil {
				got[m.Stream] = map[string]bool{}
			}
			got[m.Stream][tapfixture.Key(t, m.Stream, tapfixture.Decode(t, m.Record))] = true
		}
	}
	for _, name := range stream.Names() {
		missing := 0
		for row := range f.Site.Truth(name, tapfixture.Scope()) {
			if !got[name][strings.Join(row.Key, "/")] {
				missing++
			}
		}
		if missing > 0 {
			t.Errorf("%s: %d rows are missing", name, missing)
		}
	}
}

// stopUnderShell looks at the exit status as a script sees it: 128 and the signal's number.
func (b *built) stopUnderShell(t *testing.T, sig syscall.Signal) {
	f, _ := slowSite(t)
	// The inner shell tells its id and becomes the program.
	script := `sh -c 'echo $$; exec "$0" "$@"' "$0" "$@"; echo "status $?"`
	p := start(t, "sh", "-c", script, b.binary, "--config", f.Config())
	r := bufio.NewReader(p.stdout)
	var id int
	p.readUntil(r, func(line string) bool {
		if id == 0 {
			if _, err := fmt.Sscan(line, &id); err != nil {
				t.Fatal(err)
			}
		}
		return strings.HasPrefix(line, `{"type":"RECORD"`)
	})
	if err := syscall.Kill(id, sig); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("\nstatus %d\n", 128+int(sig)); !bytes.HasSuffix(rest, []byte(want)) {
		t.Errorf("the shell saw %.200q, want %q", rest[max(0, len(rest)-100):], want)
	}
}

// blocked starts a sync whose output nobody reads any more after the first record, and fills
// the pipe to its last byte, so that the program can't write.
func (b *built) blocked(t *testing.T) *process {
	o := simconfluence.Scaled(29, 200)
	o.BodyBytes = 20_000
	f := tapfixture.New(t, o)
	fifo := filepath.Join(t.TempDir(), "stdout")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := startInto(t, r, w, b.binary, "--config", f.Config())
	p.readUntil(bufio.NewReader(r), func(line string) bool { return strings.HasPrefix(line, `{"type":"RECORD"`) })
	fill(t, fifo)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for total, quiet := 0, 0; quiet < 50; { // until its next write, which does not end
		<-tick.C
		if n := f.Site.Total(); n != total {
			total, quiet = n, 0
		} else {
			quiet++
		}
	}
	return p
}

// fill writes into a pipe beside the program until not a byte more goes into it.
func fill(t *testing.T, fifo string) {
	t.Helper()
	fd, err := syscall.Open(fifo, syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd) //nolint:errcheck // nothing is lost
	for size := 4096; size > 0; {
		switch _, err := syscall.Write(fd, make([]byte, size)); {
		case errors.Is(err, syscall.EAGAIN):
			size /= 2
		case err != nil && !errors.Is(err, syscall.EINTR):
			t.Fatal(err)
		}
	}
}

// stopBlocked stops a program that can't write: it gives up after five seconds.
func (b *built) stopBlocked(t *testing.T) {
	p := b.blocked(t)
	at := time.Now()
	p.signal(syscall.SIGTERM)
	status := p.gone(lastState() + 3*time.Second)
	if !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("the process ended with %v", status)
	}
	t.Logf("ended after %v", time.Since(at))
}

// stopTwice stops a program that can't write a second time: within five seconds that is the same
// signal again, and the program dies of the first one.
func (b *built) stopTwice(t *testing.T) {
	p := b.blocked(t)
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		t.Fatalf("the first signal ended a program that can't write its state: %v", p.err)
	case <-time.After(300 * time.Millisecond):
	}
	p.signal(syscall.SIGINT)
	status := p.gone(lastState() + 3*time.Second)
	if !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("the process ended with %v, want death of the first signal", status)
	}
}

// closeStdout closes the pipe in the middle of a sync: the program ends by itself, and not
// as if all were well.
func (b *built) closeStdout(t *testing.T) {
	f, _ := slowSite(t)
	p := start(t, b.binary, "--config", f.Config())
	p.readUntil(bufio.NewReader(p.stdout), func(line string) bool { return strings.HasPrefix(line, `{"type":"RECORD"`) })
	if err := p.stdout.Close(); err != nil {
		t.Fatal(err)
	}
	if status := p.gone(lastState()); status.Exited() && status.ExitStatus() == 0 {
		t.Error("the process ended with status 0 though its output was cut")
	}
}

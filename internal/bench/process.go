package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// program is a process whose cost is measured.
type program struct {
	name string
	argv []string
	env  []string // beside this process's own
	in   []byte   // its stdin
	// records is how many it must write, negative if that doesn't matter.
	records int
	beside  []int // other processes whose CPU is told, too
}

// sample is what one run of a program took. Only the program itself counts: neither the
// site nor whoever reads its output.
type sample struct {
	CPU      time.Duration // user and system
	Wall     time.Duration
	Resident int64         // the most resident memory, in bytes
	Beside   time.Duration // CPU of the processes beside it meanwhile
	Records  int           // record messages on stdout
	Output   int64         // bytes on stdout
	Progress []point       `json:",omitempty"`
}

// measure runs a program to its end, with stdout to a pipe that is read all the time.
func measure(ctx context.Context, p program) (sample, error) {
	var s sample
	var stderr tail
	cmd := exec.CommandContext(ctx, p.argv[0], p.argv[1:]...) //nolint:gosec // what is measured is made here
	cmd.Env = append(cmd.Environ(), p.env...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(p.in), &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return s, err
	}
	before := cpuOf(p.beside)
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return s, err
	}
	ended, peak := make(chan struct{}), make(chan int64)
	go func() { peak <- watch(cmd.Process.Pid, ended) }()
	err = s.drain(stdout, begin)
	s.Progress = append(s.Progress, point{time.Since(begin), s.Records})
	s.Wall = time.Since(begin)
	close(ended)
	s.Resident = <-peak
	if waitErr := cmd.Wait(); err == nil {
		err = waitErr
	}
	if err != nil {
		return s, fmt.Errorf("running %s: %w: %s", p.name, err, stderr.text)
	}
	s.Beside = cpuOf(p.beside) - before
	s.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return s, nil
}

// drain reads a program's output to its end and counts its records.
func (s *sample) drain(r io.Reader, begin time.Time) error {
	b := bufio.NewReaderSize(r, 1<<20)
	begins := true // the next piece begins a line
	for {
		piece, err := b.ReadSlice('\n')
		s.Output += int64(len(piece))
		if begins && isRecord(piece) {
			s.Records++
			s.note(begin)
		}
		begins = err == nil
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// isRecord reports whether a line is a record message, in the spelling of Go or of Python.
func isRecord(line []byte) bool {
	return bytes.HasPrefix(line, []byte(`{"type":"RECORD"`)) || bytes.HasPrefix(line, []byte(`{"type": "RECORD"`))
}

// tail keeps the end of what is written to it.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 2000
	t.text = append(t.text, p...)
	if len(t.text) > most {
		t.text = append([]byte(nil), t.text[len(t.text)-most:]...)
	}
	return len(p), nil
}

// watch returns the most resident memory of a process. It looks at the kernel's own
// high-water mark, since what wait tells of a child begins with the memory of its parent.
func watch(pid int, ended <-chan struct{}) int64 {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var most int64
	for {
		most = max(most, highWater(pid))
		select {
		case <-tick.C:
		case <-ended:
			return most
		}
	}
}

// highWater reads a process's high-water mark, 0 if there is none to be read any more.
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

// cpuOf returns the CPU that running processes have used so far, to a hundredth of a second.
func cpuOf(pids []int) (sum time.Duration) {
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // there is no /proc here
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		for _, at := range []int{11, 12} { // utime and stime, counted from the state
			ticks, err := strconv.Atoi(fields[at])
			if err == nil {
				sum += time.Duration(ticks) * 10 * time.Millisecond
			}
		}
	}
	return sum
}

// site is a running bench site.
type site struct {
	url  string
	cmd  *exec.Cmd
	stop io.Closer // its stdin
}

// startSite starts this program as a site, in a process of its own.
func startSite(ctx context.Context, args ...string) (*site, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &site{cmd: exec.CommandContext(ctx, self, append([]string{"site"}, args...)...)} //nolint:gosec // this program itself
	s.cmd.Stderr = os.Stderr
	if s.stop, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.close()
		return nil, fmt.Errorf("starting the site: %w", err)
	}
	s.url = strings.TrimSpace(line)
	return s, nil
}

// close stops the site.
func (s *site) close() {
	_ = s.stop.Close()
	_ = s.cmd.Wait() // it ends because its stdin does; how is no matter
}

// recorded returns the paths that the site was asked for since this was called last. The
// certificate in the file ca, if any, is trusted.
func (s *site) recorded(ctx context.Context, ca string) ([]string, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(text)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/_bench/recorded", nil)
	if err != nil {
		return nil, err
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // read to its end
	return strings.Fields(string(text)), err
}

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestAwait gives a stopped run five seconds from what its reader took last, and takes further
// signals of these five seconds for the first one.
func TestAwait(t *testing.T) {
	for name, test := range map[string]struct {
		writes, again []time.Duration // since the first signal
		after         time.Duration
		signal        os.Signal
	}{
		"nobody reads":          {nil, nil, 5 * time.Second, syscall.SIGTERM},
		"two signals":           {nil, []time.Duration{0, time.Second, 4900 * time.Millisecond}, 5 * time.Second, syscall.SIGTERM},
		"a slow reader":         {[]time.Duration{2 * time.Second, 6 * time.Second, 10 * time.Second}, nil, 15 * time.Second, syscall.SIGTERM},
		"a slow reader, enough": {[]time.Duration{2 * time.Second, 6 * time.Second, 10 * time.Second}, []time.Duration{time.Second, 8 * time.Second}, 8 * time.Second, syscall.SIGINT},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out, signals := &output{w: io.Discard}, make(chan os.Signal, 2)
				for _, at := range test.writes {
					time.AfterFunc(at, func() { _, _ = out.Write([]byte("x")) })
				}
				for _, at := range test.again {
					time.AfterFunc(at, func() { signals <- syscall.SIGINT })
				}
				began := time.Now()
				got := await(syscall.SIGTERM, signals, out)
				if took := time.Since(began); got != test.signal || took < test.after || took > test.after+patience/10 {
					t.Errorf("%v after %v, want %v after %v", got, took, test.signal, test.after)
				}
			})
		})
	}
}

// limited takes so many bytes.
type limited struct {
	bytes.Buffer
	left int
}

var errFull = errors.New("full")

func (l *limited) Write(b []byte) (int, error) {
	n, err := min(len(b), l.left), error(nil)
	if n < len(b) {
		err = errFull
	}
	l.left -= n
	_, _ = l.Buffer.Write(b[:n])
	return n, err
}

// TestOutput writes everything, or says how much.
func TestOutput(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 10_000)
	all := &limited{left: len(text)}
	if n, err := (&output{w: all}).Write(text); n != len(text) || err != nil || !bytes.Equal(all.Bytes(), text) {
		t.Errorf("%d bytes, error %v", n, err)
	}
	some := &limited{left: 50_000}
	if n, err := (&output{w: some}).Write(text); n != 50_000 || !errors.Is(err, errFull) {
		t.Errorf("%d bytes, error %v", n, err)
	}
}

package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
)

// TestMain lets the test binary be a program that is measured. Tests leave no goroutine behind.
func TestMain(m *testing.M) {
	switch os.Getenv("BENCH_TEST") {
	case "work":
		for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
			continue // it is to use a processor
		}
		_, _ = os.Stdout.WriteString("{\"type\":\"STATE\"}\n{\"type\":\"RECORD\"}\n")
	case "fail":
		_, _ = os.Stderr.WriteString("no luck")
		os.Exit(3)
	default:
		goleak.VerifyTestMain(m)
	}
}

// TestMeasure measures what a program uses and writes, and tells why one failed.
func TestMeasure(t *testing.T) {
	s, err := measure(t.Context(), program{name: "work", argv: []string{os.Args[0]}, env: []string{"BENCH_TEST=work"}})
	if err != nil || s.Records != 1 || s.Output != 35 || s.CPU < time.Millisecond || s.Wall < 50*time.Millisecond {
		t.Errorf("%+v %v", s, err)
	}
	_, err = measure(t.Context(), program{name: "fail", argv: []string{os.Args[0]}, env: []string{"BENCH_TEST=fail"}})
	if err == nil || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("a program that fails gives %v", err)
	}
}

// TestDrain counts records by the beginnings of their lines, however long those are.
func TestDrain(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	text := `{"type":"RECORD","stream":"a` + long + `{"type":"RECORD"` + "\n" + `{"type": "RECORD"}` + "\n" + `{"type":"STATE"}` + "\n" + `{"type":"RECORD"`
	var s sample
	if err := s.drain(strings.NewReader(text), time.Now()); err != nil || s.Records != 3 || s.Output != int64(len(text)) {
		t.Errorf("%d records, %d bytes, %v", s.Records, s.Output, err)
	}
}

// TestSite serves the same answer again without asking the site, tells what it was asked
// for, and ends with its stdin.
func TestSite(t *testing.T) {
	asked := 0
	inner := simconfluence.New(simconfluence.Options{Pages: 30, AllVisible: true})
	p := &prebuilt{left: 1 << 20, answers: map[string]*answer{}, zipped: true, site: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		inner.ServeHTTP(w, r)
	})}
	server := httptest.NewServer(p)
	defer server.Close()
	get := func(path string) string {
		t.Helper()
		res, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", path, res.Status, err)
		}
		return string(text)
	}
	const path = "/wiki/api/v2/pages?limit=5"
	if first, again := get(path), get(path); first != again || !strings.Contains(first, `"results":[{`) || asked != 1 {
		t.Errorf("asked %d times for\n%s\n%s", asked, first, again)
	}
	if got, again := get("/_bench/recorded"), get("/_bench/recorded"); got != path+"\n"+path+"\n" || again != "" {
		t.Errorf("recorded %q, then %q", got, again)
	}
	stdin, stop := io.Pipe()
	ended := make(chan error)
	go func() {
		ended <- serveSite(context.WithoutCancel(t.Context()), []string{"-pages", "3"}, stdin, io.Discard)
	}()
	if err := stop.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the site ended with %v", err)
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestTruth prints the number of rows of every stream.
func TestTruth(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-pages", "40", "-groups", "3", "-truth"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var counts map[string]int
	if err := json.Unmarshal(out.Bytes(), &counts); err != nil {
		t.Fatal(err)
	}
	if len(counts) != len(stream.All) || counts["groups"] != 3 || counts["pages"] < 20 {
		t.Errorf("counts are %v", counts)
	}
}

// TestServe serves a site with credentials until it is told to stop.
func TestServe(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	pr, pw := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-pages", "20", "-email", "a@example.org", "-token", "t"}, pw, io.Discard)
	}()
	line, err := bufio.NewReader(pr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{http.StatusNotFound, http.StatusOK} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSpace(line)+"/wiki/api/v2/pages", nil)
		if err != nil {
			t.Fatal(err)
		}
		if want == http.StatusOK {
			r.SetBasicAuth("a@example.org", "t")
		}
		res, err := new(http.Transport).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("status %d, want %d", res.StatusCode, want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serving ended with %v", err)
	}
}

// TestUsage refuses what it doesn't know.
func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"-pages", "many"}, {"extra"}, {"-addr", "256.0.0.1:99999"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}

package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestFloor asks for every path once, writes the answers where they are wanted, and stops
// at an answer that is an error.
func TestFloor(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusGone)
		}
		_, _ = w.Write([]byte("answer"))
	}))
	defer server.Close()
	var out bytes.Buffer
	f := &floor{out: &out}
	if err := f.run(t.Context(), server.URL, 1, "", strings.NewReader("/a?b=c\n/d\n")); err != nil || f.requests != 2 || f.bytes != 12 || out.String() != "answeranswer" {
		t.Errorf("%v, %d requests, %d bytes, %q", err, f.requests, f.bytes, &out)
	}
	asked.Store(0)
	f = &floor{out: io.Discard} // several workers write at once
	paths := strings.Repeat("/gone\n", 1000)
	if err := f.run(t.Context(), server.URL, 3, "", strings.NewReader(paths)); err == nil || !strings.Contains(err.Error(), "410") || asked.Load() > 100 {
		t.Errorf("after %d requests: %v", asked.Load(), err)
	}
}

package client

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// labelsAnswer is what lists the labels of a page.
var labelsAnswer = []byte(`{"results":[{"id":"1001","name":"runbook","prefix":"global"},{"id":"1002","name":"howto","prefix":"global"}],"_links":{"base":"https://acme.atlassian.net/wiki"}}`)

// instant is a network that takes no time: what is measured is all that stands before it.
type instant struct{}

func (instant) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(labelsAnswer)), ContentLength: int64(len(labelsAnswer)), Request: req,
	}, nil
}

// BenchmarkLayers: the labels of a page beside a bare GET of the same, without a network.
func BenchmarkLayers(b *testing.B) {
	b.Run("bare", func(b *testing.B) { bareGets(b, "https://acme.example", instant{}) })
	b.Run("client", func(b *testing.B) { labelPages(b, "https://acme.example", instant{}) })
}

// BenchmarkLoopback: the same over a connection on this machine; the server's half is in
// both figures.
func BenchmarkLoopback(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(labelsAnswer)
	}))
	defer server.Close()
	b.Run("bare", func(b *testing.B) { bareGets(b, server.URL, &http.Transport{}) })
	b.Run("client", func(b *testing.B) { labelPages(b, server.URL, nil) })
}

// bareGets reads answers with net/http alone, as bench's floor does.
func bareGets(b *testing.B, base string, network http.RoundTripper) {
	client := &http.Client{Transport: network}
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, base+"/wiki/api/v2/pages/4711/labels?limit=250", nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Accept", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

// labelPages reads them as the engine does: a pager for each page's list.
func labelPages(b *testing.B, base string, network http.RoundTripper) {
	cfg := testConfig()
	cfg.SiteURL, cfg.RequestsPerSecond = base, 0
	c, err := New(cfg, Options{Transport: network})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		page, err := c.Pager(Request{Path: "/wiki/api/v2/pages/4711/labels"}, 250).Page(b.Context(), "")
		if err != nil || len(page.Rows) != 2 {
			b.Fatal(err)
		}
		page.Release()
	}
}

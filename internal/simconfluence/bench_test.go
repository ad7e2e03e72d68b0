package simconfluence

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// sink counts the bytes of an answer.
type sinkWriter struct {
	header http.Header
	n      int
}

func (w *sinkWriter) Header() http.Header         { return w.header }
func (w *sinkWriter) WriteHeader(int)             {}
func (w *sinkWriter) Write(b []byte) (int, error) { w.n += len(b); return len(b), nil }

// BenchmarkAnswers measures how quickly the site answers on a large site: it must be far
// quicker than what is measured against it.
func BenchmarkAnswers(b *testing.B) {
	o := Scaled(1, 1_000_000)
	o.BodyBytes = 1500
	s := New(o)
	id := string(s.appendID(nil, Page, 700_000))
	for name, path := range map[string]string{
		"pages":       "/pages?limit=250&body-format=storage&sort=id",
		"changed":     "/pages?limit=250&sort=-modified-date",
		"attachments": "/attachments?limit=250&sort=created-date",
		"comments":    "/footer-comments?limit=250&body-format=storage&sort=created-date",
		"combined":    "/pages/" + id + "?include-labels=true&include-properties=true&include-versions=true",
		"labels":      "/pages/" + id + "/labels",
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, stream.V2+path, nil)
			w := &sinkWriter{header: http.Header{}}
			s.ServeHTTP(w, r)
			w.n = 0
			b.ReportAllocs()
			for b.Loop() {
				s.ServeHTTP(w, r)
			}
			b.SetBytes(int64(w.n / b.N))
		})
	}
}

package record_test

import (
	"net/http/httptest"
	"testing"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap/record"
)

// BenchmarkAnswer makes records of one answer of 250 rows: scan and all.
func BenchmarkAnswer(b *testing.B) {
	o := simconfluence.Scaled(1, 2000)
	o.AllVisible, o.BodyBytes = true, 2800
	site := simconfluence.New(o)
	all, _, err := catalog.Pick(nil, false)
	if err != nil {
		b.Fatal(err)
	}
	for _, sel := range all {
		if sel.Stream.Name != "pages" && sel.Stream.Name != "attachments" {
			continue
		}
		path := "/wiki/api/v2" + sel.Stream.Listing.Route + "?limit=250"
		if sel.Stream.Body {
			path += "&body-format=storage"
		}
		answer := httptest.NewRecorder()
		site.ServeHTTP(answer, httptest.NewRequestWithContext(b.Context(), "GET", path, nil))
		body := answer.Body.Bytes()
		build, err := record.New(sel, false, func(string, ...any) {})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(sel.Stream.Name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				page, err := rawjson.ParsePage(body)
				if err != nil {
					b.Fatal(err)
				}
				buf = buf[:0]
				for _, row := range page.Rows {
					if buf, err = build.Append(buf, row, record.Source{}); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/250, "ns/row")
		})
	}
}

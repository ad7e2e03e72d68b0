package rawjson

import (
	"fmt"
	"strings"
	"testing"
)

// listing makes an answer of n rows, each with a storage body of about size bytes.
func listing(n, size int, paragraph string) []byte {
	var b strings.Builder
	b.WriteString(`{"results":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		body := strings.Repeat(paragraph, size/len(paragraph)+1)
		fmt.Fprintf(&b, `{"parentType":"page","parentId":"%d","spaceId":"1146881","ownerId":"5f0c","lastOwnerId":null,`+
			`"createdAt":"2026-02-03T10:11:12.345Z","authorId":"5f0c","version":{"number":%d,"message":"","minorEdit":false,`+
			`"authorId":"5f0c","createdAt":"2026-02-04T10:11:12.345Z"},"position":%d,"body":{"storage":{"representation":"storage","value":"%s"}},`+
			`"status":"current","title":"Minutes of week %d","id":"%d","_links":{"editui":"/pages/resumedraft.action?draftId=%d",`+
			`"webui":"/spaces/OPS/pages/%d/Minutes","tinyui":"/x/AYAK"}}`, 500+i, i%9+1, i, body, i, 7000+i, 7000+i, 7000+i)
	}
	b.WriteString(`],"_links":{"next":"/wiki/api/v2/pages?limit=250&cursor=eyJpZCI6Ijk5In0=","base":"https://acme.atlassian.net/wiki"}}`)
	return []byte(b.String())
}

const (
	storage  = `<ac:structured-macro ac:name=\"info\" ac:schema-version=\"1\"><p class=\"note\">Deploy on Friday</p></ac:structured-macro>\n`
	cyrillic = `<p>Перед выкладкой проверить журнал</p>\n`
)

func BenchmarkParsePage(b *testing.B) {
	for _, bench := range []struct {
		name string
		body []byte
	}{
		{"storage 2.8kB", listing(250, 2200, storage)},
		{"small 0.6kB", listing(250, 1, "x")},
		{"cyrillic 2.8kB", listing(250, 2200, cyrillic)},
		{"plain 2.8kB", listing(250, 2200, `Nothing here needs an escape, it is only text. `)},
		{"cleaned 2.8kB", append([]byte(" {\n"), listing(250, 2200, storage)[1:]...)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.body)))
			b.ReportAllocs()
			for b.Loop() {
				page, err := ParsePage(bench.body)
				if err != nil || len(page.Rows) != 250 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendQuoted(b *testing.B) {
	v := Value(listing(1, 2200, storage))
	b.SetBytes(int64(len(v)))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = AppendQuoted(dst[:0], v)
	}
}

func BenchmarkMember(b *testing.B) {
	page, err := ParsePage(listing(250, 1, "x"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, row := range page.Rows {
			version, _ := row.Get("version").Object()
			if at, ok := version.Get("createdAt").Text(); !ok || len(at) != 24 {
				b.Fatal(at)
			}
		}
	}
}

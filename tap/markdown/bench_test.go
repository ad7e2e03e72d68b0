package markdown

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// benchBody is shaped like a page of a handbook, of about 40 kB.
var benchBody = []byte(strings.Repeat(`<h2>Deploy the service</h2>`+
	`<p>Before you start, read <a href="https://example.com/a?b=c&amp;d=e">the guide</a> and ask <strong>the owner</strong> of the <em>runbook</em>. `+
	`The window is between 10:00 and 12:00; nothing may be released later &amp; nobody is paged.&nbsp;It takes <ac:structured-macro ac:name="status" `+
	`ac:schema-version="1" ac:macro-id="7d6f"><ac:parameter ac:name="title">half an hour</ac:parameter></ac:structured-macro> at most.</p>`+
	`<ul><li><p>First item with <code>code_a</code></p><ul><li><p>nested, see <ac:link><ri:page ri:content-title="Other page" ri:space-key="OPS" /></ac:link></p></li></ul></li>`+
	`<li><p>second</p></li></ul>`+
	`<table data-layout="default" ac:local-id="f0e1"><colgroup><col style="width: 200.0px;" /><col /></colgroup><tbody><tr><th><p>Name</p></th><th><p>Value</p></th></tr>`+
	`<tr><td><p>a</p></td><td><p>1</p></td></tr><tr><td><p>b_c</p></td><td><p>2 * 3</p></td></tr></tbody></table>`+
	`<ac:structured-macro ac:name="info" ac:schema-version="1"><ac:rich-text-body><p>Some words in a panel</p></ac:rich-text-body></ac:structured-macro>`+
	`<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">go</ac:parameter><ac:plain-text-body><![CDATA[func main() {
	if a < b {
		run(a, b)
	}
}]]></ac:plain-text-body></ac:structured-macro>`, 24))

// shapes are bodies of one kind of markup each.
var shapes = map[string][]byte{
	"page":       benchBody,
	"text":       repeated("<p>", "plain words of text, and more. ", "</p>"),
	"entities":   repeated("<p>", "&nbsp;&ldquo;a&rdquo; &amp; ", "</p>"),
	"styles":     repeated("<p>", "<b>x</b>y ", "</p>"),
	"paragraphs": repeated("", "<p>some words here</p>", ""),
	"lists":      repeated("<ul>", "<li><p>some <code>x</code></p><ul><li>words</li></ul></li>", "</ul>"),
	"links":      repeated("<p>", `<ac:link><ri:page ri:content-title="A b"/></ac:link> `, "</p>"),
	"tables":     repeated("<table>", "<tr><td><p>some</p></td><td>words</td></tr>", "</table>"),
	"blocks":     repeated("<table>", "<tr><td><p>some</p><p>more</p></td><td>words</td></tr>", "</table>"),
	"code":       repeated("<ac:plain-text-body><![CDATA[", "func main() { return }\n", "]]></ac:plain-text-body>"),
}

func repeated(before, unit, after string) []byte {
	return []byte(before + strings.Repeat(unit, 100_000/len(unit)) + after)
}

// BenchmarkConvert converts bodies, and reports how many times as long that takes as to decode
// them with encoding/xml and to do nothing with it. Three times is what a body may take.
func BenchmarkConvert(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		b.Run(name, func(b *testing.B) {
			body := shapes[name]
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Convert(body); err != nil {
					b.Fatal(err)
				}
			}
			own := b.Elapsed() / time.Duration(b.N)
			start := time.Now()
			for range b.N {
				decodeXML(b, string(body))
			}
			b.ReportMetric(float64(own)/float64(time.Since(start)/time.Duration(b.N)), "×xml")
		})
	}
}

func decodeXML(tb testing.TB, body string) {
	d := xml.NewDecoder(strings.NewReader("<body>" + body + "</body>"))
	d.Entity = xml.HTMLEntity
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			tb.Fatal(err)
		}
	}
}

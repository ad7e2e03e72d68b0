package markdown

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// TestLimits shows what isn't converted, and what just still is.
func TestLimits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("<div>", n) + "x" + strings.Repeat("</div>", n) }
	for name, c := range map[string]struct {
		body string
		want error
	}{
		"largest":           {"<p>" + strings.Repeat("x ", (MaxSize-7)/2) + "</p>", nil},
		"too large":         {strings.Repeat("x", MaxSize+1), ErrTooLarge},
		"16 MB":             {strings.Repeat("<p>x</p>", 2<<20), ErrTooLarge},
		"deepest":           {nested(MaxDepth), nil},
		"too deep":          {nested(MaxDepth + 1), ErrTooDeep},
		"10,000 deep":       {nested(10000), ErrTooDeep},
		"unclosed, deep":    {strings.Repeat("<b>", 10000), ErrTooDeep},
		"unclosed, shallow": {strings.Repeat("<p>x<br>", 10000), nil},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := Convert([]byte(c.body))
			if !errors.Is(err, c.want) || (err == nil) != (len(out) > 0) {
				t.Errorf("got %d bytes, %v", len(out), err)
			}
		})
	}
}

// TestReadsHTML converts bodies that aren't well-formed XML.
func TestReadsHTML(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"", ""},
		{"plain text", "plain text"},
		{"a < b & c", "a < b & c"},
		{"<p>one<p>two", "one\n\ntwo"},
		{"<p>one<br>two</p>", "one\\\ntwo"},
		{"<ul><li>one<li>two<ul><li>three</ul></ul>", "- one\n- two\n  - three"},
		{"<table><tr><th>a<th>b<tr><td>c<td>d</table>after", "| a | b |\n| --- | --- |\n| c | d |\n\nafter"},
		{"<p>a <b>b <i>c</b> d</i> e</p>", "a **b _c_** d e"},
		{"</p></div>a</b>", "a"},
		{"<p>text<ul><li>item</ul>after", "text\n\n- item\n\nafter"},
		{"<h2>head<p>text", "## head text"},
		{"<p><img src=x.png alt=one>two", "![one](x.png)two"},
		{"<table><tr><td><b>a</td></b><td>b</td></tr></table>", "| | |\n| --- | --- |\n| **a** | b |"},
		{"<dl><dt>term<dd>meaning<dt>other</dl>", "**term**\n\nmeaning\n\n**other**"},
		{`<ac:structured-macro ac:name="info"><ac:rich-text-body><p>one<p>two</ac:rich-text-body></ac:structured-macro>after`, "> **Info**\n>\n> one\n>\n> two\n\nafter"},
		{`<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[never ended`, "```\nnever ended\n```"},
		{"<p>cut <stro", "cut"},
		{"<!-- a comment --><?xml version='1.0'?><!DOCTYPE html>text", "text"},
		{"<P>UPPER <B>case</B></P>", "UPPER **case**"},
		{"<script>alert('<p>no</p>')</script>yes", "<!-- confluence:script -->\n\nyes"},
	} {
		if got, err := Convert([]byte(c.body)); err != nil || string(got) != c.want {
			t.Errorf("%s\ngives, %v:\n%s\nwant:\n%s", c.body, err, got, c.want)
		}
	}
}

// TestCharacters converts characters that XML, JSON or Markdown doesn't have.
func TestCharacters(t *testing.T) {
	for body, want := range map[string]string{
		"a\x00b":                     "ab",
		"a&#0;b":                     "a\uFFFDb",
		"a&#xD800;b":                 "a\uFFFDb",
		"a\xed\xa0\x80b":             "a\uFFFDb",
		"a\xffb":                     "a\uFFFDb",
		"a\x01\x1b\x7fb":             "ab",
		"a\r\nb\rc\td\f e":           "a b c d e",
		"&nbsp;":                     "",
		"<pre>a\x00b\r\nc</pre>":     "```\nab\nc\n```",
		"a\u2028b":                   "a\u2028b",
		"&lsquo;&#8217;&apos;&#x27;": "‘’''",
		"&unknown; &copy &amp;copy;": "\\&unknown; © \\&copy;",
	} {
		if got, err := Convert([]byte(body)); err != nil || string(got) != want {
			t.Errorf("%q gives %q, %v; want %q", body, got, err, want)
		}
	}
}

// TestSafe converts bodies whose text or addresses want to do something.
func TestSafe(t *testing.T) {
	for _, body := range []string{
		`<a href="javascript:alert(1)">x</a>`, `<a href=" JaVaScRiPt:alert(1)">x</a>`, `<a href="java&#10;script:alert(1)">x</a>`,
		`<a href="&#1;javascript:alert(1)">x</a>`, `<a href="data:text/html,x">x</a>`, `<a href="vbscript:x">x</a>`,
		`<a href="javascript&amp;colon;alert(1)">x</a>`, `<a href="javascript&amp;#58;alert(1)">x</a>`, `<a href="java\script:x">x</a>`,
		`<a href="x) [y](javascript:alert(1)">x</a>`, `<a href="&lt;javascript:x&gt;">x</a>`,
		`<img src="javascript:x" alt="x" onerror="x"/>`, `<ac:image><ri:url ri:value="data:image/png;base64,x"/></ac:image>`,
		`<p onclick="x">&lt;img src=x onerror=alert(1)&gt; &lt;script&gt;</p>`, `<p>[x](javascript:alert(1))</p>`, `<p>&lt;javascript:alert(1)&gt;</p>`,
		`<ac:structured-macro ac:name="x --><script>alert(1)</script>"><ac:parameter ac:name="--!>">--!&gt;&lt;script&gt;</ac:parameter></ac:structured-macro>`,
		`<ac:structured-macro ac:name=">"/>`, `<ac:structured-macro ac:name="->"/>`, `<ac:x ac:a="---&gt;&lt;script&gt;-"/>`,
		`<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">x&#10;` + "```" + `&#10;&lt;script&gt;</ac:parameter><ac:plain-text-body><![CDATA[` + "````\n<script>" + `]]></ac:plain-text-body></ac:structured-macro>`,
		`<iframe src="https://example.com" onload="x"></iframe><object data="x"><p>y</p></object><svg onload="x"><a>z</a></svg>`,
		`<table onclick="x" style="x"><tr><td rowspan="2&quot; onclick=&quot;x" colspan="2">x<br/>y</td></tr></table>`,
		`<p><code>` + "`<script>`" + `</code></p>`, `<td><script>alert(1)</script></td>`,
	} {
		out, err := Convert([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		checkSafe(t, out)
	}
}

// checkSafe fails the test unless the page that the Markdown makes has none but the elements and
// attributes that Markdown itself has, and leads to no program.
func checkSafe(t *testing.T, markdown []byte) {
	t.Helper()
	var page bytes.Buffer
	if err := gfm.Convert(markdown, &page); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&page)
	if err != nil {
		t.Skip("deeper than a browser's tree")
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if _, ok := marksOf[n.Data]; !ok {
			t.Fatalf("the page has an element %s:\n%s", n.Data, markdown)
		}
		for _, a := range n.Attr {
			if !slices.Contains([]string{"href", "src", "alt", "title", "class", "start", "rowspan", "colspan", "checked", "disabled", "type"}, a.Key) {
				t.Fatalf("the page has an attribute %s:\n%s", a.Key, markdown)
			}
			if a.Key == "href" || a.Key == "src" {
				checkTarget(t, a.Val)
			}
		}
	}
}

// checkTarget reads an address as a browser does: without control characters, in lower case.
func checkTarget(t *testing.T, target string) {
	t.Helper()
	plain := strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, target))
	for _, scheme := range []string{"javascript:", "data:", "vbscript:"} {
		if strings.HasPrefix(plain, scheme) {
			t.Errorf("the page leads to %s", target)
		}
	}
}

// TestHostile converts bodies made to take long: what took more than time in proportion to their
// size would take minutes.
func TestHostile(t *testing.T) {
	const size = 500_000
	fill := func(before, unit, after string) string {
		return before + strings.Repeat(unit, (size-len(before)-len(after))/len(unit)) + after
	}
	rep := strings.Repeat
	for name, body := range map[string]string{
		"line breaks":              fill("<p>a", "<br/>", "b</p>"),
		"breaks and comments":      fill("<p>a", "<br/><ac:x/>", "</p>"),
		"styles":                   fill("<p>", "<b>x<i>y</i></b><i>z</i>", "</p>"),
		"pieces of a word":         fill("<p>", "<u>ab</u>", "</p>"),
		"paragraphs in lists":      fill(rep("<ul><li>", 450), "<p>x</p>", rep("</li></ul>", 450)),
		"paragraphs in quotes":     fill(rep("<blockquote>", 900), "<p>x</p>", rep("</blockquote>", 900)),
		"tables in tables":         fill(rep("<table><tr><td>", 300), "<table><tr><td>x</td></tr></table>", rep("</td></tr></table>", 300)),
		"text and tables":          rep("<table><tr><td>"+rep("x ", 1000), 200) + rep("</td></tr></table>", 200),
		"columns of nothing":       "<table><tr>" + rep("<td/>", 30000) + "</tr>" + rep("<tr><td>x</td></tr>", 15000) + "</table>",
		"end tags of nothing":      fill("<td><b><ac:x>"+rep("<span>", 900), "</b>", ""),
		"rules within spans":       fill("<p><ac:x>"+rep("<span>", 900), "<hr>", ""),
		"paragraphs never closed":  fill("", "<p><i>x", ""),
		"underscores":              "a" + rep("_", size) + "b",
		"addresses":                fill("", "https://a.b/_", ""),
		"schemes":                  fill("", "https://", ""),
		"www":                      fill("", "www.*", ""),
		"dashes":                   "<ac:x a='" + rep("-", size) + "'/>",
		"ticks":                    fill("<code>", "`", "</code>"),
		"ticks in code":            fill("<pre>", "`", "</pre>"),
		"hashes":                   fill("<h1>", "#", "</h1>"),
		"sections of CDATA":        fill("<pre><![CDATA[", "]]]]><![CDATA[>", "]]></pre>"),
		"attributes":               fill("<p ", "a='b' ", ">x</p>"),
		"links in links":           fill(rep("<a href='b'>", 900), "x<b>y</b>", rep("</a>", 900)),
		"extensions in extensions": rep("<ac:adf-extension><ac:adf-node><ac:adf-node>", 330),
		"macros in macros":         rep(`<ac:structured-macro ac:name="x"><ac:rich-text-body>`, 490),
		"lists in lists":           fill("<ul>", "<ul/>", "</ul>"),
	} {
		start := time.Now()
		out, err := Convert([]byte(body))
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		if err != nil || len(out) > 60*len(body) {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
}

// FuzzConvert converts anything: it ends, the same way each time, in text that JSON has, and the
// page that the Markdown makes is safe.
func FuzzConvert(f *testing.F) {
	for _, r := range reported {
		f.Add(r.storage)
	}
	f.Fuzz(func(t *testing.T, body string) {
		out, err := Convert([]byte(body))
		if err != nil {
			return
		}
		if again, _ := Convert([]byte(body)); !bytes.Equal(out, again) {
			t.Error("the same body gives other bytes")
		}
		if !utf8.Valid(out) || bytes.IndexByte(out, 0) >= 0 {
			t.Errorf("not text: %q", out)
		}
		checkSafe(t, out)
	})
}

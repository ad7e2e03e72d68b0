package torture

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
)

// mu guards what kinds remember between strikes.
var mu sync.Mutex

// body answers 200 with a text.
func body(contentType, text string) func(http.ResponseWriter, *http.Request, *answer) {
	return fault(simconfluence.Body(contentType, text))
}

// list is the answer of a list.
type list struct {
	Results []json.RawMessage `json:"results"`
	Links   json.RawMessage   `json:"_links"`
}

// hasRows reports whether an answer is a list with rows.
func hasRows(r *http.Request, a *answer) bool {
	var l list
	return json.Unmarshal(a.Body.Bytes(), &l) == nil && len(l.Results) > 0 && r.URL.Query().Has("limit")
}

// firstRow puts something in place of a list's first row.
func firstRow(change func(json.RawMessage) string) func(http.ResponseWriter, *http.Request, *answer) {
	return func(w http.ResponseWriter, r *http.Request, a *answer) {
		var l list
		if err := json.Unmarshal(a.Body.Bytes(), &l); err != nil {
			panic(err) // eligible has parsed it
		}
		text := []string{change(l.Results[0])}
		for _, row := range l.Results[1:] {
			text = append(text, string(row))
		}
		body("application/json", `{"results":[`+strings.Join(text, ",")+`],"_links":`+string(l.Links)+`}`)(w, r, a)
	}
}

// withoutID takes the id out of a row.
func withoutID(row json.RawMessage) string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(row, &fields); err != nil {
		panic(err)
	}
	delete(fields, "id")
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// bomb is a gzip stream of a few kB that unpacks to more than is ever read.
var bomb = sync.OnceValue(func() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(`{"results":[`))
	block := bytes.Repeat([]byte(" "), 1<<20)
	for range 80 {
		_, _ = z.Write(block)
	}
	_, _ = z.Write([]byte(`]}`))
	_ = z.Close()
	return b.String()
})

// gzipCut sends half of the packed answer as if it were all.
func gzipCut(w http.ResponseWriter, r *http.Request, a *answer) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(a.Body.Bytes())
	_ = z.Close()
	simconfluence.Status(200, b.String()[:b.Len()/2], "Content-Encoding: gzip")(w, r, a)
}

// badUTF8 puts bytes that are no UTF-8 into the first title.
func badUTF8(w http.ResponseWriter, r *http.Request, a *answer) {
	body("application/json", strings.Replace(a.body(), `"title":"`, "\"title\":\"\xff\xfe\xc0\xaf", 1))(w, r, a)
}

// huge announces 200 MB.
func huge(w http.ResponseWriter, _ *http.Request, _ *answer) {
	w.Header().Set("Content-Length", strconv.Itoa(200<<20))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(`{"results":[`))
}

// hugeUnknown sends more than is ever read without saying so beforehand.
func hugeUnknown(w http.ResponseWriter, _ *http.Request, _ *answer) {
	block := bytes.Repeat([]byte(" "), 1<<20)
	for range 80 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func bodies() []kind {
	const page = "<!DOCTYPE html><html><head><title>%</title></head><body><h1>%</h1></body></html>"
	html := func(text string) func(http.ResponseWriter, *http.Request, *answer) {
		return body("text/html", strings.ReplaceAll(page, "%", text))
	}
	isTitled := func(r *http.Request, a *answer) bool { return hasRows(r, a) && strings.Contains(a.body(), `"title":"`) }
	return []kind{
		{name: "200, truncated JSON", strike: half(simconfluence.CutShort), overcome: true},
		{name: "200, login page", strike: html("Log in to continue"), overcome: true},
		{name: "200, maintenance page", strike: html("Down for maintenance"), overcome: true},
		{name: "200, a proxy's page", strike: html("Blocked by policy"), overcome: true},
		{name: "503, maintenance page", strike: fault(simconfluence.Status(503, strings.ReplaceAll(page, "%", "maintenance"), "Content-Type: text/html")), overcome: true},
		{name: "200, empty body", strike: body("application/json", ""), overcome: true},
		{name: "204", strike: fault(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			w.WriteHeader(http.StatusNoContent)
			return true
		}), overcome: true},
		{name: "200, results missing", strike: body("application/json", `{"_links":{}}`), eligible: hasRows, rarely: true},
		{name: "200, results null", strike: body("application/json", `{"results":null}`), eligible: hasRows, rarely: true},
		{name: "200, results an object", strike: body("application/json", `{"results":{"id":"1"}}`), eligible: hasRows, rarely: true},
		{name: "200, a list in place of an object", strike: body("application/json", `[]`), rarely: true},
		{name: "200, a row is null", strike: firstRow(func(json.RawMessage) string { return "null" }), eligible: hasRows, rarely: true},
		{name: "200, a row is a string", strike: firstRow(func(json.RawMessage) string { return `"row"` }), eligible: hasRows, rarely: true},
		{name: "200, a row without id", strike: firstRow(withoutID), eligible: hasRows},
		{name: "200, gzip cut short", strike: gzipCut, overcome: true},
		{name: "200, gzip that is none", strike: fault(simconfluence.Status(200, "{}", "Content-Encoding: gzip")), overcome: true},
		{name: "200, gzip bomb", strike: fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			return simconfluence.Status(200, bomb(), "Content-Encoding: gzip")(w, r, next)
		}), eligible: onList, heavy: true},
		{name: "200, 200 MB announced", strike: huge},
		{name: "200, 200 MB for more than five rows", strike: huge, eligible: overFive, overcome: true},
		{name: "200, more than 64 MB unannounced", strike: hugeUnknown, eligible: onList, heavy: true},
		{name: "200, invalid UTF-8", strike: badUTF8, eligible: isTitled, overcome: true, spoils: true},
		{name: "200, nesting of 100,000", strike: body("application/json", strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)), rarely: true},
		{name: "200, nesting of 100,000 in a row", strike: firstRow(func(json.RawMessage) string {
			return `{"id":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_001)
		}), eligible: onRowsV2, rarely: true},
	}
}

func onRowsV2(r *http.Request, a *answer) bool { return onList(r, a) && hasRows(r, a) }

// next rewrites the link to the next page.
func next(f func(r *http.Request, link string) string) func(http.ResponseWriter, *http.Request, *answer) {
	return fault(simconfluence.Next(f))
}

// cursorOf takes the cursor out of a link of the simulated site.
func cursorOf(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		panic(err)
	}
	return u.Query().Get("cursor")
}

// hasNext reports whether a list by cursor goes on after this answer.
func hasNext(r *http.Request, a *answer) bool {
	return onList(r, a) && strings.Contains(a.body(), `"next":"`)
}

func inMiddle(r *http.Request, a *answer) bool { return hasNext(r, a) && r.URL.Query().Has("cursor") }

// withCursor answers with a link of its own around the cursor.
func withCursor(before, after string) func(http.ResponseWriter, *http.Request, *answer) {
	return next(func(_ *http.Request, link string) string { return before + url.QueryEscape(cursorOf(link)) + after })
}

// empty is the beginning of cursors that emptyPage makes.
const empty = "empty."

// emptyPage answers with no rows and a link back to the page that was asked for, which the
// site then gives.
func emptyPage(w http.ResponseWriter, r *http.Request, a *answer) {
	q := r.URL.Query()
	q.Set("cursor", empty+q.Get("cursor"))
	link := strconv.Quote(r.URL.Path + "?" + q.Encode())
	body("application/json", `{"results":[],"_links":{"next":`+link+`}}`)(w, r, a)
}

// longer answers with twice the rows that were asked for.
func longer(w http.ResponseWriter, r *http.Request, a *answer) {
	r = r.Clone(r.Context())
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil {
		panic(err)
	}
	q.Set("limit", strconv.Itoa(2*limit))
	r.URL.RawQuery = q.Encode()
	a.site.ServeHTTP(w, r)
}

// overFive reports whether a request asks for more than five rows.
func overFive(r *http.Request, _ *answer) bool {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	return err == nil && limit > 5
}

// back remembers from which page a cursor was had, and leads back there: a circle of two.
type back struct{ from sync.Map }

// knows notes the page and says whether it was reached from another one by its cursor.
func (b *back) knows(r *http.Request, a *answer) bool {
	if !hasNext(r, a) {
		return false
	}
	var l struct {
		Links struct {
			Next string `json:"next"`
		} `json:"_links"`
	}
	if err := json.Unmarshal(a.Body.Bytes(), &l); err != nil {
		panic(err) // hasNext has seen it
	}
	own := r.URL.Query().Get("cursor")
	b.from.Store(b.key(r, a, cursorOf(l.Links.Next)), own)
	before, ok := b.from.Load(b.key(r, a, own))
	return ok && before != ""
}

func (b *back) key(r *http.Request, a *answer, cursor string) any {
	return [3]any{a.site, r.URL.Path, cursor}
}

func (b *back) strike(w http.ResponseWriter, r *http.Request, a *answer) {
	before, ok := b.from.Load(b.key(r, a, r.URL.Query().Get("cursor")))
	cursor, isText := before.(string)
	if !ok || !isText {
		panic("knows has seen it")
	}
	next(func(r *http.Request, _ string) string { return r.URL.Path + "?cursor=" + url.QueryEscape(cursor) })(w, r, a)
}

// itself answers with a link to the page that was asked for.
func itself() func(http.ResponseWriter, *http.Request, *answer) {
	return next(func(r *http.Request, _ string) string { return r.URL.RequestURI() })
}

func links() []kind {
	redirect := func(to string) func(http.ResponseWriter, *http.Request, *answer) {
		return status(http.StatusFound, 0, "Location: "+to)
	}
	var circle back
	return []kind{
		{name: "next repeated", strike: itself(), eligible: inMiddle},
		{name: "next in a circle", strike: circle.strike, eligible: circle.knows},
		{name: "next to another host", strike: withCursor("https://evil.example/wiki/api/v2/pages?cursor=", ""), eligible: hasNext, overcome: true},
		{name: "next to http", strike: withCursor("http://"+siteName+"/wiki/api/v2/pages?cursor=", ""), eligible: hasNext, overcome: true},
		{name: "next with credentials", strike: withCursor("https://root:secret@evil.example/?cursor=", "#@evil.example"), eligible: hasNext, overcome: true},
		{name: "next without cursor", strike: next(func(r *http.Request, _ string) string { return r.URL.Path + "?limit=20" }), eligible: hasNext},
		{name: "next of 100 kB", strike: withCursor("/wiki/api/v2/pages?x="+strings.Repeat("x", 100<<10)+"&cursor=", ""), eligible: hasNext},
		{name: "redirect to another host", strike: redirect("https://evil.example/wiki")},
		{name: "redirect to http", strike: redirect("http://" + siteName + "/wiki")},
		{name: "redirect to a metadata address", strike: redirect("http://169.254.169.254/latest/meta-data")},
		{name: "redirect in a loop", strike: func(w http.ResponseWriter, r *http.Request, a *answer) {
			redirect("https://"+siteName+r.URL.RequestURI())(w, r, a)
		}, overcome: true},
		{name: "an empty page with a next", strike: emptyPage, eligible: onList, overcome: true},
		{name: "a page longer than asked", strike: longer, eligible: hasNext, overcome: true},
	}
}

package rawjson

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
)

// maxSize is the length of the longest document, in bytes. Cleaning can make it three times
// as long, and offsets have 31 bits.
const maxSize = 1 << 29

// indexer scans a document and indexes its top level and, on a page, the rows.
type indexer struct {
	scanner
	page *Page // nil: no rows are wanted

	top Object
	// found reports whether the page has results.
	found bool
	// shape is what is wrong with the document's shape, empty for nothing.
	shape string
}

// parse indexes one document, after cleaning it if need be.
func (x *indexer) parse(body []byte) error {
	if len(body) > maxSize {
		return &SyntaxError{Offset: maxSize, Problem: "longer than " + strconv.Itoa(maxSize>>20) + " MiB"}
	}
	// Some proxies put a byte order mark in front.
	text := bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))
	if !x.scan(text) {
		x.err.Offset += len(body) - len(text)
		return x.err
	}
	if x.dirty {
		*x = indexer{page: x.page}
		if !x.scan(clean(text)) {
			return x.err // clean made it worse: never, or the fuzz tests would tell
		}
	}
	if x.page != nil && x.shape == "" && !x.found {
		x.shape = `no "results" in ` + excerpt(x.top.Raw())
	}
	if x.shape != "" {
		return &ShapeError{Problem: x.shape}
	}
	return nil
}

// scan indexes b, which is one document, and reports whether it is valid.
func (x *indexer) scan(b []byte) bool {
	x.b = b
	start := skipSpace(b, 0)
	var end int
	switch {
	case start == len(b):
		x.fail(0, "it is empty")
		return false
	case b[start] == '<':
		x.fail(start, "it is HTML or XML: "+excerpt(b[start:]))
		return false
	case b[start] == '{':
		d := &document{}
		if x.page != nil {
			d = &x.page.head
		}
		d.begin(b)
		if end = x.object(d, start, 0, x.page != nil); end >= 0 {
			x.top = d.object(0, start, end)
		}
	default:
		if end = x.value(start, 0); end >= 0 {
			x.shape = kind(b[start:]) + " instead of an object: " + excerpt(b[start:end])
		}
	}
	if end < 0 {
		return false
	}
	if rest := skipSpace(b, end); rest < len(b) {
		x.fail(rest, "more follows the document: "+excerpt(b[rest:]))
		return false
	}
	return true
}

// object scans the object at i and indexes its members in d. In a page's top object it
// indexes the rows, too.
func (x *indexer) object(d *document, i, depth int, page bool) int {
	first := len(d.fields)
	i = x.space(i + 1)
	if i < len(x.b) && x.b[i] == '}' {
		return i + 1
	}
	for more := true; more; {
		start := i
		nameEnd, escaped := x.name(i)
		if nameEnd < 0 {
			return -1
		}
		value := x.colon(nameEnd)
		if value < 0 {
			return -1
		}
		end := 0
		if page && isResults(x.b[start+1:nameEnd-1]) {
			end = x.results(value)
		} else if end = x.value(value, depth+1); end >= 0 {
			d.add(start+1, nameEnd-1, escaped, value, end)
		}
		if end < 0 {
			return -1
		}
		if i, more = x.next(end, '}'); i < 0 {
			return -1
		}
	}
	d.dropRepeated(first)
	return i
}

// isResults reports whether a name, as it stands in the text, means the list of rows.
func isResults(name []byte) bool {
	return string(name) == "results" ||
		bytes.IndexByte(name, '\\') >= 0 && string(appendDecoded(nil, name)) == "results"
}

// usualRows is the most rows for which memory is taken ahead, on the evidence of the first
// row. It is the most that a listing gives at once; more only cost another allocation.
const usualRows = 250

// results scans the list of rows and indexes each. It forgets an earlier list of the same
// document.
func (x *indexer) results(i int) int {
	p := x.page
	x.found, x.shape, p.Rows = true, "", p.Rows[:0]
	if i >= len(x.b) || x.b[i] != '[' {
		end := x.value(i, 1)
		if end >= 0 {
			x.shape = `"results" is ` + kind(x.b[i:]) + ", not a list"
		}
		return end
	}
	i = x.space(i + 1)
	if i < len(x.b) && x.b[i] == ']' {
		return i + 1
	}
	p.doc.begin(x.b)
	for more := true; more; {
		end := x.row(i)
		if end < 0 {
			return -1
		}
		if len(p.Rows) == 1 {
			likely := min((len(x.b)-end)/(end-i)+1, usualRows)
			p.Rows = slices.Grow(p.Rows, likely)
			p.doc.fields = slices.Grow(p.doc.fields, (len(p.doc.fields)+2)*likely)
		}
		if i, more = x.next(end, ']'); i < 0 {
			return -1
		}
	}
	return i
}

// row scans one element of results.
func (x *indexer) row(i int) int {
	p := x.page
	if i < len(x.b) && x.b[i] != '{' {
		end := x.value(i, 2)
		if end >= 0 && x.shape == "" {
			x.shape = fmt.Sprintf(`element %d of "results" is %s, not an object`, len(p.Rows)+1, kind(x.b[i:]))
		}
		return end
	}
	if i >= len(x.b) {
		return x.expected(i, "a value")
	}
	d, first, before := &p.doc, len(p.doc.fields), x.dirty
	x.dirty = false
	end := x.object(d, i, 2, false)
	switch {
	case end < 0:
		return -1
	case x.dirty && !before:
		// Only this row is cleaned, not the answer. If the answer has to be cleaned as a whole,
		// it is scanned again.
		d.fields = d.fields[:first]
		p.Rows = append(p.Rows, cleaned(x.b[i:end]))
	default:
		p.Rows = append(p.Rows, d.object(first, i, end))
	}
	x.dirty = before
	return end
}

// cleaned indexes a cleaned copy of the text of a valid object.
func cleaned(text []byte) Object {
	o, _ := Value(clean(text)).Object() // valid before, and so it is behind
	return o
}

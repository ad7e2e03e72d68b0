// Package rawjson is the record path: it checks one HTTP answer strictly, in one scan, and
// gives out its rows as slices of the answer's own bytes.
//
// Records are not decoded on their way through. A scan proves that the whole document is
// JSON and notes where each row's members lie; callers pick members by name and copy their
// text. Numbers, key order and everything else that decoding could change stay as the site
// sent them.
//
// What a [Value] promises is what line-based clients and their databases need. Rows that
// fall short of it though they are JSON (see [Value]) are rewritten once, into a buffer of
// their own, and so is a whole document with white space around its rows; nothing else is
// ever copied.
package rawjson

import (
	"bytes"
	"iter"
)

// Value is the text of one JSON value; nil means that there is none.
//
// A Value that this package gave out is valid JSON and valid UTF-8, without white space
// between its tokens, and therefore on one line. It has no U+0000 and no unpaired surrogate,
// neither raw nor escaped, and U+0085, U+2028 and U+2029 only as escapes. Where the document
// differed, U+0000 was left out and an unpaired surrogate became U+FFFD.
//
// It shares memory with the document that it is from, and must not be written to.
type Value []byte

// IsNull reports whether there is no value or it is JSON's null.
func (v Value) IsNull() bool { return len(v) == 0 || string(v) == "null" }

// Text returns the decoded string, and false if v is not a JSON string.
func (v Value) Text() (string, bool) {
	if len(v) == 0 || v[0] != '"' {
		return "", false
	}
	s := scanner{b: v}
	end, escaped := s.str(0)
	switch {
	case end != len(v):
		return "", false
	case escaped:
		return string(appendDecoded(make([]byte, 0, len(v)), v[1:end-1])), true
	}
	return string(v[1 : end-1]), true
}

// AsText returns the text of a string, or a number as it is written, and nothing of anything else.
// An id may come either way.
func (v Value) AsText() string {
	if len(v) > 0 && (v[0] == '-' || v[0] >= '0' && v[0] <= '9') {
		return string(v)
	}
	text, _ := v.Text()
	return text
}

// Object indexes the members of an object; it returns false if v is anything else. The cost
// is a scan of v: keep the result rather than asking twice.
func (v Value) Object() (Object, bool) {
	if len(v) == 0 || v[0] != '{' {
		return Object{}, false
	}
	x := indexer{scanner: scanner{b: v}}
	d := &document{body: v, fields: make([]field, 0, 8)}
	if x.object(d, 0, 0, false) != len(v) {
		return Object{}, false
	}
	return d.object(0, 0, len(v)), true
}

// Member returns the value of the member with that name if v is an object, and nil if it is
// none or has no such member. It takes a scan of v and no memory: for one member of a value,
// where [Value.Object] is for several.
func (v Value) Member(name string) (found Value) {
	if len(v) < 2 || v[0] != '{' || v[1] == '}' {
		return nil
	}
	s := scanner{b: v}
	i := s.space(1)
	for more := true; more; {
		start := i
		nameEnd, escaped := s.name(i)
		if nameEnd < 0 {
			return nil
		}
		value := s.colon(nameEnd)
		if value < 0 {
			return nil
		}
		end := s.value(value, 1)
		if end < 0 {
			return nil
		}
		if text := v[start+1 : nameEnd-1]; string(text) == name || escaped && string(appendDecoded(nil, text)) == name {
			found = v[value:end:end]
		}
		i, more = s.next(end, '}')
	}
	return found
}

// Elements yields the elements of an array in order, and nothing for any other value.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if len(v) == 0 || v[0] != '[' {
			return
		}
		s := scanner{b: v}
		i := s.space(1)
		if i < len(v) && v[i] == ']' {
			return
		}
		for more := true; more; {
			end := s.value(i, 1)
			if end < 0 || !yield(v[i:end:end]) {
				return
			}
			i, more = s.next(end, ']')
		}
	}
}

// Objects indexes the elements of an array of objects; it returns false if v is anything else.
// The cost is one scan of v.
func (v Value) Objects() ([]Object, bool) {
	if len(v) == 0 || v[0] != '[' {
		return nil, false
	}
	x := indexer{scanner: scanner{b: v}, page: &Page{}}
	if x.results(0) != len(v) || x.shape != "" {
		return nil, false
	}
	return x.page.Rows, true
}

// Object is an indexed JSON object. The zero Object has no members. It is small and meant to
// be passed by value, and safe for use by several goroutines.
//
// Names are unique: of members with the same name only the last counts, as most decoders
// have it, and the others don't show.
type Object struct {
	doc        *document
	first, n   uint32 // its members are doc.fields[first : first+n]
	start, end uint32 // its text is doc.body[start:end]
}

// Len returns the number of members.
func (o Object) Len() int { return int(o.n) }

// At returns member i, from 0 to Len()-1, in the document's order. The name is decoded; it
// must not be written to and lives as long as the document.
func (o Object) At(i int) (name []byte, v Value) {
	f := &o.doc.fields[int(o.first) : int(o.first)+int(o.n)][i]
	return o.doc.name(f), o.doc.body[f.value:f.valueEnd:f.valueEnd]
}

// Get returns the value of the member with that name, or nil if there is none. Names are
// case-sensitive.
func (o Object) Get(name string) Value {
	if o.n == 0 {
		return nil
	}
	fields := o.doc.fields[int(o.first) : int(o.first)+int(o.n)]
	for i := range fields {
		if f := &fields[i]; string(o.doc.name(f)) == name {
			return o.doc.body[f.value:f.valueEnd:f.valueEnd]
		}
	}
	return nil
}

// Inside returns the value at a path of names, nil if there is none.
func (o Object) Inside(path []string) Value {
	if len(path) == 0 {
		return nil
	}
	v := o.Get(path[0])
	for _, name := range path[1:] {
		v = v.Member(name)
	}
	return v
}

// Fields yields names and values in the document's order.
func (o Object) Fields() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := range o.Len() {
			if name, v := o.At(i); !yield(string(name), v) {
				return
			}
		}
	}
}

// Raw returns the text of the whole object, in which repeated members are still repeated.
// It is nil for the zero Object.
func (o Object) Raw() Value {
	if o.doc == nil {
		return nil
	}
	return o.doc.body[o.start:o.end:o.end]
}

// Page is one answer of a listing. The zero Page is ready for [Page.Parse].
type Page struct {
	// Rows are the objects of the list "results", in order.
	Rows []Object
	// Top holds the document's other members, such as "_links"; it has no text of its own.
	Top Object

	head document // of the top level
	doc  document // of the rows
}

// Parse parses a listing's answer: an object whose member "results" is a list of objects.
// It fails with a *SyntaxError if body is not one whole JSON document, and with a
// *ShapeError if it is one of another shape. The page refers to body, which must not change
// as long as the page is in use. It takes over the memory of what it held before: rows of an
// earlier answer must not be used any more.
func (p *Page) Parse(body []byte) error {
	clear(p.Rows)
	x := indexer{page: p}
	err := x.parse(body)
	p.Top = x.top
	p.Top.start, p.Top.end = 0, 0
	return err
}

// ParsePage parses a listing's answer into a new page; see [Page.Parse].
func ParsePage(body []byte) (*Page, error) {
	p := &Page{}
	if err := p.Parse(body); err != nil {
		return nil, err
	}
	return p, nil
}

// ParseObject parses a document that is one object. Its errors, and what it asks of body,
// are those of [Page.Parse].
func ParseObject(body []byte) (Object, error) {
	x := indexer{}
	if err := x.parse(body); err != nil {
		return Object{}, err
	}
	return x.top, nil
}

// document is a text with the index of some of its objects.
type document struct {
	body   []byte
	fields []field
	names  []byte // decoded names of members that have an escape in theirs
}

// begin prepares the document for a text, in the memory of the one before.
func (d *document) begin(body []byte) {
	if d.fields == nil {
		d.fields = make([]field, 0, 16)
	}
	*d = document{body: body, fields: d.fields[:0], names: d.names[:0]}
}

// field says where one member lies in a document. Offsets instead of slices keep it small
// and free of pointers, so that the collector passes over the slab.
type field struct {
	name, nameEnd   uint32 // in body, or in names if name has the bit inNames
	value, valueEnd uint32 // in body
}

// inNames is above every offset: documents are no longer than maxSize.
const inNames = 1 << 31

func (d *document) name(f *field) []byte {
	if f.name&inNames != 0 {
		return d.names[f.name&^inNames : f.nameEnd : f.nameEnd]
	}
	return d.body[f.name:f.nameEnd:f.nameEnd]
}

// object returns the object at body[start:end] whose members are the fields from first on.
func (d *document) object(first, start, end int) Object {
	return Object{
		doc: d, first: uint32(first), n: uint32(len(d.fields) - first),
		start: uint32(start), end: uint32(end),
	}
}

// add appends a member whose name, as it stands in the text, is body[name:nameEnd].
func (d *document) add(name, nameEnd int, escaped bool, value, valueEnd int) {
	f := field{uint32(name), uint32(nameEnd), uint32(value), uint32(valueEnd)}
	if escaped {
		f.name = uint32(len(d.names)) | inNames
		d.names = appendDecoded(d.names, d.body[name:nameEnd])
		f.nameEnd = uint32(len(d.names))
	}
	d.fields = append(d.fields, f)
}

// manyFields is the number of members from which on looking for repeated names one by one
// would be slow.
const manyFields = 64

// dropRepeated removes those fields from first on that have a later one of the same name.
func (d *document) dropRepeated(first int) {
	fields := d.fields[first:]
	if len(fields) > manyFields {
		d.dropRepeatedOfMany(first)
		return
	}
	// One bit for each name seen, by a hash: almost always nothing needs comparing.
	var seen uint64
	for i := 0; i < len(fields); i++ {
		name := d.name(&fields[i])
		bit := hash(name)
		if seen&bit != 0 {
			for j := range i {
				if bytes.Equal(d.name(&fields[j]), name) {
					fields = append(fields[:j], fields[j+1:]...)
					i--
					break
				}
			}
		}
		seen |= bit
	}
	d.fields = d.fields[:first+len(fields)]
}

// hash maps a name to one of 64 bits.
func hash(name []byte) uint64 {
	if len(name) == 0 {
		return 1
	}
	n := uint(len(name))
	return 1 << ((n*11 + uint(name[0])*5 + uint(name[n-1])*3) & 63)
}

func (d *document) dropRepeatedOfMany(first int) {
	fields := d.fields[first:]
	last := make(map[string]int, len(fields))
	for i := range fields {
		last[string(d.name(&fields[i]))] = i
	}
	if len(last) == len(fields) {
		return
	}
	kept := d.fields[:first]
	for i := range fields {
		if f := fields[i]; last[string(d.name(&f))] == i {
			kept = append(kept, f)
		}
	}
	d.fields = kept
}

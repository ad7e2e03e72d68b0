package rawjson

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says that a text is not one whole JSON document: another format, cut short,
// or broken. Asking again may help.
type SyntaxError struct {
	// Offset is the number of bytes before the mistake.
	Offset int
	// Problem is a short line, with at most 40 characters of the text in it, none of them a
	// control character.
	Problem string
}

// Error tells the problem and where it lies.
func (e *SyntaxError) Error() string {
	return "not valid JSON: " + e.Problem + " (byte " + strconv.Itoa(e.Offset) + ")"
}

// ShapeError says that a document is JSON, but not of the shape that was expected.
type ShapeError struct {
	// Problem is a short line, as that of a [SyntaxError].
	Problem string
}

// Error tells the problem.
func (e *ShapeError) Error() string { return "unexpected JSON: " + e.Problem }

// fail notes a mistake at offset i.
func (s *scanner) fail(i int, problem string) int {
	if s.err == nil {
		s.err = &SyntaxError{Offset: i, Problem: problem}
	}
	return -1
}

// expected notes that something else than what was found at i should stand there.
func (s *scanner) expected(i int, what string) int {
	if i >= len(s.b) {
		return s.fail(len(s.b), "ends where "+what+" should follow")
	}
	return s.fail(i, "expected "+what+", found "+excerpt(s.b[i:]))
}

// excerpt shows the beginning of b on one line: at most 40 characters, with a dot
// for what can't be printed.
func excerpt(b []byte) string {
	const most = 40
	var out strings.Builder
	out.WriteByte('`')
	for n := 0; len(b) > 0; n++ {
		if n == most {
			out.WriteString("...")
			break
		}
		r, size := utf8.DecodeRune(b)
		switch {
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			r = ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			r = '.'
		}
		out.WriteRune(r)
		b = b[size:]
	}
	out.WriteByte('`')
	return out.String()
}

// kind names what the value at the beginning of b is, which is known to be valid.
func kind(b []byte) string {
	switch b[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

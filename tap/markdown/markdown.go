// Package markdown converts bodies in Confluence's storage format, XHTML with elements of
// Atlassian's own (ac: and ri:), to CommonMark with the tables, task lists and strikethrough of
// GitHub Flavored Markdown.
//
// What counts is the page that the Markdown renders to: it shows the words of the body, all of
// them and in their order, and its structure. docs/markdown.md shows the form of each element.
// The package knows nothing of the rest of the tap.
package markdown

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

const (
	// MaxSize is how large a body may be, in bytes.
	MaxSize = 3 << 20
	// MaxDepth is how many elements may lie within each other.
	MaxDepth = 1000
)

// The reasons for which a body isn't converted.
var (
	ErrTooLarge = errors.New("the body is too large to be converted")
	ErrTooDeep  = errors.New("the body's elements lie too deep in each other")
)

// Convert returns the Markdown of a body in storage format. The same body always gives the same
// bytes, which are valid UTF-8 without U+0000. A body that isn't well-formed XML is read as a
// browser reads HTML. The error is [ErrTooLarge] or [ErrTooDeep]; the caller then has the body
// in storage format as the only form of it.
func Convert(storage []byte) ([]byte, error) {
	if len(storage) > MaxSize {
		return nil, ErrTooLarge
	}
	if !utf8.Valid(storage) {
		storage = bytes.ToValidUTF8(storage, []byte("\uFFFD"))
	}
	root, err := parse(storage)
	if err != nil {
		return nil, err
	}
	r := renderer{writer: writer{out: make([]byte, 0, len(storage))}}
	r.children(root)
	r.flush()
	return bytes.TrimSuffix(r.out, []byte("\n")), nil
}

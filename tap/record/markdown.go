package record

import (
	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/markdown"
)

// Unconverted returns how many bodies so far could not be written as Markdown. Their records
// have them in storage format. The first one was warned of.
func (b *Builder) Unconverted() int { return b.unconverted }

// appendMarkdown appends a body, which the API gives in storage format, as Markdown. A body that
// can't be converted stays in storage format. Without a body in storage format there is nothing
// to convert, and what the API gave is passed on.
func (b *Builder) appendMarkdown(dst []byte, body rawjson.Value, removed catalog.Fields) []byte {
	if body.IsNull() {
		return append(dst, "null"...)
	}
	if removed.Whole("markdown") {
		return append(dst, "{}"...) // nobody wants it converted
	}
	storage := body.Member("storage")
	text, ok := storage.Member("value").Text()
	if !ok {
		return appendPruned(dst, body, removed)
	}
	value, err := markdown.Convert([]byte(text))
	if err != nil {
		b.keepStorage(err)
		return appendFormat(dst, "storage", storage, removed)
	}
	dst = append(dst, `{"markdown":`...)
	dst = appendRepresentation(dst, string(value), removed.Inside("markdown"))
	return append(dst, '}')
}

// keepStorage counts a body that stays as it is, and warns of the first.
func (b *Builder) keepStorage(reason error) {
	if b.unconverted++; b.unconverted == 1 {
		b.warn("a body can't be converted to Markdown; such bodies come as body.storage", "reason", reason)
	}
}

// appendFormat appends a body that has one format, unless that is removed.
func appendFormat(dst []byte, name string, v rawjson.Value, removed catalog.Fields) []byte {
	if removed.Whole(name) {
		return append(dst, "{}"...)
	}
	dst = append(rawjson.AppendString(append(dst, '{'), name), ':')
	if inside := removed.Inside(name); inside != nil {
		dst = appendPruned(dst, v, inside)
	} else {
		dst = append(dst, v...)
	}
	return append(dst, '}')
}

// appendRepresentation appends a format of a body as the API has them: its name and the text.
func appendRepresentation(dst []byte, value string, removed catalog.Fields) []byte {
	dst = append(dst, '{')
	if !removed.Whole("representation") {
		dst = append(dst, `"representation":"markdown"`...)
	}
	if !removed.Whole("value") {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = rawjson.AppendString(append(dst, `"value":`...), value)
	}
	return append(dst, '}')
}

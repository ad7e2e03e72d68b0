package rawjson

import (
	"unicode/utf8"
)

// AppendString appends s as a JSON string that keeps the promises of a [Value]: it drops U+0000,
// writes U+FFFD for bytes that are not UTF-8, and escapes what could end a line.
func AppendString(dst []byte, s string) []byte {
	return appendQuoted(dst, []byte(s)) // which does not copy s, as it is only read
}

// AppendQuoted appends the text of v as a JSON string, as for a field that carries any JSON
// as text. Without a value it appends null.
func AppendQuoted(dst []byte, v Value) []byte {
	if len(v) == 0 {
		return append(dst, "null"...)
	}
	return appendQuoted(dst, v)
}

func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for i := 0; ; {
		start := i
		i = plain(s, i)
		dst = append(dst, s[start:i]...)
		if i >= len(s) {
			return append(dst, '"')
		}
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendEscape(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		dst = appendRune(dst, r)
		i += n
	}
}

const hexDigits = "0123456789abcdef"

// appendEscape appends the escape of a quote, a backslash or a control character, and
// nothing for U+0000.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case 0:
		return dst
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendRune appends a character outside of ASCII, escaped if it could end a line.
func appendRune(dst []byte, r rune) []byte {
	if lineBreak(r) {
		return append(dst, '\\', 'u',
			hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
	}
	return utf8.AppendRune(dst, r)
}

// appendDecoded appends what a valid string, without its quotes, stands for. As in a cleaned
// document, it drops U+0000 and writes U+FFFD for unpaired surrogates.
func appendDecoded(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		if c = unescaped[s[i+1]]; c != 0 {
			dst = append(dst, c)
			i += 2
			continue
		}
		r, n := codePoint(s, i)
		if r != 0 {
			dst = utf8.AppendRune(dst, r)
		}
		i += n
	}
	return dst
}

// clean returns a copy of a valid document that lacks nothing that a [Value] promises.
func clean(b []byte) []byte {
	dst := make([]byte, 0, len(b)+len(b)/16)
	for i := 0; i < len(b); {
		switch c := b[i]; c {
		case ' ', '\n', '\t', '\r':
			i++
		case '"':
			dst, i = appendCleaned(dst, b, i)
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// appendCleaned appends the string at b[i], cleaned, and returns the offset behind it.
func appendCleaned(dst, b []byte, i int) ([]byte, int) {
	dst = append(dst, '"')
	i++
	for {
		start := i
		i = plain(b, i)
		dst = append(dst, b[start:i]...)
		switch c := b[i]; {
		case c == '"':
			return append(dst, '"'), i + 1
		case c != '\\':
			r, n := utf8.DecodeRune(b[i:])
			dst = appendRune(dst, r)
			i += n
		case b[i+1] != 'u':
			dst = append(dst, b[i:i+2]...)
			i += 2
		default:
			r, n := codePoint(b, i)
			switch r {
			case 0:
			case utf8.RuneError:
				dst = utf8.AppendRune(dst, r)
			default:
				dst = append(dst, b[i:i+n]...)
			}
			i += n
		}
	}
}

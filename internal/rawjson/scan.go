package rawjson

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how many objects and lists may be open at once; encoding/json has the same.
const maxDepth = 10_000

// scanner walks over the tokens of b and checks them. Its methods take the offset where
// something begins and return the offset behind it, or -1 after noting the mistake in err.
type scanner struct {
	b []byte
	// err is the first mistake.
	err *SyntaxError
	// dirty reports whether b holds something that a Value must not, so that it needs cleaning.
	dirty bool
	// deep is what value has on its stack below the innermost 64 levels.
	deep []uint64
}

// value skips one value, at a place with depth objects and lists open around it. It does not
// call itself: what is open inside of the value is a stack of bits, 1 for a list.
func (s *scanner) value(i, depth int) int {
	b := s.b
	var stack uint64
	open := 0
	for {
		// A value begins at i.
		if i >= len(b) {
			return s.expected(i, "a value")
		}
		switch c := b[i]; c {
		case '"':
			if i, _ = s.str(i); i < 0 {
				return -1
			}
		case '{', '[':
			if depth+open == maxDepth {
				return s.fail(i, "nested deeper than 10,000 levels")
			}
			if open > 0 && open&63 == 0 {
				s.deep = append(s.deep, stack)
			}
			stack <<= 1
			if c == '[' {
				stack |= 1
			}
			open++
			i = s.space(i + 1)
			if i < len(b) && b[i] == closer(stack) {
				break // empty: closed below
			}
			if c == '{' {
				if i = s.member(i); i < 0 {
					return -1
				}
			}
			continue
		default:
			if i = s.scalar(i); i < 0 {
				return -1
			}
		}
		// A value ended at i. Close what ends with it.
		for {
			if open == 0 {
				return i
			}
			i = s.space(i)
			if i >= len(b) || b[i] != closer(stack) {
				break
			}
			i++
			open--
			stack >>= 1
			if open > 0 && open&63 == 0 {
				stack = s.deep[len(s.deep)-1]
				s.deep = s.deep[:len(s.deep)-1]
			}
		}
		// The object or list continues.
		if i >= len(b) || b[i] != ',' {
			return s.expected(i, "',' or '"+string(closer(stack))+"'")
		}
		i = s.space(i + 1)
		if stack&1 == 0 {
			if i = s.member(i); i < 0 {
				return -1
			}
		}
	}
}

// closer returns the character that closes the innermost level of a stack: '}', or for a
// list ']', which is 32 less.
func closer(stack uint64) byte { return '}' - byte(stack&1)<<5 }

// next skips what may stand behind a member or an element: a comma, and then there is more,
// or the closing bracket end.
func (s *scanner) next(i int, end byte) (_ int, more bool) {
	i = s.space(i)
	switch {
	case i < len(s.b) && s.b[i] == ',':
		return s.space(i + 1), true
	case i < len(s.b) && s.b[i] == end:
		return i + 1, false
	}
	return s.expected(i, "',' or '"+string(end)+"'"), false
}

// member skips a member's name and the colon, up to its value.
func (s *scanner) member(i int) int {
	if i, _ = s.name(i); i < 0 {
		return -1
	}
	return s.colon(i)
}

// name skips a member's name and tells whether it has escapes.
func (s *scanner) name(i int) (end int, escaped bool) {
	if i >= len(s.b) || s.b[i] != '"' {
		return s.expected(i, "a member's name"), false
	}
	return s.str(i)
}

// colon skips the colon and the white space on both sides of it.
func (s *scanner) colon(i int) int {
	i = s.space(i)
	if i >= len(s.b) || s.b[i] != ':' {
		return s.expected(i, "':'")
	}
	return s.space(i + 1)
}

// space skips white space between tokens.
func (s *scanner) space(i int) int {
	if i < len(s.b) && s.b[i] > ' ' {
		return i
	}
	end := skipSpace(s.b, i)
	s.dirty = s.dirty || end > i
	return end
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// str skips a string, whose opening quote is at i, and tells whether it has escapes.
func (s *scanner) str(i int) (end int, escaped bool) {
	b := s.b
	i++
	for {
		if i+8 <= len(b) {
			m := special(binary.LittleEndian.Uint64(b[i:]))
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		} else if i >= len(b) {
			return s.fail(i, "ends inside of a string"), false
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			if i+1 < len(b) && unescaped[b[i+1]] != 0 {
				i += 2
			} else if i = s.escape(i); i < 0 {
				return -1, false
			}
		case c < ' ':
			return s.fail(i, fmt.Sprintf("control character U+%04X in a string", c)), false
		case c >= utf8.RuneSelf:
			if i = s.multibyte(i); i < 0 {
				return -1, false
			}
		default:
			i++
		}
	}
}

// special sets the highest bit of every byte of x, the first byte lowest, that may not just
// be passed over in a string: control characters, '"', '\' and anything outside of ASCII.
// Only the lowest bit set is certain; those above it may be false.
func special(x uint64) uint64 {
	const (
		ones = 0x0101010101010101
		high = 0x8080808080808080
	)
	// With the bit 2 flipped, '"' is ' ' and so the neighbour of the control characters,
	// which stay among themselves.
	return (((x ^ ones*0x02) - ones*0x21) | ((x ^ ones*'\\') - ones) | x) & high
}

// plain returns the offset, from i on, of the first byte that [special] stops at.
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// unescaped holds what the character behind a backslash stands for, or 0.
var unescaped = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escape skips an escape of the long form, \u and four digits, or a pair of them.
func (s *scanner) escape(i int) int {
	if i+1 < len(s.b) && s.b[i+1] != 'u' {
		return s.fail(i, "unknown escape "+excerpt(s.b[i:min(i+6, len(s.b))]))
	}
	r, n := codePoint(s.b, i)
	switch {
	case n == 0 && i+6 > len(s.b):
		return s.fail(len(s.b), "ends inside of a string")
	case n == 0:
		return s.fail(i, "bad escape "+excerpt(s.b[i:i+6]))
	case r == 0 || r == utf8.RuneError:
		// An escaped U+FFFD passes for an unpaired surrogate here, which does no harm.
		s.dirty = true
	}
	return i + n
}

// codePoint reads an escape of the long form and returns its length, 12 for a pair of
// surrogates. The length is 0 if there is none; an unpaired surrogate reads as U+FFFD.
func codePoint(b []byte, i int) (r rune, n int) {
	r = hex4(b, i)
	switch {
	case r < 0:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	}
	if pair := utf16.DecodeRune(r, hex4(b, i+6)); pair != utf8.RuneError {
		return pair, 12
	}
	return utf8.RuneError, 6
}

// hex4 reads \uXXXX at i, and returns -1 if there is none.
func hex4(b []byte, i int) rune {
	if i+6 > len(b) || b[i] != '\\' || b[i+1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[i+2 : i+6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// multibyte skips the characters outside of ASCII that follow one another from i on.
func (s *scanner) multibyte(i int) int {
	b := s.b
	for i < len(b) && b[i] >= utf8.RuneSelf {
		// Two short cuts for the bulk of the world's letters, then the whole truth.
		if c := b[i]; c >= 0xC3 && c < 0xE0 && i+1 < len(b) && b[i+1]&0xC0 == 0x80 {
			i += 2
			continue
		} else if c > 0xE2 && c < 0xED && i+2 < len(b) && b[i+1]&0xC0 == 0x80 && b[i+2]&0xC0 == 0x80 {
			i += 3
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if n == 1 {
			return s.fail(i, "invalid UTF-8")
		}
		s.dirty = s.dirty || lineBreak(r)
		i += n
	}
	return i
}

// lineBreak reports whether r is one of the characters outside of ASCII at which some
// readers end a line.
func lineBreak(r rune) bool { return r == '\u0085' || r == '\u2028' || r == '\u2029' }

// scalar skips a number, true, false or null.
func (s *scanner) scalar(i int) int {
	switch s.b[i] {
	case 't':
		return s.literal(i, "true")
	case 'f':
		return s.literal(i, "false")
	case 'n':
		return s.literal(i, "null")
	}
	return s.number(i)
}

func (s *scanner) literal(i int, word string) int {
	rest := s.b[i:]
	if len(rest) >= len(word) && string(rest[:len(word)]) == word {
		return i + len(word)
	}
	if bytes.HasPrefix([]byte(word), rest) {
		i = len(s.b)
	}
	return s.expected(i, "a value")
}

func (s *scanner) number(start int) int {
	b, i := s.b, start
	if b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && '1' <= b[i] && b[i] <= '9':
		i = digits(b, i)
	case i > start:
		return s.expected(i, "a digit")
	default:
		return s.expected(i, "a value")
	}
	if i < len(b) && b[i] == '.' {
		from := i + 1
		if i = digits(b, from); i == from {
			return s.expected(i, "a digit")
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from := i
		if i = digits(b, from); i == from {
			return s.expected(i, "a digit")
		}
	}
	return i
}

func digits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

package markdown

import (
	"strings"
)

// escaper makes Markdown of text so that no character of it is taken for markup.
type escaper struct {
	place      place
	inLink     bool // the text is the text of a link
	lineStart  bool // it begins a line
	secondLine bool // and there are lines of the paragraph before it
	glued      bool // something other than white space follows it at once
	beforeLink bool // a link does

	// Of the word looked at last: where it ends, and the last of its characters to be escaped.
	wordEnd, lastEscape int
}

// append appends the text. It holds no line breaks.
func (e *escaper) append(dst []byte, s string) []byte {
	i := 0
	if e.lineStart {
		dst, i = e.appendLineStart(dst, s)
	}
	from := i
	for ; i < len(s); i++ {
		if !special[s[i]] {
			continue
		}
		if s[i] == ':' || s[i] == '.' {
			if out, next := e.appendURL(dst, s, from, i); next > i {
				dst, from, i = out, next, next-1
			}
			continue
		}
		if e.needed(s, i) {
			dst = append(append(dst, s[from:i]...), '\\')
			from = i
		}
	}
	return append(dst, s[from:]...)
}

var special = func() (t [256]bool) {
	for _, c := range []byte("\\`*_[]<&~!|#:.") {
		t[c] = true
	}
	return t
}()

// needed reports whether the special character s[i] would be markup.
func (e *escaper) needed(s string, i int) bool {
	switch s[i] {
	case '_':
		return !e.withinWord(s, i)
	case '<':
		return i+1 == len(s) || !strings.ContainsRune(" 0123456789=-", rune(s[i+1]))
	case '&':
		return isEntity(s[i:])
	case '!':
		return i+1 == len(s) && e.beforeLink
	case '|':
		return e.place == inCell
	case '#':
		return e.place == inHeading && (i+1 == len(s) || s[i+1] == '#')
	case ':', '.':
		return false
	}
	return true
}

// withinWord reports whether the underscores around s[i] stand between letters or digits, where
// they are no markup.
func (e *escaper) withinWord(s string, i int) bool {
	const most = 16 // so many are looked at; of a longer row each one is escaped
	before, after := i, i
	for before >= 0 && s[before] == '_' && i-before < most {
		before--
	}
	for after < len(s) && s[after] == '_' && after-i < most {
		after++
	}
	return before >= 0 && after < len(s) && isAlphanumeric(s[before]) && isAlphanumeric(s[after])
}

// appendLineStart appends what begins a line and would be taken for a list, a heading, a quote,
// a rule or a table, and returns how much of the text that is.
func (e *escaper) appendLineStart(dst []byte, s string) ([]byte, int) {
	switch c := s[0]; c {
	case '>':
		return append(dst, `\>`...), 1
	case '#':
		if n := len(s) - len(strings.TrimLeft(s, "#")); n == len(s) || s[n] == ' ' {
			return append(dst, `\#`...), 1
		}
	case '-', '+', '=', ':', '|':
		if len(s) == 1 || s[1] == ' ' && c != '=' && c != ':' && c != '|' || e.underlines(s) {
			return append(dst, '\\', c), 1
		}
	case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		n := len(s) - len(strings.TrimLeft(s, "0123456789"))
		if n < len(s) && (s[n] == '.' || s[n] == ')') && (n+1 == len(s) || s[n+1] == ' ') {
			return append(append(dst, s[:n]...), '\\', s[n]), n + 1
		}
	}
	return dst, 0
}

// underlines reports whether a line is nothing but what rules, underlines of headings and the
// second lines of tables are made of.
func (e *escaper) underlines(s string) bool {
	return strings.Trim(s, "-=:| ") == "" || e.glued && strings.Trim(s[:min(len(s), 3)], "-=:| ") == ""
}

// appendURL is called for the colon or dot at s[i]. If that makes an address of what is around
// it, renderers make a link of it and take no escapes within it: then the address is appended
// in a form that survives that, and the index behind it returned.
func (e *escaper) appendURL(dst []byte, s string, from, i int) ([]byte, int) {
	if e.inLink {
		return dst, i
	}
	start := i
	for start > from && isLetter(s[start-1]) {
		start--
	}
	switch scheme := s[start:i]; {
	case s[i] == ':' && strings.HasPrefix(s[i:], "://") && isWebScheme(scheme):
	case s[i] == '.' && strings.EqualFold(scheme, "www"):
		if e.isClean(s, i) {
			return dst, i
		}
		return append(append(dst, s[from:i]...), `\.`...), i + 1
	default:
		return dst, i
	}
	if e.isClean(s, i) {
		return append(dst, s[from:e.wordEnd]...), e.wordEnd
	}
	address := strings.TrimRight(s[start:e.wordEnd], "?!.,:*_~'\")]")
	if !isPlainURL(address) || e.place == inCell && strings.Contains(address, "|") {
		return append(append(dst, s[from:i]...), `\:`...), i + 1
	}
	dst = append(append(dst, s[from:start]...), '<')
	dst = append(append(dst, address...), '>')
	return dst, start + len(address)
}

// isClean reports whether the address around s[i] needs no escapes from there on. The address
// ends at white space or a "<".
func (e *escaper) isClean(s string, i int) bool {
	if i >= e.wordEnd {
		e.wordEnd, e.lastEscape = len(s), -1
		if n := strings.IndexAny(s[i:], " <"); n >= 0 {
			e.wordEnd = i + n
		}
		for k := i; k < min(e.wordEnd+1, len(s)); k++ { // a backslash before "<" would be a part of it
			if special[s[k]] && e.needed(s, k) {
				e.lastEscape = k
			}
		}
	}
	return e.lastEscape < i && (e.wordEnd < len(s) || !e.glued)
}

func isWebScheme(s string) bool {
	return strings.EqualFold(s, "http") || strings.EqualFold(s, "https") || strings.EqualFold(s, "ftp")
}

// isPlainURL reports whether "<" + s + ">" is an autolink that leads to s.
func isPlainURL(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !isWebScheme(scheme) || rest == "" {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '<' || c == '>' || c == '\\' || c == '`' || c == 0x7f || c == '&' && isEntity(s[i:]) {
			return false
		}
	}
	return true
}

// isEntity reports whether s begins with something that Markdown takes for a character
// reference.
func isEntity(s string) bool {
	for i := 1; i < len(s) && i < 40; i++ {
		switch c := s[i]; {
		case c == ';':
			return i > 1
		case !isAlphanumeric(c) && c != '#':
			return false
		}
	}
	return false
}

func isAlphanumeric(c byte) bool { return '0' <= c && c <= '9' || isLetter(c) }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

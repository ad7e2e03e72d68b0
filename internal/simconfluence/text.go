package simconfluence

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// mix is the finaliser of SplitMix64: a good hash of one word.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// salt keeps the attributes of one item independent of each other.
type salt uint64

const (
	saltStatus salt = iota + 1
	saltSpace
	saltParentType
	saltCreated
	saltBatch
	saltModified
	saltVersions
	saltAuthor
	saltTitle
	saltBody
	saltLabels
	saltProps
	saltVisible
	saltContainer
	saltThread
	saltMisc
	saltState
	saltMedia
	saltPerms
	saltNull
	saltGeneric
	saltRestrict
	saltLikes
)

// h is attribute what of item i of kind k, as a number to draw from.
func (s *Site) h(k Kind, i int, what salt) uint64 {
	return mix(s.seed ^ uint64(k)<<56 ^ mix(uint64(i)<<8^uint64(what)))
}

// draw maps a hash to 0..n-1.
func draw(h uint64, n int) int { return int((h >> 9) % uint64(n)) }

var words = [...]string{
	"harbour", "lantern", "meadow", "copper", "signal", "orchard", "ledger", "tundra", "willow", "granite",
	"kettle", "marble", "nimbus", "otter", "pepper", "quarry", "ribbon", "saddle", "timber", "umbra",
	"velvet", "walnut", "zephyr", "anchor", "barley", "cobalt", "drift", "ember", "fjord", "glacier",
	"hollow", "island", "juniper", "kernel", "lagoon", "mosaic", "nectar", "onyx", "prairie", "quill",
	"release", "budget", "incident", "roadmap", "review", "handover", "plan", "notes", "guide", "report",
	"größe", "naïve", "日本", "данные",
}

// nasty holds text that careless programs trip over, already escaped for JSON: line ends
// beyond \n that split lines in some readers, NUL, halves of surrogate pairs, characters
// beyond the basic plane raw and escaped, markup, quotes, and lines that look like protocol.
var nasty = [...]string{
	`next\u0085line`, "raw\u0085nel", `ls\u2028ps\u2029`, "raw\u2028ls\u2029ps", `nul\u0000byte`, "smile 😀 raw",
	`smile \ud83d\ude00 escaped`, `half \ud83d alone`, `half \udc00 alone`, `\ud83d\ud83d\ude00`, `say \"hello\"`,
	`line\nfeed\r\ttab`, `back\\slash \\u0000 \\ud83d`, `<b>bold<\/b> &amp; &lt;x&gt;`, `it's 100% {\"a\":[1,null]}`,
	`\n{\"type\":\"STATE\",\"value\":{}}\n`, `\u001b[31mred\u001b[0m\u0007`, `\ufeffbom \ufffe \uffff`, "\u202ertl\u202c",
	`e\u0301 combining`,
}

// everyday holds what texts of real pages are full of and no program trips over.
var everyday = [...]string{
	`smile 😀 raw`, `say \"hello\"`, `<strong>bold</strong> &amp; &lt;x&gt;`, `50&nbsp;%`, `back\\slash`, `<br />\n`, `<em>naïve</em>`,
	`it's {\"a\":[1,null]}`,
}

// paragraphs makes the pieces that bodies are put together from: storage format, then
// Atlassian document format (JSON inside of a JSON string, so escaped twice).
func paragraphs(seed uint64, hard bool) [2][]string {
	var out [2][]string
	for p := range 64 {
		var text []byte
		h := mix(seed + uint64(p)*77)
		for range 8 + draw(h, 30) {
			h = mix(h)
			text = append(append(text, words[draw(h, len(words))]...), ' ')
		}
		storage, doc := string(text), string(text)
		switch {
		case p%8 == 3 && !hard:
			storage += everyday[p/8]
		case p%8 == 3:
			storage += nasty[p/8*2%len(nasty)] + " " + nasty[(p/8*2+1)%len(nasty)]
		case p%8 == 5:
			storage = `<span style=\"color: rgb(151,160,175);\" class=\"k-` + strconv.Itoa(p) + `\">` + storage + `</span>`
		case p%8 == 6 && !hard:
			doc += `\\\"x\\\" 😀`
		case p%8 == 6:
			doc += `\\u0000 \\ud83d \\u2028 \\\"x\\\" 😀`
		}
		out[0] = append(out[0], `<p>`+storage+`</p>\n`)
		out[1] = append(out[1], `{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\",\"text\":\"`+doc+`\"}]}`)
	}
	return out
}

// hardBody reports whether the body of hash h may hold nasty text.
func (s *Site) hardBody(h uint64) bool {
	return s.opts.HardEvery == 0 || draw(mix(h^0x4a), s.opts.HardEvery) == 0
}

// appendText appends n words, sometimes followed by something nasty, escaped for JSON but
// without quotes.
func (s *Site) appendText(b []byte, h uint64, n int) []byte {
	if s.opts.Readable {
		return readableText(b, h, n)
	}
	g := h
	for w := range n {
		if w > 0 {
			b = append(b, ' ')
		}
		g = mix(g)
		b = append(b, words[draw(g, len(words))]...)
	}
	if g = mix(g); draw(g, max(9, s.opts.HardEvery)) == 0 {
		b = append(b, ' ')
		b = append(b, nasty[draw(mix(g), len(nasty))]...)
	}
	return b
}

// appendTitle appends the title of an item, escaped, without quotes. Titles are unique by
// their number; one in sixty is very long. An attachment's is its file name.
func (s *Site) appendTitle(b []byte, k Kind, i int) []byte {
	if s.opts.Readable {
		return s.readableTitle(b, k, i)
	}
	h := s.h(k, i, saltTitle)
	n := 1 + draw(h, 5)
	if draw(mix(h), 60) == 0 {
		n = 36
	}
	b = s.appendText(b, h, n)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(i), 10)
	if k == Attachment {
		b = append(b, mediaTypes[draw(s.h(k, i, saltMedia), len(mediaTypes))].ext...)
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendUUID appends a UUID made of a hash.
func appendUUID(b []byte, h uint64) []byte {
	g := mix(h)
	for d := range 32 {
		if d == 8 || d == 12 || d == 16 || d == 20 {
			b = append(b, '-')
		}
		if d == 16 {
			h = g
		}
		b = append(b, hexDigits[h&15])
		h >>= 4
	}
	return b
}

// appendUser appends the id of an account that writes.
func appendUser(b []byte, h uint64) []byte { return appendAccount(b, draw(h, writers)) }

// appendTime appends milliseconds since 1970 as the API writes times: with milliseconds,
// but some whole seconds without. One instant is always written the same way.
func appendTime(b []byte, ms int64) []byte {
	sec, frac := ms/1000, ms%1000
	days, rest := sec/86400, sec%86400
	y, m, d := civil(days)
	b = append(b, '"')
	b = digits(b, y, 4)
	b = digits(append(b, '-'), m, 2)
	b = digits(append(b, '-'), d, 2)
	b = digits(append(b, 'T'), int(rest/3600), 2)
	b = digits(append(b, ':'), int(rest/60%60), 2)
	b = digits(append(b, ':'), int(rest%60), 2)
	if frac != 0 || sec%7 != 0 {
		b = digits(append(b, '.'), int(frac), 3)
	}
	return append(b, 'Z', '"')
}

// digits appends v with at least n digits.
func digits(b []byte, v, n int) []byte {
	for w := 1000; w > 0; w /= 10 {
		if n == 4 || w < 1000 && n == 3 || w < 100 {
			b = append(b, byte('0'+v/w%10))
		}
	}
	return b
}

// civil turns days since 1970 into a date.
func civil(z int64) (y, m, d int) {
	z += 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = int(doy - (153*mp+2)/5 + 1)
	m = int(mp + 3)
	if m > 12 {
		m -= 12
	}
	y = int(yoe + era*400)
	if m <= 2 {
		y++
	}
	return y, m, d
}

// appendQuoted appends s as a JSON string, with & and the like as they are.
func appendQuoted(b []byte, s string) []byte {
	w := bytes.NewBuffer(b)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return bytes.TrimSuffix(w.Bytes(), []byte{'\n'})
}

// unquoteJSON decodes the inside of a JSON string.
func unquoteJSON(fragment []byte) (string, error) {
	var text string
	err := json.Unmarshal(append(append([]byte{'"'}, fragment...), '"'), &text)
	return text, err
}

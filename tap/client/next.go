package client

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
)

// maxNext bounds the length of a next link, in bytes. Real ones have a few hundred.
const maxNext = 8 << 10

var (
	errNextTooLong  = errors.New("the link to the next page is longer than 8 kB")
	errNextNoCursor = errors.New("the link to the next page holds no cursor")
	errNextNotText  = errors.New("the link to the next page is not text")
)

// nextLink returns the link to the next page, "" at the end of the listing: _links.next of
// the body, else the Link header's rel=next.
func nextLink(top rawjson.Object, h http.Header) (string, error) {
	next := top.Get("_links").Member("next")
	if next.IsNull() {
		return linkNext(h.Values("Link")), nil
	}
	text, ok := next.Text()
	if !ok {
		return "", errNextNotText
	}
	if text == "" {
		return linkNext(h.Values("Link")), nil
	}
	return text, nil
}

// cursorOf takes the cursor out of a next link. Host, path and everything else of the link
// are ignored: the next request is built from our own address, so a link can send neither
// the request nor its credentials elsewhere.
func cursorOf(next string) (string, error) {
	if len(next) > maxNext {
		return "", errNextTooLong
	}
	next, _, _ = strings.Cut(next, "#")
	_, query, _ := strings.Cut(next, "?")
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name != "cursor" {
			continue
		}
		// Cursors are base64 and the API does not always escape them: '=' stays as it is, and
		// '+' is a plus, not a space, which is why url.ParseQuery won't do.
		cursor, err := url.PathUnescape(value)
		if err != nil || cursor == "" {
			return "", errNextNoCursor
		}
		return cursor, nil
	}
	return "", errNextNoCursor
}

// linkNext returns the target of the first rel=next entry of Link headers (RFC 8288), or "".
func linkNext(headers []string) string {
	for _, rest := range headers {
		for {
			_, after, found := strings.Cut(rest, "<")
			if !found {
				break
			}
			target, params, found := strings.Cut(after, ">")
			if !found {
				break
			}
			var next bool
			next, rest = relNext(params)
			if next {
				return target
			}
		}
	}
	return ""
}

// relNext reads the parameters of one Link entry: whether rel names "next", and what
// follows the entry's closing comma.
func relNext(params string) (next bool, rest string) {
	seen := false
	for params != "" {
		params = strings.TrimLeft(params, " \t;")
		if after, ok := strings.CutPrefix(params, ","); ok {
			return next, after
		}
		end := strings.IndexAny(params, "=;,")
		if end < 0 {
			return next, ""
		}
		name := strings.TrimSpace(params[:end])
		params = params[end:]
		if params[0] != '=' {
			continue
		}
		var value string
		value, params = paramValue(strings.TrimLeft(params[1:], " \t"))
		if strings.EqualFold(name, "rel") && !seen { // the first rel counts
			seen = true
			for rel := range strings.FieldsSeq(value) {
				next = next || strings.EqualFold(rel, "next")
			}
		}
	}
	return next, ""
}

// paramValue takes a token or a quoted string off the front of s.
func paramValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";,")
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

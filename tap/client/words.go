package client

import (
	"bytes"
	"html"
	"slices"
	"strings"

	jsoniter "github.com/json-iterator/go"
)

// siteWords finds what the site says in the body of an error: the texts to show, best first,
// and those that only repeat the status in other words. Atlassian's services, gateways and
// proxies have a dozen shapes for it; what none of them has is ignored.
func siteWords(body []byte, isHTML bool) []string {
	if isHTML {
		return unique([]string{htmlTitle(body)})
	}
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 {
		return nil
	}
	var doc any
	if trimmed[0] != '{' && trimmed[0] != '[' && trimmed[0] != '"' {
		return unique([]string{string(trimmed)}) // plain text
	}
	if err := jsoniter.ConfigFastest.Unmarshal(trimmed, &doc); err != nil {
		return nil
	}
	return unique(words(doc))
}

// words collects the texts of one error, whatever its shape. What a list of errors says goes
// before what stands around it.
func words(doc any) []string {
	switch v := doc.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			all = append(all, words(item)...)
		}
		return all
	case map[string]any:
		return wordsOf(v)
	default:
		return nil
	}
}

// wordsOf collects the texts of an object. The names are those of the known shapes; "error"
// is mostly the status in words, and counts where nothing else does. A path is no word.
func wordsOf(o map[string]any) []string {
	var all []string
	if data, ok := o["data"].(map[string]any); ok {
		all = append(all, words(data["errors"])...)
	}
	if fields, ok := o["errors"].(map[string]any); ok {
		all = append(all, fieldWords(fields)...)
	} else {
		all = append(all, words(o["errors"])...)
	}
	all = append(all, words(o["errorMessages"])...)
	if title, detail := text(o["title"]), text(o["detail"]); title != "" && detail != "" && title != detail {
		all = append(all, title+": "+detail)
	} else {
		all = append(all, title, detail)
	}
	for _, name := range []string{"message", "translation", "errorMessage", "error_description", "reason"} {
		all = append(all, words(o[name])...)
	}
	if nested, ok := o["error"].(map[string]any); ok {
		all = append(all, wordsOf(nested)...)
	} else if len(unique(all)) == 0 {
		all = append(all, words(o["error"])...)
	}
	return all
}

// fieldWords are the texts of errors that stand under the names of what they are about.
func fieldWords(fields map[string]any) []string {
	var all []string
	for name, value := range fields {
		for _, t := range words(value) {
			all = append(all, name+": "+t)
		}
	}
	slices.Sort(all)
	return all
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// unique drops blank texts, and those that were said before.
func unique(texts []string) []string {
	var kept []string
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" && !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	return kept
}

// htmlTitle returns the title of a web page, or "".
func htmlTitle(page []byte) string {
	lower := bytes.ToLower(page) // of equal length where it matters: ASCII
	start := bytes.Index(lower, []byte("<title"))
	if start < 0 || len(lower) != len(page) {
		return ""
	}
	open := bytes.IndexByte(page[start:], '>')
	if open < 0 {
		return ""
	}
	start += open + 1
	end := bytes.Index(lower[start:], []byte("</title"))
	if end < 0 {
		return ""
	}
	return html.UnescapeString(string(page[start : start+end]))
}

// names reports whether the words hold id as a whole token. A word that is a path or an
// address doesn't count: it repeats the request and says nothing of the item.
func names(words, id string) bool {
	if id == "" {
		return false
	}
	for word := range strings.FieldsSeq(words) {
		if !strings.Contains(word, "/") && holdsToken(word, id) {
			return true
		}
	}
	return false
}

// holdsToken reports whether id stands in word with no letter, digit, dash or underscore
// beside it.
func holdsToken(word, id string) bool {
	for from := 0; ; {
		at := strings.Index(word[from:], id)
		if at < 0 {
			return false
		}
		start, end := from+at, from+at+len(id)
		if (start == 0 || !inToken(word[start-1])) && (end == len(word) || !inToken(word[end])) {
			return true
		}
		from = start + 1
	}
}

func inToken(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c >= 0x80
}

// ids returns the ids that the request asks for: the parts of its path that hold a digit,
// and the values of parameters such as id, space-id and groupId.
func (r Request) ids() []string {
	var ids []string
	for part := range strings.SplitSeq(r.Path, "/") {
		if strings.ContainsAny(part, "0123456789") && part != "v2" {
			ids = append(ids, part)
		}
	}
	for _, q := range r.Query {
		if name := strings.ToLower(q[0]); strings.HasSuffix(name, "id") || strings.HasSuffix(name, "ids") {
			ids = append(ids, strings.Split(q[1], ",")...)
		}
	}
	return ids
}

// namesAsked reports whether the words hold one of the ids that were asked for.
func (r Request) namesAsked(e *Error) bool { return slices.ContainsFunc(r.ids(), e.Names) }

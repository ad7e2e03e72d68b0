package markdown

import (
	"strings"
	"unicode/utf8"
)

// The schemes of links to what storage knows by name. docs/markdown.md tells how to resolve them.
const (
	pageScheme       = "confluence-page:"
	blogPostScheme   = "confluence-blog-post:"
	attachmentScheme = "confluence-attachment:"
	spaceScheme      = "confluence-space:"
	userScheme       = "confluence-user:"
	contentScheme    = "confluence-content:"
	shortcutScheme   = "confluence-shortcut:"
)

// linked renders what body shows as a link. Without anything to show, the text is shown.
func (r *renderer) linked(n *node, target, text string, body *node) {
	outer, before := r.link, r.mark()
	if target = destination(target); target != "" && isSafe(target) {
		r.link = &link{target: target}
	}
	if body != nil {
		r.children(body)
	}
	switch {
	case r.flat == 0 && n.blocks, r.shownSince(before):
	case text != "":
		r.text(text)
	case target == "" && n.form == formLink:
		r.link = outer
		r.comment(n.name, n.attrs)
	}
	r.link = outer
}

// contentLink renders an ac:link.
func (r *renderer) contentLink(n *node) {
	target, text := "", ""
	for c := n.first; c != nil; c = c.next {
		if strings.HasPrefix(c.name, "ri:") {
			target, text = reference(c)
		}
	}
	if anchor := n.attr("ac:anchor"); anchor != "" {
		target += "#" + escapeSegment(anchor)
		if text == "" {
			text = anchor
		}
	}
	body := n.child("ac:link-body")
	if body == nil {
		body = n.child("ac:plain-text-link-body")
	}
	r.linked(n, target, text, body)
}

// reference returns where an ri: element leads to, and how that is called where the link has no
// text of its own.
func reference(n *node) (target, text string) {
	switch n.name {
	case "ri:page":
		text = n.attr("ri:content-title")
		return pageScheme + contentPath(n), text
	case "ri:blog-post":
		text = n.attr("ri:content-title")
		target = blogPostScheme + contentPath(n)
		if day := n.attr("ri:posting-day"); day != "" {
			target += "?posting-day=" + escapeSegment(day)
		}
		return target, text
	case "ri:attachment":
		text = n.attr("ri:filename")
		return attachmentScheme + attachmentPath(n) + escapeSegment(text), text
	case "ri:space":
		text = n.attr("ri:space-key")
		return spaceScheme + escapeSegment(text), text
	case "ri:user":
		for _, key := range []string{"ri:account-id", "ri:userkey", "ri:username"} {
			if id := n.attr(key); id != "" {
				return userScheme + escapeSegment(id), "@" + id
			}
		}
	case "ri:content-entity":
		text = n.attr("ri:content-id")
		return contentScheme + escapeSegment(text), text
	case "ri:shortcut":
		text = n.attr("ri:parameter")
		return shortcutScheme + escapeSegment(n.attr("ri:key")) + "/" + escapeSegment(text), text
	case "ri:url":
		text = n.attr("ri:value")
		return text, text[strings.LastIndexByte(text, '/')+1:]
	}
	return "", ""
}

// contentPath returns SPACE/Title, and Title in the space of the body's own page.
func contentPath(n *node) string {
	title := escapeSegment(n.attr("ri:content-title"))
	if key := n.attr("ri:space-key"); key != "" {
		return escapeSegment(key) + "/" + title
	}
	return title
}

// attachmentPath returns the path of the page that an attachment is on, with a slash behind it;
// nothing for the body's own page.
func attachmentPath(n *node) string {
	for c := n.first; c != nil; c = c.next {
		switch c.name {
		case "ri:page", "ri:blog-post":
			return contentPath(c) + "/"
		case "ri:content-entity":
			return escapeSegment(c.attr("ri:content-id")) + "/"
		}
	}
	return ""
}

// contentImage renders an ac:image, whose caption comes after it.
func (r *renderer) contentImage(n *node) {
	target, name := "", ""
	for c := n.first; c != nil; c = c.next {
		if strings.HasPrefix(c.name, "ri:") {
			target, name = reference(c)
		}
	}
	alt := n.attr("ac:alt")
	if alt == "" {
		alt = name
	}
	r.image(target, alt, n.attr("ac:title"), n.attr("ac:width"), n.attr("ac:height"))
	for c := n.first; c != nil; c = c.next {
		if !strings.HasPrefix(c.name, "ri:") {
			r.node(c)
		}
	}
}

// image gathers an image. Its size is in its title, where Markdown has a place for it.
func (r *renderer) image(target, alt, title, width, height string) {
	target = destination(target)
	if target == "" || !isSafe(target) {
		r.text(alt)
		return
	}
	e := escaper{inLink: true, glued: true}
	if r.cell {
		e.place = inCell
	}
	b := append([]byte("!["), e.append(nil, strings.TrimSpace(collapse(alt, true)))...)
	b = append(append(b, "]("...), target...)
	var about []string
	if title = strings.TrimSpace(collapse(title, true)); title != "" {
		about = append(about, title)
	}
	if width != "" {
		about = append(about, "width="+width)
	}
	if height != "" {
		about = append(about, "height="+height)
	}
	if len(about) > 0 {
		quoted := e.append(nil, collapse(strings.Join(about, " "), true))
		b = append(append(append(b, ` "`...), strings.ReplaceAll(string(quoted), `"`, `\"`)...), '"')
	}
	r.add(runImage, string(append(b, ')')))
}

// destination returns an address as it may stand behind a link's text. Browsers take no notice
// of white space at its ends and of line breaks in it, so these go.
func destination(address string) string {
	address = strings.TrimSpace(address)
	var b []byte
	for i := 0; i < len(address); i++ {
		c := address[i]
		switch {
		case c == '\n' || c == '\r' || c == '\t' || c == 0:
		case c <= ' ' || c == 0x7f || strings.IndexByte("<>\"`|", c) >= 0:
			b = appendPercent(b, c)
		case c == '(' || c == ')' || c == '\\':
			b = append(b, '\\', c)
		case c == '&' && isEntity(address[i:]):
			b = append(b, "&amp;"...)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// isSafe reports whether following the address, which destination returned, runs nothing.
func isSafe(address string) bool {
	scheme, _, _ := strings.Cut(address, ":")
	switch strings.ToLower(scheme) {
	case "javascript", "data", "vbscript":
		return false
	}
	return true
}

// escapeSegment percent-encodes what has a meaning in an address; letters stay as they are.
func escapeSegment(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		c := s[i]
		if isAlphanumeric(c) || c >= utf8.RuneSelf || strings.IndexByte("-._~:@!$'*+,;=", c) >= 0 {
			b = append(b, c)
		} else {
			b = appendPercent(b, c)
		}
	}
	return string(b)
}

func appendPercent(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[c>>4], digits[c&15])
}

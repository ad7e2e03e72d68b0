package simconfluence

import "strconv"

// Rows are appended to a buffer field by field: at a million rows nothing else would be
// quick enough to serve as the other end of a benchmark. Field names, their order, nulls
// and absences are those of recorded answers.

// shape says what a row shall contain.
type shape struct {
	format   string // of bodies: storage, atlas_doc_format, raw; empty for none
	desc     string // format of a space's description, empty for none
	icon     bool   // of a space
	single   bool   // an answer of its own and not a row of a list
	reply    bool   // a row of a list of replies, which names pages and posts only
	nullPage bool   // of a reply: the page or post that it is on is null
}

// row appends one item as lists have it.
func (s *Site) row(b []byte, k Kind, i int, f shape) []byte {
	b = s.rowHead(b, k, i, f)
	return append(s.rowLinks(b, k, i), '}')
}

// rowHead appends an item up to the comma before its _links; what has none ends complete
// but for the brace.
func (s *Site) rowHead(b []byte, k Kind, i int, f shape) []byte {
	switch k {
	case Space:
		return s.spaceHead(b, i, f)
	case Page:
		return s.pageHead(b, i, f)
	case BlogPost:
		return s.blogHead(b, i, f)
	case Attachment:
		return s.attachmentHead(b, i)
	case FooterComment, InlineComment:
		return s.commentHead(b, k, i, f)
	case Task:
		return s.taskHead(b, i, f)
	case CustomContent:
		return s.customHead(b, i, f)
	case Group:
		return s.groupHead(b, i)
	case Folder, Whiteboard, Database, Embed:
		return s.nodeHead(b, k, i)
	}
	return s.labelHead(b, i)
}

func (s *Site) pageHead(b []byte, i int, f shape) []byte {
	h := s.h(Page, i, saltMisc)
	b = s.pageParent(append(b, '{'), i)
	if draw(h, 9) == 0 {
		b = append(b, `,"sourceTemplateEntityId":"com.example.blueprints:page-`...)
		b = append(strconv.AppendInt(b, int64(draw(mix(h), 9)), 10), '"')
	}
	if draw(h, 23) == 0 {
		b = append(b, `,"subtype":"live"`...)
	}
	b = appendTime(append(b, `,"createdAt":`...), s.created(Page, i))
	b = append(b, `,"ownerId":`...)
	b = s.userOrNull(b, h, 30)
	b = append(b, `,"lastOwnerId":`...)
	b = s.userOrNull(b, mix(h), 2)
	b = append(b, `,"authorId":"`...)
	b = appendUser(b, s.author(Page, i))
	b = append(b, `","position":`...)
	if s.binned(i) {
		b = append(b, "null"...)
	} else {
		b = s.position(b, i)
	}
	b = s.appendVersion(append(b, ','), Page, i)
	return s.contentTail(b, Page, i, f)
}

// binned reports whether a page is in the trash or deleted: such pages lie nowhere.
func (s *Site) binned(i int) bool {
	st := s.status(Page, i)
	return st == trashed || st == deleted
}

// pageParent appends the fields that say what a page lies in.
func (s *Site) pageParent(b []byte, i int) []byte {
	p, typ := s.parent(i)
	if typ == "" || s.binned(i) {
		return s.appendAbove(b, 0, -1)
	}
	if typ != "page" {
		return s.appendAbove(b, p, s.typeSlot(p, typ))
	}
	switch null, absent := s.typeless(i); {
	case null:
		b = append(b, `"parentType":null,`...)
	case !absent:
		b = append(b, `"parentType":"page",`...)
	}
	b = append(b, `"parentId":"`...)
	return append(s.appendID(b, Page, p), '"')
}

// place is a page's place among its siblings, sometimes negative; -1000 stands for null.
func (s *Site) place(i int) int64 {
	h := s.h(Page, i, saltNull)
	if draw(h, 25) == 0 {
		return -1000
	}
	return int64(draw(mix(h), 5000) - 20)
}

// position appends a page's place.
func (s *Site) position(b []byte, i int) []byte {
	if p := s.place(i); p != -1000 {
		return strconv.AppendInt(b, p, 10)
	}
	return append(b, "null"...)
}

// userOrNull appends an account id or, once in n times, null.
func (s *Site) userOrNull(b []byte, h uint64, n int) []byte {
	if draw(h, n) == 0 {
		return append(b, "null"...)
	}
	return append(appendUser(append(b, '"'), mix(h)), '"')
}

// contentTail appends what pages and posts have in common after their version.
func (s *Site) contentTail(b []byte, k Kind, i int, f shape) []byte {
	b = append(b, `,"spaceId":"`...)
	b = s.appendID(b, Space, s.space(k, i))
	b = append(append(b, `","status":"`...), s.status(k, i)...)
	b = append(b, `","body":`...)
	b = s.appendBody(b, k, i, s.version(k, i), f.format)
	b = append(b, `,"title":"`...)
	b = s.appendTitle(b, k, i)
	b = append(b, `","id":"`...)
	b = s.appendID(b, k, i)
	return append(b, `",`...)
}

func (s *Site) blogHead(b []byte, i int, f shape) []byte {
	b = appendTime(append(b, `{"createdAt":`...), s.created(BlogPost, i))
	b = append(b, `,"authorId":"`...)
	b = appendUser(b, s.author(BlogPost, i))
	b = s.appendVersion(append(b, `",`...), BlogPost, i)
	return s.contentTail(b, BlogPost, i, f)
}

// appendVersion appends "version": with the current version of an item.
func (s *Site) appendVersion(b []byte, k Kind, i int) []byte {
	v := s.version(k, i)
	b = s.versionFields(append(b, `"version":{`...), k, i, v, s.modified(k, i))
	if k == Page || k == BlogPost {
		h := s.h(k, i, saltVersions)
		switch draw(h, 3) {
		case 0:
			b = append(b, `,"ncsStepVersion":null`...)
		default:
			b = append(b, `,"ncsStepVersion":"`...)
			b = append(strconv.AppendInt(b, int64(v), 10), '"')
		}
		if draw(h, 20) == 0 {
			b = append(b, `,"contributorIds":["`...)
			b = append(appendUser(b, h), `"]`...)
		}
	}
	return append(b, '}')
}

// versionFields appends the fields of version v that rows and lists of versions share.
func (s *Site) versionFields(b []byte, k Kind, i, v int, at int64) []byte {
	h := mix(s.h(k, i, saltVersions) + uint64(v))
	b = append(b, `"number":`...)
	b = strconv.AppendInt(b, int64(v), 10)
	b = append(b, `,"message":"`...)
	if draw(h, 4) == 0 {
		b = s.appendText(b, h, 3)
	}
	b = append(b, `","minorEdit":`...)
	b = strconv.AppendBool(b, v > 1 && draw(h, 6) == 0)
	b = append(b, `,"authorId":"`...)
	b = appendUser(b, mix(h))
	return appendTime(append(b, `","createdAt":`...), at)
}

// entities name the field of a version's row that holds what it is a version of.
var entities = [kinds]string{
	Page: "page", BlogPost: "blogpost", Attachment: "attachment", CustomContent: "custom",
	FooterComment: "comment", InlineComment: "comment",
}

// versionRow appends version v as lists of versions have it, with the entity that it is
// of, if that is to be named.
func (s *Site) versionRow(b []byte, k Kind, i, v int, entity, format string) []byte {
	at := s.versionTime(k, i, v)
	b = s.versionFields(append(b, '{'), k, i, v, at)
	if entity == "" {
		return append(b, '}')
	}
	b = append(append(append(b, `,"`...), entity...), `":{"body":`...)
	b = s.appendBody(b, k, i, v, format)
	b = append(b, `,"title":"`...)
	b = s.appendTitle(b, k, i)
	if v < s.version(k, i) && v%3 == 0 {
		b = append(b, " (before)"...)
	}
	b = append(b, `","id":"`...)
	return append(s.appendID(b, k, i), `"}}`...)
}

func (s *Site) attachmentHead(b []byte, i int) []byte {
	h := s.h(Attachment, i, saltMedia)
	b = append(b, `{"mediaTypeDescription":`...)
	if draw(h, 6) == 0 {
		b = append(b, `"Text File"`...)
	} else {
		b = append(b, `null`...)
	}
	b = s.appendDownload(append(b, `,"webuiLink":"`...), i, false)
	b = s.appendDownload(append(b, `","downloadLink":"`...), i, true)
	b = appendTime(append(b, `","createdAt":`...), s.created(Attachment, i))
	b = s.appendVersion(append(b, ','), Attachment, i)
	b = append(b, `,"comment":"`...)
	if draw(mix(h), 5) == 0 {
		b = s.appendText(b, h, 4)
	}
	b = append(b, `","id":"`...)
	b = s.appendID(b, Attachment, i)
	c, j := s.container(Attachment, i)
	b = s.appendContainer(append(b, `",`...), c, j)
	b = append(b, `,"fileId":"`...)
	b = appendUUID(b, h)
	b = append(append(b, `","mediaType":"`...), mediaTypes[draw(h, len(mediaTypes))].name...)
	b = append(append(b, `","status":"`...), s.status(Attachment, i)...)
	b = append(b, `","title":"`...)
	b = s.appendTitle(b, Attachment, i)
	b = append(b, `","fileSize":`...)
	size := int64(draw(mix(h), 40_000_000))
	switch {
	case s.opts.Readable:
		size = readableSize(draw(h, len(mediaTypes)), mix(h))
	case i == 0:
		size = highID // more than a float64 can tell
	}
	return append(strconv.AppendInt(b, size, 10), ',')
}

var mediaTypes = [...]struct{ name, ext string }{
	{"image/svg+xml", ".svg"}, {"image/png", ".png"}, {"text/plain", ".txt"}, {"application/pdf", ".pdf"},
	{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"},
}

// appendDownload appends the path of an attachment's bytes, or of its preview.
func (s *Site) appendDownload(b []byte, i int, bytes bool) []byte {
	c, j := s.container(Attachment, i)
	if !bytes {
		b = append(b, "/pages/viewpageattachments.action?pageId="...)
		b = append(s.appendID(b, c, j), "&preview=%2F"...)
		b = append(s.appendID(b, c, j), "%2F"...)
		return strconv.AppendInt(b, s.id(Attachment, i), 10)
	}
	b = append(s.appendID(append(b, "/download/attachments/"...), c, j), "/file"...)
	b = strconv.AppendInt(b, int64(i), 10)
	b = append(b, "?version="...)
	b = strconv.AppendInt(b, int64(s.version(Attachment, i)), 10)
	b = append(b, "&modificationDate="...)
	b = strconv.AppendInt(b, s.modified(Attachment, i), 10)
	return append(b, "&cacheVersion=1&api=v2"...)
}

// containerFields name the field that holds the id of what something belongs to.
var containerFields = [kinds]string{
	Space: "spaceId", Page: "pageId", BlogPost: "blogPostId", Attachment: "attachmentId", CustomContent: "customContentId",
}

// appendContainer appends the field that says what something belongs to.
func (s *Site) appendContainer(b []byte, c Kind, j int) []byte {
	b = append(append(append(b, '"'), containerFields[c]...), `":"`...)
	return append(s.appendID(b, c, j), '"')
}

func (s *Site) commentHead(b []byte, k Kind, i int, f shape) []byte {
	b = append(b, `{"id":"`...)
	b = s.appendID(b, k, i)
	b = append(append(b, `","status":"`...), s.status(k, i)...)
	b = append(b, `","title":"Re: `...)
	c, j := s.container(k, i)
	b = append(s.appendTitle(b, c, j), '"')
	content := c == Page || c == BlogPost
	switch {
	case content && f.nullPage && s.repliesTo(k, i) >= 0:
		b = append(append(append(b, `,"`...), containerFields[c]...), `":null`...)
	case content || !f.reply:
		b = s.appendContainer(append(b, ','), c, j)
	}
	if p := s.repliesTo(k, i); p >= 0 {
		b = append(b, `,"parentCommentId":"`...)
		b = append(s.appendID(b, k, p), '"')
	}
	b = s.appendVersion(append(b, ','), k, i)
	state := s.resolution(k, i)
	if content {
		b = append(append(append(b, `,"resolutionStatus":"`...), state...), '"')
	}
	if k == InlineComment {
		b = s.inlineFields(b, i, state)
	}
	if f.format != "" {
		b = append(b, `,"body":`...)
		b = s.appendBody(b, k, i, s.version(k, i), f.format)
	}
	return append(b, ',')
}

// inlineFields appends what only inline comments have. Who resolved it is told only of
// comments that were resolved once.
func (s *Site) inlineFields(b []byte, i int, state string) []byte {
	h := s.h(InlineComment, i, saltState)
	if state == "resolved" || state == "reopened" {
		b = append(b, `,"resolutionLastModifierId":"`...)
		b = appendUser(b, h)
		b = appendTime(append(b, `","resolutionLastModifiedAt":`...), s.modified(InlineComment, i))
	}
	for _, names := range [...][2]string{{"inlineMarkerRef", "inlineOriginalSelection"}, {"inline-marker-ref", "inline-original-selection"}} {
		if names[0] == "inlineMarkerRef" {
			b = append(b, `,"properties":{"`...)
		} else {
			b = append(b, `,"`...)
		}
		b = append(append(b, names[0]...), `":"`...)
		b = appendUUID(b, h)
		b = append(append(append(b, `","`...), names[1]...), `":"`...)
		b = append(s.appendText(b, h, 6), '"')
	}
	return append(b, '}')
}

package simconfluence

import "strconv"

// rowLinks appends an item's _links; what has none gets nothing.
func (s *Site) rowLinks(b []byte, k Kind, i int) []byte {
	b = s.linksOf(b, k, i)
	if k == Task || k == Label {
		return b
	}
	return append(b, '}')
}

// linksOf appends an item's _links without the closing brace, so that a single read can
// add its base.
func (s *Site) linksOf(b []byte, k Kind, i int) []byte {
	switch k {
	case Task, Label:
		return b
	case Group:
		b = append(b, `"_links":{"self":"https://example.net/wiki/rest/api/group/by-id?id=`...)
		return append(s.appendID(b, Group, i), '"')
	case Attachment:
		if s.opts.ShortAttachments {
			return append(b, `"_links":{"webui":"/"`...)
		}
		b = s.appendDownload(append(b, `"_links":{"download":"`...), i, true)
		b = s.appendDownload(append(b, `","webui":"`...), i, false)
		return append(b, '"')
	case Space:
		b = append(append(b, `"currentActiveAlias":"`...), s.SpaceKey(i)...)
		b = append(append(b, `","_links":{"webui":"/spaces/`...), s.SpaceKey(i)...)
		return append(b, '"')
	case Page, BlogPost:
		b = s.appendID(append(b, `"_links":{"editui":"/pages/resumedraft.action?draftId=`...), k, i)
		b = s.appendWebUI(append(b, `","webui":"`...), k, i)
		b = append(append(b, `","edituiv2":"/spaces/`...), s.SpaceKey(s.space(k, i))...)
		b = s.appendID(append(b, [...]string{"/pages", "/blog"}[boolInt(k == BlogPost)]+`/edit-v2/`...), k, i)
		b = append(b, `","tinyui":"/x/`...)
		b = strconv.AppendInt(b, s.id(k, i), 36)
		return append(b, '"')
	case FooterComment, InlineComment:
		c, j := s.container(k, i)
		b = s.appendWebUI(append(b, `"_links":{"webui":"`...), c, j)
		b = s.appendID(append(b, `?focusedCommentId=`...), k, i)
		return append(b, '"')
	}
	b = append(s.appendWebUI(append(b, `"_links":{"webui":"`...), k, i), '"')
	if k == Whiteboard {
		b = append(s.appendWebUI(append(b, `,"editui":"`...), k, i), '"')
	}
	return b
}

// appendWebUI appends the path at which people see an item.
func (s *Site) appendWebUI(b []byte, k Kind, i int) []byte {
	b = append(append(b, "/spaces/"...), s.SpaceKey(s.space(k, i))...)
	switch k {
	case BlogPost:
		b = append(b, "/blog/"...)
	case Page:
		b = append(b, "/pages/"...)
	default:
		b = append(b, "/content/"...)
	}
	return append(s.appendID(b, k, i), "/view"...)
}

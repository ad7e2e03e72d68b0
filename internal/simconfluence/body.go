package simconfluence

import "strconv"

// appendBody appends the value of a body field: {} where no format was asked for.
func (s *Site) appendBody(b []byte, k Kind, i, version int, format string) []byte {
	if format == "" || k == Attachment {
		return append(b, `{}`...)
	}
	b = append(append(b, `{"`...), format...)
	b = append(append(b, `":{"representation":"`...), format...)
	b = append(b, `","value":"`...)
	h := s.h(k, i, saltBody) + uint64(version)
	size := s.bodySize(k, i, mix(h))
	paras := &s.plain
	if s.hardBody(h) {
		paras = &s.paras
	}
	switch {
	case size == 0:
	case format == "atlas_doc_format":
		b = append(b, `{\"version\":1,\"type\":\"doc\",\"content\":[`...)
		for from := len(b); len(b)-from < size; {
			h = mix(h)
			b = append(append(b, paras[1][h>>58]...), ',')
		}
		b = append(b[:len(b)-1], `]}`...)
	default:
		b = append(b, `<p local-id=\"`...)
		b = strconv.AppendInt(b, s.id(k, i), 10)
		b = append(b, `\">revision `...)
		b = append(strconv.AppendInt(b, int64(version), 10), `</p>`...)
		for from := len(b); len(b)-from < size; {
			h = mix(h)
			b = append(b, paras[0][h>>58]...)
		}
	}
	return append(b, `"}}`...)
}

// bodySize returns the least size of a body in bytes of JSON, 0 for an empty one.
func (s *Site) bodySize(k Kind, i int, h uint64) int {
	if s.opts.BodyBytesOf != nil {
		if n := s.opts.BodyBytesOf(k, i); n >= 0 {
			return n
		}
	}
	switch {
	case k == FooterComment || k == InlineComment || k == Task:
		return 20 + draw(h, 380)
	case s.opts.BodyBytes > 0:
		return s.opts.BodyBytes
	}
	switch p := draw(h, 100); {
	case p < 2:
		return 0
	case p < 70:
		return 200 + draw(mix(h), 2500)
	case p < 97:
		return 2500 + draw(mix(h), 8000)
	}
	return 20_000 + draw(mix(h), 60_000)
}

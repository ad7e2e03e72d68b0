package markdown

import (
	"strings"
	"unicode"
)

// trim prepares the runs of a paragraph: white space at the edges of styles and links goes out
// of them, and at the edges of lines it goes. What is left begins and ends with something else.
func trim(runs []run) []run {
	solid := make([]run, 0, 2*len(runs)+1)
	for _, r := range runs {
		if r.kind != runText {
			solid = append(solid, r)
			continue
		}
		solid = appendSplit(solid, r)
	}
	return shareStyles(dropEdges(solid))
}

// appendSplit appends a run of text with the white space at its edges in runs of their own.
func appendSplit(runs []run, r run) []run {
	core := strings.TrimLeftFunc(r.text, unicode.IsSpace)
	if lead := r.text[:len(r.text)-len(core)]; lead != "" {
		runs = append(runs, run{kind: runSpace, style: r.style &^ code, link: r.link, text: lead})
	}
	if core == "" {
		return runs
	}
	inner := strings.TrimRightFunc(core, unicode.IsSpace)
	runs = append(runs, run{style: r.style, link: r.link, text: inner})
	if tail := core[len(inner):]; tail != "" {
		runs = append(runs, run{kind: runSpace, style: r.style &^ code, link: r.link, text: tail})
	}
	return runs
}

// dropEdges drops white space at the beginning and end of lines, and line breaks at the
// beginning and end of it all. A comment after a break comes before it: at the beginning of a
// line it would make HTML of the whole line.
func dropEdges(runs []run) []run {
	kept := runs[:0:len(runs)]
	breaks := 0 // met since the last run that was kept, and not kept yet
	for _, r := range runs {
		switch {
		case r.kind == runSpace && (breaks > 0 || len(kept) == 0):
		case r.kind == runBreak:
			kept = trimSpace(kept)
			if len(kept) > 0 {
				breaks++
			}
		case r.kind == runComment:
			kept = append(kept, r)
		default:
			for ; breaks > 0; breaks-- {
				kept = append(kept, run{kind: runBreak})
			}
			kept = append(kept, r)
		}
	}
	return trimSpace(kept)
}

// trimSpace drops white space at the end.
func trimSpace(runs []run) []run {
	for len(runs) > 0 && runs[len(runs)-1].kind == runSpace {
		runs = runs[:len(runs)-1]
	}
	return runs
}

// shareStyles gives white space, breaks and comments the styles and the link that the text on
// both sides of them has.
func shareStyles(runs []run) []run {
	var before *run
	for i := range runs {
		r := &runs[i]
		if r.isSolid() {
			before = r
			continue
		}
		r.style, r.link = 0, nil
		if before != nil {
			r.style, r.link = before.style&^code, before.link
		}
	}
	var after *run
	for i := len(runs) - 1; i >= 0; i-- {
		r := &runs[i]
		switch {
		case r.isSolid():
			after = r
		case after == nil:
			r.style, r.link = 0, nil
		default:
			r.style &= after.style
			if r.link != after.link {
				r.style, r.link = 0, nil // styles don't go over the end of a link
			}
		}
	}
	return runs
}

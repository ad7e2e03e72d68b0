package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// short is a hash of a text.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// base is the text that every hash of a reader covers: the stream, its methods, the mode, the scope, and
// the form of its bodies, so that one sync doesn't mix two. The page size is not covered: it does not
// change what comes.
func base(r *method.Reader, spaces site.Spaces) string {
	return fmt.Sprint(r.Stream.Name, r.Methods, r.Incremental, r.Statuses, r.ChildStatuses, spaces.Included, spaces.Excluded, r.BodyFormat, r.Markdown, "\n")
}

// doneHash is the hash of a stream's whole read: everything that decides which rows come.
func doneHash(r *method.Reader, spaces site.Spaces, lists []List) string {
	return short(base(r, spaces) + describe(lists))
}

// HashAt returns the hash of a position in lists[i]. It covers the reader, the lists up to that one
// and, for an incremental read, the bookmark. In an incremental read of custom content it covers only
// the lists of that type, since each type has a bookmark of its own.
func HashAt(r *method.Reader, spaces site.Spaces, lists []List, i int) string {
	before := lists[:i+1]
	if kind := lists[i].Type; r.Incremental && kind != "" {
		before = slices.DeleteFunc(slices.Clone(before), func(l List) bool { return l.Type != kind })
	}
	from := ""
	if r.Incremental {
		from = timestamp.Format(r.SinceIn(lists[i].Type))
	}
	return short(base(r, spaces) + describe(before) + from)
}

// describe returns a text of everything about lists that decides which rows come. A list asks for bodies
// if any of its walk's streams has them: of each stream base tells.
func describe(lists []List) string {
	var b strings.Builder
	for _, l := range lists {
		b.WriteString(l.Name + " " + string(l.Order) + " " + l.Request.Path)
		for _, q := range l.Request.Without(stream.BodyParam).Query {
			b.WriteString(" " + q[0] + "=" + q[1])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// scopeHash is the hash of the spaces and live statuses of an incremental read, empty for all spaces
// and the default statuses. It does not cover the trash, which every run reads in full.
func scopeHash(r *method.Reader, spaces site.Spaces) string {
	var missing []string
	if r.Stream.Listing.Statuses != nil {
		missing = without(both(stream.Live, r.Stream.Listing.Statuses), r.Statuses)
	}
	if !spaces.Narrowed() && len(missing) == 0 {
		return ""
	}
	return short(fmt.Sprint(spaces.Included, spaces.Excluded, missing))
}

package simconfluence

import (
	"slices"
	"strings"
	"time"
)

// Quirks are habits that some real sites have and others have not. The zero value is a site
// with none of them; what every real site does needs no quirk.
type Quirks struct {
	// GroupNext gives the lists of groups and members a link to the next page, as older
	// sites do. It skips as many rows as were asked for, however few came.
	GroupNext bool
	// EmptyTrash hides what is trashed, as from an account that may not manage content:
	// listings answer 200 without it, single reads 404.
	EmptyTrash bool
	// NoParentTypes leaves parentType out, or null, in one of six pages below a page.
	NoParentTypes bool
	// ReplyNullPage has the lists of replies give the page or post of each reply as null.
	ReplyNullPage bool
	// SitewideNullPage does so for the replies in the site-wide lists of comments.
	SitewideNullPage bool
	// BinnedComments has the site-wide lists of comments show those on pages and posts that are in the
	// trash or deleted, too.
	BinnedComments bool
	// NoTaskSpaces leaves the space out of tasks.
	NoTaskSpaces bool
	// NoBlocks leaves the blocks of combined reads out; BareBlocks sends them without their
	// results.
	NoBlocks, BareBlocks bool
	// Unrenderable are the ids of items whose bodies the site can't render: whatever
	// answer would hold one of their bodies is 500 for good.
	Unrenderable []string
	// RefuseRepeated answers 400 to a parameter that is given more than once.
	RefuseRepeated bool
	// RefuseMixedTrash answers 400 to a listing of the trash together with another status.
	RefuseMixedTrash bool
	// SeesNothing lets the account see no space, and nothing that lies in one.
	SeesNothing bool
	// NoDate leaves the Date header out; DateOff is by how much it is wrong otherwise.
	NoDate  bool
	DateOff time.Duration
	// RoleMode is PreRoles, RolesTransition (also if empty) or RolesOnly: whether people and
	// groups hold permissions themselves, roles, or both.
	RoleMode string
	// NoRoleMode refuses to tell the mode.
	NoRoleMode bool
	// NoExpansion leaves restrictions out of one of three hits of a search that asks for them.
	NoExpansion bool
	// RestrictionsNoSize leaves size and limit out of the lists of who may do something.
	RestrictionsNoSize bool
	// IndexLag is how long the search takes to know of a change.
	IndexLag time.Duration
	// SearchRefuses are parts of CQL that the search answers with 400, in any case.
	SearchRefuses []string
	// SearchRefusesCursor answers 400 to every page of a search but the first.
	SearchRefusesCursor bool
}

// SetQuirks changes the site's habits.
func (s *Site) SetQuirks(q Quirks) { s.changed(func() { s.quirks = q }) }

// Quirks returns the site's habits. The lists in it are shared and must not be written to.
func (s *Site) Quirks() Quirks {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.quirks
}

// unrenderable reports whether the site can't render an item's body.
func (s *Site) unrenderable(k Kind, i int) bool {
	return len(s.quirks.Unrenderable) > 0 && slices.Contains(s.quirks.Unrenderable, string(s.appendID(nil, k, i)))
}

// searchRefuses reports whether a query has a part that the search does not take.
func (s *Site) searchRefuses(cql string) bool {
	cql = strings.ToLower(cql)
	return slices.ContainsFunc(s.quirks.SearchRefuses, func(part string) bool {
		return strings.Contains(cql, strings.ToLower(part))
	})
}

// indexed reports whether the search knows of an item yet.
func (s *Site) indexed(k Kind, i int) bool {
	return s.quirks.IndexLag == 0 || s.created(k, i) <= s.now-s.quirks.IndexLag.Milliseconds()
}

// typeless reports whether a page's row leaves out what its parent is: as null, or at all.
func (s *Site) typeless(i int) (null, absent bool) {
	if !s.quirks.NoParentTypes {
		return false, false
	}
	d := draw(mix(s.h(Page, i, saltParentType)), 12)
	return d == 0, d == 1
}

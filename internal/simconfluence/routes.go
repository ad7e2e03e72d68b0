package simconfluence

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// routes is the table of what the site answers by hand, by full path. What the table of
// streams has beyond it is served by generic.go.
func (s *Site) routes() map[string]route {
	t := map[string]route{}
	for path, h := range v2Routes() {
		t[stream.V2+path] = route{h, s.facts.Operation(path)}
	}
	for path, h := range map[string]handler{
		"/wiki/rest/api/group": (*request).groupList, "/wiki/rest/api/user/current": (*request).currentUser,
		"/wiki/rest/api/search": (*request).search, "/wiki/rest/api/search/user": (*request).userSearch,
		"/wiki/rest/api/content/search": (*request).contentSearch, "/wiki/rest/api/audit": (*request).auditList,
		"/wiki/rest/api/group/by-id": (*request).groupByID, "/wiki/rest/api/group/{id}/membersByGroupId": (*request).groupMembers,
		"/wiki/rest/api/content/{id}/restriction/byOperation":        (*request).byOperation,
		"/wiki/rest/api/content/{id}/restriction/byOperation/read":   (*request).oneOperation,
		"/wiki/rest/api/content/{id}/restriction/byOperation/update": (*request).oneOperation,
	} {
		t[path] = route{h, s.facts.Operation(path)}
	}
	return t
}

// v2Routes are the routes of version 2, without its prefix.
func v2Routes() map[string]handler {
	t := map[string]handler{
		"/spaces": (*request).spaces, "/spaces/{id}": one(Space),
		"/spaces/{id}/permissions": (*request).permissions,
		"/labels":                  (*request).labelList, "/tasks": (*request).tasks, "/tasks/{id}": one(Task),
		"/pages/{id}/direct-children":    (*request).directChildren,
		"/pages/{id}/children":           (*request).childPages,
		"/spaces/{id}/role-assignments":  (*request).roleAssignments,
		"/space-roles":                   (*request).spaceRoles,
		"/space-role-mode":               (*request).spaceRoleMode,
		"/users-bulk":                    (*request).usersBulk,
		"/spaces/{id}/pages":             inSpace(Page),
		"/spaces/{id}/blogposts":         inSpace(BlogPost),
		"/spaces/{id}/custom-content":    inSpace(CustomContent),
		"/pages/{id}/custom-content":     within(CustomContent, Page),
		"/blogposts/{id}/custom-content": within(CustomContent, BlogPost),
	}
	for path, k := range map[string]Kind{"folders": Folder, "whiteboards": Whiteboard, "databases": Database, "embeds": Embed} {
		t["/"+path+"/{id}"], t["/"+path+"/{id}/direct-children"] = oneNode(k), nodeChildren(k)
	}
	for path, k := range segments {
		if k != Space && k != Task {
			t["/"+path], t["/"+path+"/{id}"] = all(k), one(k)
		}
		itemRoutes(t, path, k)
	}
	return t
}

// itemRoutes adds the routes below one item of a kind.
func itemRoutes(t map[string]handler, path string, k Kind) {
	switch k {
	case Space, Page, BlogPost, Attachment, CustomContent:
		t["/"+path+"/{id}/labels"] = labelsOf(k)
		t["/"+path+"/{id}/properties"] = propertiesOf(k)
		if k != Space {
			t["/"+path+"/{id}/versions"] = versionsOf(k)
			t["/"+path+"/{id}/footer-comments"] = within(FooterComment, k)
		}
		if k == Page || k == BlogPost {
			t["/"+path+"/{id}/likes/users"] = likesOf(k)
			t["/"+path+"/{id}/inline-comments"] = within(InlineComment, k)
		}
		if k == Page || k == BlogPost || k == CustomContent {
			t["/"+path+"/{id}/attachments"] = within(Attachment, k)
		}
		if k == Page || k == BlogPost || k == Attachment {
			t["/labels/{id}/"+path] = carriers(k)
		}
	case FooterComment, InlineComment:
		t["/"+path+"/{id}/children"] = repliesOf(k)
		t["/"+path+"/{id}/versions"] = versionsOf(k)
	}
}

// segments are the first segments of paths and what they list.
var segments = map[string]Kind{
	"spaces": Space, "pages": Page, "blogposts": BlogPost, "attachments": Attachment, "custom-content": CustomContent,
	"footer-comments": FooterComment, "inline-comments": InlineComment, "tasks": Task,
}

// statuses are those that a list of the kind shows when none are asked for.
func statuses(k Kind) []string {
	switch k {
	case Page, Attachment:
		return []string{current, archived}
	case BlogPost, CustomContent:
		return []string{current}
	}
	return nil
}

// all answers a list of a whole site.
func all(k Kind) handler {
	return func(rq *request) {
		if k == CustomContent && !rq.typed() {
			return
		}
		some := rq.ordinals(k, "id")
		f := shape{format: rq.format(), nullPage: rq.quirks.SitewideNullPage}
		l := rq.items(k, some, some == nil, rq.query.Get("sort"), f)
		l.keep = rq.filter(k)
		if k == FooterComment || k == InlineComment {
			rq.lie(l, k)
		}
		rq.list(l)
	}
}

// lie takes out of a site-wide list of comments what the site keeps silent about.
func (rq *request) lie(l *list, k Kind) {
	keep := l.keep
	l.keep = func(i int) bool {
		if rq.lies.NoReplies && rq.repliesTo(k, i) >= 0 {
			return false
		}
		if c, j := rq.container(k, i); rq.lies.NoArchivedComments && c == Page && rq.status(c, j) == archived {
			return false
		}
		return keep(i)
	}
}

// typed checks the type that lists of custom content need.
func (rq *request) typed() bool {
	typ := rq.query.Get("type")
	if typ == "" {
		rq.badParam("Required parameter 'type' is missing.", "")
		return false
	}
	if !slices.Contains(customTypes[:], typ) {
		rq.badParam("Provided value {"+typ+"} for 'type' is not a known custom content type.", "")
		return false
	}
	return true
}

// parentOf finds the item in the path; it answers 404 and returns false if there is none.
func (rq *request) parentOf(k Kind) (int, bool) {
	i, ok := rq.find(k, rq.id)
	if _, err := strconv.ParseInt(strings.TrimPrefix(rq.id, "att"), 10, 64); err != nil {
		rq.badParam("Provided value for 'id' is not the correct type. Expected type is Long.", "")
		return 0, false
	}
	if !ok || !rq.open(k, i) || !rq.mayRead(k, i) {
		rq.notFound(k)
		return 0, false
	}
	return i, true
}

// within answers a list of what belongs to one item: of comments the roots alone.
func within(k, c Kind) handler {
	return func(rq *request) {
		i, ok := rq.parentOf(c)
		if !ok || k == CustomContent && !rq.typed() {
			return
		}
		l := rq.items(k, rq.contained(k, c).of(i), false, rq.query.Get("sort"), shape{format: rq.format()})
		l.keep = rq.filter(k)
		rq.list(l)
	}
}

// inSpace answers a list of a space's content.
func inSpace(k Kind) handler {
	return func(rq *request) {
		i, ok := rq.parentOf(Space)
		if !ok || k == CustomContent && !rq.typed() {
			return
		}
		l := rq.items(k, nil, true, rq.query.Get("sort"), shape{format: rq.format()})
		keep := rq.filter(k)
		root := rq.param("depth") == "root"
		l.keep = func(j int) bool {
			if rq.space(k, j) != i || !keep(j) {
				return false
			}
			if root && k == Page {
				_, typ := rq.parent(j)
				return typ == ""
			}
			return true
		}
		rq.list(l)
	}
}

// repliesOf answers the direct replies to a comment.
func repliesOf(k Kind) handler {
	return func(rq *request) {
		i, ok := rq.parentOf(k)
		if !ok {
			return
		}
		f := shape{format: rq.format(), reply: true, nullPage: rq.quirks.ReplyNullPage}
		l := rq.items(k, rq.replies(k, i), false, rq.query.Get("sort"), f)
		l.keep = rq.filter(k)
		rq.list(l)
	}
}

// carriers answers the items of a kind that carry a label.
func carriers(k Kind) handler {
	return func(rq *request) {
		i, ok := rq.parentOf(Label)
		if !ok {
			return
		}
		l := rq.items(k, rq.labelled(k).of(i), false, rq.query.Get("sort"), shape{format: rq.format()})
		keep := rq.filter(k)
		l.keep = func(j int) bool {
			return keep(j) && (!rq.lies.NoArchivedLabelled || rq.status(k, j) != archived)
		}
		rq.list(l)
	}
}

func (rq *request) spaces() {
	some := rq.ordinals(Space, "ids")
	l := rq.items(Space, some, some == nil, rq.query.Get("sort"), rq.spaceShape())
	keys, typ, status := rq.values("keys"), rq.query.Get("type"), rq.query.Get("status")
	labels := rq.values("labels")
	l.keep = func(i int) bool {
		return !rq.gone(Space, i) && (keys == nil || slices.Contains(keys, rq.SpaceKey(i))) &&
			(typ == "" || typ == spaceType(i)) && (status == "" || status == rq.status(Space, i)) &&
			(labels == nil || rq.hasLabel(i, labels))
	}
	rq.list(l)
}

func (rq *request) hasLabel(space int, names []string) bool {
	for _, l := range rq.labels(nil, Space, space) {
		if slices.Contains(names, rq.labelName(int(l))) {
			return true
		}
	}
	return false
}

func (rq *request) spaceShape() shape {
	return shape{desc: rq.query.Get("description-format"), icon: rq.query.Get("include-icon") == "true"}
}

func (rq *request) labelList() {
	some := rq.ordinals(Label, "label-id")
	l := rq.items(Label, some, some == nil, rq.query.Get("sort"), shape{})
	prefixes := rq.values("prefix")
	l.keep = func(i int) bool { return prefixes == nil || slices.Contains(prefixes, prefix(i)) }
	rq.list(l)
}

package simconfluence

import (
	"slices"
	"strconv"
	"strings"
)

// extraTruth walks the model for the streams whose rows come neither from a listing nor from
// a list below one of its rows.
var extraTruth = map[string]func(t *truth){
	"users":                          (*truth).people,
	"group_members":                  (*truth).groupMembers,
	"space_roles":                    (*truth).spaceRoles,
	"space_role_assignments":         (*truth).roleAssignments,
	"content_restrictions":           (*truth).restrictions,
	"folders":                        func(t *truth) { t.nodes(Folder) },
	"whiteboards":                    func(t *truth) { t.nodes(Whiteboard) },
	"databases":                      func(t *truth) { t.nodes(Database) },
	"embeds":                         func(t *truth) { t.nodes(Embed) },
	"labels":                         func(t *truth) { t.items(Label) },
	"page_likes":                     func(t *truth) { t.likes(Page) },
	"blog_post_likes":                func(t *truth) { t.likes(BlogPost) },
	"attachment_footer_comments":     func(t *truth) { t.commentsOn(FooterComment, Attachment) },
	"custom_content_footer_comments": func(t *truth) { t.commentsOn(FooterComment, CustomContent) },
	"audit_records":                  (*truth).audit,
}

// people are the accounts that the bulk route knows, of those that the options name.
func (t *truth) people() {
	for u := range t.users {
		id := string(appendAccount(nil, u))
		if t.userState(u) == unknownUser || t.o.Accounts != nil && !slices.Contains(t.o.Accounts, id) {
			continue
		}
		t.b = t.bulkRow(t.b[:0], u)
		if !t.emit("", id) {
			return
		}
	}
}

func (t *truth) groupMembers() {
	for g := range t.n[Group] {
		if t.gone(Group, g) {
			continue
		}
		id := string(t.appendID(nil, Group, g))
		for _, u := range t.members(g) {
			t.b = t.userV1(t.b[:0], u)
			if !t.emit(id, id, string(appendAccount(nil, u))) {
				return
			}
		}
	}
}

func (t *truth) spaceRoles() {
	for r := range roles {
		if t.roleMode() == PreRoles {
			return
		}
		t.b = t.roleRow(t.b[:0], r)
		if !t.emit("", string(appendRole(nil, r))) {
			return
		}
	}
}

func (t *truth) roleAssignments() {
	for i := range t.n[Space] {
		if t.roleMode() == PreRoles || !t.listed(Space, i) {
			continue
		}
		space := string(t.appendID(nil, Space, i))
		l := t.assignmentList(i)
		for j := range l.n {
			typ, who := t.assignee(i, j)
			t.b = l.row(t.b[:0], j)
			if !t.emit(space, space, string(appendRole(nil, j%roles)), strings.ToLower(typ), who) {
				return
			}
		}
	}
}

// restrictions are those of the pages and posts that are not in the trash, one row for each
// operation and each account or group.
func (t *truth) restrictions() {
	for _, k := range [...]Kind{Page, BlogPost} {
		for i := range t.n[k] {
			if !t.listed(k, i) || !t.open(k, i) {
				continue
			}
			for _, op := range restrictable {
				if !t.restrictionRows(k, i, op) {
					return
				}
			}
		}
	}
}

func (t *truth) restrictionRows(k Kind, i int, op string) bool {
	content := string(t.appendID(nil, k, i))
	people, some := t.restriction(k, i, op)
	row := func(typ, id string, who func(b []byte) []byte) bool {
		t.b = append(append(append(t.b[:0], `{"contentId":"`...), content...), `","operation":"`...)
		t.b = append(append(append(t.b, op...), `","principalType":"`...), typ...)
		t.b = append(append(append(t.b, `","principalId":"`...), id...), `","contentType":"`...)
		t.b = append(append(append(t.b, k.String()...), `","`...), typ...)
		t.b = append(who(append(t.b, `":`...)), '}')
		return t.emit(content, content, op, typ, id)
	}
	for _, u := range people {
		if !row("user", string(appendAccount(nil, u)), func(b []byte) []byte { return t.userV1(b, u) }) {
			return false
		}
	}
	for _, g := range some {
		if !t.gone(Group, g) && !row("group", string(t.appendID(nil, Group, g)), func(b []byte) []byte { return t.row(b, Group, g, shape{}) }) {
			return false
		}
	}
	return true
}

// nodes are the folders and so on below pages that are open; of those, if the options say so,
// the ones that the listed pages lie in, however deep.
func (t *truth) nodes(k Kind) {
	var met map[ref]bool
	if t.o.Unsearched {
		met = t.metNodes()
	}
	for i := range t.many(k) {
		if sp := t.space(k, i); !t.nodeThere(k, i) || !t.inScope[sp] || met != nil && !met[ref{k, i}] {
			continue
		}
		t.b = t.linksOf(t.nodeHead(t.b[:0], k, i), k, i)
		if base := t.lastBase.Load(); base != nil {
			t.b = append(append(append(t.b, `,"base":"`...), *base...), `/wiki"`...)
		}
		t.b = append(t.b, "}}"...)
		if !t.emit("", string(t.appendID(nil, k, i))) {
			return
		}
	}
}

// metNodes are the nodes that the rows of listed pages lead to, upward until a page.
func (t *truth) metNodes() map[ref]bool {
	met := map[ref]bool{}
	for i := range t.n[Page] {
		p, typ := t.parent(i)
		if st := t.status(Page, i); !t.listed(Page, i) || typ == "" || typ == "page" || st == trashed || st == deleted {
			continue
		}
		for slot := t.typeSlot(p, typ); slot > 0; slot = t.above(p, slot) {
			k, j := nodeOf(p, slot)
			if !t.nodeThere(k, j) {
				break
			}
			met[ref{k, j}] = true
		}
	}
	return met
}

func (t *truth) likes(k Kind) {
	for i := range t.n[k] {
		if !t.listed(k, i) || !t.open(k, i) {
			continue
		}
		parent := string(t.appendID(nil, k, i))
		l := t.likeList(k, i)
		for j := range l.n {
			t.b = l.row(t.b[:0], j)
			if !t.emit(parent, parent, fieldText(t.b, "accountId")) {
				return
			}
		}
	}
}

// audit are the records of the audit log. They have no ids: the key is their place.
func (t *truth) audit() {
	for i := range t.n[AuditRecord] {
		if t.gone(AuditRecord, i) {
			continue
		}
		t.b = t.auditRow(t.b[:0], i)
		if !t.emit("", strconv.Itoa(i)) {
			return
		}
	}
}

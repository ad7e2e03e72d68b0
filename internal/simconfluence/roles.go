package simconfluence

import (
	"net/http"
	"strconv"
)

// roles is the number of roles that a site has: four that come with it, and custom ones.
const roles = 7

// Modes of a site's roles, as /space-role-mode names them.
const (
	PreRoles        = "PRE_ROLES"
	RolesTransition = "ROLES_TRANSITION"
	RolesOnly       = "ROLES"
)

// roleMode is the site's mode.
func (s *Site) roleMode() string {
	if s.quirks.RoleMode == "" {
		return RolesTransition
	}
	return s.quirks.RoleMode
}

// rolesRefused answers what a site from before roles does, and returns true.
func (rq *request) rolesRefused() bool {
	if rq.roleMode() != PreRoles {
		return false
	}
	rq.fail(http.StatusForbidden, "FORBIDDEN", "Space roles are not enabled on this site", "")
	return true
}

func (rq *request) spaceRoleMode() {
	if rq.quirks.NoRoleMode {
		rq.fail(http.StatusForbidden, "FORBIDDEN", "Not allowed to see the mode of roles", "")
		return
	}
	rq.sendJSON(http.StatusOK, map[string]any{"mode": rq.roleMode()})
}

func (rq *request) spaceRoles() {
	if !rq.rolesRefused() {
		rq.listOf(rq.roleList(), false)
	}
}

// roleList is the list of the site's roles.
func (s *Site) roleList() *list {
	id := func(r int) int64 { return int64(r + 1) }
	return rows(roles, "id", false, func(r int) sortKey { return sortKey{n: id(r)} }, id, s.roleRow)
}

func appendRole(b []byte, r int) []byte { return appendUUID(b, mix(uint64(r)+4000)) }

func (s *Site) roleRow(b []byte, r int) []byte {
	names := [...]string{"Admin", "Manager", "Collaborator", "Viewer"}
	b = appendRole(append(b, `{"id":"`...), r)
	if r < len(names) {
		b = append(append(b, `","type":"SYSTEM","name":"`...), names[r]...)
	} else {
		b = s.customRole(append(b, `","type":"CUSTOM","name":"`...), r)
	}
	b = s.roleDescription(append(b, `","description":"`...), r)
	b = append(b, `","spacePermissions":["read/space"`...)
	for p := range draw(mix(uint64(r)), 4) {
		b = append(append(append(append(append(b, `,"`...), operations[p+1][0]...), '/'), operations[p+1][1]...), '"')
	}
	return append(b, `]}`...)
}

// customRole appends the name of a role that the site's people made.
func (s *Site) customRole(b []byte, r int) []byte {
	if s.opts.Readable {
		return append(b, [...]string{"Reviewer", "Translator", "Auditor"}[r%3]...)
	}
	return s.appendText(b, mix(uint64(r)+s.seed), 2)
}

// roleDescription appends what a role is for.
func (s *Site) roleDescription(b []byte, r int) []byte {
	if s.opts.Readable {
		return append(b, [...]string{"Runs the space", "Looks after its content", "Writes and comments", "Reads", "Translates pages",
			"Checks what has changed", "Reviews pages"}[r]...)
	}
	return s.appendText(b, mix(uint64(r)+s.seed+1), 6)
}

func (rq *request) roleAssignments() {
	i, ok := rq.parentOf(Space)
	if !ok || rq.rolesRefused() {
		return
	}
	rq.listOf(rq.assignmentList(i), false)
}

// assignments is the number of roles that are held in a space.
func (s *Site) assignments(i int) int {
	switch i {
	case 0:
		return s.atMost(300)
	case 1:
		return 0
	}
	return 2 + draw(s.h(Space, i, saltState), 20)
}

// assignmentList is the list of the roles held in a space.
func (s *Site) assignmentList(i int) *list {
	id := func(j int) int64 { return int64(i)*permsMax + int64(j) }
	return rows(s.assignments(i), "id", false, func(j int) sortKey { return sortKey{n: id(j)} }, id, func(b []byte, j int) []byte {
		typ, who := s.assignee(i, j)
		b = append(append(b, `{"principal":{"principalType":"`...), typ...)
		b = append(append(b, `","principalId":"`...), who...)
		return append(appendRole(append(b, `"},"roleId":"`...), j%roles), `"}`...)
	})
}

// assignee is who holds assignment j in a space. No two assignments are alike: those of one
// role have other holders.
func (s *Site) assignee(i, j int) (typ, id string) {
	if s.opts.Readable {
		return s.readableAssignee(i, j)
	}
	n := j/roles + i
	switch j / roles % 3 {
	case 0:
		return "USER", string(appendAccount(nil, n%s.users))
	case 1:
		if s.first[Group] > j/roles {
			return "GROUP", string(s.appendID(nil, Group, n%s.first[Group]))
		}
		return "USER", string(appendAccount(nil, n%s.users))
	}
	return "ACCESS_CLASS", [...]string{"all-licensed-users", "all-product-admins", "jsm-project-admins", "anonymous-users"}[j/roles/3%4] +
		map[bool]string{true: "-" + strconv.Itoa(j/roles)}[j/roles >= 12]
}

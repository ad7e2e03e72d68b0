package simconfluence

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestRoles reads roles and who holds them.
func TestRoles(t *testing.T) {
	s := New(small())
	mode := func() string {
		return string(get(t, s, stream.V2+"/space-role-mode").body)
	}
	answers(t, "/space-role-mode", get(t, s, stream.V2+"/space-role-mode"))
	answers(t, "/space-roles", get(t, s, stream.V2+"/space-roles"))
	if n := len(allRows(t, s, stream.V2+"/space-roles?limit=2")); n != roles || count(s, "space_roles", TruthOptions{}) != roles {
		t.Errorf("%d roles", n)
	}
	truth := map[string]bool{}
	for row := range s.Truth("space_role_assignments", TruthOptions{}) {
		truth[strings.Join(row.Key, " ")] = true
	}
	n := 0
	for _, space := range allRows(t, s, stream.V2+"/spaces") {
		id := field(t, space, "id")
		route := stream.Path("/spaces/{id}/role-assignments", id)
		answers(t, "/spaces/{id}/role-assignments", get(t, s, route))
		for _, row := range allRows(t, s, route) {
			var a struct {
				RoleID    string
				Principal struct{ PrincipalType, PrincipalID string }
			}
			if err := json.Unmarshal(row, &a); err != nil {
				t.Fatal(err)
			}
			n++
			if key := strings.Join([]string{id, a.RoleID, strings.ToLower(a.Principal.PrincipalType), a.Principal.PrincipalID}, " "); !truth[key] {
				t.Errorf("truth has no %s", key)
			}
		}
	}
	if n != len(truth) || n < 300 {
		t.Errorf("%d assignments, truth has %d", n, len(truth))
	}
	space := string(s.appendID(nil, Space, 0))
	if !strings.Contains(mode(), RolesTransition) {
		t.Error(mode())
	}
	s.SetQuirks(Quirks{RoleMode: RolesOnly})
	for _, row := range allRows(t, s, stream.Path("/spaces/{id}/permissions", space)) {
		if !strings.Contains(string(row), `"type":"role"`) && !strings.Contains(string(row), `"type":"access-class"`) {
			t.Errorf("%s", row)
		}
	}
	s.SetQuirks(Quirks{RoleMode: PreRoles, NoRoleMode: true})
	for path, want := range map[string]int{"/space-roles": 403, "/spaces/" + space + "/role-assignments": 403, "/space-role-mode": 403, "/spaces/1/role-assignments": 404} {
		if got := get(t, s, stream.V2+path); got.status != want {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if n := count(s, "space_role_assignments", TruthOptions{}) + count(s, "space_roles", TruthOptions{}); n != 0 {
		t.Errorf("%d rows before roles", n)
	}
}

package apifacts

import (
	"slices"
	"testing"
)

// TestFurtherRoutes spot-checks the routes beyond those of the table of streams.
func TestFurtherRoutes(t *testing.T) {
	f := Load()
	for route, want := range map[string]struct{ rows, scope string }{
		"/users-bulk":                                           {"User", "read:user:confluence"},
		"/spaces/{id}/role-assignments":                         {"SpaceRoleAssignment", "read:space.permission:confluence"},
		"/space-roles":                                          {"SpaceRole", "read:space.permission:confluence"},
		"/space-role-mode":                                      {"/wiki/api/v2/space-role-mode", "read:configuration:confluence"},
		"/folders/{id}":                                         {"FolderSingle", "read:folder:confluence"},
		"/whiteboards/{id}":                                     {"WhiteboardSingle", "read:whiteboard:confluence"},
		"/databases/{id}":                                       {"DatabaseSingle", "read:database:confluence"},
		"/embeds/{id}":                                          {"SmartLinkSingle", "read:embed:confluence"},
		"/folders/{id}/direct-children":                         {"ChildrenResponse", "read:hierarchical-content:confluence"},
		"/labels":                                               {"Label", "read:label:confluence"},
		"/pages/{id}/likes/users":                               {"Like", "read:page:confluence"},
		"/blogposts/{id}/likes/users":                           {"Like", "read:page:confluence"},
		"/attachments/{id}/footer-comments":                     {"AttachmentCommentModel", "read:comment:confluence"},
		"/custom-content/{id}/footer-comments":                  {"CustomContentCommentModel", "read:comment:confluence"},
		"/wiki/rest/api/audit":                                  {"AuditRecord", "read:audit-log:confluence"},
		"/wiki/rest/api/search/user":                            {"SearchResult", "read:content-details:confluence"},
		"/wiki/rest/api/content/search":                         {"", "search:confluence"},
		"/wiki/rest/api/group/{id}/membersByGroupId":            {"v1.User", "read:confluence-groups"},
		"/wiki/rest/api/group/by-id":                            {"Group", "read:confluence-groups"},
		"/wiki/rest/api/content/1/restriction/byOperation":      {"", "read:confluence-content.all"},
		"/wiki/rest/api/content/1/restriction/byOperation/read": {"ContentRestriction", "read:confluence-content.all"},
	} {
		op := f.Operation(route)
		if op == nil {
			t.Errorf("no operation %s", route)
			continue
		}
		if op.Item+op.Object != want.rows || !slices.Contains(op.Scopes[0].Names, want.scope) {
			t.Errorf("%s: rows %q%q, scopes %v", route, op.Item, op.Object, op.Scopes)
		}
	}
	bulk := f.Operation("/users-bulk")
	if bulk.Method != "POST" || len(bulk.Body) != 1 || bulk.Body[0].Name != "accountIds" || bulk.Body[0].MaxItems != 250 || !bulk.Body[0].Required {
		t.Errorf("users in bulk: %+v", bulk)
	}
	if p := f.Operation("/wiki/rest/api/audit").Param("limit"); p.Default != "1000" {
		t.Errorf("limit of the audit log: %+v", p)
	}
	if p := f.Operation("/wiki/rest/api/content/search").Param("expand"); p == nil || p.Type != "array" {
		t.Errorf("expand of the search for content: %+v", p)
	}
	if p := f.Operation("/wiki/rest/api/search/user").Param("sitePermissionTypeFilter"); !slices.Contains(p.Enum, "all") {
		t.Errorf("filter of the search for users: %+v", p)
	}
	if email := f.Schema("User").Field("email"); email.Type != "string" || f.Schema("v1.User").Field("isGuest") == nil {
		t.Errorf("users: %+v", email)
	}
}

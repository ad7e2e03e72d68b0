package apifacts

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

func TestStructure(t *testing.T) {
	f := Load()
	if len(f.Sources) != 2 || f.Sources[0].Name != "v1" || f.Sources[1].Name != "v2" {
		t.Errorf("sources are %v", f.Sources)
	}
	for _, s := range f.Sources {
		if len(s.SHA256) != 64 || s.Version == "" {
			t.Errorf("source %+v", s)
		}
	}
	// Extraction that silently loses most of the documents would pass everything else.
	if len(f.Operations) < 90 || len(f.Schemas) < 90 {
		t.Errorf("%d operations and %d schemas", len(f.Operations), len(f.Schemas))
	}
	if !slices.IsSortedFunc(f.Operations, func(a, b Operation) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("operations are not in order")
	}
	if len(f.schemas) != len(f.Schemas) {
		t.Error("two schemas have one name")
	}
	types := []string{"string", "integer", "number", "boolean", "object", "array", "any"}
	check := func(owner string, fields []Field) {
		for _, field := range fields {
			if !slices.Contains(types, field.Type) {
				t.Errorf("%s.%s: type %q", owner, field.Name, field.Type)
			}
			if (field.Type == "array") != (field.Items != "") {
				t.Errorf("%s.%s: items and type do not go together", owner, field.Name)
			}
			if field.Schema != "" && f.Schema(field.Schema) == nil {
				t.Errorf("%s.%s: no schema %s", owner, field.Name, field.Schema)
			}
		}
	}
	for _, s := range f.Schemas {
		check(s.Name, s.Fields)
	}
	for _, s := range f.Observed.Schemas {
		check(s.Name, s.Extra)
	}
	for i := range f.Operations {
		op := &f.Operations[i]
		check(op.Path, op.Beside)
		for _, name := range []string{op.Item, op.Object} {
			if name != "" && f.Schema(name) == nil {
				t.Errorf("%s: no schema %s", op.Path, name)
			}
		}
		if len(op.Scopes) == 0 || !slices.IsSorted(op.Statuses) || len(op.Statuses) == 0 {
			t.Errorf("%s: scopes %v, statuses %v", op.Path, op.Scopes, op.Statuses)
		}
		if f.Operation(op.Path) != op {
			t.Errorf("%s is taken for another operation", op.Path)
		}
	}
}

// TestObservedIsNeeded keeps observed.json from repeating or contradicting the documents.
func TestObservedIsNeeded(t *testing.T) {
	f := Load()
	for _, seen := range f.Observed.Schemas {
		s := f.Schema(seen.Name)
		if s == nil {
			t.Errorf("no schema %s", seen.Name)
			continue
		}
		for _, extra := range seen.Extra {
			if s.Field(extra.Name) != nil {
				t.Errorf("%s.%s is documented", seen.Name, extra.Name)
			}
		}
		for _, name := range seen.Null {
			if field := s.Field(name); field == nil || field.Nullable {
				t.Errorf("%s.%s need not be among the nulls", seen.Name, name)
			}
		}
		for _, name := range seen.Open {
			if field := s.Field(name); field == nil || field.Enum == nil {
				t.Errorf("%s.%s has no enum", seen.Name, name)
			}
		}
	}
}

func TestOperation(t *testing.T) {
	f := Load()
	for path, want := range map[string]string{
		"/pages/{id}/labels":                     "/wiki/api/v2/pages/{id}/labels",
		"/pages":                                 "/wiki/api/v2/pages",
		"/wiki/api/v2/pages/123/labels":          "/wiki/api/v2/pages/{id}/labels",
		"/wiki/api/v2/attachments/att9":          "/wiki/api/v2/attachments/{id}",
		"/wiki/api/v2/pages/1/properties/2":      "/wiki/api/v2/pages/{id}/properties/{property-id}",
		"/wiki/api/v2/spaces/1/properties":       "/wiki/api/v2/spaces/{id}/properties",
		"/wiki/rest/api/group":                   "/wiki/rest/api/group",
		"/wiki/rest/api/user/current":            "/wiki/rest/api/user/current",
		"/wiki/rest/api/search":                  "/wiki/rest/api/search",
		"/wiki/api/v2/pages/":                    "",
		"/wiki/api/v2/pages//labels":             "",
		"/wiki/api/v2/pages/1/labels/":           "",
		"/wiki/api/v2/nonsense":                  "",
		"/wiki/rest/api/pages":                   "",
		"/api/v2/pages":                          "",
		"":                                       "",
		"/wiki/wiki/api/v2/pages":                "",
		"/wiki/api/v2/wiki/api/v2/pages/1/likes": "",
	} {
		got := ""
		if op := f.Operation(path); op != nil {
			got = op.Path
		}
		if got != want {
			t.Errorf("Operation(%q) is %q, want %q", path, got, want)
		}
	}
}

// TestShapes spot-checks facts that the documents write in different ways.
func TestShapes(t *testing.T) {
	f := Load()
	if op := f.Operation("/pages"); op.Item != "PageBulk" || op.Object != "" || op.Param("space-id").MaxItems != 100 {
		t.Errorf("pages: %+v", op)
	}
	if op := f.Operation("/pages/{id}"); op.Object != "PageSingle" || op.Item != "" || len(op.Beside) != 1 {
		t.Errorf("one page: %+v", op)
	}
	if op := f.Operation("/pages/{id}/children"); !op.Deprecated || f.Operation("/pages/{id}/direct-children").Deprecated {
		t.Errorf("children: %+v", op)
	}
	if p := f.Operation("/labels").Param("sort"); p.Type != "string" || !slices.Contains(p.Enum, "-name") {
		t.Errorf("sort of labels: %+v", p)
	}
	if p := f.Operation("/attachments").Param("limit"); p.Default != "50" || *p.Min != 1 || *p.Max != 250 {
		t.Errorf("limit of attachments: %+v", p)
	}
	if p := f.Operation("/custom-content").Param("type"); !p.Required {
		t.Errorf("type of custom content: %+v", p)
	}
	group := f.Operation("/wiki/rest/api/group")
	if len(group.Scopes) != 2 || group.Scopes[0].Names[0] != "read:confluence-groups" || group.Scopes[1].State != "Beta" {
		t.Errorf("scopes of groups: %+v", group.Scopes)
	}
	if id := f.Schema("SpaceBulk").Field("id"); id.Type != "string" {
		t.Errorf("id of a space: %+v", id)
	}
	if position := f.Schema("PageBulk").Field("position"); position.Type != "integer" || !position.Nullable {
		t.Errorf("position of a page: %+v", position)
	}
	if value := f.Schema("ContentProperty").Field("value"); value.Type != "any" {
		t.Errorf("value of a property: %+v", value)
	}
}

// TestTableOfStreams holds the table against the facts: each route exists and lists rows,
// its scopes, limits, orders and fixed parameters are as documented.
func TestTableOfStreams(t *testing.T) {
	f := Load()
	lists := func(route string, query [][2]string, scopes []string) *Operation {
		t.Helper()
		op := f.Operation(route)
		if op == nil || op.Item == "" && !strings.Contains(route, "/restriction/") {
			t.Fatalf("no list %s", route)
		}
		values := map[string][]string{}
		for _, q := range query {
			values[q[0]] = append(values[q[0]], q[1])
		}
		if op.Param("type") != nil && op.Param("type").Required {
			values["type"] = []string{"ac:app:type"}
		}
		if err := op.CheckQuery(values); err != nil {
			t.Error(err)
		}
		var documented []string
		for _, set := range op.Scopes {
			documented = append(documented, set.Names...)
		}
		if scopes != nil && !slices.Equal(scopes, documented) {
			t.Errorf("%s: scopes %v, documented are %v", route, scopes, documented)
		}
		return op
	}
	for _, l := range stream.EveryListing() {
		if l.Of != nil {
			continue
		}
		query := map[string]string{}
		if l.Sort != "" {
			query["sort"] = l.Sort
		}
		op := lists(l.Route, slices.Concat(l.Query, pairs(query)), l.Scopes)
		if l.ChangeSort != "" {
			lists(l.Route, pairs(map[string]string{"sort": l.ChangeSort}), nil)
		}
		for _, status := range l.Statuses {
			lists(l.Route, pairs(map[string]string{"status": status}), nil)
		}
		if len(l.Statuses) == 0 && op.Param("status") != nil && slices.Contains(op.Param("status").Enum, "trashed") {
			t.Errorf("%s takes a status that the table doesn't know", l.Route)
		}
		if l.SpaceParam != "" && op.Param(l.SpaceParam).MaxItems != l.SpaceMax {
			t.Errorf("%s: %d spaces, documented are %d", l.Route, l.SpaceMax, op.Param(l.SpaceParam).MaxItems)
		}
		if limit := op.Param("limit"); limit.Max != nil && int(*limit.Max) != l.MaxLimit {
			t.Errorf("%s: limit %d, documented is %d", l.Route, l.MaxLimit, *limit.Max)
		}
		if l.Body != (op.Param("body-format") != nil) {
			t.Errorf("%s: body is %v", l.Route, l.Body)
		}
		fields := f.Known(op.Item)
		has := func(name string) bool {
			return slices.ContainsFunc(fields, func(field Field) bool { return field.Name == name })
		}
		for _, name := range []string{l.SortField, l.SpaceField} {
			if name != "" && !has(name) {
				t.Errorf("%s: rows have no %s", l.Route, name)
			}
		}
		documented := slices.DeleteFunc([]string{"pageId", "blogPostId", "attachmentId", "customContentId"}, func(name string) bool { return !has(name) })
		if named := containerFields(l); !slices.Equal(named, documented) {
			t.Errorf("%s: rows lie in %v, documented are %v", l.Route, named, documented)
		}
		if l.Item == "" {
			continue
		}
		item := f.Operation(l.Item)
		if item == nil {
			t.Fatalf("no operation %s", l.Item)
		}
		var statuses []string
		if p := item.Param("status"); p != nil {
			statuses = slices.DeleteFunc(slices.Clone(p.Enum), func(status string) bool { return status == "historical" }) // of old versions
		}
		if !slices.Equal(statuses, l.ItemStatuses) {
			t.Errorf("%s takes the statuses %v, not %v", l.Item, statuses, l.ItemStatuses)
		}
	}
	for _, s := range stream.Every() {
		if s.Route != "" {
			lists(s.Route, s.Query, s.Scopes)
		}
		for _, route := range []string{s.Replies, s.Labelled} {
			if route != "" {
				lists(route, nil, nil)
			}
		}
	}
}

func pairs(query map[string]string) [][2]string {
	var out [][2]string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		out = append(out, [2]string{name, query[name]})
	}
	return out
}

func TestKnown(t *testing.T) {
	f := Load()
	fields := f.Known("PageBulk")
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.Name
		if null := slices.Contains([]string{"parentId", "parentType", "position", "ownerId", "lastOwnerId", "subtype"}, field.Name); null != field.Nullable {
			t.Errorf("%s: nullable is %v", field.Name, field.Nullable)
		}
	}
	if names[0] != "id" || names[len(names)-1] != "sourceTemplateEntityId" || len(names) != len(f.Schema("PageBulk").Fields)+1 {
		t.Errorf("fields are %v", names)
	}
	if f.Schema("PageBulk").Field("parentId").Nullable {
		t.Error("Known changed the documented facts")
	}
	if open := f.Known("SpacePermissionAssignment.principal")[0]; open.Name != "type" || open.Enum != nil {
		t.Errorf("type of a principal: %+v", open)
	}
	if got := f.Known("Nonsense"); got != nil {
		t.Errorf("fields of no schema: %v", got)
	}
}

func TestParse(t *testing.T) {
	if _, err := parse([]byte(`{`), []byte(`{}`)); err == nil {
		t.Error("broken facts pass")
	}
	if _, err := parse([]byte(`{}`), []byte(`[]`)); err == nil {
		t.Error("broken observations pass")
	}
}

// containerFields are the fields that name what a listing's rows lie in.
func containerFields(l *stream.Listing) []string {
	var names []string
	for _, c := range l.Containers {
		names = append(names, c.Field)
	}
	return names
}

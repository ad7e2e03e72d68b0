package apifacts

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestCheckQuery(t *testing.T) {
	f := Load()
	numbers := strings.TrimSuffix(strings.Repeat("7,", 251), ",")
	for _, test := range []struct {
		path, query string
		want        []string // parts of the error, none for a good query
	}{
		{"/pages", "", nil},
		{"/pages", "limit=250&cursor=abc%3D&sort=-modified-date&status=current,archived&space-id=1,2&body-format=storage", nil},
		{"/pages", "status=current&status=archived", nil},
		{"/pages", "limit=251", []string{`parameter "limit": 251 is out of range`}},
		{"/pages", "limit=0", []string{"0 is out of range"}},
		{"/pages", "limit=ten", []string{`"ten" is not an integer`}},
		{"/pages", "limit=1&limit=2", []string{"given 2 times"}},
		{"/pages", "sort=modified", []string{`"modified" is not one of id, -id`}},
		{"/pages", "status=current,draft", []string{`"draft" is not one of`}},
		{"/pages", "body-format=view", []string{`"view" is not one of`}},
		{"/pages", "spaceId=1&limit=999", []string{`no parameter "spaceId"`, "999 is out of range"}},
		{"/pages", "id=1,x", []string{`"x" is not an integer`}},
		{"/pages", "id=1,", []string{"empty value"}},
		{"/pages", "title=", []string{"empty value"}},
		{"/pages", "id=" + numbers, []string{"251 values, at most 250"}},
		{"/pages/{id}", "include-labels=true&include-versions=false", nil},
		{"/pages/{id}", "include-labels=yes", []string{`"yes" is not a boolean`}},
		{"/custom-content", "limit=5", []string{`needs the parameter "type"`}},
		{"/custom-content", "type=ac:app:type", nil},
		{"/labels/{id}/pages", "sort=-title", nil},
		{"/pages/{id}/labels", "sort=-name", nil},
		{"/pages/{id}/labels", "sort=title", []string{`"title" is not one of`}},
		{"/spaces/{id}/permissions", "sort=id", []string{`no parameter "sort"`}},
		{"/wiki/rest/api/group", "start=0&limit=200", nil},
		{"/wiki/rest/api/group", "start=-1", []string{"-1 is out of range"}},
		{"/wiki/rest/api/search", "cql=type%3Dpage", nil},
		{"/wiki/rest/api/search", "limit=5", []string{`needs the parameter "cql"`}},
	} {
		query, err := url.ParseQuery(test.query)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, test.path+"?"+test.query, f.Operation(test.path).CheckQuery(query), test.want)
	}
}

func TestCheckValue(t *testing.T) {
	f := Load()
	for _, test := range []struct {
		schema, value string
		strict        []string // parts of the error without an Allow
		observed      []string // and with what was observed
	}{
		{"PageBulk", `{"id":"1","status":"current","position":7,"ownerId":null,"createdAt":"2026-03-01T10:00:00.000Z",
			"version":{"number":2,"minorEdit":false},"body":{"storage":{"value":"<p/>","representation":"storage"}},"_links":{"webui":"/x"}}`, nil, nil},
		{"PageBulk", `{"parentId":null}`, []string{"parentId (PageBulk.parentId): null"}, nil},
		{"PageBulk", `{"title":null}`, []string{"title"}, []string{"PageBulk.title): null"}},
		{"PageBulk", `{"id":1}`, []string{"wrong type: 1, want string"}, []string{"wrong type"}},
		{"PageBulk", `{"position":1.0}`, []string{"want integer"}, []string{"want integer"}},
		{"PageBulk", `{"position":1e3}`, []string{"want integer"}, []string{"want integer"}},
		{"PageBulk", `{"position":9007199254740993}`, nil, nil},
		{"PageBulk", `{"createdAt":"yesterday"}`, []string{"want date-time"}, []string{"want date-time"}},
		{"PageBulk", `{"status":"lost"}`, []string{"value outside the enum", "current, draft"}, []string{"value outside the enum"}},
		{"PageBulk", `{"body":[]}`, []string{"want object"}, []string{"want object"}},
		{"PageBulk", `{"body":{"storage":{"value":3}}}`, []string{"body.storage.value (BodyType.value): wrong type"}, []string{"BodyType.value"}},
		{"PageBulk", `{"nonsense":1}`, []string{"unknown field"}, []string{"unknown field"}},
		{"PageBulk", `{"sourceTemplateEntityId":"a"}`, []string{"unknown field"}, nil},
		{"PageBulk", `{"sourceTemplateEntityId":5}`, []string{"unknown field", "want string"}, []string{"want string"}},
		{"PageBulk", `{"version":{"ncsStepVersion":null}}`, []string{"Version.ncsStepVersion"}, nil},
		{"PageBulk", `{"version":{"contributorIds":["a",1]}}`, []string{"Version.contributorIds"}, []string{"contributorIds[1]"}},
		{"PageBulk", `[]`, []string{"want object"}, []string{"want object"}},
		{"PageBulk", `null`, []string{"want object"}, []string{"want object"}},
		{"ContentProperty", `{"value":null}`, nil, nil},
		{"ContentProperty", `{"value":[1,{"a":null}]}`, nil, nil},
		{"SpacePermissionAssignment", `{"principal":{"type":"access-class"}}`, []string{"principal.type"}, nil},
		{"FooterCommentModel", `{"resolutionStatus":"open"}`, []string{"unknown field"}, nil},
		{"InlineCommentModel", `{"properties":{"inlineMarkerRef":"a","inline-marker-ref":"a"}}`, []string{"inline-marker-ref"}, nil},
		{"Group", `{"_links":{"self":"x","anything":{}}}`, nil, nil},
		{"Group", `{"_links":"x"}`, []string{"Group._links): wrong type"}, []string{"wrong type"}},
		{"DetailedVersion", `{"collaborators":["a"]}`, nil, nil},
		{"DetailedVersion", `{"collaborators":{}}`, []string{"want array"}, []string{"want array"}},
		{"Nonsense", `{}`, []string{`no schema "Nonsense"`}, []string{"no schema"}},
	} {
		v := decode(t, test.value)
		expect(t, test.schema+" "+test.value, f.CheckValue(test.schema, v, nil), test.strict)
		expect(t, test.schema+" "+test.value+" observed", f.CheckValue(test.schema, v, f.Observed.Allows), test.observed)
	}
}

func TestCheckValueNamesThePlace(t *testing.T) {
	f := Load()
	var d *Deviation
	err := f.CheckValue("PageBulk", decode(t, `{"version":{"number":null}}`), nil)
	if !errors.As(err, &d) {
		t.Fatalf("no deviation: %v", err)
	}
	if d.At != "version.number" || d.Schema != "Version" || d.Field != "number" || d.Kind != Null {
		t.Errorf("deviation is %+v", d)
	}
}

func TestCheckAnswer(t *testing.T) {
	f := Load()
	for _, test := range []struct {
		path, answer string
		want         []string
	}{
		{"/pages/{id}/labels", `{"results":[{"id":"1","name":"a","prefix":"global"}],"_links":{"next":"/x","base":"https://a.example"}}`, nil},
		{"/pages/{id}/labels", `{"results":[{"id":"1"},{"id":2}]}`, []string{"results[1].id (Label.id): wrong type"}},
		{"/pages/{id}/labels", `{"results":[],"size":0}`, []string{"size", "unknown field"}},
		{"/pages/{id}/labels", `{"results":{}}`, []string{"want array"}},
		{"/pages/{id}/labels", `{"_links":{"prev":"/x"}}`, []string{"MultiEntityLinks.prev"}},
		{"/pages/{id}", `{"id":"1","_links":{"webui":"/x","base":"https://a.example"}}`, nil},
		{"/pages/{id}", `{"_links":{"next":"/x"}}`, []string{"AbstractPageLinks.next"}},
		{"/pages/{id}", `{"labels":{"results":[{"name":"a"}],"meta":{"hasMore":false},"_links":{"self":"/x"}}}`, nil},
		{"/pages/{id}", `{"labels":{"results":[{"title":"a"}]}}`, []string{"labels.results[0].title"}},
		{"/tasks/{id}", `{"id":"1","dueAt":null}`, []string{"Task.dueAt): null"}},
		{"/wiki/rest/api/group", `{"results":[{"type":"group","name":"a","id":"b"}],"start":0,"limit":5,"size":1,"_links":{"base":"https://a.example"}}`, nil},
		{"/wiki/rest/api/user/current", `{"type":"known","accountId":"a","profilePicture":{"path":"/x"}}`, nil},
		{"/wiki/rest/api/search", `{}`, []string{"not among the facts"}},
	} {
		expect(t, test.path+" "+test.answer, f.CheckAnswer(f.Operation(test.path), decode(t, test.answer), nil), test.want)
	}
}

// expect checks that the error has all parts, or that there is none.
func expect(t *testing.T, what string, err error, parts []string) {
	t.Helper()
	if len(parts) == 0 && err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: error is %v, want %q in it", what, err, part)
		}
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

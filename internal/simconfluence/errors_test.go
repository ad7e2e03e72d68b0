package simconfluence

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestRefusals asks for what the API refuses.
func TestRefusals(t *testing.T) {
	s := New(small())
	var p page
	if err := json.Unmarshal(get(t, s, "/wiki/api/v2/pages?limit=2&sort=id").body, &p); err != nil {
		t.Fatal(err)
	}
	_, cursor, _ := strings.Cut(p.Links.Next, "cursor=")
	cursor, _, _ = strings.Cut(cursor, "&")
	page0 := string(s.appendID(nil, Page, 0))
	trash := ""
	for row := range s.Truth("pages", TruthOptions{Statuses: []string{trashed}}) {
		trash = row.Key[0]
	}
	hidden := ""
	for i := range s.n[Page] {
		if s.hidden(Page, i) {
			hidden = string(s.appendID(nil, Page, i))
		}
	}
	tests := []struct {
		path   string
		status int
		has    string
	}{
		{"/pages?limit=251", 400, `"title":"Provided size {251} for 'limit' is greater than the max allowed: 250","detail":null`},
		{"/pages?limit=0", 400, "INVALID_REQUEST_PARAMETER"},
		{"/pages?limit=-1", 400, "INVALID_REQUEST_PARAMETER"},
		{"/pages?limit=ten", 400, "INVALID_REQUEST_PARAMETER"},
		{"/pages?sort=age", 400, "sort"},
		{"/pages?sort=key", 400, "sort"},
		{"/attachments?sort=id", 400, "sort"},
		{"/pages?status=gone", 400, "status"},
		{"/pages?status=current,gone", 400, "status"},
		{"/pages?status=current&status=draft", 400, "status"},
		{"/blogposts?status=archived", 400, "status"},
		{"/pages?body-format=view", 400, "body-format"},
		{"/pages?space-id=ABC", 400, "space-id"},
		{"/pages?space-id=" + strings.Repeat("1,", 100) + "1", 400, "space-id"},
		{"/pages?cursor=nonsense", 400, "Expected type is Cursor."},
		{"/pages?cursor=", 400, "Expected type is Cursor."},
		{"/pages?cursor=" + cursor + "&sort=-id", 400, "Expected type is Cursor."},
		{"/blogposts?cursor=" + cursor, 400, "Expected type is Cursor."},
		{"/pages?cursor=" + cursor + "&sort=id&limit=250", 200, "results"},
		{"/custom-content", 400, "type"},
		{"/custom-content?type=ac:none:none", 400, "type"},
		{"/pages/1", 404, "Cannot find a page with id [1]"},
		{"/pages/xyz", 400, "id"},
		{"/pages/1/labels", 404, "Content with id: [1] not found"},
		{"/pages/" + trash, 404, "NOT_FOUND"},
		{"/pages/" + trash + "?status=trashed", 200, trash},
		{"/pages/" + trash + "/labels", 404, "NOT_FOUND"},
		{"/pages/" + hidden, 404, "NOT_FOUND"},
		{"/attachments/att1", 404, "Cannot find a attachment"},
		{"/nothing", 404, `"message":"No message available","path":"/wiki/api/v2/nothing"`},
		{"/pages/" + page0 + "/nothing", 404, "No message available"},
		{"/pages/" + page0 + "/children/page", 404, "No message available"},
		{"/pages?no-such-parameter=1&include-labels=true", 200, "results"},
		{"/footer-comments?id=1&id=2", 200, "results"},
	}
	for _, test := range tests {
		got := get(t, s, stream.V2+test.path)
		if got.status != test.status || !strings.Contains(string(got.body), test.has) {
			t.Errorf("GET %.80s: %d %.300s, want %d and %s", test.path, got.status, got.body, test.status, test.has)
		}
		if got.header.Get("Content-Type") != "application/json" {
			t.Errorf("GET %.80s: content type %q", test.path, got.header.Get("Content-Type"))
		}
	}
	s.ExpireCursors()
	if got := get(t, s, stream.V2+"/pages?sort=id&cursor="+cursor); got.status != 400 {
		t.Errorf("an expired cursor: %d", got.status)
	}
}

// TestViolations says that requests are checked against the documents.
func TestViolations(t *testing.T) {
	s := New(small())
	for _, path := range []string{
		"/wiki/api/v2/pages?limit=250&sort=id&status=current,archived", "/wiki/api/v2/spaces?description-format=plain&include-icon=true",
		"/wiki/rest/api/group?start=0&limit=200", "/_edge/tenant_info",
	} {
		get(t, s, path)
	}
	if v := s.Violations(); len(v) > 0 {
		t.Fatalf("good requests: %q", v)
	}
	for _, path := range []string{
		"/wiki/api/v2/pages?limits=250", "/wiki/api/v2/pages?limit=251", "/wiki/api/v2/page", "/wiki/api/v2/footer-comments?status=current",
		"/wiki/api/v2/custom-content", "/wiki/rest/api/group?cursor=1", "/rest/api/group",
	} {
		s.Reset()
		get(t, s, path)
		if len(s.Violations()) == 0 {
			t.Errorf("GET %s is no violation", path)
		}
		if s.Total() != 1 {
			t.Errorf("%d requests counted", s.Total())
		}
	}
}

// ask sends a request with credentials.
func ask(t *testing.T, s *Site, path string, auth func(*http.Request)) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://acme.atlassian.net"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	auth(r)
	return roundTrip(t, s, r)
}

func nobody(*http.Request) {}

func basic(email, token string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(email, token) }
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// TestAuth presents every kind of credentials at both doors.
func TestAuth(t *testing.T) {
	o := small()
	o.Auth = Auth{Email: "a@example.org", Token: "t0ken", AccessToken: "acc3ss"}
	scoped := o
	scoped.Auth.ScopedToken = true
	open := o
	open.Auth.BadAsAnonymous = true
	good := basic("a@example.org", "t0ken")
	tests := []struct {
		name    string
		o       Options
		auth    func(*http.Request)
		site    int
		gateway int
	}{
		{"basic", o, good, 200, 200},
		{"wrong token", o, basic("a@example.org", "token"), 404, 401},
		{"wrong email", o, basic("b@example.org", "t0ken"), 404, 401},
		{"none", o, nobody, 404, 401},
		{"bearer", o, bearer("acc3ss"), 403, 200},
		{"wrong bearer", o, bearer("x"), 403, 401},
		{"scoped basic", scoped, good, 404, 200},
		{"anonymous", open, nobody, 200, 200},
		{"wrong and open", open, basic("a", "b"), 200, 200},
	}
	for _, test := range tests {
		s := New(test.o)
		path := "/wiki/api/v2/spaces"
		if got := ask(t, s, path, test.auth); got.status != test.site {
			t.Errorf("%s at the site: %d", test.name, got.status)
		}
		got := ask(t, s, "/ex/confluence/"+s.CloudID()+path, test.auth)
		if got.status != test.gateway {
			t.Errorf("%s at the gateway: %d", test.name, got.status)
		}
		stranger := test.o.Auth.BadAsAnonymous
		if stranger != (got.header.Get("X-Seraph-LoginReason") == "AUTHENTICATED_FAILED") ||
			stranger != strings.Contains(string(got.body), `"results":[],`) {
			t.Errorf("%s: %v %.100s", test.name, got.header, got.body)
		}
		if got := ask(t, s, "/_edge/tenant_info", nobody); string(got.body) != `{"cloudId":"`+s.CloudID()+`"}` {
			t.Errorf("tenant_info: %d %s", got.status, got.body)
		}
		if got := ask(t, s, "/ex/confluence/other"+path, test.auth); got.status != 404 {
			t.Errorf("another cloud id: %d", got.status)
		}
	}
}

// TestWhoAmI asks for the current user.
func TestWhoAmI(t *testing.T) {
	s := New(small())
	me := "/wiki/rest/api/user/current"
	if got := get(t, s, me); !strings.Contains(string(got.body), `"type":"known","accountId":"`) {
		t.Errorf("%s", got.body)
	}
	s.SetMode(Anonymous)
	got := get(t, s, me)
	if v := decode(t, got.body); v["type"] != "anonymous" || got.status != 200 {
		t.Errorf("%d %v", got.status, v)
	}
	if got := get(t, s, "/wiki/api/v2/pages"); string(got.body) != `{"results":[],"_links":{"base":"http://acme.atlassian.net/wiki"}}` {
		t.Errorf("anonymous: %s", got.body)
	}
}

// TestModes switches the whole site.
func TestModes(t *testing.T) {
	s := New(small())
	for mode, want := range map[Mode]struct {
		status int
		typ    string
	}{
		Normal: {200, "application/json"}, Unauthorized: {401, "application/json"}, Unlicensed: {403, "application/json"},
		UnknownSite: {404, "text/html;charset=UTF-8"}, LoginPage: {200, "text/html;charset=UTF-8"},
		LoginRedirect: {302, "text/html;charset=UTF-8"}, Maintenance: {503, "text/html;charset=UTF-8"},
	} {
		s.SetMode(mode)
		got := get(t, s, "/wiki/api/v2/pages")
		if got.status != want.status || got.header.Get("Content-Type") != want.typ {
			t.Errorf("mode %d: %d %s", mode, got.status, got.header.Get("Content-Type"))
		}
		if mode == LoginRedirect && !strings.HasPrefix(got.header.Get("Location"), "https://id.atlassian.com/") {
			t.Errorf("redirected to %q", got.header.Get("Location"))
		}
		if mode == Unlicensed && string(got.body) != `{"message":"Current user not permitted to use Confluence","statusCode":403}` {
			t.Errorf("%s", got.body)
		}
	}
}

// TestScopes takes scopes away.
func TestScopes(t *testing.T) {
	s := New(small())
	tests := []struct {
		missing []string
		path    string
		status  int
	}{
		{[]string{"read:space:confluence"}, "/wiki/api/v2/spaces", 401},
		{[]string{"read:space:confluence"}, "/wiki/api/v2/pages", 200},
		{[]string{"read:page:confluence"}, "/wiki/api/v2/blogposts", 401},
		{[]string{"read:confluence-groups"}, "/wiki/rest/api/group", 200},
		{[]string{"read:confluence-groups", "read:group:confluence"}, "/wiki/rest/api/group", 401},
	}
	for _, test := range tests {
		s.SetMissingScopes(test.missing...)
		got := get(t, s, test.path)
		if got.status != test.status {
			t.Errorf("%s without %v: %d", test.path, test.missing, got.status)
		}
		if test.status == 401 && (string(got.body) != `{"code":401,"message":"Unauthorized; scope does not match"}` ||
			got.header.Get("X-Failure-Category") != "FAILURE_CLIENT_SCOPE_CHECK") {
			t.Errorf("%s: %v %s", test.path, got.header, got.body)
		}
	}
}

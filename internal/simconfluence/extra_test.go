package simconfluence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// bulk asks for users by a body.
func bulk(t *testing.T, h http.Handler, body string) reply {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, stream.V2+"/users-bulk", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.Bytes()}
}

func accountIDs(from, to int) string {
	ids := []string{}
	for u := from; u < to; u++ {
		ids = append(ids, string(appendAccount(nil, u)))
	}
	text, err := json.Marshal(map[string]any{"accountIds": ids})
	if err != nil {
		panic(err) // plain text
	}
	return string(text)
}

// answers checks an answer against the facts of its route.
func answers(t *testing.T, route string, got reply) {
	t.Helper()
	facts := apifacts.Load()
	if got.status != 200 {
		t.Errorf("%s: %d %s", route, got.status, got.body)
		return
	}
	if err := facts.CheckAnswer(facts.Operation(route), decode(t, got.body), facts.Observed.Allows); err != nil {
		t.Errorf("%s: %v", route, err)
	}
}

// TestUsers asks for accounts by both routes.
func TestUsers(t *testing.T) {
	s := New(small())
	var rows []json.RawMessage
	for from := 0; from < s.users; from += 250 {
		got := bulk(t, s, accountIDs(from, min(from+250, s.users)))
		answers(t, "/users-bulk", got)
		var p page
		if err := json.Unmarshal(got.body, &p); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, p.Results...)
	}
	truth := map[string]string{}
	states := map[string]int{}
	for row := range s.Truth("users", TruthOptions{}) {
		truth[row.Key[0]] = string(row.Data)
		states[field(t, row.Data, "accountStatus")]++
		states[field(t, row.Data, "accountType")]++
		states["guest "+field(t, row.Data, "isExternalCollaborator")]++
	}
	for _, want := range []string{"active", "inactive", "closed", "atlassian", "app", "guest true"} {
		if states[want] == 0 {
			t.Errorf("nobody is %s: %v", want, states)
		}
	}
	if len(truth) != len(rows) || len(rows) != s.users-1 {
		t.Errorf("%d users, truth has %d of %d accounts", len(rows), len(truth), s.users)
	}
	for _, row := range rows {
		if truth[field(t, row, "accountId")] != string(row) {
			t.Errorf("%s", row)
		}
	}
	for body, want := range map[string]int{
		accountIDs(0, 251): 400, accountIDs(0, 0): 400, "{": 400, accountIDs(stranger, stranger+1): 200,
	} {
		if got := bulk(t, s, body); got.status != want {
			t.Errorf("%.60s: %d, want %d", body, got.status, want)
		}
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
	if got := get(t, s, stream.V2+"/users-bulk"); got.status != 404 || len(s.Violations()) == 0 {
		t.Errorf("GET: %d", got.status)
	}
	if n := count(s, "users", TruthOptions{Accounts: s.UserIDs()[:7]}); n != 7 {
		t.Errorf("%d users of 7", n)
	}
}

// TestUserSearch says whom a search shows.
func TestUserSearch(t *testing.T) {
	s := New(small())
	const route = "/wiki/rest/api/search/user"
	found := func(filter string) (ids []string) {
		for start := 0; ; {
			got := get(t, s, fmt.Sprintf("%s?cql=type%%3Duser&limit=200&start=%d%s", route, start, filter))
			answers(t, route, got)
			var answer struct {
				Results []struct{ User struct{ AccountID string } }
			}
			if err := json.Unmarshal(got.body, &answer); err != nil {
				t.Fatal(err)
			}
			for _, hit := range answer.Results {
				ids = append(ids, hit.User.AccountID)
			}
			if start += len(answer.Results); len(answer.Results) < 200 {
				return ids
			}
		}
	}
	all, most := found("&sitePermissionTypeFilter=all"), found("")
	if !slices.Equal(all, s.UserIDs()) || len(most) >= len(all) || len(all) >= s.users {
		t.Errorf("%d with guests, %d without, of %d", len(all), len(most), s.users)
	}
	big := New(Options{Users: 10_700, Groups: 1})
	if got := decode(t, get(t, big, route+"?cql=type%3Duser&sitePermissionTypeFilter=all&start=10000").body); len(got["results"].([]any)) != 0 {
		t.Errorf("beyond ten thousand: %v", got["size"])
	}
	s.SetQuirks(Quirks{SearchRefuses: []string{"type=user"}})
	if got := get(t, s, route+"?cql=type%3Duser"); got.status != 400 {
		t.Errorf("refused: %d", got.status)
	}
}

// TestGroupMembers reads the members of every group.
func TestGroupMembers(t *testing.T) {
	s := New(Options{Groups: 12})
	sizes := []int{}
	truth := map[string]string{}
	for row := range s.Truth("group_members", TruthOptions{}) {
		truth[strings.Join(row.Key, " ")] = string(row.Data)
	}
	n := 0
	for _, g := range offsetRows(t, s, "/wiki/rest/api/group", 200) {
		id := field(t, g, "id")
		route := "/wiki/rest/api/group/" + id + "/membersByGroupId"
		answers(t, "/wiki/rest/api/group/{id}/membersByGroupId", get(t, s, route))
		answers(t, "/wiki/rest/api/group/by-id", get(t, s, "/wiki/rest/api/group/by-id?id="+id))
		rows := offsetRows(t, s, route, 200)
		for _, row := range rows {
			if n++; truth[id+" "+field(t, row, "accountId")] != string(row) {
				t.Errorf("%s", row)
			}
		}
		sizes = append(sizes, len(rows))
		if got := get(t, s, route+"?limit=201"); got.status != 400 {
			t.Errorf("limit 201: %d", got.status)
		}
	}
	if sizes[0] < 400 || sizes[1] != 0 || n != len(truth) {
		t.Errorf("sizes %v, %d rows, truth has %d", sizes, n, len(truth))
	}
	got := get(t, s, "/wiki/rest/api/group/nobody/membersByGroupId")
	if v := decode(t, got.body); got.status != 200 || len(v["results"].([]any)) != 0 {
		t.Errorf("members of no group: %d %v", got.status, v)
	}
	if got := get(t, s, "/wiki/rest/api/group/by-id?id=nobody"); got.status != 404 || !strings.Contains(string(got.body), "[nobody]") {
		t.Errorf("no group: %d %s", got.status, got.body)
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
	if s.Requests()["/wiki/rest/api/group/{id}/membersByGroupId"] == 0 {
		t.Errorf("counted as %v", s.Requests())
	}
}

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

// principals is what version 1 says of one operation.
type principals struct {
	Restrictions struct {
		User struct {
			Results     []struct{ AccountID string }
			Size, Limit int
		}
		Group struct {
			Results     []struct{ ID string }
			Size, Limit int
		}
	}
}

// TestRestrictions reads who may do what by all three routes.
func TestRestrictions(t *testing.T) {
	o := Scaled(7, 200)
	o.Restrictions = 5000
	s := New(o)
	truth := map[string]int{}
	for row := range s.Truth("content_restrictions", TruthOptions{}) {
		truth[row.Key[0]+" "+row.Key[1]+" "+row.Key[2]]++
	}
	big, nested := "", 0
	check := func(id, op string, p principals) {
		t.Helper()
		u, g := p.Restrictions.User, p.Restrictions.Group
		if want := truth[id+" "+op+" user"]; len(u.Results) != min(want, 100) || u.Size != len(u.Results) || u.Limit != 100 {
			t.Errorf("%s, %s: %d users, want %d", id, op, len(u.Results), want)
		} else if want > 100 {
			big = id
		}
		if want := truth[id+" "+op+" group"]; len(g.Results) != want || g.Size != want {
			t.Errorf("%s, %s: %d groups, want %d", id, op, len(g.Results), want)
		}
	}
	for _, route := range []string{"/pages", "/blogposts"} {
		for _, row := range allRows(t, s, stream.V2+route) {
			id := field(t, row, "id")
			var by map[string]principals
			if err := json.Unmarshal(get(t, s, "/wiki/rest/api/content/"+id+"/restriction/byOperation").body, &by); err != nil {
				t.Fatal(err)
			}
			for _, op := range restrictable {
				check(id, op, by[op])
				if parent := field(t, row, "parentId"); truth[id+" "+op+" user"] > 0 && truth[parent+" "+op+" user"] > 0 {
					nested++
				}
			}
		}
	}
	if big == "" || nested == 0 || len(truth) < 20 {
		t.Fatalf("page of many %q, %d below restricted ones, %d lists", big, nested, len(truth))
	}
	const one = "/wiki/rest/api/content/{id}/restriction/byOperation/read"
	seen := map[string]bool{}
	for start := 0; start < 5100; start += 100 {
		got := get(t, s, fmt.Sprintf("%s?start=%d&limit=100", strings.ReplaceAll(one, "{id}", big), start))
		if start == 0 {
			answers(t, one, got)
		}
		var p principals
		if err := json.Unmarshal(got.body, &p); err != nil {
			t.Fatal(err)
		}
		for _, u := range p.Restrictions.User.Results {
			seen[u.AccountID] = true
		}
	}
	if len(seen) != 5000 {
		t.Errorf("%d accounts may read the page of many", len(seen))
	}
	bulkRestrictions(t, s, check)
	for path, want := range map[string]int{
		"/wiki/rest/api/content/1/restriction/byOperation": 404, "/wiki/rest/api/content/1/restriction/byOperation/read": 404,
		"/wiki/rest/api/content/" + big + "/restriction/byOperation/delete": 404,
	} {
		if got := get(t, s, path); got.status != want || !strings.HasSuffix(path, "delete") && !strings.Contains(string(got.body), "id=1}") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	s.SetQuirks(Quirks{RestrictionsNoSize: true})
	if got := get(t, s, strings.ReplaceAll(one, "{id}", big)); bytes.Contains(got.body, []byte(`"size"`)) {
		t.Errorf("size is told: %.200s", got.body)
	}
}

// bulkRestrictions reads restrictions by search.
func bulkRestrictions(t *testing.T, s *Site, check func(id, op string, p principals)) {
	t.Helper()
	query := "cql=" + url.QueryEscape("type in (page,blogpost)") + "&expand=" +
		"restrictions.read.restrictions.user,restrictions.read.restrictions.group,restrictions.update.restrictions.user,restrictions.update.restrictions.group"
	hits := 0
	for path := "/wiki/rest/api/content/search?limit=100&" + query; path != ""; {
		var p struct {
			Results []struct {
				ID, Type     string
				Restrictions map[string]json.RawMessage
			}
			Links struct{ Next string } `json:"_links"`
		}
		if err := json.Unmarshal(get(t, s, path).body, &p); err != nil {
			t.Fatal(err)
		}
		for _, hit := range p.Results {
			hits++
			for _, op := range restrictable {
				var who principals
				if err := json.Unmarshal(hit.Restrictions[op], &who); err != nil {
					t.Fatalf("%s %s: %v", hit.ID, op, err)
				}
				check(hit.ID, op, who)
			}
		}
		if path = ""; p.Links.Next != "" {
			path = "/wiki" + p.Links.Next + "&expand=" + strings.SplitN(query, "&expand=", 2)[1]
		}
	}
	if hits < 50 {
		t.Errorf("%d hits", hits)
	}
	s.SetQuirks(Quirks{NoExpansion: true})
	if got := get(t, s, "/wiki/rest/api/content/search?limit=50&"+query); bytes.Count(got.body, []byte(`"restrictions":{"read"`)) >= 40 {
		t.Error("every hit has its restrictions")
	}
	s.SetQuirks(Quirks{})
}

// TestTree walks up from every page, and down from every node.
func TestTree(t *testing.T) {
	s := New(Scaled(7, 600))
	routes := map[string]string{"folder": "/folders/{id}", "whiteboard": "/whiteboards/{id}", "database": "/databases/{id}", "embed": "/embeds/{id}"}
	streams := map[string]string{"folder": "folders", "whiteboard": "whiteboards", "database": "databases", "embed": "embeds"}
	met := map[string]string{}
	chains := map[string]int{}
	for _, row := range allRows(t, s, stream.V2+"/pages?limit=250") {
		typ, id, chain := field(t, row, "parentType"), field(t, row, "parentId"), "page"
		for id != "" && typ != "page" {
			chain += "<" + typ
			path := stream.Path(routes[typ], id)
			got := get(t, s, path)
			if met[id] == "" {
				answers(t, routes[typ], got)
			}
			if got.status != 200 {
				break
			}
			met[id] = typ
			typ, id = field(t, got.body, "parentType"), field(t, got.body, "parentId")
		}
		if strings.Contains(chain, "<") {
			chains[chain]++
		}
	}
	for _, want := range []string{"page<folder<folder", "page<database<whiteboard<folder", "page<embed<database"} {
		if !slices.ContainsFunc(slices.Collect(keys(chains)), func(c string) bool { return strings.HasPrefix(c, want) }) {
			t.Errorf("no %s in %v", want, chains)
		}
	}
	for typ, name := range streams {
		all, some := map[string]bool{}, 0
		for row := range s.Truth(name, TruthOptions{}) {
			all[row.Key[0]] = true
			if got := get(t, s, stream.Path(routes[typ], row.Key[0])); string(got.body) != string(row.Data) {
				t.Errorf("truth %s\nroute %s", row.Data, got.body)
			}
		}
		for row := range s.Truth(name, TruthOptions{Unsearched: true}) {
			if some++; met[row.Key[0]] != typ {
				t.Errorf("%s %s was not met", typ, row.Key[0])
			}
		}
		hits := 0
		for _, path := range []string{"/wiki/rest/api/search?includeArchivedSpaces=true&limit=250&cql=type%3D" + typ} {
			for path != "" {
				var p struct {
					Results []struct{ Content struct{ ID string } }
					Links   struct{ Next string } `json:"_links"`
				}
				if err := json.Unmarshal(get(t, s, path).body, &p); err != nil {
					t.Fatal(err)
				}
				for _, hit := range p.Results {
					if hits++; !all[hit.Content.ID] {
						t.Errorf("the search finds %s %s", typ, hit.Content.ID)
					}
				}
				if path = ""; p.Links.Next != "" {
					path = "/wiki" + p.Links.Next + "&includeArchivedSpaces=true"
				}
			}
		}
		if hits != len(all) || some == 0 || some > len(all) {
			t.Errorf("%s: truth has %d, %d of them met; a search finds %d", name, len(all), some, hits)
		}
	}
	downward(t, s, routes)
}

func keys(m map[string]int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// downward checks that what lies below something names it as its parent.
func downward(t *testing.T, s *Site, routes map[string]string) {
	t.Helper()
	below := 0
	for typ, route := range routes {
		for row := range s.Truth(map[string]string{"folder": "folders", "whiteboard": "whiteboards", "database": "databases", "embed": "embeds"}[typ], TruthOptions{}) {
			path := stream.Path(route+"/direct-children", row.Key[0])
			answers(t, route+"/direct-children", get(t, s, path))
			for _, child := range allRows(t, s, path+"?sort=id") {
				below++
				item := routes[field(t, child, "type")]
				if item == "" {
					item = "/pages/{id}"
				}
				got := get(t, s, stream.Path(item, field(t, child, "id")))
				if got.status != 200 || field(t, got.body, "parentId") != row.Key[0] || field(t, got.body, "parentType") != typ {
					t.Errorf("%s below %s %s: %d %.200s", child, typ, row.Key[0], got.status, got.body)
				}
			}
		}
	}
	if below < 20 {
		t.Errorf("only %d below nodes", below)
	}
	for _, route := range routes {
		if got := get(t, s, stream.Path(route, "77")); got.status != 404 || !strings.Contains(string(got.body), "[77]") {
			t.Errorf("%s: %d %s", route, got.status, got.body)
		}
	}
}

// TestLikes reads likes by both routes.
func TestLikes(t *testing.T) {
	s := New(small())
	for kind, name := range map[string]string{"pages": "page_likes", "blogposts": "blog_post_likes"} {
		truth := map[string]int{}
		for row := range s.Truth(name, TruthOptions{}) {
			truth[row.Parent]++
		}
		most := 0
		for _, row := range allRows(t, s, stream.V2+"/"+kind) {
			id := field(t, row, "id")
			answers(t, "/"+kind+"/{id}/likes/users", get(t, s, stream.Path("/"+kind+"/{id}/likes/users", id)))
			rows := allRows(t, s, stream.Path("/"+kind+"/{id}/likes/users?limit=7", id))
			if len(rows) != truth[id] {
				t.Errorf("%s: %d likes, truth has %d", id, len(rows), truth[id])
			}
			most = max(most, len(rows))
			got := get(t, s, stream.Path("/"+kind+"/{id}?include-likes=true", id))
			answers(t, "/"+kind+"/{id}", got)
			if n := strings.Count(string(got.body), `{"accountId":`); n != min(len(rows), 50) {
				t.Errorf("%s: %d likes in the block, want %d", id, n, len(rows))
			}
		}
		if kind == "pages" && most != 300 {
			t.Errorf("%d likes at most", most)
		}
	}
}

// TestAudit reads the audit log.
func TestAudit(t *testing.T) {
	s := New(Options{AuditRecords: 2300})
	const route = "/wiki/rest/api/audit"
	rows := offsetRows(t, s, route, 1000)
	truth := rowsOf(s, "audit_records")
	texts, last := 0, int64(1<<62)
	seen := map[string]bool{}
	for _, row := range rows {
		seen[string(row)] = true
		if strings.Contains(string(row), `"creationDate":"`) {
			texts++
		}
		at := int64(0)
		if _, err := fmt.Sscan(field(t, row, "creationDate"), &at); err != nil || at > last {
			t.Fatalf("%d after %d: %v", at, last, err)
		}
		last = at
	}
	for _, row := range truth {
		if !seen[row] {
			t.Errorf("the log lacks %s", row)
		}
	}
	if len(rows) != 2300 || len(truth) != 2300 || len(seen) != 2300 || texts == 0 || texts > 300 {
		t.Errorf("%d records, truth has %d, %d unlike, %d dates are text", len(rows), len(truth), len(seen), texts)
	}
	if got := get(t, s, route+"?limit=3000"); decode(t, got.body)["size"] != json.Number("1000") {
		t.Errorf("more than a thousand: %.80s", got.body)
	}
	middle := s.Now().Add(-time.Hour).UnixMilli()
	s.Create(AuditRecord)
	fresh := offsetRows(t, s, fmt.Sprintf("%s?startDate=%d", route, middle), 1000)
	if len(fresh) != 1 {
		t.Errorf("%d records of the last hour", len(fresh))
	}
	if n := len(offsetRows(t, s, fmt.Sprintf("%s?endDate=%d", route, middle), 1000)) + len(fresh); n != 2301 {
		t.Errorf("%d records on both sides of a date", n)
	}
}

// TestAuditFits says that nothing but dates deviates from the documents.
func TestAuditFits(t *testing.T) {
	s := New(Options{AuditRecords: 40})
	facts := apifacts.Load()
	v := decode(t, get(t, s, "/wiki/rest/api/audit").body)
	allow := func(d *apifacts.Deviation) bool {
		return facts.Observed.Allows(d) // dates that are text are a wrong type, which nothing allows
	}
	err := facts.CheckAnswer(facts.Operation("/wiki/rest/api/audit"), v, allow)
	for _, line := range strings.Split(fmt.Sprint(err), "\n") {
		if !strings.Contains(line, "creationDate") {
			t.Errorf("%s", line)
		}
	}
}

// TestOtherComments reads comments on attachments and custom content.
func TestOtherComments(t *testing.T) {
	s := New(Scaled(7, 400))
	for name, kind := range map[string]string{"attachment_footer_comments": "attachments", "custom_content_footer_comments": "custom-content"} {
		plain, replied := map[string]bool{}, 0
		var down func(comment string)
		down = func(comment string) {
			for _, row := range allRows(t, s, stream.Path("/footer-comments/{id}/children", comment)) {
				replied++
				plain[field(t, row, "id")] = true
				down(field(t, row, "id"))
			}
		}
		l := stream.Attachments
		if kind != "attachments" {
			l = stream.CustomContent
		}
		for _, parent := range listing(t, s, l) {
			for _, row := range allRows(t, s, stream.Path("/"+kind+"/{id}/footer-comments", field(t, parent, "id"))) {
				plain[field(t, row, "id")] = true
				down(field(t, row, "id"))
			}
		}
		truth := rowsOf(s, name)
		for id := range plain {
			if truth[id] == "" {
				t.Errorf("%s: truth has no %s", name, id)
			}
		}
		if len(truth) != len(plain) || replied == 0 {
			t.Errorf("%s: truth has %d, plain routes %d, %d of them replies", name, len(truth), len(plain), replied)
		}
	}
	if n := count(s, "labels", TruthOptions{}); n != len(allRows(t, s, stream.V2+"/labels?limit=250")) {
		t.Errorf("%d labels", n)
	}
}

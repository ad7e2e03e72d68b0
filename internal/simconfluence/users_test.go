package simconfluence

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

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

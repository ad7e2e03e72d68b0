package tap_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
)

// TestUsersResumed stops syncs at many points and goes on from the last state: whoever any of the
// runs named is there, also where the others' positions have passed the records that named them.
func TestUsersResumed(t *testing.T) {
	t.Parallel()
	for _, incremental := range []bool{false, true} {
		for _, p := range []string{"singer", "airbyte"} {
			t.Run(fmt.Sprint(p, " ", incremental), func(t *testing.T) {
				t.Parallel()
				for _, after := range []int64{12, 25, 40, 60, 90} {
					checkUsersResumed(t, p == "singer", incremental, after)
				}
			})
		}
	}
}

func checkUsersResumed(t *testing.T, singer, incremental bool, after int64) {
	t.Helper()
	names := []string{"users", "page_likes", "page_versions", "tasks", "attachments", "page_footer_comments"}
	site := varied()
	site.Quirks.SearchRefuses = []string{"type=user"} // which would find most of them
	f := onDemand(t, site).With(map[string]any{"page_size": 20, "anchor_date": "2000-01-01", "audit_samples": 0})
	streams := tapfixture.Each(incremental, names...)
	args := func(state any) []string {
		if singer {
			return f.SingerArgs(tapfixture.SingerCatalog(streams...), state)
		}
		return f.AirbyteArgs(tapfixture.AirbyteCatalog(7, streams...), state)
	}
	messages := interrupted(t, f, after, args(nil)...)
	states := map[string]json.RawMessage{}
	for _, m := range messages {
		if m.Type == "STATE" {
			states[m.Stream] = m.State
		}
	}
	state := string(states[""])
	if !singer {
		state = tapfixture.AirbyteStateFile(states)
	}
	messages = append(messages, f.Run(args(state)...).OK().Messages...)
	got := map[string]string{}
	for _, m := range messages {
		if m.Type == "RECORD" && m.Stream == "users" {
			record := tapfixture.Decode(t, m.Record)
			got[fmt.Sprint(record["accountId"])] = tapfixture.Canonical(t, "users", record)
		}
	}
	o := tapfixture.Scope()
	o.Accounts = accounts(t, messages)
	tapfixture.Compare(t, "users", got, f.Expect("users", o))
}

// TestUsersRefused refuses what users come from: the search is a warning, the bulk read fails the
// stream alone, and who could not be looked up is in the state for the next run.
func TestUsersRefused(t *testing.T) {
	t.Parallel()
	f := onDemand(t, varied())
	names := []string{"users", "pages", "tasks"}
	refuse(f, "/search/user", http.StatusForbidden, "scope does not match")
	r := f.Singer(tapfixture.Select(names...), nil).OK()
	o := tapfixture.Scope()
	o.Accounts = accounts(t, r.Messages)
	tapfixture.Compare(t, "users", r.Canonical("users"), f.Expect("users", o))
	if !strings.Contains(r.Stderr, "the search is refused") {
		t.Errorf("no warning: %s", r.Stderr)
	}

	refuse(f, "/users-bulk", http.StatusForbidden, "scope does not match")
	r = f.Singer(tapfixture.Select(names...), nil).Wants(tap.ExitFailed)
	if !strings.Contains(r.Stderr, "stream failed [stream=users") || !strings.Contains(r.Stderr, "read:user:confluence") || len(r.Records("users")) > 0 {
		t.Errorf("status %d: %s", r.Status, r.Stderr)
	}
	for _, name := range names[1:] {
		tapfixture.Compare(t, name, r.Canonical(name), f.Expect(name, tapfixture.Scope()))
	}
	f.Site.SetFaults()
	o.Accounts = append(f.Site.UserIDs(), accounts(t, r.Messages)...)
	next := f.Singer(tapfixture.Select("users"), r.LastState()).OK()
	tapfixture.Compare(t, "users", next.Canonical("users"), f.Expect("users", o))
	if state := next.LastState(); !strings.Contains(state, `"named":""`) {
		t.Errorf("still owed: %s", state)
	}
}

// TestGroupGone removes a group behind the list of groups: its members are left out, and counted.
func TestGroupGone(t *testing.T) {
	t.Parallel()
	f := onDemand(t, varied())
	var gone atomic.Value
	f.Site.SetFaults(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if parts := strings.Split(r.URL.Path, "/"); strings.HasSuffix(r.URL.Path, "/membersByGroupId") && gone.CompareAndSwap(nil, parts[5]) {
			if err := f.Site.Delete(simconfluence.Group, parts[5]); err != nil {
				t.Error(err)
			}
		}
		return false
	})
	r := f.Singer(tapfixture.Select("group_members"), nil).OK()
	tapfixture.Compare(t, "group_members", r.Canonical("group_members"), f.Expect("group_members", tapfixture.Scope()))
	if !strings.Contains(r.Stderr, "groups that vanished") {
		t.Errorf("group %v: %s", gone.Load(), r.Stderr)
	}
}

// TestRolesLacking reads sites from before space roles, and sites that refuse them otherwise.
func TestRolesLacking(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		quirks simconfluence.Quirks
		refuse string
		failed string
		said   string
	}{
		"before roles":              {quirks: simconfluence.Quirks{RoleMode: simconfluence.PreRoles}, said: "before space roles"},
		"before roles, untold":      {quirks: simconfluence.Quirks{RoleMode: simconfluence.PreRoles, NoRoleMode: true}, said: "before space roles"},
		"with roles, untold":        {quirks: simconfluence.Quirks{NoRoleMode: true}},
		"one space refused, untold": {quirks: simconfluence.Quirks{NoRoleMode: true}, refuse: "one", failed: "space_role_assignments"},
		"refused, told":             {refuse: "/role-assignments", failed: "space_role_assignments"},
		"roles refused, told":       {refuse: "/space-roles", failed: "space_roles"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := onDemand(t, varied())
			f.Site.SetQuirks(test.quirks)
			ending := test.refuse
			if ending == "one" {
				row, _, _ := first(f.Site.Truth("spaces", tapfixture.Scope()))
				ending = row + "/role-assignments"
			}
			if ending != "" {
				refuse(f, ending, http.StatusForbidden, "not allowed")
			}
			names := []string{"spaces", "space_roles", "space_role_assignments"}
			for protocol, read := range readers() {
				r := read(f, names, nil)
				for _, name := range names {
					if name == test.failed {
						continue
					}
					tapfixture.Compare(t, name, r.Canonical(name), f.Expect(name, tapfixture.Scope()))
				}
				if want := map[bool]int{true: tap.ExitFailed}[test.failed != ""]; r.Status != want {
					t.Errorf("%s: status %d, want %d: %s", protocol, r.Status, want, r.Stderr)
				}
				if protocol == "singer" && strings.Count(r.Stderr, "before space roles") != strings.Count(test.said, "before space roles") {
					t.Errorf("said: %s", r.Stderr)
				}
			}
		})
	}
}

// TestUsersSearchBreaksOff refuses the second page of the search for people: whoever comes behind it
// is not known, so the stream fails.
func TestUsersSearchBreaksOff(t *testing.T) {
	t.Parallel()
	f := onDemand(t, varied()).With(map[string]any{"page_size": 5})
	second := simconfluence.When(func(n int) bool { return n == 2 }, simconfluence.Status(http.StatusForbidden, `{"message":"not now"}`))
	f.Site.SetFaults(simconfluence.On("/wiki/rest/api/search/user", second))
	r := f.Singer(tapfixture.Select("users"), nil).Wants(tap.ExitFailed)
	next := f.Singer(tapfixture.Select("users"), r.LastState()).OK()
	o := tapfixture.Scope()
	o.Accounts = f.Site.UserIDs()
	tapfixture.Compare(t, "users", next.Canonical("users"), f.Expect("users", o))
}

package tap_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// every names all streams, those on demand included.
func every() []string { return slices.Concat(stream.Names(), stream.ExtraNames()) }

// varied is a site with a few records of every stream.
func varied() simconfluence.Options {
	o := simconfluence.Scaled(7, 80)
	o.Spaces, o.BodyBytes, o.Users = 4, 100, 300
	o.BlogPosts, o.CustomContent, o.FooterComments, o.InlineComments = 20, 40, 500, 200
	return o
}

// onDemand returns a fixture in which all extra streams are offered.
func onDemand(t *testing.T, o simconfluence.Options) *tapfixture.Fixture {
	t.Helper()
	return tapfixture.New(t, o).Within().With(map[string]any{"extra_streams": "all"})
}

// expect returns what a stream must give in a run: of users those that a search finds, and those
// that any field of any other record names.
func expect(t *testing.T, f *tapfixture.Fixture, r *tapfixture.Result, name string, o simconfluence.TruthOptions) map[string]string {
	t.Helper()
	if name == "users" {
		o.Accounts = append(f.Site.UserIDs(), accounts(t, r.Messages)...)
	}
	return f.Expect(name, o)
}

var accountID = regexp.MustCompile(`^(712020:[0-9a-f-]{36}|[0-9a-f]{24})$`)

// accounts are all account ids in the fields of records, those of users left out.
func accounts(t *testing.T, messages []tapfixture.Message) []string {
	t.Helper()
	var found []string
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case string:
			if accountID.MatchString(v) {
				found = append(found, v)
			}
		case []any:
			for _, e := range v {
				look(e)
			}
		case map[string]any:
			for _, e := range v {
				look(e)
			}
		}
	}
	for _, m := range messages {
		if m.Type == "RECORD" && m.Stream != "users" {
			look(tapfixture.Decode(t, m.Record))
		}
	}
	return found
}

// readers read a catalog of streams in full, in each protocol.
func readers() map[string]func(f *tapfixture.Fixture, names []string, state any) *tapfixture.Result {
	return map[string]func(f *tapfixture.Fixture, names []string, state any) *tapfixture.Result{
		"singer": func(f *tapfixture.Fixture, names []string, state any) *tapfixture.Result {
			return f.Singer(tapfixture.Select(names...), state)
		},
		"airbyte": func(f *tapfixture.Fixture, names []string, state any) *tapfixture.Result {
			return f.Airbyte(tapfixture.Configured("full_refresh", names...), state)
		},
	}
}

// TestExtraStreams reads all streams, those on demand too, in both protocols.
func TestExtraStreams(t *testing.T) {
	t.Parallel()
	for protocol, read := range readers() {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			f := onDemand(t, varied())
			r := read(f, every(), nil).OK()
			for _, name := range every() {
				tapfixture.Compare(t, name, r.Canonical(name), expect(t, f, r, name, tapfixture.Scope()))
				if len(r.Records(name)) == 0 {
					t.Errorf("%s: no records", name)
				}
			}
			if v := f.Site.Violations(); len(v) > 0 {
				t.Errorf("requests that the official documents don't have: %q", v)
			}
		})
	}
}

// TestExtraStreamsAlone reads each stream on demand without any other.
func TestExtraStreamsAlone(t *testing.T) {
	t.Parallel()
	for _, name := range stream.ExtraNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := onDemand(t, varied()).With(map[string]any{"extra_streams": []string{name}, "validate_records": true})
			r := f.Singer(tapfixture.Select(name), nil).OK()
			tapfixture.Compare(t, name, r.Canonical(name), expect(t, f, r, name, tapfixture.Scope()))
		})
	}
}

// TestExtraStreamsOfSpaces reads them of two spaces, and of all but one.
func TestExtraStreamsOfSpaces(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]map[string]any{
		"two":         {"space_keys": []int{0, 2}},
		"all but one": {"exclude_space_keys": []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := onDemand(t, varied())
			truth := tapfixture.Scope()
			for setting, spaces := range settings {
				var keys []string
				for _, i := range spaces.([]int) {
					keys = append(keys, f.Site.SpaceKey(i))
				}
				f = f.With(map[string]any{setting: keys})
				if setting == "space_keys" {
					truth.SpaceKeys = keys
				} else {
					truth.ExcludeSpaceKeys = keys
				}
			}
			r := f.Singer(nil, nil).OK()
			for _, name := range stream.ExtraNames() {
				tapfixture.Compare(t, name, r.Canonical(name), expect(t, f, r, name, truth))
			}
		})
	}
}

// TestExtraStreamsUnasked shows that nobody gets them without the setting.
func TestExtraStreamsUnasked(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small()).Within()
	names := func(f *tapfixture.Fixture, args ...string) []string {
		var catalog struct {
			Streams []struct {
				Stream string `json:"stream"`
			} `json:"streams"`
		}
		r := f.Text(append(args, "--config", f.Config())...).OK()
		if err := json.Unmarshal(r.Stdout, &catalog); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range catalog.Streams {
			names = append(names, s.Stream)
		}
		return names
	}
	if got := names(f, "--discover"); !slices.Equal(got, stream.Names()) {
		t.Errorf("discovered without the setting: %q", got)
	}
	some := f.With(map[string]any{"extra_streams": " page_likes ,labels"})
	if got, want := names(some, "--discover"), append(stream.Names(), "labels", "page_likes"); !slices.Equal(got, want) {
		t.Errorf("discovered %q, want %q", got, want)
	}
	if got := names(f.With(map[string]any{"extra_streams": "all", "domain": nil}), "--discover"); !slices.Equal(got, every()) {
		t.Errorf("discovered %q", got)
	}
	if r := f.Singer(tapfixture.Select("labels", "pages"), nil).Wants(tap.ExitUsage); !strings.Contains(r.Stderr, "extra_streams does not name labels") {
		t.Errorf("a catalog that names one: %s", r.Stderr)
	}
	airbyte := f.Airbyte(tapfixture.Configured("full_refresh", "labels", "pages"), nil).Wants(tap.ExitFailed)
	if len(airbyte.Of("RECORD")) > 0 || !strings.Contains(string(airbyte.Stdout), "extra_streams does not name labels") {
		t.Errorf("a catalog that names one: %s", airbyte.Stdout)
	}
	if n := f.Site.Total(); n > 0 {
		t.Errorf("%d requests", n)
	}
}

// TestExtraStreamsUnknown refuses unknown names, with the nearest, wherever the setting counts.
func TestExtraStreamsUnknown(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small()).Within().With(map[string]any{"extra_streams": "page_like,labels"})
	const want = `extra_streams: no stream is called "page_like", do you mean "page_likes"?`
	for _, args := range [][]string{{"--discover"}, {}, {"plan"}, {"--test"}} {
		r := f.Text(append(args, "--config", f.Config())...).Wants(tap.ExitUsage)
		if !strings.Contains(r.Stderr, want) || len(r.Stdout) > 0 {
			t.Errorf("%v: stdout %q, stderr %s", args, r.Stdout, r.Stderr)
		}
	}
	if r := f.Run("discover", "--config", f.Config()).Wants(tap.ExitFailed); !strings.Contains(string(r.Stdout), "do you mean") {
		t.Errorf("airbyte's discover: %s", r.Stdout)
	}
	if r := f.Run("check", "--config", f.Config()).OK(); !strings.Contains(string(r.Stdout), "do you mean") {
		t.Errorf("airbyte's check: %s", r.Stdout)
	}
}

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
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var n atomic.Int64
	f.Site.SetFaults(func(http.ResponseWriter, *http.Request, http.Handler) bool {
		if n.Add(1) == after {
			stop()
		}
		return false
	})
	var stdout bytes.Buffer
	if f.Launch(ctx, &stdout, io.Discard, args(nil)...) == 0 {
		t.Fatalf("after %d requests: not interrupted", after)
	}
	messages := tapfixture.Parse(t, stdout.Bytes())
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

// refuse answers requests to routes that end so with a status and words of the site.
func refuse(f *tapfixture.Fixture, ending string, status int, words string) {
	f.Site.SetFaults(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.HasSuffix(r.URL.Path, ending) {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"code":%d,"message":%q}`, status, words)
		return true
	})
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
	if !strings.Contains(r.Stderr, "stream failed stream=users") || !strings.Contains(r.Stderr, "read:user:confluence") || len(r.Records("users")) > 0 {
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

// first returns the key of the first of some rows.
func first(rows iter.Seq[simconfluence.Row]) (key, parent string, ok bool) {
	for row := range rows {
		return row.Key[0], row.Parent, true
	}
	return "", "", false
}

// TestRestrictions reads who may see what of sites whose searches show less than there is: what is
// not shown is read plainly, and long lists to the end.
func TestRestrictions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(o *simconfluence.Options)
		said   string
		most   int // requests
	}{
		"as it is":          {most: 130},
		"no expansion":      {change: func(o *simconfluence.Options) { o.Quirks.NoExpansion = true }},
		"no sizes":          {change: func(o *simconfluence.Options) { o.Quirks.RestrictionsNoSize = true }},
		"no search":         {change: func(o *simconfluence.Options) { o.Quirks.SearchRefuses = []string{"id in"} }, said: "one by one"},
		"an index behind":   {change: func(o *simconfluence.Options) { o.Quirks.IndexLag = 24 * 365 * time.Hour }},
		"cursors refused":   {change: func(o *simconfluence.Options) { o.Quirks.SearchRefusesCursor = true }},
		"450 on one page":   {change: func(o *simconfluence.Options) { o.Restrictions, o.Users = 450, 600 }},
		"5,000 on one page": {change: func(o *simconfluence.Options) { o.Restrictions, o.Users = 5000, 5200 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := varied()
			o.BlogPosts = 120
			if test.change != nil {
				test.change(&o)
			}
			f := onDemand(t, o)
			f.Site.Reset()
			r := f.Singer(tapfixture.Select("content_restrictions"), nil).OK()
			tapfixture.Compare(t, "content_restrictions", r.Canonical("content_restrictions"), f.Expect("content_restrictions", tapfixture.Scope()))
			if !strings.Contains(r.Stderr, test.said) {
				t.Errorf("%q is not said: %s", test.said, r.Stderr)
			}
			if n := f.Site.Total(); test.most > 0 && n > test.most {
				t.Errorf("%d requests", n)
			}
			if strings.Contains(r.Stderr, "FAILED") || strings.Contains(r.Stderr, "lacks rows") {
				t.Errorf("an audit: %s", r.Stderr)
			}
		})
	}
}

// tree names the streams of the page tree.
func tree() []string { return []string{"folders", "whiteboards", "databases", "embeds"} }

// TestTreeUnsearched reads the page tree of a site that refuses the search: what pages lie in comes,
// with a warning.
func TestTreeUnsearched(t *testing.T) {
	t.Parallel()
	o := varied()
	o.Quirks.SearchRefuses = []string{"folder"}
	for protocol, read := range readers() {
		f := onDemand(t, o)
		r := read(f, tree(), nil).OK()
		truth := tapfixture.Scope()
		truth.Unsearched = true
		for _, name := range tree() {
			tapfixture.Compare(t, name, r.Canonical(name), f.Expect(name, truth))
		}
		if protocol == "singer" && !strings.Contains(r.Stderr, "the search is refused") {
			t.Errorf("no warning: %s", r.Stderr)
		}
	}
}

// TestTreeGone removes a folder behind the page that names it: it is left out, and counted.
func TestTreeGone(t *testing.T) {
	t.Parallel()
	f := onDemand(t, varied())
	id, _, _ := first(f.Site.Truth("folders", tapfixture.Scope()))
	f.Site.SetFaults(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if strings.HasSuffix(r.URL.Path, "/folders/"+id) {
			_ = f.Site.Delete(simconfluence.Folder, id) // it is asked for twice
		}
		return false
	})
	r := f.Singer(tapfixture.Select(tree()...), nil).OK()
	want := f.Expect("folders", tapfixture.Scope())
	if _, still := want[id]; still {
		t.Fatalf("folder %s is still there", id)
	}
	tapfixture.Compare(t, "folders", r.Canonical("folders"), want)
	if !strings.Contains(r.Stderr, "vanished") {
		t.Errorf("not said: %s", r.Stderr)
	}
}

// TestTreeRefused refuses one kind: its stream fails alone, or, where it is not selected, those that
// would be found through it.
func TestTreeRefused(t *testing.T) {
	t.Parallel()
	f := onDemand(t, varied())
	f.Site.SetFaults(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.Contains(r.URL.Path, "/whiteboards/") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"code":403,"message":"not allowed to see whiteboards"}`)
		return true
	})
	r := f.Singer(tapfixture.Select(tree()...), nil).Wants(tap.ExitFailed)
	for _, name := range tree() {
		if name != "whiteboards" {
			tapfixture.Compare(t, name, r.Canonical(name), f.Expect(name, tapfixture.Scope()))
		}
	}
	if strings.Count(r.Stderr, "stream failed") != 1 || !strings.Contains(r.Stderr, "not allowed to see whiteboards") {
		t.Errorf("said: %s", r.Stderr)
	}
	if r := f.Singer(tapfixture.Select("folders"), nil).Wants(tap.ExitFailed); !strings.Contains(r.Stderr, "not allowed to see whiteboards") {
		t.Errorf("said: %s", r.Stderr)
	}
}

// TestExtraStreamsResumed stops syncs of the streams on demand at many points and goes on.
func TestExtraStreamsResumed(t *testing.T) {
	t.Parallel()
	names := slices.DeleteFunc(stream.ExtraNames(), func(name string) bool { return name == "users" })
	for _, after := range []int64{9, 30, 70, 120, 200} {
		f := onDemand(t, varied()).With(map[string]any{"page_size": 15, "audit_samples": 0})
		ctx, stop := context.WithCancel(t.Context())
		var n atomic.Int64
		f.Site.SetFaults(func(http.ResponseWriter, *http.Request, http.Handler) bool {
			if n.Add(1) == after {
				stop()
			}
			return false
		})
		var stdout bytes.Buffer
		if f.Launch(ctx, &stdout, io.Discard, f.SingerArgs(tapfixture.Select(names...), nil)...) == 0 {
			t.Fatalf("after %d requests: not interrupted", after)
		}
		stop()
		messages := tapfixture.Parse(t, stdout.Bytes())
		state := messages[len(messages)-1].State
		messages = append(messages, f.Singer(tapfixture.Select(names...), string(state)).OK().Messages...)
		got := map[string]map[string]string{}
		for _, m := range messages {
			if m.Type != "RECORD" {
				continue
			}
			record := tapfixture.Decode(t, m.Record)
			var key []string
			for _, field := range stream.Find(m.Stream).Key {
				key = append(key, fmt.Sprint(record[field]))
			}
			if got[m.Stream] == nil {
				got[m.Stream] = map[string]string{}
			}
			got[m.Stream][strings.Join(key, "/")] = tapfixture.Canonical(t, m.Stream, record)
		}
		for _, name := range names {
			tapfixture.Compare(t, name, got[name], f.Expect(name, tapfixture.Scope()))
		}
		t.Logf("after %d of %d requests: %s", after, n.Load(), state)
	}
}

// TestExtraStreamsIncremental reads everything, nothing, and what changed, in both protocols.
func TestExtraStreamsIncremental(t *testing.T) {
	t.Parallel()
	names := []string{"attachment_footer_comments", "custom_content_footer_comments", "audit_records"}
	for _, p := range protocols(names) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			f := onDemand(t, varied()).With(map[string]any{"anchor_date": "2000-01-01"})
			all := p.read(f, nil).OK()
			for _, name := range names {
				tapfixture.Compare(t, name, all.Canonical(name), f.Expect(name, tapfixture.Scope()))
			}
			f.Site.Reset()
			quiet := p.read(f, p.last(all)).OK()
			for _, name := range names {
				if n := len(quiet.Records(name)); n > 1 {
					t.Errorf("%s: %d records without a change", name, n)
				}
			}
			if n := f.Site.Total(); n > 12 {
				t.Errorf("%d requests without a change", n)
			}
			f.Site.Advance(time.Hour)
			for range 3 {
				f.Site.Create(simconfluence.AuditRecord)
			}
			changed := p.read(f, p.last(quiet)).OK()
			if n := len(changed.Records("audit_records")); n < 3 || n > 4 {
				t.Errorf("%d audit records, 3 are new", n)
			}
			union := all.Canonical("audit_records")
			maps.Copy(union, changed.Canonical("audit_records"))
			tapfixture.Compare(t, "audit_records", union, f.Expect("audit_records", tapfixture.Scope()))
		})
	}
}

// TestAuditRefused shows that the stream fails alone, and says what it needs.
func TestAuditRefused(t *testing.T) {
	t.Parallel()
	f := onDemand(t, varied())
	refuse(f, "/audit", http.StatusForbidden, "Only admins can see the audit log")
	r := f.Singer(tapfixture.Select("audit_records", "labels"), nil).Wants(tap.ExitFailed)
	tapfixture.Compare(t, "labels", r.Canonical("labels"), f.Expect("labels", tapfixture.Scope()))
	for _, want := range []string{"stream=audit_records", "administers Confluence, and a paid plan", "Only admins can see"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("%q is not said: %s", want, r.Stderr)
		}
	}
	check := f.Run("check", "--config", f.Config()).OK()
	if len(check.Messages) == 0 || !strings.Contains(string(check.Stdout), "can't read audit_records: it needs an account that administers") {
		t.Errorf("check: %s", check.Stdout)
	}
}

// TestExtraStreamsPriced compares what plan says of the streams on demand with what they take. Proofs
// of the account and the last, empty answer of a list are not priced.
func TestExtraStreamsPriced(t *testing.T) {
	t.Parallel()
	tree := simconfluence.Scaled(5, 400)
	wide := simconfluence.Scaled(5, 40)
	wide.BlogPosts, wide.Users, wide.Labels, wide.AuditRecords = 60, 9000, 9000, 12_500
	wide.FooterComments, wide.InlineComments = 6000, 6000 // a search counts them together
	for _, test := range []struct {
		o     simconfluence.Options
		names []string
	}{
		{tree, []string{"content_restrictions"}},
		{tree, []string{"folders", "whiteboards", "databases", "embeds"}},
		{tree, []string{"page_likes"}},
		{tree, []string{"group_members", "space_roles", "space_role_assignments"}},
		{tree, stream.ExtraNames()},
		{wide, []string{"users"}},
		{wide, []string{"users", "pages", "tasks"}},
		{wide, []string{"labels"}},
		{wide, []string{"blog_post_likes"}},
		{wide, []string{"audit_records"}},
		{wide, []string{"attachment_footer_comments", "custom_content_footer_comments"}},
		{wide, []string{"page_footer_comments", "attachment_footer_comments"}},
	} {
		t.Run(strings.Join(test.names[:min(3, len(test.names))], " "), func(t *testing.T) {
			t.Parallel()
			test.o.AllVisible, test.o.BodyBytes = true, 100
			f := onDemand(t, test.o).With(map[string]any{"audit_samples": 0})
			catalog := f.File(tapfixture.Select(test.names...))
			r := f.Text("plan", "--format", "json", "--config", f.Config(), "--catalog", catalog).OK()
			var price struct{ Requests int }
			if err := json.Unmarshal(r.Stdout, &price); err != nil {
				t.Fatal(err)
			}
			f.Site.Reset()
			f.Singer(tapfixture.Select(test.names...), nil).OK()
			took := f.Site.Total()
			t.Logf("said %d, took %d", price.Requests, took)
			if price.Requests < took*8/10-5 || price.Requests > took*12/10 {
				t.Errorf("the plan said %d requests, the sync took %d", price.Requests, took)
			}
		})
	}
}

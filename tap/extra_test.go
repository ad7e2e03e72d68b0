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
	"testing/synctest"
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

// first returns the key of the first of some rows.
func first(rows iter.Seq[simconfluence.Row]) (key, parent string, ok bool) {
	for row := range rows {
		return row.Key[0], row.Parent, true
	}
	return "", "", false
}

// TestExtraStreamsResumed stops syncs of the streams on demand at many points and goes on.
func TestExtraStreamsResumed(t *testing.T) {
	t.Parallel()
	names := slices.DeleteFunc(stream.ExtraNames(), func(name string) bool { return name == "users" })
	for _, after := range []int64{9, 30, 70, 120, 200} {
		checkExtraResumed(t, tapfixture.Each(false, names...), names, after)
	}
}

// TestExtraStreamsResumedIncremental does the same with those that can be read incrementally. What
// changes between the runs comes with the one that goes on, or with the next.
func TestExtraStreamsResumedIncremental(t *testing.T) {
	t.Parallel()
	names := []string{"attachment_footer_comments", "custom_content_footer_comments", "audit_records"}
	for _, after := range []int64{3, 5, 9, 14, 20, 27} {
		checkExtraResumed(t, tapfixture.Each(true, names...), names, after)
	}
}

// checkExtraResumed stops a sync, goes on, and compares the union with the truth. Incremental streams
// change after the interruption, and are read once more.
func checkExtraResumed(t *testing.T, streams []tapfixture.Selected, names []string, after int64) {
	t.Helper()
	f := onDemand(t, varied()).With(map[string]any{"page_size": 15, "audit_samples": 0, "anchor_date": "2000-01-01"})
	catalog := tapfixture.SingerCatalog(streams...)
	messages := interrupted(t, f, after, f.SingerArgs(catalog, nil)...)
	state := string(messages[len(messages)-1].State)
	t.Logf("after %d requests: %s", after, state)
	if streams[0].Incremental {
		changeComments(t, f.Site)
	}
	goes := f.Singer(catalog, state).OK()
	messages = append(messages, goes.Messages...)
	if streams[0].Incremental {
		messages = append(messages, f.Singer(catalog, goes.LastState()).OK().Messages...)
	}
	for _, name := range names {
		tapfixture.Compare(t, name, upserted(t, messages, name), f.Expect(name, tapfixture.Scope()))
	}
}

// interrupted stops a sync at a request, and returns what it wrote.
func interrupted(t *testing.T, f *tapfixture.Fixture, after int64, args ...string) []tapfixture.Message {
	t.Helper()
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
	if f.Launch(ctx, &stdout, io.Discard, args...) == 0 {
		t.Fatalf("after %d requests: not interrupted", after)
	}
	return tapfixture.Parse(t, stdout.Bytes())
}

// changeComments edits comments on attachments and custom content, and adds audit records.
func changeComments(t *testing.T, site *simconfluence.Site) {
	t.Helper()
	site.Advance(time.Hour)
	for _, name := range []string{"attachment_footer_comments", "custom_content_footer_comments"} {
		id, _, ok := first(site.Truth(name, tapfixture.Scope()))
		if !ok {
			t.Fatalf("%s: no rows", name)
		}
		if err := site.Edit(simconfluence.FooterComment, id); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		site.Create(simconfluence.AuditRecord)
	}
}

// upserted returns the records of a stream by key as a target holds them: the last of each.
func upserted(t *testing.T, messages []tapfixture.Message, name string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, m := range messages {
		if m.Type != "RECORD" || m.Stream != name {
			continue
		}
		record := tapfixture.Decode(t, m.Record)
		got[tapfixture.Key(t, name, record)] = tapfixture.Canonical(t, name, record)
	}
	return got
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
			// In virtual time no sync takes so long that it asks for the counts of its bars.
			synctest.Test(t, func(t *testing.T) { priced(t, test.o, test.names) })
		})
	}
}

// priced compares the price of some streams with what they take.
func priced(t *testing.T, o simconfluence.Options, names []string) {
	t.Helper()
	o.AllVisible, o.BodyBytes = true, 100
	f := onDemand(t, o).With(map[string]any{"audit_samples": 0})
	catalog := f.File(tapfixture.Select(names...))
	r := f.Text("plan", "--format", "json", "--config", f.Config(), "--catalog", catalog).OK()
	var price struct{ Requests int }
	if err := json.Unmarshal(r.Stdout, &price); err != nil {
		t.Fatal(err)
	}
	f.Site.Reset()
	f.Singer(tapfixture.Select(names...), nil).OK()
	took := f.Site.Total()
	t.Logf("said %d, took %d", price.Requests, took)
	if price.Requests < took*8/10-5 || price.Requests > took*12/10 {
		t.Errorf("the plan said %d requests, the sync took %d", price.Requests, took)
	}
}

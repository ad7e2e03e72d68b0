package tap_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

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
func expect(f *tapfixture.Fixture, r *tapfixture.Result, name string, o simconfluence.TruthOptions) map[string]string {
	if name == "users" {
		o.Accounts = append(f.Site.UserIDs(), accounts(r)...)
	}
	return f.Expect(name, o)
}

var accountID = regexp.MustCompile(`^(712020:[0-9a-f-]{36}|[0-9a-f]{24})$`)

// accounts are all account ids in the fields of a run's records, those of users left out.
func accounts(r *tapfixture.Result) []string {
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
	for _, name := range every() {
		if name == "users" {
			continue
		}
		for _, record := range r.Records(name) {
			look(record.Fields)
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
				tapfixture.Compare(t, name, r.Canonical(name), expect(f, r, name, tapfixture.Scope()))
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
			tapfixture.Compare(t, name, r.Canonical(name), expect(f, r, name, tapfixture.Scope()))
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
				tapfixture.Compare(t, name, r.Canonical(name), expect(f, r, name, truth))
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

// TestUsersResumed interrupts syncs by 401 answers at many points, of incremental streams too, and
// goes on from the last state: whoever any of the runs named is there.
func TestUsersResumed(t *testing.T) {
	t.Parallel()
	for _, incremental := range []bool{false, true} {
		for protocol := range readers() {
			t.Run(fmt.Sprint(protocol, " ", incremental), func(t *testing.T) {
				t.Parallel()
				for _, after := range []int{10, 40, 90, 200} {
					checkUsersResumed(t, protocol, incremental, after)
				}
			})
		}
	}
}

func checkUsersResumed(t *testing.T, protocol string, incremental bool, after int) {
	t.Helper()
	names := []string{"users", "pages", "page_versions", "tasks", "space_permissions", "attachments", "page_footer_comments"}
	f := onDemand(t, varied()).With(map[string]any{"page_size": 20, "anchor_date": "2000-01-01"})
	read := func(state any) *tapfixture.Result {
		if protocol == "singer" {
			return f.Singer(tapfixture.SingerCatalog(tapfixture.Each(incremental, names...)...), state)
		}
		return f.Airbyte(tapfixture.AirbyteCatalog(7, tapfixture.Each(incremental, names...)...), state)
	}
	last := func(r *tapfixture.Result) any {
		if protocol == "singer" {
			return r.LastState()
		}
		return r.LastStates()
	}
	var n atomic.Int64
	f.Site.SetFaults(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		if n.Add(1) < int64(after) {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	first := read(nil)
	if first.Status == 0 {
		t.Fatalf("after %d requests: not interrupted", after)
	}
	f.Site.SetFaults()
	second := read(last(first)).OK()
	o := tapfixture.Scope()
	o.Accounts = slices.Concat(f.Site.UserIDs(), accounts(first), accounts(second))
	union := first.Canonical("users")
	maps.Copy(union, second.Canonical("users"))
	tapfixture.Compare(t, "users", union, f.Expect("users", o))
}

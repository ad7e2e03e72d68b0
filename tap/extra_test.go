package tap_test

import (
	"encoding/json"
	"slices"
	"strings"
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

// expect returns what a stream must give in a run.
func expect(f *tapfixture.Fixture, name string, o simconfluence.TruthOptions) map[string]string {
	return f.Expect(name, o)
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
				tapfixture.Compare(t, name, r.Canonical(name), expect(f, name, tapfixture.Scope()))
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
			tapfixture.Compare(t, name, r.Canonical(name), expect(f, name, tapfixture.Scope()))
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
				tapfixture.Compare(t, name, r.Canonical(name), expect(f, name, truth))
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

package engine_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// unindexed makes every search for types of custom content show another type in a type's place, as
// an index does that lags behind or is being rebuilt.
func unindexed(f *tapfixture.Fixture) {
	kinds := f.Site.CustomTypes()
	asksForTypes := func(r *http.Request) bool { return strings.Contains(r.URL.Query().Get("cql"), "not in") }
	f.Site.SetFaults(simconfluence.On("/wiki/rest/api/search", simconfluence.Where(asksForTypes, simconfluence.Rewrite(func(b []byte) []byte {
		return []byte(strings.ReplaceAll(string(b), kinds[0], kinds[1]))
	}))))
}

// TestUnindexedType: a type that an earlier run found is read though the search does not show it
// any more, in both modes and after a change of mode. The table version is activated.
func TestUnindexedType(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		for _, before := range []bool{false, true} {
			name := m.String() + " after full"
			if before {
				name = m.String() + " after incremental"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := shown(41, 40)
				o.CustomContent = 30
				virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
					c := m.client(t, f.With(map[string]any{"emit_activate_version": true}), "custom_content")
					modeOf := c.streams
					c.streams = tapfixture.Each(before, "custom_content")
					c.run()
					c.streams = modeOf
					c.syncID++
					unindexed(f)
					edited := anyOf(t, f, f.Site.CustomTypes()[0])
					if err := f.Site.Edit(simconfluence.CustomContent, edited); err != nil {
						t.Fatal(err)
					}
					r := c.run()
					if r.rows["custom_content"][edited] == nil {
						t.Errorf("the change of %s is missing", edited)
					}
					activated := slices.ContainsFunc(r.messages, func(m tapfixture.Message) bool { return m.Type == "ACTIVATE_VERSION" })
					if !m.incremental {
						c.wantWhole(r.rows)
					}
					if activated != (!m.airbyte && !m.incremental) {
						t.Errorf("activated: %v", activated)
					}
				})
			})
		}
	}
}

// anyOf returns the id of some custom content of a type.
func anyOf(t *testing.T, f *tapfixture.Fixture, kind string) string {
	t.Helper()
	for r := range f.Site.Truth("custom_content", tapfixture.Scope()) {
		var row struct{ ID, Type string }
		if err := json.Unmarshal(r.Data, &row); err != nil {
			t.Fatal(err)
		}
		if row.Type == kind {
			return row.ID
		}
	}
	t.Fatalf("no %s", kind)
	return ""
}

// TestAttachmentsOfUnknownTypes: under chosen spaces, neither a search that lacks a type of custom
// content nor custom_content_types, which chooses records of custom_content, hides attachments.
func TestAttachmentsOfUnknownTypes(t *testing.T) {
	t.Parallel()
	o := shown(33, 120)
	o.Spaces, o.Attachments, o.CustomContent = 40, 3000, 200
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		for _, key := range f.Site.SpaceKeys() {
			f.Site.SetFaults()
			scope := simconfluence.TruthOptions{SpaceKeys: []string{key}}
			chosen := f.With(map[string]any{"space_keys": scope.SpaceKeys})
			wantScope(t, f, reads(t, chosen.With(map[string]any{"custom_content_types": f.Site.CustomTypes()[:1]}), false, "attachments").run().rows, scope, "attachments")
			unindexed(f)
			wantScope(t, f, reads(t, chosen, false, "attachments").run().rows, scope, "attachments")
		}
	})
}

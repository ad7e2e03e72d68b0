package engine_test

import (
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
)

// TestAnchorOfWrongClocks: a clock that is years ahead in the first run, the site's or the local one,
// moves no anchor into the future.
func TestAnchorOfWrongClocks(t *testing.T) {
	t.Parallel()
	const ahead = 3 * 365 * 24 * time.Hour
	for name, test := range map[string]struct{ site, local time.Duration }{"the site's": {site: ahead}, "the local one": {local: ahead}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			virtual(t, shown(44, 30), func(t *testing.T, f *tapfixture.Fixture) {
				f = f.With(map[string]any{"anchor_date": nil}).Under(tap.WithClock(func() time.Time { return f.Site.Now().Add(test.local) }))
				f.Site.SetQuirks(simconfluence.Quirks{DateOff: test.site})
				c := reads(t, f, true, "pages")
				c.run()
				f.Site.SetQuirks(simconfluence.Quirks{})
				c.run()
				year := f.Site.Now().AddDate(-1, 0, 0)
				for id, changed := range changes(t, f, "pages") {
					if changed.After(year.Add(time.Hour)) && c.rows["pages"][id] == nil {
						t.Errorf("page %s, changed at %v, never came: %s", id, changed, c.state)
					}
				}
				if len(c.rows["pages"]) == 0 {
					t.Error("no page came")
				}
			})
		})
	}
}

// TestAuditLogOfASlowClock reads records that are newer than the time that the site tells.
func TestAuditLogOfASlowClock(t *testing.T) {
	t.Parallel()
	virtual(t, shown(44, 30), func(t *testing.T, f *tapfixture.Fixture) {
		f = f.With(map[string]any{"extra_streams": "audit_records"}).Under(tap.WithClock(f.Site.Now))
		f.Site.SetQuirks(simconfluence.Quirks{DateOff: -365 * 24 * time.Hour})
		r := reads(t, f, false, "audit_records").run()
		want := 0
		for range f.Site.Truth("audit_records", tapfixture.Scope()) {
			want++
		}
		if got := len(r.rows["audit_records"]); got != want || want == 0 {
			t.Errorf("%d records, want %d", got, want)
		}
	})
}

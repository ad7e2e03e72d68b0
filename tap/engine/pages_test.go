package engine_test

import (
	"net/http"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
)

// TestBodyOfASilentSite: if the whole site stops answering while a body is read, the sync is
// interrupted before the row is written.
func TestBodyOfASilentSite(t *testing.T) {
	t.Parallel()
	virtual(t, shown(3, 20), func(t *testing.T, f *tapfixture.Fixture) {
		down := simconfluence.Status(http.StatusServiceUnavailable, ``)
		withBodies := simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Has("body-format") }, simconfluence.Status(http.StatusInternalServerError, ``))
		f.Site.SetFaults(simconfluence.On("/pages", withBodies), simconfluence.On("/pages/{id}", down),
			simconfluence.On("/wiki/rest/api/user/current", simconfluence.After(1, down)))
		c := reads(t, f, false, "pages")
		r := c.try(limit{})
		if n := len(r.rows["pages"]); r.status != tap.ExitLater || n > 0 {
			t.Errorf("status %d, %d rows", r.status, n)
		}
		c.keep(r.messages)
		f.Site.SetFaults()
		c.run()
		c.wantWhole(c.rows)
	})
}

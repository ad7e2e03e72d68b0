package tap_test
import ("testing";"github.com/tap-confluence/tap-confluence/internal/tapfixture";"github.com/tap-confluence/tap-confluence/internal/simconfluence")
func TestX(t *testing.T) {
	f := tapfixture.New(t, simconfluence.Scaled(3, 1000))
	r := f.Singer(nil, nil).OK()
	f.CheckRows(r, tapfixture.Scope())
	t.Log(len(r.Messages), len(r.Stdout), f.Site.Total(), f.Site.Violations())
}

package tap_test

import (
	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"testing"
)

func TestZZ(t *testing.T) {
	f := tapfixture.New(t, simconfluence.Scaled(7, 400))
	keys := f.Site.SpaceKeys()
	o := tapfixture.Scope()
	for row := range f.Site.Truth("custom_content", o) {
		switch row.Key[0] {
		case "480098316", "480098346", "480098355":
			t.Logf("%s", row.Data[:300])
		}
	}
	o.ExcludeSpaceKeys = keys[:1]
	o = tapfixture.Scope()
	o.Statuses, o.SpaceKeys = []string{"trashed", "deleted"}, keys[:2]
	for row := range f.Site.Truth("attachments", o) {
		if row.Key[0] == "att9007202254741474" {
			t.Logf("%s", row.Data)
		}
	}
	for row := range f.Site.Truth("custom_content", tapfixture.Scope()) {
		if row.Key[0] == "480098319" {
			t.Logf("%s", row.Data)
		}
	}
}

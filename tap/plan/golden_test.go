package plan_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/site"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

var update = flag.Bool("update", false, "write the expected plans")

// TestGolden shows whole plans.
func TestGolden(t *testing.T) {
	t.Parallel()
	trash := []string{stream.Current, stream.Archived, stream.Trashed, stream.Deleted}
	for name, g := range map[string]given{
		"full":        {full: "all"},
		"incremental": {full: "all", changes: "all", entries: map[string]state.Entry{"pages": {ReplicationKey: "modifiedAt", ReplicationKeyValue: january}}},
		"trash":       {full: "all", changes: "pages custom_content blog_post_versions", statuses: trash},
		"few_spaces": {full: "pages page_footer_comments attachments attachment_labels custom_content", facts: func(f *site.Facts) {
			f.Spaces.Included = []string{"7", "12"}
			f.Owners = map[*stream.Listing]site.OwnerCounts{stream.FooterComments: {Owners: 3}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden := filepath.Join("testdata", name+".golden")
			got := describe(g.build(t))
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(filepath.Clean(golden))
			if err != nil {
				t.Fatal(err)
			}
			wantText(t, got, string(want))
		})
	}
}

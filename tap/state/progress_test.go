package state_test

import (
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/state"
)

// TestProgressText is the text that a state holds, and that later versions have to read.
func TestProgressText(t *testing.T) {
	t.Parallel()
	everything := state.Position{
		List: "ac:app:a type/live", Key: "2026-01-01T00:00:00.000Z", Cursor: "eyJ+/= &%", Fresh: true, Order: "change",
		Began: at(t, march), Newest: at(t, february), Failed: true,
		Walk: "8f3a11c0", Step: 12, Stalled: 2, Learned: "pages:split,tasks:unsorted",
	}
	for _, test := range []struct {
		progress state.Progress
		want     string
	}{
		{state.Progress{}, ""},
		{state.Progress{Hash: "h", At: everything}, ""},
		{state.Progress{Stage: state.Done, Hash: "a1b2"}, "done a1b2"},
		{state.Progress{Stage: state.Failed, Hash: "a1b2"}, "failed a1b2"},
		{state.Progress{Stage: state.Underway, Hash: "a1b2"}, "at a1b2 "},
		{state.Progress{Stage: state.Underway, Hash: "a1b2", At: state.Position{List: "all", Order: "id"}}, "at a1b2 list=all&order=id"},
		{state.Progress{Stage: state.Underway, Hash: "a1b2", At: everything}, "at a1b2 began=2026-03-01T00%3A00%3A00.000Z&cursor=eyJ%2B%2F%3D+%26%25&failed=1&fresh=1" +
			"&key=2026-01-01T00%3A00%3A00.000Z&learned=pages%3Asplit%2Ctasks%3Aunsorted&list=ac%3Aapp%3Aa+type%2Flive" +
			"&newest=2026-02-01T00%3A00%3A00.000Z&order=change&stalled=2&step=12&walk=8f3a11c0"},
	} {
		text := test.progress.String()
		if text != test.want {
			t.Errorf("%+v: written as %q, want %q", test.progress, text, test.want)
		}
		if test.progress.Stage == state.Unread {
			test.progress = state.Progress{}
		}
		if again, err := state.ParseProgress(text); err != nil || again != test.progress {
			t.Errorf("%q: read as %+v, error %v", text, again, err)
		}
	}
}

// TestUnreadableProgress refuses what is no progress, and says what is wrong with it.
func TestUnreadableProgress(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"done":                   "unreadable",
		"done ":                  "unreadable",
		"finished a1b2":          "unreadable",
		" a1b2":                  "unreadable",
		"done a1b2 ":             "",
		"done a1b2 more":         "too much text",
		"failed a1b2 list=all":   "too much text",
		"at":                     "unreadable",
		"at  list=all":           "unreadable",
		"at a1b2 list=%zz":       "its escapes are broken",
		"at a1b2 began=tomorrow": `"tomorrow" is not a date`,
		"at a1b2 newest=0":       `"0" is not a date`,
		"at a1b2 step=first":     "its step is no number",
		"at a1b2 stalled=yes":    "its stalled is no number",
		strings.Repeat("x", 999): `xxx...`,
	} {
		got := ""
		if _, err := state.ParseProgress(text); err != nil {
			got = err.Error()
		}
		if says == "" && got != "" || !strings.Contains(got, says) || len(got) > 150 {
			t.Errorf("%q: error %q, want one about %q", text, got, says)
		}
	}
}

// FuzzParseProgress reads anything: what is taken reads the same again from what is written.
func FuzzParseProgress(f *testing.F) {
	for _, text := range []string{"", "done a1b2", "failed a1b2", "at a1b2 ", "at a1b2 list=all&key=17&cursor=eyJ%2B&fresh=1", "at h began=2026-01-01&newest=2026-01-01T00:00:00.5Z&failed=1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := state.ParseProgress(text)
		if err != nil {
			return
		}
		again, err := state.ParseProgress(p.String())
		if err != nil {
			t.Fatalf("%q: written as %q, which can't be read: %v", text, p, err)
		}
		if again.String() != p.String() || again.Stage != p.Stage || again.Hash != p.Hash || again.At.Cursor != p.At.Cursor {
			t.Errorf("%q: read as %+v, again as %+v", text, p, again)
		}
	})
}

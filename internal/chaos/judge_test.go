package chaos

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// plain is a trial in which nothing goes wrong: two runs, an edit between them.
func plain(airbyte bool, streams ...tapfixture.Selected) *trial {
	r := runSpec{
		Streams: streams, After: time.Hour, State: stateRef{Take: "last"},
		Settings: settingsSpec{Body: "storage", PageSize: 5, Concurrency: 1, Activate: !airbyte},
	}
	second := r
	second.Before = []change{{Do: "edit", Kind: simconfluence.Page, Pick: 3}}
	return &trial{
		Airbyte: airbyte, Anchor: "1990-01-01", Runs: []runSpec{r, second},
		Site: siteSpec{Seed: 5, Spaces: 2, Pages: 9, Posts: 4, Attachments: 8, Footer: 8, Inline: 8, Tasks: 4, Groups: 3, Custom: 4, Most: 3, AllVisible: true},
	}
}

// inLine replaces text in the first line of a run that holds some other text.
func inLine(run int, holds, old, fresh string) func(int, []byte) []byte {
	return func(n int, stdout []byte) []byte {
		if n != run {
			return stdout
		}
		var out []byte
		done := false
		for line := range bytes.Lines(stdout) {
			if !done && strings.Contains(string(line), holds) {
				done = true
				line = bytes.Replace(line, []byte(old), []byte(fresh), 1)
			}
			out = append(out, line...)
		}
		return out
	}
}

// TestJudge spoils the output of runs in every way that a rule is for, and wants the rule to
// say so, and no rule to speak where nothing was spoilt.
func TestJudge(t *testing.T) {
	full := tapfixture.Each(false, "pages", "page_labels", "page_versions")
	incremental := tapfixture.Each(true, "pages", "page_labels", "page_versions")
	record := func(name string) string { return `"stream":"` + name + `"` }
	cases := []struct {
		name    string
		streams []tapfixture.Selected
		tamper  func(int, []byte) []byte
		want    string
		airbyte bool // under Airbyte, too
	}{
		{"nothing, in full", full, nil, "", true},
		{"nothing, incrementally", incremental, nil, "", true},
		{"a row of a full read is missing", full, without(1, record("page_labels")), "lost page_labels", true},
		{"a row of the first incremental read is missing", incremental, without(0, record("pages")), "lost pages", true},
		{"the changed row is missing", incremental, without(1, record("pages")), "stale pages", true},
		{"a changed row's versions are missing", incremental, without(1, record("page_versions")), "lost page_versions", true},
		{"a row that nothing has", full, inLine(1, `"record":{"id":"`, `"id":"`, `"id":"9`), "out of scope pages", false},
		{"a row that nothing has, and no later one replaces", full, inLine(1, `"record":{"id":"`, `"id":"`, `"id":"9`), "kept pages", false},
		{"a row says what was never so", full, inLine(1, `"status":"current"`, `"status":"current"`, `"status":"archived"`), "untrue pages", true},
		{"another version is activated", full, inLine(1, "ACTIVATE_VERSION", `"version":`, `"version":1`), "activated", false},
		{"the last line is no state", full, cutLast, "last line", false},
		{"a line is no message", full, inLine(0, `"type":"STATE"`, `{"type"`, `"type"`), "output", true},
	}
	for _, c := range cases {
		for _, airbyte := range []bool{false, true} {
			if airbyte && !c.airbyte {
				continue
			}
			found, _ := playSpoilt(t, plain(airbyte, c.streams...), c.tamper)
			switch said := func(f finding) bool { return strings.HasPrefix(f.kind(), c.want) }; {
			case c.want == "" && len(found) > 0:
				t.Errorf("%s: %v", c.name, found)
			case c.want != "" && !slices.ContainsFunc(found, said):
				t.Errorf("%s (Airbyte %v): found %v", c.name, airbyte, found)
			}
		}
	}
}

// TestUnplacedTrash expects a run to fail that reads the trash of chosen spaces where an attachment lies
// in custom content in the trash, and for no other reason.
func TestUnplacedTrash(t *testing.T) {
	for _, airbyte := range []bool{false, true} {
		tr := plain(airbyte, tapfixture.Each(false, "attachments", "spaces")...)
		tr.Site = siteSpec{Seed: 4, Spaces: 2, Pages: 9, Attachments: 60, Custom: 10, AllVisible: true}
		for i := range tr.Runs {
			tr.Runs[i].Settings.Statuses, tr.Runs[i].Settings.Spaces = []string{"current", "trashed"}, []int{0}
			tr.Runs[i].Settings.Activate = false
		}
		for i := range uint32(6) {
			tr.Runs[1].Before = append(tr.Runs[1].Before, change{Do: "trash", Kind: simconfluence.CustomContent, Pick: i})
		}
		found, p := play(t, tr)
		if len(found) > 0 || p.runs[0].status != 0 || p.runs[1].status != 1 {
			t.Errorf("Airbyte %v: found %v\n%s", airbyte, found, p.story())
		}
		p.runs[1].stderr += "ERROR stream failed stream=spaces: forbidden\n"
		if found := p.findings(); len(found) != 1 || found[0].rule != "fails" {
			t.Errorf("Airbyte %v, another failure: found %v", airbyte, found)
		}
	}
}

// without leaves out all lines of a run that hold some text and are records.
func without(run int, holds string) func(int, []byte) []byte {
	return func(n int, stdout []byte) []byte {
		if n != run {
			return stdout
		}
		var out []byte
		for line := range bytes.Lines(stdout) {
			if !bytes.HasPrefix(line, []byte(`{"type":"RECORD"`)) || !bytes.Contains(line, []byte(holds)) {
				out = append(out, line...)
			}
		}
		return out
	}
}

// TestNoProgress takes all states from a sync that is killed every day.
func TestNoProgress(t *testing.T) {
	tr := plain(false, tapfixture.Each(false, "pages", "page_labels")...)
	tr.Daily = 5
	for i := range tr.Runs {
		tr.Runs[i].Kill = kill{How: "network", Request: 10}
	}
	found, _ := playSpoilt(t, tr, func(_ int, stdout []byte) []byte {
		var out []byte
		for line := range bytes.Lines(stdout) {
			if !bytes.HasPrefix(line, []byte(`{"type":"STATE"`)) {
				out = append(out, line...)
			}
		}
		return out
	})
	if !slices.ContainsFunc(found, func(f finding) bool { return f.rule == "progress" }) {
		t.Errorf("found %v", found)
	}
}

// cutLast cuts all states off the end.
func cutLast(_ int, stdout []byte) []byte {
	for {
		last := bytes.LastIndexByte(bytes.TrimSuffix(stdout, []byte("\n")), '\n') + 1
		if !bytes.Contains(stdout[last:], []byte(`"type":"STATE"`)) {
			return stdout
		}
		stdout = stdout[:last]
	}
}

// TestMerged merges states as Meltano does.
func TestMerged(t *testing.T) {
	for _, c := range [][3]string{
		{`{}`, `{"a":1}`, `{"a":1}`},
		{`{"a":1,"b":{"c":1,"d":[1,2]}}`, `{"b":{"c":2,"d":[3]}}`, `{"a":1,"b":{"c":2,"d":[3]}}`},
		{`{"a":{"b":1}}`, `{"a":""}`, `{"a":""}`},
		{`{"a":12345678901234567890}`, `{}`, `{"a":12345678901234567890}`},
	} {
		if got := merged(c[0], c[1]); got != c[2] {
			t.Errorf("%s with %s gives %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

// TestDrawIsRepeatable says that a seed decides a trial.
func TestDrawIsRepeatable(t *testing.T) {
	for seed := range uint64(50) {
		one, two := draw(seed), draw(seed)
		if one.text() != two.text() || one.clone().text() != one.text() {
			t.Errorf("seed %d: %s and %s", seed, one.text(), two.text())
		}
	}
}

// TestPassedOn has a run in the middle of a sync that can't plan, since a chosen space is hidden, and
// reads a stream incrementally that the others read in full. What was done before stays done.
func TestPassedOn(t *testing.T) {
	tr := plain(true, tapfixture.Each(false, "pages", "attachments", "attachment_labels")...)
	tr.Site.NewSpace, tr.Site.Attachments = true, 60
	tr.Runs = append(tr.Runs, tr.Runs[0])
	for i := range tr.Runs {
		tr.Runs[i].Sync, tr.Runs[i].Before = 7, nil
	}
	tr.Runs[0].Latency = time.Second // so that a probe is due before the end
	tr.Runs[0].Kill = kill{How: "signal", Request: 30}
	tr.Runs[1].Settings.Spaces = []int{1}
	tr.Runs[1].Streams = append(tapfixture.Each(true, "pages"), tr.Runs[0].Streams[2])
	found, p := play(t, tr)
	if len(found) > 0 || p.runs[2].status != 0 || len(p.written([]part{{p.runs[2], len(p.runs[2].messages)}}, "pages")) > 0 {
		t.Errorf("found %v\n%s", found, p.story())
	}
	found, _ = playSpoilt(t, tr, without(0, `"stream":"pages"`))
	if !slices.ContainsFunc(found, func(f finding) bool { return f.kind() == "lost pages" }) {
		t.Errorf("without the pages of the first run: found %v", found)
	}
}

// TestMergedPosition merges the state of an older sync over that of an incremental read which was
// interrupted. The read goes on where it was, so an edit since comes with the run after.
func TestMergedPosition(t *testing.T) {
	tr := plain(false, tapfixture.Each(true, "pages")...)
	tr.Site.Pages, tr.Site.Posts, tr.Site.Attachments, tr.Site.Footer, tr.Site.Inline, tr.Site.Custom = 200, 0, 0, 0, 0, 0
	edit := tr.Runs[1].Before[0]
	tr.Runs[1].Before = nil
	spaces := tr.Runs[0]
	spaces.Streams = tapfixture.Each(false, "spaces")
	tr.Runs = append([]runSpec{spaces}, tr.Runs...)
	tr.Runs[1].State = stateRef{Take: "none"}
	tr.Runs[1].Latency = time.Second // so that a probe is due before the end
	tr.Runs[1].Kill = kill{How: "signal", Request: 30}
	tr.Runs[2].Before = []change{edit}
	tr.Runs[2].State = stateRef{Take: "old", Onto: &stateRef{Take: "last"}}
	found, p := play(t, tr)
	if len(found) > 0 || p.runs[1].status != 1 || p.runs[2].status != 0 {
		t.Errorf("found %v\n%s", found, p.story())
	}
}

package readme

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

var update = flag.Bool("update", false, "write the generated tables into the documents")

// root is the repository's, from this package's directory.
const root = "../.."

// documents are the Markdown files that the tests hold against the program.
func documents(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 6 {
		t.Fatalf("found only %d documents: %v", len(files), files)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGeneratedTables fails when a table of a document is not what the code says. With
// -update it writes the tables.
func TestGeneratedTables(t *testing.T) {
	settings, err := tap.SettingsTable()
	if err != nil {
		t.Fatal(err)
	}
	for name, tables := range map[string]map[string]string{
		"docs/settings.md": {"settings": settings},
		"docs/streams.md":  {"streams": tap.StreamsTable(), "extra streams": tap.ExtraStreamsTable()},
		"docs/airbyte.md":  {"scopes": tap.ScopesTable()},
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		text := read(t, file)
		want := text
		for table, content := range tables {
			want = replace(t, name, want, table, content)
		}
		switch {
		case text == want:
		case *update:
			if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("the generated tables of %s are out of date; run: go test ./internal/readme -update", name)
		}
	}
}

// replace puts a table between its markers.
func replace(t *testing.T, file, text, name, table string) string {
	t.Helper()
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end: "+name+" -->"
	before, rest, found := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table of %s", file, name)
	}
	return before + begin + table + end + after
}

var (
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// example is text that is shown as it stands, links and all.
	example = regexp.MustCompile(`(?ms)^~~~\w+\n.*?^~~~$`)
)

// TestLinks fails when a link leads to a file or heading of the repository that is not
// there.
func TestLinks(t *testing.T) {
	for _, file := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(example.ReplaceAllString(read(t, file), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s leads nowhere", file, m[1])
			} else if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: the link %s names a heading that is not there", file, m[1])
			}
		}
	}
}

var heading = regexp.MustCompile(`(?m)^#+ (.+)$`)

// anchors lists the anchors that GitHub makes of a document's headings.
func anchors(text string) []string {
	var list []string
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		a := strings.ToLower(strings.ReplaceAll(m[1], " ", "-"))
		list = append(list, regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(a, ""))
	}
	return list
}

var block = regexp.MustCompile("(?ms)^ *```json\n(.*?)^ *```")

// TestExamples holds every JSON example against the program: settings must load, states
// must be read and written again as they stand, and all must be JSON.
func TestExamples(t *testing.T) {
	var settings, states int
	for _, file := range documents(t) {
		for _, m := range block.FindAllStringSubmatch(read(t, file), -1) {
			var fields map[string]json.RawMessage
			if err := json.Unmarshal([]byte(m[1]), &fields); err != nil {
				t.Errorf("%s: an example is not a JSON object: %v\n%s", file, err, m[1])
				continue
			}
			switch {
			case fields["domain"] != nil:
				settings++
				loads(t, file, m[1])
			case fields["bookmarks"] != nil:
				states++
				roundTrip(t, file, m[1], false)
			case fields["site"] != nil:
				states++
				roundTrip(t, file, m[1], true)
			}
		}
	}
	if settings == 0 || states < 5 {
		t.Errorf("found %d examples of settings and %d of states", settings, states)
	}
}

// loads checks that an example of settings is accepted without a warning.
func loads(t *testing.T, file, text string) {
	t.Helper()
	if !strings.Contains(text, "token") {
		text = strings.Replace(text, "{", `{"email": "a@example.com", "api_token": "x",`, 1)
	}
	_, warnings, err := config.Load(config.Input{Files: []string{"-"}, Stdin: strings.NewReader(text)})
	if err != nil || len(warnings) > 0 {
		t.Errorf("%s: settings of an example: %v %v\n%s", file, err, warnings, text)
	}
}

// roundTrip checks that a state is read, and that writing it gives the same JSON.
func roundTrip(t *testing.T, file, text string, airbyte bool) {
	t.Helper()
	const site, name = "acme.atlassian.net", "pages"
	var again []byte
	if airbyte {
		message := `[{"type":"STREAM","stream":{"stream_descriptor":{"name":"` + name + `"},"stream_state":` + text + `}}]`
		s, warnings, err := state.ParseAirbyte([]byte(message), site, slices.Concat(stream.Names(), stream.ExtraNames()))
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: reading a state: %v %v\n%s", file, err, warnings, text)
			return
		}
		again = s.Airbyte(name)
	} else {
		s, warnings, err := state.ParseSinger([]byte(text), site, slices.Concat(stream.Names(), stream.ExtraNames()))
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: reading a state: %v\n%s", file, err, text)
			return
		}
		again = s.Singer()
	}
	if got, want := canonical(t, again), canonical(t, []byte(text)); got != want {
		t.Errorf("%s: a state is written otherwise\n got %s\nwant %s", file, got, want)
	}
}

// canonical returns JSON with sorted members and without spaces.
func canonical(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var row = regexp.MustCompile("(?m)^\\| [^|]* \\| `([a-z_]+)`")

// TestMigratingNames fails when the second column of a table in docs/migrating.md begins
// with the name of a setting or stream that the tap does not have.
func TestMigratingNames(t *testing.T) {
	settings, err := tap.SettingsTable()
	if err != nil {
		t.Fatal(err)
	}
	rows := row.FindAllStringSubmatch(read(t, filepath.Join(root, "docs", "migrating.md")), -1)
	if len(rows) < 20 {
		t.Fatalf("found only %d rows", len(rows))
	}
	for _, m := range rows {
		if stream.Find(m[1]) == nil && !strings.Contains(settings, "| `"+m[1]+"` |") {
			t.Errorf("docs/migrating.md: %s is neither a stream nor a setting", m[1])
		}
	}
}

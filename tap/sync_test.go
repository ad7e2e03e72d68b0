package tap_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// small is a site with every case that the simulated site has, quick to read.
func small() simconfluence.Options {
	o := simconfluence.Scaled(7, 40)
	o.BodyBytes = 300
	return o
}

// long is such a site with more output than a pipe and a program's buffers hold.
func long() simconfluence.Options { return simconfluence.Scaled(7, 60) }

// TestFullSync reads a realistic site whole, in both protocols: the records are the site's
// rows, field by field, and the messages keep to their protocols.
func TestFullSync(t *testing.T) {
	o := simconfluence.Scaled(3, tapfixture.Cut(120, 1000))
	o.Spaces, o.BodyBytes = 10, 400 // the rows are many enough
	f := tapfixture.New(t, o).With(map[string]any{"page_size": tapfixture.Cut(30, 250)})
	singer := f.Singer(nil, nil).OK()
	airbyte := f.Airbyte(tapfixture.Configured("full_refresh", stream.Names()...), nil).OK()
	if v := f.Site.Violations(); len(v) > 0 {
		t.Errorf("requests that the official documents don't have: %q", v)
	}

	t.Run("singer", func(t *testing.T) { checkSinger(t, singer, stream.Names()) })
	t.Run("airbyte", func(t *testing.T) { checkAirbyte(t, airbyte, stream.Names()) })
	schemas := schemasOf(t, singer)
	for _, name := range stream.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := f.On(t).Expect(name, tapfixture.Scope())
			records := singer.Records(name)
			got := canonical(t, name, records)
			tapfixture.Compare(t, name, got, want)
			sameRecords(t, singer, airbyte, name)
			validate(t, schemas[name], records)
			if len(records) < 2 {
				t.Errorf("the site has only %d records of it: too few to mean something", len(records))
			}
		})
	}
}

// sameRecords wants the same records in two runs, to the byte and as often.
func sameRecords(t *testing.T, one, two *tapfixture.Result, name string) {
	t.Helper()
	surplus := map[string]int{}
	for _, m := range one.Messages {
		if m.Type == "RECORD" && m.Stream == name {
			surplus[string(m.Record)]++
		}
	}
	for _, m := range two.Messages {
		if m.Type == "RECORD" && m.Stream == name {
			surplus[string(m.Record)]--
		}
	}
	for record, n := range surplus {
		if n != 0 {
			t.Fatalf("%s: %d times more in the first run than in the second: %.300s", name, n, record)
		}
	}
}

func canonical(t *testing.T, name string, records map[string]tapfixture.Record) map[string]string {
	t.Helper()
	text := make(map[string]string, len(records))
	for key, r := range records {
		text[key] = tapfixture.Canonical(t, name, r.Fields)
	}
	return text
}

// checkSinger checks the order and the form of a complete Singer run's messages.
func checkSinger(t *testing.T, r *tapfixture.Result, names []string) {
	t.Helper()
	checkText(t, r)
	var schemas []string
	records, last := false, ""
	for _, m := range r.Messages {
		switch m.Type {
		case "SCHEMA":
			schemas = append(schemas, m.Stream)
			if records {
				t.Errorf("the SCHEMA of %s comes after records", m.Stream)
			}
			checkSchema(t, m)
		case "RECORD":
			records = true
			if !slices.Contains(schemas, m.Stream) {
				t.Fatalf("a RECORD of %s comes without a SCHEMA", m.Stream)
			}
			checkExtracted(t, m)
		case "STATE":
			if string(m.State) == last {
				t.Errorf("a STATE is repeated though no row came: %s", last)
			}
		default:
			t.Errorf("a message of type %q", m.Type)
		}
		last = string(m.State)
	}
	if !slices.Equal(schemas, names) {
		t.Errorf("SCHEMAs %q, want %q", schemas, names)
	}
	if end := r.Messages[len(r.Messages)-1]; end.Type != "STATE" {
		t.Errorf("the last line is %.100s, not a STATE", end.Line)
	}
	checkFinal(t, r.LastState(), names)
}

func checkSchema(t *testing.T, m tapfixture.Message) {
	t.Helper()
	var schema struct {
		Key    []string `json:"key_properties"`
		Schema struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(m.Line, &schema); err != nil {
		t.Fatal(err)
	}
	if want := stream.Find(m.Stream).Key; !slices.Equal(schema.Key, want) {
		t.Errorf("%s: key_properties %q, want %q", m.Stream, schema.Key, want)
	}
	if len(schema.Schema.Properties) == 0 {
		t.Errorf("%s: a SCHEMA without properties", m.Stream)
	}
}

var extracted = regexp.MustCompile(`,"time_extracted":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"\}$`)

// checkExtracted wants a time of this run.
func checkExtracted(t *testing.T, m tapfixture.Message) {
	t.Helper()
	found := extracted.FindSubmatch(m.Line[max(0, len(m.Line)-60):])
	if found == nil {
		t.Fatalf("a RECORD ends with %q", m.Line[max(0, len(m.Line)-80):])
	}
	at, err := time.Parse(time.RFC3339Nano, string(found[1]))
	if age := time.Since(at); err != nil || age < 0 || age > time.Hour {
		t.Fatalf("time_extracted is %s: %v", found[1], err)
	}
}

// checkFinal wants the state of a complete full sync: it names the site and no sync under way,
// and has every fact of every stream, all but the sync's name at their defaults.
func checkFinal(t *testing.T, value string, names []string) {
	t.Helper()
	state := tapfixture.Decode(t, []byte(value))
	ours, _ := state["tap_confluence"].(map[string]any)
	if ours["v"] != json.Number("2") || !strings.HasPrefix(fmt.Sprint(ours["site"]), "127.0.0.1:") || ours["run"] != "" || ours["began"] != "" || len(ours) != 4 {
		t.Errorf("the state's own part is %v", ours)
	}
	bookmarks, _ := state["bookmarks"].(map[string]any)
	for _, name := range names {
		entry, _ := bookmarks[name].(map[string]any)
		if run, _ := entry["run"].(string); run == "" {
			t.Errorf("the entry of %s names no sync: %v", name, entry)
		}
		delete(entry, "run")
		if name == "custom_content" { // which remembers its types
			entry["partitions"] = map[string]any{}
		}
		if text := fmt.Sprint(entry); text != "map[audited:false partitions:map[] plain:false progress: replication_key: replication_key_value: scope:]" {
			t.Errorf("the entry of %s is %s", name, text)
		}
	}
	if len(bookmarks) != len(names) {
		t.Errorf("%d entries, want %d", len(bookmarks), len(names))
	}
}

// account is what an Airbyte run told about one stream.
type account struct {
	statuses []string
	records  int // of the whole run
	since    int // records since the last STATE
	counted  int // sum of recordCount
	states   int
	last     string
}

// checkAirbyte checks the order and the form of a complete Airbyte run's messages.
func checkAirbyte(t *testing.T, r *tapfixture.Result, names []string) {
	t.Helper()
	checkText(t, r)
	accounts := map[string]*account{}
	for _, m := range r.Messages {
		a := accounts[m.Stream]
		if a == nil {
			a = &account{}
			accounts[m.Stream] = a
		}
		checkMessage(t, a, m)
	}
	for _, name := range names {
		a := accounts[name]
		if a == nil {
			t.Errorf("%s: nothing is told of it", name)
			continue
		}
		if want := []string{"STARTED", "RUNNING", "COMPLETE"}; !slices.Equal(a.statuses, want) {
			t.Errorf("%s: statuses %q, want %q", name, a.statuses, want)
		}
		if a.states == 0 || a.since != 0 || a.counted != a.records {
			t.Errorf("%s: %d records, %d counted in %d STATEs, %d after the last", name, a.records, a.counted, a.states, a.since)
		}
	}
	delete(accounts, "")
	if len(accounts) != len(names) {
		t.Errorf("messages of %d streams, want %d", len(accounts), len(names))
	}
}

func checkMessage(t *testing.T, a *account, m tapfixture.Message) {
	t.Helper()
	status := ""
	if len(a.statuses) > 0 {
		status = a.statuses[len(a.statuses)-1]
	}
	switch m.Type {
	case "RECORD":
		a.records++
		a.since++
		if status != "RUNNING" {
			t.Fatalf("%s: a RECORD while the status is %q", m.Stream, status)
		}
		if !emitted.Match(m.Line[max(0, len(m.Line)-40):]) {
			t.Fatalf("a RECORD ends with %q", m.Line[max(0, len(m.Line)-80):])
		}
	case "STATE":
		if status != "RUNNING" {
			t.Errorf("%s: a STATE while the status is %q", m.Stream, status)
		}
		checkCount(t, a, m)
	case "TRACE":
		if m.Status == "" {
			t.Errorf("an error: %s", m.Line)
		}
		a.statuses = append(a.statuses, m.Status)
	case "LOG":
	default:
		t.Errorf("a message of type %q", m.Type)
	}
}

// emitted is the end of a RECORD: milliseconds since 1970, a whole number.
var emitted = regexp.MustCompile(`,"emitted_at":(\d{13})\}\}$`)

func checkCount(t *testing.T, a *account, m tapfixture.Message) {
	t.Helper()
	if !strings.HasSuffix(m.Count, ".0") {
		t.Errorf("%s: recordCount is %s, want a decimal point", m.Stream, m.Count)
	}
	if want := strconv.Itoa(a.since) + ".0"; m.Count != want {
		t.Errorf("%s: recordCount is %s, want %s", m.Stream, m.Count, want)
	}
	if string(m.State) == a.last && a.since == 0 {
		t.Errorf("%s: a STATE is repeated though no row came: %s", m.Stream, m.State)
	}
	a.counted += a.since
	a.states++
	a.since, a.last = 0, string(m.State)
}

// breaks are what readers of lines take for an end of line, besides the line feed, and NUL.
var breaks = []string{"\x00", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\u0085", "\u2028", "\u2029"}

// checkText wants every line whole for every reader: no bytes that end one elsewhere, no
// NUL and no half of a surrogate pair, not even escaped.
func checkText(t *testing.T, r *tapfixture.Result) {
	t.Helper()
	for _, s := range breaks {
		if at := bytes.Index(r.Stdout, []byte(s)); at >= 0 {
			t.Errorf("stdout holds %q: %q", s, r.Stdout[max(0, at-40):at+10])
		}
	}
	for _, m := range r.Messages {
		if bad := badEscape(m.Line); bad != "" {
			t.Fatalf("a line holds the escape %s: %.300s", bad, m.Line)
		}
	}
}

// badEscape finds the escape of U+0000 or of half a surrogate pair.
func badEscape(line []byte) string {
	for i := 0; ; i++ {
		next := bytes.IndexByte(line[i:], '\\')
		if next < 0 {
			return ""
		}
		i += next + 1
		if line[i] != 'u' {
			continue
		}
		code, err := strconv.ParseUint(string(line[i+1:i+5]), 16, 32)
		i += 4
		switch {
		case err != nil, code == 0, code >= 0xdc00 && code <= 0xdfff:
			return string(line[i-5 : i+1])
		case code >= 0xd800 && code <= 0xdbff:
			if !lowHalf.Match(line[i+1 : min(len(line), i+7)]) {
				return string(line[i-5 : i+1])
			}
			i += 6
		}
	}
}

var lowHalf = regexp.MustCompile(`^\\u[dD][c-fC-F]`)

// schemasOf compiles the schema of each SCHEMA message in the drafts that clients use.
func schemasOf(t *testing.T, r *tapfixture.Result) map[string][]*jsonschema.Schema {
	t.Helper()
	schemas := map[string][]*jsonschema.Schema{}
	for _, m := range r.Of("SCHEMA") {
		var message struct{ Schema map[string]any }
		if err := json.Unmarshal(m.Line, &message); err != nil {
			t.Fatal(err)
		}
		delete(message.Schema, "$schema") // the drafts' validators are chosen by hand, as clients do
		text, err := json.Marshal(message.Schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, draft := range []*jsonschema.Draft{jsonschema.Draft4, jsonschema.Draft7, jsonschema.Draft2020} {
			c := jsonschema.NewCompiler()
			c.Draft, c.AssertFormat = draft, true
			if err := c.AddResource("test:///schema.json", bytes.NewReader(text)); err != nil {
				t.Fatal(err)
			}
			schema, err := c.Compile("test:///schema.json")
			if err != nil {
				t.Fatalf("%s: compiling the schema: %v", m.Stream, err)
			}
			schemas[m.Stream] = append(schemas[m.Stream], schema)
		}
	}
	return schemas
}

// validate wants every record valid in every draft, with all fields that are declared and
// no others.
func validate(t *testing.T, schemas []*jsonschema.Schema, records map[string]tapfixture.Record) {
	t.Helper()
	if len(schemas) != 3 {
		t.Fatalf("%d schemas, want one for each draft", len(schemas))
	}
	declared := schemas[0].Properties
	for key, r := range records {
		for _, schema := range schemas {
			if err := schema.Validate(r.Fields); err != nil {
				t.Fatalf("record %s does not keep to the schema in %s: %v", key, schema.Draft.URL(), err)
			}
		}
		for name := range r.Fields {
			if declared[name] == nil {
				t.Fatalf("record %s has the field %s, which is not declared", key, name)
			}
		}
		if len(r.Fields) != len(declared) {
			t.Fatalf("record %s has %d fields, %d are declared", key, len(r.Fields), len(declared))
		}
	}
}

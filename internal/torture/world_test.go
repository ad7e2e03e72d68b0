package torture

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

var (
	matrix = flag.String("matrix", "", "`file` to write the matrix of faults to, as Markdown")
)

const siteName = "acme.atlassian.net"

// token is the credential of these tests. It has all that makes its encodings differ.
const token = `ATATTfix+7Qx2/Zk9\LmN4&B8"C==`

// anchor is before everything on a site, so that an incremental run without a state holds
// all rows, too.
const anchor = "2000-01-01T00:00:00.000Z"

// small is the site of the matrix.
func small() simconfluence.Options {
	o := simconfluence.Scaled(11, 20)
	o.BlogPosts, o.FooterComments, o.InlineComments, o.Attachments = 12, 60, 110, 24
	if tapfixture.Torture() {
		o = simconfluence.Scaled(11, 60)
		o.BlogPosts, o.FooterComments, o.InlineComments, o.Attachments = 12, 60, 120, 50
	}
	o.BodyBytes, o.BaseURL = 200, "https://"+siteName
	o.Auth = simconfluence.Auth{Email: tapfixture.Email, Token: token}
	return o
}

// mode is how a sync is asked for.
type mode struct{ airbyte, incremental bool }

var modes = []mode{{false, false}, {true, false}, {false, true}, {true, true}}

func (m mode) String() string {
	name := "Singer"
	if m.airbyte {
		name = "Airbyte"
	}
	if m.incremental {
		return name + " incremental"
	}
	return name + " full"
}

// catalog selects all streams.
func (m mode) catalog() any {
	if m.airbyte {
		how := "full_refresh"
		if m.incremental {
			how = "incremental"
		}
		return tapfixture.Configured(how, stream.Names()...)
	}
	var entries []any
	for _, s := range stream.All {
		pairs := []any{"selected", true}
		if m.incremental && s.ReplicationKey != "" {
			pairs = append(pairs, "replication-method", "INCREMENTAL", "replication-key", s.ReplicationKey)
		}
		entries = append(entries, tapfixture.Entry(s.Name, tapfixture.Meta(nil, pairs...)))
	}
	return map[string]any{"streams": entries}
}

// settings are the default ones but for small pages, so that a small site has several.
func settings() map[string]any {
	return map[string]any{
		"domain": siteName, "email": tapfixture.Email, "api_token": token,
		"page_size": 20, "anchor_date": anchor, "audit_samples": 2,
	}
}

// files writes what the command line names.
type files struct {
	t   *testing.T
	dir string
}

func newFiles(t *testing.T) files { return files{t, t.TempDir()} }

func (f files) write(name string, content any) string {
	f.t.Helper()
	data, ok := content.(string)
	if !ok {
		b, err := json.Marshal(content)
		if err != nil {
			f.t.Fatal(err)
		}
		data = string(b)
	}
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// run is one run of the program over a virtual network.
type run struct {
	tapfixture.Result
	// log is all that was logged, failed the streams that are told to have failed, states
	// the messages of that type.
	log    string
	failed []string
	states []tapfixture.Message
	// known are the records that need not be parsed.
	known known
}

// sync runs the program; state may be empty.
func (f files) sync(m mode, settings map[string]any, state string, n *network, options ...tap.Option) *run {
	f.t.Helper()
	return f.syncTo(&bytes.Buffer{}, m, settings, state, n, options...)
}

// reader is what reads stdout, and has kept it.
type reader interface {
	io.Writer
	Bytes() []byte
}

// syncTo runs the program before a reader.
func (f files) syncTo(stdout reader, m mode, settings map[string]any, state string, n *network, options ...tap.Option) *run {
	f.t.Helper()
	args := []string{"--config", f.write("config.json", settings), "--catalog", f.write("catalog.json", m.catalog())}
	if m.airbyte {
		args = append([]string{"read"}, args...)
	}
	if state != "" {
		args = append(args, "--state", f.write("state.json", state))
	}
	args = append(args, "--debug")
	var stderr bytes.Buffer
	r := &run{}
	r.Status = tap.Run(f.t.Context(), args, nil, stdout, &stderr, append(options, tap.OverNetwork(n))...)
	r.Stdout, r.Stderr = stdout.Bytes(), stderr.String()
	r.known = records()
	r.Messages = r.known.parse(f.t, r.Stdout)
	r.states = r.Of("STATE")
	r.log = r.Log()
	r.failed = failures(r.log)
	noSecrets(f.t, r.Stdout, []byte(r.Stderr))
	return r
}

// failures finds the streams that the log says have failed.
func failures(log string) []string {
	var names []string
	for line := range strings.Lines(log) {
		if _, rest, ok := strings.Cut(line, "ERROR stream failed stream="); ok {
			name, _, _ := strings.Cut(rest, ":")
			names = append(names, strings.Fields(name)[0])
		}
	}
	return names
}

// state is what the run leaves for the next one, empty if it wrote none.
func (r *run) state(m mode) string {
	switch {
	case len(r.states) == 0:
		return ""
	case m.airbyte:
		return r.LastStates()
	}
	return string(r.states[len(r.states)-1].State)
}

// rows are records by stream and key.
type rows map[string]map[string][]byte

// add takes a run's records and returns how many of them the run sent more than once.
func (into rows) add(t *testing.T, r *run) (twice int) {
	t.Helper()
	seen := rows{}
	for _, m := range r.Messages {
		if m.Type != "RECORD" {
			continue
		}
		key := r.known.key(t, m)
		if seen.put(m.Stream, key, m.Record) {
			twice++
		}
		into.put(m.Stream, key, m.Record)
	}
	return twice
}

func (into rows) put(name, key string, record []byte) (again bool) {
	if into[name] == nil {
		into[name] = map[string][]byte{}
	}
	_, again = into[name][key]
	into[name][key] = record
	return again
}

// lost counts the rows of want that are not there, surplus those that are one too many,
// spoilt those that read otherwise.
func (into rows) compare(want rows, names []string) (lost, surplus, spoilt int) {
	for _, name := range names {
		for key, record := range want[name] {
			have, ok := into[name][key]
			switch {
			case !ok:
				lost++
			case !bytes.Equal(have, record):
				spoilt++
			}
		}
		for key := range into[name] {
			if _, ok := want[name][key]; !ok {
				surplus++
			}
		}
	}
	return lost, surplus, spoilt
}

// missing names some of the rows of want that are not there.
func (into rows) missing(want rows) string {
	var keys []string
	for name := range want {
		for key := range want[name] {
			if into[name][key] == nil && len(keys) < 20 {
				keys = append(keys, name+" "+key)
			}
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

// truths are the records of the small site: what a run without faults gives, after its keys
// were compared with what the site itself says. They never change, so all tests share them.
var truths = struct {
	sync.Mutex
	rows  rows
	known known
}{}

// records are the known records, none before there is the truth.
func records() known {
	truths.Lock()
	defer truths.Unlock()
	return truths.known
}

func truth(t *testing.T) rows {
	t.Helper()
	truths.Lock()
	defer truths.Unlock()
	if truths.rows != nil {
		return truths.rows
	}
	site := simconfluence.New(small())
	server := httptest.NewServer(site)
	defer server.Close()
	f := newFiles(t)
	s := settings()
	s["domain"], s["api_url"], s["requests_per_second"] = server.URL, server.URL, 0
	var stdout, stderr bytes.Buffer
	if status := tap.Run(t.Context(), []string{"--config", f.write("config.json", s)}, nil, &stdout, &stderr); status != 0 {
		t.Fatalf("a run without faults ends with %d\n%s", status, stderr.String())
	}
	noSecrets(t, stdout.Bytes(), stderr.Bytes())
	r := &run{}
	r.Messages = tapfixture.Parse(t, stdout.Bytes())
	all := rows{}
	all.add(t, r)
	for _, name := range stream.Names() {
		n := 0
		for row := range site.Truth(name, tapfixture.Scope()) {
			if n++; all[name][strings.Join(row.Key, "/")] == nil {
				t.Fatalf("%s: a run without faults does not give %v", name, row.Key)
			}
		}
		if n != len(all[name]) || n == 0 {
			t.Fatalf("%s: a run without faults gives %d rows of %d", name, len(all[name]), n)
		}
	}
	truths.rows, truths.known = all, index(all)
	return all
}

// answer is the site's own answer to a request, held back.
type answer struct {
	*httptest.ResponseRecorder
	site *simconfluence.Site
}

// ServeHTTP gives the answer as the site would have.
func (a *answer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	maps.Copy(w.Header(), a.Header())
	w.WriteHeader(a.Code)
	_, _ = w.Write(a.Body.Bytes())
}

func (a *answer) body() string { return a.Body.String() }

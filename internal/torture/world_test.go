package torture

import (
	"bytes"
	"flag"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
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
	streams := tapfixture.Each(m.incremental, stream.Names()...)
	if m.airbyte {
		return tapfixture.AirbyteCatalog(0, streams...)
	}
	return tapfixture.SingerCatalog(streams...)
}

// settings are the default ones but for small pages, so that a small site has several.
func settings() map[string]any {
	return map[string]any{
		"api_token": token, "page_size": 20, "anchor_date": anchor, "audit_samples": 2,
	}
}

// virtual returns the small site, with the settings of these tests: not asked through the
// fixture's own transport, but over a network.
func virtual(t *testing.T) *tapfixture.Fixture {
	t.Helper()
	return tapfixture.Virtual(t, small()).With(settings())
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

// syncOver runs the program over a network; state may be empty.
func syncOver(t *testing.T, f *tapfixture.Fixture, m mode, state string, n *network, options ...tap.Option) *run {
	t.Helper()
	return syncTo(t, &bytes.Buffer{}, f, m, state, n, options...)
}

// reader is what reads stdout, and has kept it.
type reader interface {
	io.Writer
	Bytes() []byte
}

// syncTo runs the program before a reader.
func syncTo(t *testing.T, stdout reader, f *tapfixture.Fixture, m mode, state string, n *network, options ...tap.Option) *run {
	t.Helper()
	f = f.On(t).Under(options...).Under(tap.OverNetwork(n))
	var given any
	if state != "" {
		given = state
	}
	args := f.SingerArgs(m.catalog(), given)
	if m.airbyte {
		args = append([]string{"read"}, args...)
	}
	var stderr bytes.Buffer
	r := &run{}
	r.Status = f.Launch(t.Context(), stdout, &stderr, append(args, "--debug")...)
	r.Stdout, r.Stderr = stdout.Bytes(), stderr.String()
	r.known = records()
	r.Messages = r.known.parse(t, r.Stdout)
	r.states = r.Of("STATE")
	r.log = r.Log()
	r.failed = failures(r.log)
	f.NoSecrets(r.Stdout, stderr.Bytes())
	return r
}

// failures finds the streams that the log of a run with --debug says have failed.
func failures(log string) []string {
	var names []string
	for line := range strings.Lines(log) {
		if _, rest, ok := strings.Cut(line, "stream failed [stream="); ok && strings.HasPrefix(line, "DEBUG") {
			names = append(names, rest[:strings.IndexAny(rest, " ]")])
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
	f := tapfixture.New(t, small()).With(settings())
	site := f.Site
	r := &run{Result: *f.Run("--config", f.Config()).OK()}
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

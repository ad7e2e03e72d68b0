// Package tapfixture runs the whole program against a simulated site, for tests: it serves
// the site on loopback, writes the files that the command line names, calls tap.Run and
// parses what comes out.
package tapfixture

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap"
)

// Credentials that Settings presents, for sites that want some. The token is long enough
// for a search of the output to mean something.
const (
	Email = "reader@example.com"
	Token = "fixture-token-7Qx2Zk9LmN4" //nolint:gosec // it opens nothing but a simulated site
)

// Fixture is a simulated site that listens on loopback, and the settings to read it with.
type Fixture struct {
	// Site is the simulated site.
	Site *simconfluence.Site
	// URL is the address that the site is served at.
	URL string

	t        testing.TB
	dir      string
	files    *atomic.Int64
	settings map[string]any
	options  []tap.Option
}

// New serves a site until the test ends.
func New(t testing.TB, o simconfluence.Options) *Fixture {
	t.Helper()
	site := simconfluence.New(o)
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	return &Fixture{
		Site: site, URL: server.URL, t: t, dir: t.TempDir(), files: &atomic.Int64{},
		settings: Settings(server.URL),
	}
}

// Host is the site of fixtures without a network.
const Host = "acme.atlassian.net"

// Virtual returns a site that no network leads to: the program asks it within the process, so
// that the whole run can be in virtual time (testing/synctest).
func Virtual(t testing.TB, o simconfluence.Options) *Fixture {
	t.Helper()
	o.BaseURL = "https://" + Host
	site := simconfluence.New(o)
	settings := Settings(o.BaseURL)
	for _, name := range []string{"api_url", "requests_per_second", "concurrency"} {
		delete(settings, name) // a site on the network has its limits
	}
	f := &Fixture{Site: site, URL: o.BaseURL, t: t, dir: t.TempDir(), files: &atomic.Int64{}, settings: settings}
	return f.Within()
}

// Settings are those that read a site on loopback as fast as it answers. The gateway is
// looked for at the site, too, so that no test leaves this machine.
func Settings(url string) map[string]any {
	return map[string]any{
		"domain": url, "api_url": url, "email": Email, "api_token": Token,
		"requests_per_second": 0, "concurrency": 8,
	}
}

// With returns the fixture with other settings over its own; nil takes one out. The site
// is the same.
func (f *Fixture) With(settings map[string]any) *Fixture {
	other := *f
	other.settings = maps.Clone(f.settings)
	for name, value := range settings {
		if value == nil {
			delete(other.settings, name)
		} else {
			other.settings[name] = value
		}
	}
	return &other
}

// Under returns the fixture with surroundings of the program beside its own. The site is the same.
func (f *Fixture) Under(options ...tap.Option) *Fixture {
	other := *f
	other.options = append(slices.Clip(f.options), options...)
	return &other
}

// Within returns the fixture with a program that asks the site within the process, without
// sockets: for many requests, where the network is not the point.
func (f *Fixture) Within() *Fixture { return f.Under(tap.OverNetwork(f.Site.Transport())) }

// On returns the fixture for another test, such as a subtest, whose failures it reports.
func (f *Fixture) On(t testing.TB) *Fixture {
	other := *f
	other.t = t
	return &other
}

// File writes a file and returns its path. Text and bytes are written as they are,
// anything else as JSON.
func (f *Fixture) File(content any) string {
	f.t.Helper()
	var data []byte
	switch c := content.(type) {
	case string:
		data = []byte(c)
	case []byte:
		data = c
	default:
		var err error
		if data, err = json.Marshal(c); err != nil {
			f.t.Fatalf("encoding a file: %v", err)
		}
	}
	name := filepath.Join(f.dir, strconv.FormatInt(f.files.Add(1), 10)+".json")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return name
}

// Config writes the settings to a file and returns its path.
func (f *Fixture) Config() string {
	f.t.Helper()
	return f.File(f.settings)
}

// Text runs the program. It looks at the output for nothing but the credentials of the
// settings, which are nowhere in it.
func (f *Fixture) Text(args ...string) *Result {
	f.t.Helper()
	var stdout, stderr bytes.Buffer
	r := &Result{t: f.t}
	r.Status = tap.Run(f.t.Context(), args, nil, &stdout, &stderr, f.options...)
	r.Stdout, r.Stderr = stdout.Bytes(), stderr.String()
	f.NoSecrets(r.Stdout, stderr.Bytes())
	return r
}

// Launch runs the program with a context and outputs of the caller's, such as ones that end in
// the middle, and returns the exit status. It parses nothing: see [Lines].
func (f *Fixture) Launch(ctx context.Context, stdout, stderr io.Writer, args ...string) int {
	f.t.Helper()
	return tap.Run(ctx, args, nil, stdout, stderr, f.options...)
}

// NoSecrets fails the test if a credential of the settings is anywhere in an output.
func (f *Fixture) NoSecrets(outputs ...[]byte) {
	f.t.Helper()
	email, ok := f.settings["email"].(string)
	if !ok {
		email = Email
	}
	for _, name := range []string{"api_token", "access_token"} {
		secret, ok := f.settings[name].(string)
		if !ok || len(secret) < 2*tail { // a word that may be anywhere
			continue
		}
		for _, output := range outputs {
			NoSecrets(f.t, output, email, secret)
		}
	}
}

// Run runs the program and parses its output. It fails the test if stdout has a line that
// is no protocol message.
func (f *Fixture) Run(args ...string) *Result {
	f.t.Helper()
	r := f.Text(args...)
	r.Messages = Parse(f.t, r.Stdout)
	return r
}

// SingerArgs writes the files of a Singer sync, of which the catalog and the state may be nil,
// and returns the command line.
func (f *Fixture) SingerArgs(catalog, state any) []string {
	f.t.Helper()
	args := []string{"--config", f.Config()}
	if catalog != nil {
		args = append(args, "--catalog", f.File(catalog))
	}
	if state != nil {
		args = append(args, "--state", f.File(state))
	}
	return args
}

// AirbyteArgs does the same for Airbyte's read, which needs a catalog.
func (f *Fixture) AirbyteArgs(catalog, state any) []string {
	f.t.Helper()
	return append([]string{"read"}, f.SingerArgs(catalog, state)...)
}

// Singer syncs as a Singer tap, with a catalog and a state that may be nil.
func (f *Fixture) Singer(catalog, state any) *Result {
	f.t.Helper()
	return f.Run(f.SingerArgs(catalog, state)...)
}

// Airbyte reads as an Airbyte source, with a state that may be nil.
func (f *Fixture) Airbyte(catalog, state any) *Result {
	f.t.Helper()
	return f.Run(f.AirbyteArgs(catalog, state)...)
}

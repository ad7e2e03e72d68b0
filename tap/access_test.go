package tap_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// wrongToken is what the settings hold where the site refuses the account.
const wrongToken = "mistyped-token-5Yt8Wq3RvB1"

// bearer is an access token of OAuth.
const bearer = "fixture-bearer-8Kp3Jd6HsA0xM2"

// locked is a small site that wants an account.
func locked() simconfluence.Options {
	o := simconfluence.Scaled(7, 10)
	o.BodyBytes = 300
	o.Auth = simconfluence.Auth{Email: tapfixture.Email, Token: tapfixture.Token}
	return o
}

// TestRefused meets every way in which a site refuses an account, with every command: each
// tells in one sentence what is wrong and what to do, and shows no secret.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		settings map[string]any
		site     func(*simconfluence.Site)
		// says is what the sentence must hold: the cause, then the remedy.
		says string
		// status is Singer's exit status.
		status int
	}{
		{"wrong token", map[string]any{"api_token": wrongToken}, nil, `403.*check email and api_token`, tap.ExitRefused},
		{"wrong email", map[string]any{"email": "nobody@example.com"}, nil, `403.*check email and api_token`, tap.ExitRefused},
		{"all refused", nil, func(s *simconfluence.Site) { s.SetMode(simconfluence.Unauthorized) }, `401.*check email and api_token`, tap.ExitRefused},
		{"wrong token on an open site", map[string]any{"api_token": wrongToken}, func(s *simconfluence.Site) {
			s.SetAuth(simconfluence.Auth{Email: tapfixture.Email, Token: tapfixture.Token, BadAsAnonymous: true})
		}, `anonymous.*check email and api_token`, tap.ExitRefused},
		{"anonymous with 200", nil, func(s *simconfluence.Site) { s.SetMode(simconfluence.Anonymous) }, `anonymous.*check email and api_token`, tap.ExitRefused},
		{"no licence", nil, func(s *simconfluence.Site) { s.SetMode(simconfluence.Unlicensed) }, `403.*not permitted to use Confluence.*give the account access`, tap.ExitRefused},
		{"refused for another reason", nil, func(s *simconfluence.Site) {
			s.SetFaults(simconfluence.Where(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/wiki/rest/api/user/current") },
				simconfluence.Status(403, `{"statusCode":403,"message":"The account is suspended"}`)))
		}, `403.*The account is suspended`, tap.ExitRefused},
		{"unknown site", nil, func(s *simconfluence.Site) { s.SetMode(simconfluence.UnknownSite) }, `no Confluence site answers.*check domain`, tap.ExitRefused},
		{"login page", nil, func(s *simconfluence.Site) { s.SetMode(simconfluence.LoginPage) }, `login page.*check domain and the credentials`, tap.ExitRefused},
		{"redirect to the login page", nil, func(s *simconfluence.Site) { s.SetMode(simconfluence.LoginRedirect) }, `login page.*check domain and the credentials`, tap.ExitRefused},
		{"maintenance", nil, func(s *simconfluence.Site) { s.SetMode(simconfluence.Maintenance) }, `maintenance.*try again later`, tap.ExitFailed},
		{"nothing there", map[string]any{"domain": "127.0.0.1:1", "api_url": nil}, nil, `127\.0\.0\.1:1|refused`, tap.ExitFailed},
		{"a token that only the gateway takes", nil, func(s *simconfluence.Site) {
			s.SetAuth(simconfluence.Auth{Email: tapfixture.Email, Token: tapfixture.Token, ScopedToken: true})
			s.SetFaults(simconfluence.On("/_edge/tenant_info", simconfluence.Status(404, "{}")))
		}, `403.*cloud.id`, tap.ExitRefused},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := tapfixture.New(t, locked()).With(map[string]any{"max_retries": 0}).With(test.settings)
			if test.site != nil {
				test.site(f.Site)
			}
			says := regexp.MustCompile(test.says)
			catalog := f.File(tapfixture.Configured("full_refresh", "groups"))

			check := f.Run("check", "--config", f.Config(), "--debug").OK()
			if m := check.Of("CONNECTION_STATUS"); len(m) != 1 || m[0].Connection != "FAILED" || !says.MatchString(m[0].Text) || strings.Contains(m[0].Text, "\n") {
				t.Errorf("check says %s\nwant %q", check.Stdout, test.says)
			}
			read := f.Run("read", "--config", f.Config(), "--catalog", catalog, "--debug").Wants(tap.ExitFailed)
			if errs := read.Errors(); len(errs) == 0 || !says.MatchString(errs[len(errs)-1]) {
				t.Errorf("read says %q\nwant %q", errs, test.says)
			}
			for _, args := range [][]string{{"--test"}, {}} {
				r := f.Run(append(args, "--config", f.Config(), "--debug")...).Wants(test.status)
				lines := strings.Split(strings.TrimSuffix(r.Stderr, "\n"), "\n")
				if last := lines[len(lines)-1]; !strings.HasPrefix(last, "CRITICAL ") || !says.MatchString(last) {
					t.Errorf("%q says %s\nwant %q", args, last, test.says)
				}
				if n := len(r.Of("RECORD")) + len(r.Of("STATE")); n > 0 {
					t.Errorf("%q: %d messages in spite of it", args, n)
				}
				noSecrets(t, r)
			}
			for _, r := range []*tapfixture.Result{check, read} {
				if n := len(r.Of("RECORD")) + len(r.Of("STATE")); n > 0 {
					t.Errorf("%d messages in spite of it: %s", n, r.Stdout)
				}
				noSecrets(t, r)
			}
		})
	}
}

// noSecrets searches the output for every secret of these tests, in all spellings.
func noSecrets(t *testing.T, r *tapfixture.Result) {
	t.Helper()
	for _, email := range []string{tapfixture.Email, "nobody@example.com"} {
		tapfixture.NoSecrets(t, r.Stdout, email, tapfixture.Token, wrongToken, bearer)
		tapfixture.NoSecrets(t, []byte(r.Stderr), email, tapfixture.Token, wrongToken, bearer)
	}
}

// TestMissingScope names the scope that a token lacks: as an error where nothing can be
// read without it, else as a part of the answer, and for the stream whose listing it is.
func TestMissingScope(t *testing.T) {
	t.Parallel()
	site := func(t *testing.T, missing ...string) *tapfixture.Fixture {
		f := tapfixture.New(t, locked())
		f.Site.SetMissingScopes(missing...)
		return f
	}
	status := func(f *tapfixture.Fixture) tapfixture.Message {
		return f.Run("check", "--config", f.Config()).OK().Of("CONNECTION_STATUS")[0]
	}
	t.Run("of spaces", func(t *testing.T) {
		t.Parallel()
		m := status(site(t, "read:space:confluence"))
		if m.Connection != "FAILED" || !strings.Contains(m.Text, "read:space:confluence") {
			t.Errorf("check says %s", m.Line)
		}
	})
	t.Run("of attachments", func(t *testing.T) {
		t.Parallel()
		f := site(t, "read:attachment:confluence")
		if m := status(f); m.Connection != "SUCCEEDED" || !strings.Contains(m.Text, "can't read attachments") || !strings.Contains(m.Text, "read:attachment:confluence") {
			t.Errorf("check says %s", m.Line)
		}
		test := f.Text("--test", "--config", f.Config()).OK()
		readable := fmt.Sprintf("%d of %d streams can be read", len(stream.All)-len(tapfixture.StreamsOf(stream.Attachments)), len(stream.All))
		for _, want := range []string{"can't read attachments, attachment_labels, ", readable} {
			if !strings.Contains(test.Stderr, want) {
				t.Errorf("%q is not in\n%s", want, test.Stderr)
			}
		}
		r := f.Singer(tapfixture.Select("groups", "attachments"), nil).Wants(tap.ExitFailed)
		if !regexp.MustCompile(`(?m)^ERROR .*attachments.*read:attachment:confluence`).MatchString(r.Stderr) {
			t.Errorf("stderr names no scope:\n%s", r.Stderr)
		}
		f.CheckRows(r, tapfixture.Scope(), "groups")
		airbyte := f.Airbyte(tapfixture.Configured("full_refresh", "groups", "attachments"), nil).Wants(tap.ExitFailed)
		wantStatuses(t, airbyte, "groups", "STARTED RUNNING COMPLETE")
		wantStatuses(t, airbyte, "attachments", "STARTED RUNNING INCOMPLETE")
		for _, m := range airbyte.Of("TRACE") {
			if m.Stream == "attachments" && m.Text != "" && (m.Failure != "config_error" || !strings.Contains(m.Text, "read:attachment:confluence")) {
				t.Errorf("the stream's error is %s", m.Line)
			}
		}
	})
	t.Run("of the probe", func(t *testing.T) {
		t.Parallel()
		f := site(t, "read:confluence-user", "read:content-details:confluence")
		if m := status(f); m.Connection != "SUCCEEDED" {
			t.Errorf("check says %s", m.Line)
		}
		f.CheckRows(f.Singer(tapfixture.Select("groups"), nil).OK(), tapfixture.Scope(), "groups")
	})
}

func wantStatuses(t *testing.T, r *tapfixture.Result, name, want string) {
	t.Helper()
	var got []string
	for _, m := range r.Of("TRACE") {
		if m.Stream == name && m.Status != "" {
			got = append(got, m.Status)
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("%s: statuses %q, want %s", name, got, want)
	}
}

// TestAccess reads whole sites with each kind of credentials.
func TestAccess(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		auth     simconfluence.Auth
		settings func(f *tapfixture.Fixture) map[string]any
		gateway  bool
	}{
		{"API token", simconfluence.Auth{Email: tapfixture.Email, Token: tapfixture.Token},
			func(*tapfixture.Fixture) map[string]any { return nil }, false},
		{"API token with scopes", simconfluence.Auth{Email: tapfixture.Email, Token: tapfixture.Token, ScopedToken: true},
			func(f *tapfixture.Fixture) map[string]any { return map[string]any{"api_url": f.URL} }, true},
		{"API token with scopes, cloud id given", simconfluence.Auth{Email: tapfixture.Email, Token: tapfixture.Token, ScopedToken: true},
			func(f *tapfixture.Fixture) map[string]any {
				return map[string]any{"api_url": f.URL, "cloud_id": f.Site.CloudID()}
			}, true},
		{"access token", simconfluence.Auth{AccessToken: bearer},
			func(f *tapfixture.Fixture) map[string]any {
				return map[string]any{"api_url": f.URL, "access_token": bearer, "email": nil, "api_token": nil}
			}, true},
		{"access token beside a wrong API token", simconfluence.Auth{AccessToken: bearer},
			func(f *tapfixture.Fixture) map[string]any {
				return map[string]any{"api_url": f.URL, "access_token": bearer, "api_token": wrongToken}
			}, true},
		{"api_url below the API's own path", simconfluence.Auth{Email: tapfixture.Email, Token: tapfixture.Token},
			func(f *tapfixture.Fixture) map[string]any {
				return map[string]any{"api_url": f.URL + "/wiki/api/v2/", "domain": "acme"}
			}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := locked()
			o.Auth = test.auth
			f := tapfixture.New(t, o)
			f = f.With(test.settings(f))
			r := f.Run("--config", f.Config(), "--log-level=debug").OK()
			f.CheckRows(r, tapfixture.Scope(), stream.Names()...)
			noSecrets(t, r)
			check := f.Run("check", "--config", f.Config(), "--debug").OK()
			if m := check.Of("CONNECTION_STATUS"); len(m) != 1 || m[0].Connection != "SUCCEEDED" {
				t.Errorf("check says %s", check.Stdout)
			}
			noSecrets(t, check)
			if got := strings.Contains(r.Stderr, "/ex/confluence/"+f.Site.CloudID()); got != test.gateway {
				t.Errorf("through the gateway: %v\n%s", got, r.Stderr)
			}
			wantNoViolations(t, f)
		})
	}
}

// TestTokenRevoked loses the account in the middle of a sync: the run ends with its states,
// and says why once.
func TestTokenRevoked(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, simconfluence.Scaled(7, 60))
	f.Site.SetFaults(simconfluence.After(60, simconfluence.Status(401, `{"code":401,"message":"Unauthorized"}`)))
	r := f.Singer(nil, nil).Wants(tap.ExitRefused)
	if end := r.Messages[len(r.Messages)-1]; end.Type != "STATE" {
		t.Errorf("the last line is %.200s, not a STATE", end.Line)
	}
	if n := strings.Count(r.Stderr, "CRITICAL"); n != 1 || !strings.Contains(r.Stderr, "check email and api_token") {
		t.Errorf("stderr:\n%s", r.Stderr)
	}

	f.Site.SetFaults()
	rest := f.Singer(nil, r.LastState()).OK()
	for _, name := range stream.Names() {
		union := r.Canonical(name)
		maps.Copy(union, rest.Canonical(name))
		tapfixture.Compare(t, name, union, f.Expect(name, tapfixture.Scope()))
	}
}

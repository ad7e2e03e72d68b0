package client

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/config"
)

const (
	me         = `{"type":"known","accountId":"5b10","displayName":"Ada L."}`
	sitePath   = "https://acme.example/wiki/rest/api/user/current"
	tenant     = "https://acme.example/_edge/tenant_info"
	viaGate    = "https://api.atlassian.com/ex/confluence/11-aa/wiki/rest/api/user/current"
	noRows     = `{"results":[],"_links":{}}`
	spacesPath = "https://acme.example/wiki/api/v2/spaces?limit=1"
	noScope    = `{"code":401,"message":"Unauthorized; scope does not match"}`
)

// world answers by address; what it doesn't know is refused like a bad token.
func world(answers map[string]func() (*http.Response, error)) *fakeSite {
	return &fakeSite{answer: func(_ int, req *http.Request) (*http.Response, error) {
		if answer, ok := answers[req.URL.String()]; ok {
			return answer()
		}
		return reply(401, `{"message":"Unauthorized"}`), nil
	}}
}

func TestProbe(t *testing.T) {
	type answers = map[string]func() (*http.Response, error)
	bearer := func(c *config.Config) { c.AccessToken = config.NewSecret(testAccess) }
	cloud := func(c *config.Config) { c.CloudID = "11-aa" }
	tests := []struct {
		name    string
		set     func(*config.Config)
		answers answers
		kind    Kind
		text    string // of the error
		url     string // base in the end
		unnamed bool
		sent    []string
	}{
		{name: "good", answers: answers{sitePath: says(200, me)}, url: "https://acme.example", sent: []string{sitePath}},
		{name: "cloud id", set: cloud, answers: answers{viaGate: says(200, me)}, url: "https://api.atlassian.com/ex/confluence/11-aa", sent: []string{viaGate}},
		{name: "access token", set: bearer, answers: answers{tenant: says(200, `{"cloudId":"11-aa"}`), viaGate: says(200, me)},
			url: "https://api.atlassian.com/ex/confluence/11-aa", sent: []string{tenant, viaGate}},
		{name: "token with scopes", answers: answers{sitePath: says(401, ""), tenant: says(200, `{"cloudId":"11-aa"}`), viaGate: says(200, me)},
			url: "https://api.atlassian.com/ex/confluence/11-aa", sent: []string{sitePath, tenant, viaGate}},
		{name: "token with scopes, anonymous at the site", answers: answers{sitePath: says(200, `{"type":"anonymous"}`), tenant: says(200, `{"cloudId":"11-aa"}`), viaGate: says(200, me)},
			url: "https://api.atlassian.com/ex/confluence/11-aa", sent: []string{sitePath, tenant, viaGate}},
		{name: "token with other scopes", answers: answers{sitePath: says(403, ""), tenant: says(200, `{"cloudId":"11-aa"}`), viaGate: says(401, noScope)},
			url: "https://api.atlassian.com/ex/confluence/11-aa", unnamed: true, sent: []string{sitePath, tenant, viaGate}},
		{name: "missing scope at the gateway", set: cloud, answers: answers{viaGate: says(401, noScope)},
			url: "https://api.atlassian.com/ex/confluence/11-aa", unnamed: true, sent: []string{viaGate}},
		{name: "bad token", answers: answers{sitePath: says(401, `{"message":"Basic authentication failed"}`), tenant: says(200, `{"cloudId":"11-aa"}`)},
			kind: KindToken, text: "Basic authentication failed (check email and api_token", url: "https://acme.example", sent: []string{sitePath, tenant, viaGate}},
		{name: "bad token, no cloud id", answers: answers{tenant: says(404, "")},
			kind: KindToken, text: "could not be looked up: set cloud_id", url: "https://acme.example", sent: []string{sitePath, tenant}},
		{name: "anonymous", answers: answers{sitePath: says(200, `{"type":"anonymous"}`), tenant: says(200, `{"cloudId":"../.."}`)},
			kind: KindAnonymous, text: "anonymous", url: "https://acme.example", sent: []string{sitePath, tenant}},
		{name: "anonymous by header", answers: answers{sitePath: says(200, me, "X-Seraph-LoginReason", "AUTHENTICATED_FAILED"), tenant: says(404, "")},
			kind: KindAnonymous, text: "anonymous", url: "https://acme.example", sent: []string{sitePath, tenant}},
		{name: "logged in by header", answers: answers{sitePath: says(200, me, "X-Seraph-LoginReason", "OK")}, url: "https://acme.example", sent: []string{sitePath}},
		{name: "no licence", answers: answers{sitePath: says(403, `{"statusCode":403,"message":"Current user not permitted to use Confluence"}`)},
			kind: KindLicence, text: "give the account access", url: "https://acme.example", sent: []string{sitePath}},
		{name: "access token, cloud id unknown", set: bearer, answers: answers{tenant: says(404, "<html>", "Content-Type", "text/html")},
			kind: KindSite, text: "looking up the site's cloud id: 404 Not Found: no Confluence site answers at acme.example (set cloud_id, or check domain)", sent: []string{tenant}},
		{name: "access token, no cloud id", set: bearer, answers: answers{tenant: says(200, `{}`)},
			kind: KindMalformed, text: "set cloud_id", sent: []string{tenant}},
		{name: "wrong cloud id", set: cloud, answers: answers{viaGate: says(404, `{"code":404,"message":"no such site"}`)},
			kind: KindSite, text: "check domain and cloud_id", url: "https://api.atlassian.com/ex/confluence/11-aa", sent: []string{viaGate}},
		{name: "unknown site", answers: answers{sitePath: says(404, "<html>", "Content-Type", "text/html")},
			kind: KindSite, text: "no Confluence site answers at acme.example (check domain", url: "https://acme.example", sent: []string{sitePath}},
		{name: "not Confluence", answers: answers{sitePath: says(200, `{"hello":"world"}`)},
			kind: KindSite, text: "no Confluence", url: "https://acme.example", sent: []string{sitePath}},
		{name: "gone", answers: answers{sitePath: says(410, "")}, kind: KindGone, text: "newer version", url: "https://acme.example", sent: []string{sitePath, spacesPath}},
		{name: "gone, version 2 works", answers: answers{sitePath: says(410, ""), spacesPath: says(200, noRows)}, unnamed: true, url: "https://acme.example", sent: []string{sitePath, spacesPath}},
		{name: "not implemented, version 2 works", answers: answers{sitePath: says(501, ""), spacesPath: says(200, noRows)}, unnamed: true, url: "https://acme.example", sent: []string{sitePath, spacesPath}},
		{name: "forbidden, version 2 works", answers: answers{sitePath: says(403, `{"message":"no"}`), spacesPath: says(200, noRows), tenant: says(404, "")},
			unnamed: true, url: "https://acme.example", sent: []string{sitePath, tenant, spacesPath}},
		{name: "500 for good, version 2 works", answers: answers{sitePath: says(500, ""), spacesPath: says(200, noRows)}, unnamed: true, url: "https://acme.example",
			sent: append(slices.Repeat([]string{sitePath}, 9), spacesPath)},
		{name: "address not allowed", answers: answers{sitePath: says(403, `{"errorMessages":["The IP address has been rejected because it is not allowed"],"errors":{}}`), spacesPath: says(200, noRows)},
			kind: KindForbidden, text: "403 Forbidden: The IP address has been rejected because it is not allowed (let this machine's address", url: "https://acme.example", sent: []string{sitePath}},
		{name: "no licence, other words", answers: answers{sitePath: says(403, `{"message":"caller cannot access Confluence"}`)},
			kind: KindLicence, text: "give the account access", url: "https://acme.example", sent: []string{sitePath}},
		{name: "mistyped domain", set: func(c *config.Config) { c.Site, c.SiteURL = "acme.atlasian.net", "https://acme.atlasian.net" },
			answers: answers{"https://acme.atlasian.net/wiki/rest/api/user/current": says(404, "<html><title>Not here</title>")},
			kind:    KindSite, text: `no Confluence site answers at acme.atlasian.net: "Not here" (check domain: did you mean acme.atlassian.net?)`,
			url: "https://acme.atlasian.net", sent: []string{"https://acme.atlasian.net/wiki/rest/api/user/current"}},
		{name: "api_url with a foreign path", set: func(c *config.Config) { c.APIURL = "https://acme.example/jira/x" },
			answers: answers{"https://acme.example/jira/x/wiki/rest/api/user/current": says(404, `{"message":"null for uri"}`)},
			kind:    KindSite, text: `no Confluence site answers at acme.example/jira/x (check api_url`,
			url: "https://acme.example/jira/x", sent: []string{"https://acme.example/jira/x/wiki/rest/api/user/current"}},
		{name: "no such host", answers: answers{sitePath: fails(&net.DNSError{Err: "no such host", Name: "acme.example", IsNotFound: true})},
			kind: KindSite, text: "there is no host acme.example (check domain", url: "https://acme.example", sent: []string{sitePath, sitePath, sitePath}},
		{name: "login page", answers: answers{sitePath: says(200, "<html>Log in</html>"), tenant: says(404, "")},
			kind: KindLoginPage, text: "login page", url: "https://acme.example", sent: []string{sitePath, sitePath, tenant}},
		{name: "maintenance", answers: answers{sitePath: says(503, "<html>", "Content-Type", "text/html")},
			kind: KindMaintenance, text: "maintenance", url: "https://acme.example", sent: []string{sitePath, sitePath}},
		{name: "maintenance with 200", answers: answers{sitePath: says(200, "<html>Maintenance</html>")},
			kind: KindMaintenance, text: "maintenance", url: "https://acme.example", sent: []string{sitePath, sitePath}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				if tt.set != nil {
					tt.set(cfg)
				}
				net := world(tt.answers)
				c, _ := newTest(t, cfg, net, Options{})
				site, err := c.Probe(t.Context())
				if KindOf(err) != tt.kind || (err != nil) != (tt.kind != KindOther) {
					t.Fatalf("got %v: %v", KindOf(err), err)
				}
				if err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("text: %v", err)
				}
				if err == nil && (site.URL != tt.url || (site.Unnamed != nil) != tt.unnamed || !tt.unnamed && (site.AccountID != "5b10" || site.User != "Ada L.")) {
					t.Errorf("site: %+v", site)
				}
				checkProbe(t, c, net, tt.sent, tt.url)
			})
		})
	}
}

// checkProbe checks what was sent where, and that later requests go to the base found.
func checkProbe(t *testing.T, c *Client, net *fakeSite, sent []string, base string) {
	t.Helper()
	var got []string
	for _, a := range net.attempts() {
		got = append(got, a.url)
		if open := strings.HasSuffix(a.url, "tenant_info"); open != (a.header.Get("Authorization") == "") {
			t.Errorf("%s was sent with Authorization %q", a.url, a.header.Get("Authorization"))
		}
	}
	if strings.Join(got, " ") != strings.Join(sent, " ") {
		t.Errorf("sent %v, want %v", got, sent)
	}
	if n := mostIn(net.attempts(), time.Second); n > 5 {
		t.Errorf("%d sent within a second", n)
	}
	if c.base != base {
		t.Errorf("requests go to %q, want %q", c.base, base)
	}
}

// TestGatewayWithoutProbe: an access token finds the gateway once, then uses it.
func TestGatewayWithoutProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.AccessToken, cfg.APIURL = config.NewSecret(testAccess), "http://127.0.0.1:8090"
		site := inTurn(says(200, `{"cloudId":"11-aa"}`), says(200, `{}`))
		c, _ := newTest(t, cfg, site, Options{})
		for range 2 {
			if _, err := get(c); err != nil {
				t.Fatal(err)
			}
		}
		sent := site.attempts()
		if len(sent) != 3 || sent[0].url != "http://127.0.0.1:8090/_edge/tenant_info" ||
			sent[2].url != "http://127.0.0.1:8090/ex/confluence/11-aa/wiki/api/v2/pages" ||
			sent[2].header.Get("Authorization") != "Bearer "+testAccess {
			t.Errorf("sent %v", sent)
		}
	})
}

func TestNewAddresses(t *testing.T) {
	tests := []struct {
		name string
		set  func(*config.Config)
		base string // "" with an error: refused
		fail string
	}{
		{"site", func(*config.Config) {}, "https://acme.example", ""},
		{"api_url", func(c *config.Config) { c.APIURL = "https://proxy.example/confluence/" }, "https://proxy.example/confluence", ""},
		{"cloud id", func(c *config.Config) { c.CloudID = "11-aa" }, "https://api.atlassian.com/ex/confluence/11-aa", ""},
		{"api_url and cloud id", func(c *config.Config) { c.CloudID, c.APIURL = "11-aa", "https://p.example" }, "https://p.example/ex/confluence/11-aa", ""},
		{"api_url with the gateway", func(c *config.Config) { c.CloudID, c.APIURL = "11-aa", "https://p.example/ex/confluence/22" }, "https://p.example/ex/confluence/22", ""},
		{"loopback", func(c *config.Config) { c.APIURL = "http://[::1]:80" }, "http://[::1]:80", ""},
		{"localhost", func(c *config.Config) { c.SiteURL = "http://localhost:80" }, "http://localhost:80", ""},
		{"plain http", func(c *config.Config) { c.APIURL = "http://acme.example" }, "", "plain http"},
		{"metadata address", func(c *config.Config) { c.APIURL = "http://169.254.169.254" }, "", "plain http"},
		{"other scheme", func(c *config.Config) { c.APIURL = "ftp://127.0.0.1" }, "", "plain http"},
		{"credentials", func(c *config.Config) { c.APIURL = "https://u:" + testToken + "@acme.example" }, "", "not the address"},
		{"no host", func(c *config.Config) { c.SiteURL = "https://" }, "", "not the address"},
		{"bad cloud id", func(c *config.Config) { c.CloudID = "../x" }, "", "cloud_id"},
		{"bad access token", func(c *config.Config) { c.AccessToken = config.NewSecret(testAccess + "\n") }, "", "access_token"},
		{"no ca file", func(c *config.Config) { c.CAFile = "testdata/nowhere.pem" }, "", "ca_file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig()
			tt.set(cfg)
			c, err := New(cfg, Options{})
			if (err != nil) != (tt.fail != "") || err != nil && !strings.Contains(err.Error(), tt.fail) {
				t.Fatalf("got %v, want %q", err, tt.fail)
			}
			if err != nil {
				noSecrets(t, err.Error())
				return
			}
			if _, err := url.Parse(c.base); err != nil || c.base != tt.base {
				t.Errorf("base %q, want %q", c.base, tt.base)
			}
			c.Close()
		})
	}
}

package config

import (
	"strings"
	"testing"
)

func TestDomain(t *testing.T) {
	for text, want := range map[string][2]string{
		"acme":                                  {"https://acme.atlassian.net", "acme.atlassian.net"},
		"ACME":                                  {"https://acme.atlassian.net", "acme.atlassian.net"},
		"https://acme":                          {"https://acme.atlassian.net", "acme.atlassian.net"},
		"acme.atlassian.net":                    {"https://acme.atlassian.net", "acme.atlassian.net"},
		"acme.atlassian.net/":                   {"https://acme.atlassian.net", "acme.atlassian.net"},
		"acme.atlassian.net/wiki":               {"https://acme.atlassian.net", "acme.atlassian.net"},
		"acme.atlassian.net:443":                {"https://acme.atlassian.net", "acme.atlassian.net"},
		"HTTPS://Acme.Atlassian.Net/wiki":       {"https://acme.atlassian.net", "acme.atlassian.net"},
		"https://acme.atlassian.net/wiki/s?y#z": {"https://acme.atlassian.net", "acme.atlassian.net"},
		"wiki.acme.com":                         {"https://wiki.acme.com", "wiki.acme.com"},
		"https://wiki.acme.com:8443/x":          {"https://wiki.acme.com:8443", "wiki.acme.com:8443"},
		"http://127.0.0.1:8090":                 {"http://127.0.0.1:8090", "127.0.0.1:8090"},
		"127.0.0.1:8090":                        {"http://127.0.0.1:8090", "127.0.0.1:8090"},
		"http://localhost:8090/wiki":            {"http://localhost:8090", "localhost:8090"},
		"localhost":                             {"http://localhost", "localhost"},
		"https://localhost:8443":                {"https://localhost:8443", "localhost:8443"},
		"http://[::1]:8090":                     {"http://[::1]:8090", "[::1]:8090"},
		"https://10.0.0.7":                      {"https://10.0.0.7", "10.0.0.7"},
		"https://[2001:db8::1]":                 {"https://[2001:db8::1]", "[2001:db8::1]"},

		"a b":                            {},
		"acme_inc":                       {},
		"-acme":                          {},
		"acme..net":                      {},
		"https://":                       {},
		"https:///wiki":                  {},
		"/wiki":                          {},
		"?":                              {},
		"http://evil.com":                {},
		"http://acme.atlassian.net":      {},
		"http://127.0.0.1.evil.com":      {},
		"http://localhost.evil.com":      {},
		"http://10.0.0.7":                {},
		"ftp://acme.atlassian.net":       {},
		"file:///etc/passwd":             {},
		"https://me:pw@acme.atlassian":   {},
		"me@acme.com":                    {},
		"https://acme.net\\@evil.com":    {},
		"https://acme.atlassian.net:x":   {},
		"https://api.atlassian.com/ex/5": {},
		strings.Repeat("a", 64):          {},
		strings.Repeat("a.", 130) + "a":  {},
		"acme\n.net":                     {},
		"äcme.com":                       {},
	} {
		siteURL, host, err := site(text)
		if got := [2]string{siteURL, host}; got != want || (err != nil) != (want[0] == "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: the error shows the password: %v", text, err)
		}
	}
}

func TestAPIURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://acme.atlassian.net":                      "https://acme.atlassian.net",
		"https://acme.atlassian.net/":                     "https://acme.atlassian.net",
		"https://acme.atlassian.net/wiki":                 "https://acme.atlassian.net",
		"https://acme.atlassian.net/wiki/":                "https://acme.atlassian.net",
		"https://acme.atlassian.net/wiki/rest/api":        "https://acme.atlassian.net",
		"https://acme.atlassian.net/wiki/rest/api/":       "https://acme.atlassian.net",
		"https://acme.atlassian.net/wiki/api/v2":          "https://acme.atlassian.net",
		"https://acme.atlassian.net//wiki/api/v2//":       "https://acme.atlassian.net",
		"https://proxy.acme.com/a/b/wiki":                 "https://proxy.acme.com/a/b",
		"https://proxy.acme.com/a%2Fb/wikis":              "https://proxy.acme.com/a%2Fb/wikis",
		"https://api.atlassian.com/ex/confluence/5f/wiki": "https://api.atlassian.com/ex/confluence/5f",
		"proxy.acme.com:8443":                             "https://proxy.acme.com:8443",
		"http://127.0.0.1:8090/wiki":                      "http://127.0.0.1:8090",
		"http://localhost:8090":                           "http://localhost:8090",
		"http://proxy.acme.com":                           "",
		"https://me@proxy.acme.com":                       "",
		"https://proxy.acme.com/?key=hush":                "",
		"https://proxy.acme.com/#x":                       "",
		"ws://127.0.0.1":                                  "",
	} {
		got, err := apiBase(text)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: the error shows the value: %v", text, err)
		}
	}
}

func TestDomainFromBaseURL(t *testing.T) {
	c, warnings, err := load(t, `{"base_url":"https://acme.atlassian.net/wiki/rest/api"}`)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if c.Site != "acme.atlassian.net" || c.SiteURL != "https://acme.atlassian.net" || c.APIURL != "https://acme.atlassian.net" {
		t.Errorf("got %+v", c)
	}
	c, _, err = load(t, `{"domain":"other","base_url":"http://127.0.0.1:9/wiki/"}`)
	if err != nil || c.Site != "other.atlassian.net" || c.APIURL != "http://127.0.0.1:9" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestSiteMeant(t *testing.T) {
	for site, want := range map[string]string{
		"acme.atlasian.net":         "acme.atlassian.net",
		"acme.atlassian.com":        "acme.atlassian.net",
		"my.acme.atlassain.net":     "my.acme.atlassian.net",
		"acme.atlassian.nett":       "acme.atlassian.net",
		"acme.atlassian.net":        "",
		"wiki.acme.com":             "",
		"atlasian.net":              "",
		"localhost":                 "",
		"127.0.0.1:8090":            "",
		"acme.atlassian.net.evil.x": "",
	} {
		if got := (&Config{Site: site}).SiteMeant(); got != want {
			t.Errorf("%s: got %q, want %q", site, got, want)
		}
	}
}

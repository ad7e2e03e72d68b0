package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Nothing that prints a Config, or a type that hides one, shows a secret.
func TestSecretsAreNotPrinted(t *testing.T) {
	c := Config{APIToken: NewSecret(token), AccessToken: NewSecret(bearer)}
	hidden := struct{ config, pointer any }{c, &c}
	inner := struct{ secret Secret }{c.APIToken}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
		for _, value := range []any{c, &c, c.APIToken, &c.APIToken, hidden, inner, []Secret{c.APIToken}, map[string]Secret{"a": c.APIToken}} {
			if strings.HasPrefix(verb, "%T") {
				fmt.Fprintf(&out, verb+"\n", value, value)
			} else {
				fmt.Fprintf(&out, verb+"\n", value)
			}
		}
	}
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("x", "config", c, "pointer", &c, "secret", c.APIToken, "list", []Secret{c.APIToken})
	}
	text := out.String()
	for _, secret := range []string{token, bearer, fmt.Sprintf("%x", token), fmt.Sprintf("%X", token)} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	if n := strings.Count(text, mask); n < 50 {
		t.Errorf("the mask is printed %d times", n)
	}
	if !strings.Contains(text, `"APIToken":"***"`) {
		t.Error("JSON does not show the mask")
	}
}

func TestSecret(t *testing.T) {
	if s := NewSecret("abc"); s.Reveal() != "abc" || s.String() != mask || s == (Secret{}) {
		t.Errorf("got %q, %q", s.Reveal(), s.String())
	}
	if s := NewSecret(""); s != (Secret{}) || s.Reveal() != "" || s.String() != "" || fmt.Sprint(s) != "" {
		t.Errorf("got %q, %q", s.Reveal(), s.String())
	}
}

// However a configuration is wrong, what Load returns doesn't show the tokens.
func TestSecretsAreNotInMessages(t *testing.T) {
	secrets := `"api_token":"` + token + `","access_token":"` + bearer + `"`
	for _, document := range []string{
		`{` + secrets + `}`,
		`{` + secrets + ``,
		`{` + secrets + `]`,
		`[{` + secrets + `}]`,
		`{"api_token":["` + token + `"],"access_token":{"a":"` + bearer + `"}}`,
		`{"api_token":"` + token + ` x","access_token":"` + bearer + `\u00e9","domain":"a"}`,
		`{` + secrets + `,"domain":"` + token + `@acme","email":"` + token + `","api_url":"https://` + bearer + `"}`,
		`{` + secrets + `,"domain":"` + token + `","cloud_id":"` + token + `.","anchor_date":"` + token + `"}`,
		`{` + secrets + `,"body_format":"` + token + `","page_status":["` + token + `"],"concurrency":"` + token + `"}`,
		`{` + secrets + `,"space_keys":["` + token + `"],"exclude_space_keys":["` + token + `"],"domain":"a"}`,
		`{` + secrets + `,"ca_file":"` + token + `","user_agent":"` + token + `\u0001"}`,
		`{` + secrets + `,"` + token + `":"` + bearer + `","domain":"a"}`,
		`{"access_token":"` + token + `","Api_token":"` + bearer + `"}`,
	} {
		config, warnings, err := Load(Input{Files: []string{"-"}, Stdin: strings.NewReader(document)})
		text := fmt.Sprintf("%v %+v %#v %v %+v", err, err, err, warnings, config)
		if strings.Contains(text, "hush") {
			t.Errorf("%s: a token is shown: %s", document, text)
		}
	}
}

// A file of any content gives a configuration that keeps its promises, or an Error.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"domain":"acme","email":"a@b.c","api_token":"` + token + `"}`))
	f.Add([]byte(`{"base_url":"http://127.0.0.1:9/wiki","access_token":"x","requests_per_second":"0","space_keys":"[1]"}`))
	f.Add([]byte(`{"domain":"acme","anchor_date":"2020-01-01 10:00","page_status":["x"],"concurrency":1e400}`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, warnings, err := Load(Input{Files: []string{"-"}, Stdin: bytes.NewReader(data)})
		if err != nil {
			if len(problems(t, err)) == 0 || c != nil {
				t.Fatalf("an error without problems, or with a configuration: %v", err)
			}
		} else {
			promises(t, c)
		}
		if text := fmt.Sprint(warnings, err); strings.Contains(text, token) {
			t.Fatalf("a token is shown: %s", text)
		}
	})
}

// promises checks what the fields of Config document.
func promises(t *testing.T, c *Config) {
	t.Helper()
	credentials := c.AccessToken.Reveal() != "" || c.Email != "" && c.APIToken.Reveal() != ""
	addresses := strings.HasPrefix(c.SiteURL, "https://") || loopbackURL(c.SiteURL)
	addresses = addresses && (c.APIURL == "" || strings.HasPrefix(c.APIURL, "https://") || loopbackURL(c.APIURL))
	addresses = addresses && strings.HasSuffix(c.SiteURL, "://"+c.Site) && !strings.ContainsAny(c.Site, "/@ ")
	limits := c.Concurrency >= 1 && c.Concurrency <= 64 && c.PageSize >= 1 && c.PageSize <= 250 &&
		c.RequestTimeout > 0 && c.MaxRetryWait >= 0 && c.MaxRetries >= 0 && c.RequestsPerSecond >= 0
	limits = limits && (c.RequestsPerSecond > 0 || loopbackURL(c.SiteURL) || loopbackURL(c.APIURL))
	if !credentials || !addresses || !limits || len(c.PageStatus) == 0 || c.BodyFormat == "" {
		t.Fatalf("a configuration that is not valid: %+v", c)
	}
}

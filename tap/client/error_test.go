package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"
)

// noSecrets fails the test if text holds a credential in any spelling.
func noSecrets(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{testToken, testAccess} {
		pair := base64.StdEncoding.EncodeToString([]byte(testEmail + ":" + secret))
		for _, spelling := range []string{secret, pair, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(text, spelling) {
				t.Errorf("shows a credential: %s", text)
			}
		}
	}
}

// TestRefusals: each answer that is not retried has its kind, its own words and a hint.
func TestRefusals(t *testing.T) {
	v2 := func(status int, title string) string {
		return fmt.Sprintf(`{"errors":[{"status":%d,"code":"X","title":%q,"detail":null}]}`, status, title)
	}
	tests := []struct {
		name    string
		status  int
		body    string
		headers []string
		req     Request
		want    Kind
		text    string
	}{
		{"bad token", 401, v2(401, "Unauthorized"), nil, page1, KindToken, "api_token"},
		{"bad token without words", 401, "", nil, page1, KindToken, "refuses the credentials"},
		{"scope by text", 401, `{"code":401,"message":"Unauthorized; scope does not match"}`, nil, page1, KindScope, "needs the scope read:page:confluence"},
		{"scope by header", 401, `{"code":401}`, []string{"X-Failure-Category", "FAILURE_CLIENT_SCOPE_CHECK"}, page1, KindScope, "read:page:confluence"},
		{"scope of a route without", 403, `{"message":"Forbidden; scope does not match"}`, nil, Request{Path: "/wiki/api/v2/pages"}, KindScope, "lacks a scope"},
		{"proxy", 407, "", nil, page1, KindNetwork, "HTTPS_PROXY"},
		{"long cursor", 400, "", nil, page1.with([2]string{"cursor", strings.Repeat("a", 999)}), KindBadRequest, "cursor=" + strings.Repeat("a", 40) + "...: 400"},
		{"licence", 403, `{"statusCode":403,"message":"Current user not permitted to use Confluence"}`, nil, page1, KindLicence, "access to Confluence"},
		{"oauth token on the site", 403, `{"message":"Failed to parse Connect Session Auth Token"}`, nil, page1, KindToken, "set cloud_id"},
		{"forbidden", 403, v2(403, "No permission"), nil, page1, KindForbidden, "403 Forbidden: No permission"},
		{"anonymous 404", 404, v2(404, "Not found"), []string{"X-Seraph-LoginReason", "AUTHENTICATED_FAILED"}, page1, KindAnonymous, "anonymous"},
		{"anonymous 200", 200, `{"results":[]}`, []string{"X-Seraph-LoginReason", "AUTHENTICATED_FAILED"}, page1, KindAnonymous, "anonymous"},
		{"not found", 404, v2(404, "No page [7]"), nil, page1.with([2]string{"id", "6,7"}), KindNotFound, "404 Not Found: No page [7]"},
		{"address not allowed", 403, `{"errorMessages":["The IP address has been rejected because it is not on the allowlist"],"errors":{}}`, nil, page1, KindForbidden, "has been rejected because it is not on the allowlist (let this machine's address"},
		{"firewall", 403, "<html><title>Request blocked</title>", []string{"Content-Type", "text/html"}, page1, KindForbidden, "403 Forbidden: Request blocked (a firewall"},
		{"somebody without the right", 403, v2(403, "No"), []string{"X-Seraph-LoginReason", "AUTHORISATION_FAILED"}, page1, KindForbidden, "lacks the permission"},
		{"nobody", 403, v2(403, "No"), []string{"X-Seraph-LoginReason", "AUTHENTICATION_DENIED"}, page1, KindAnonymous, "anonymous"},
		{"nonsense of a reason", 403, v2(403, "No"), []string{"X-Seraph-LoginReason", "\x00OK?"}, page1, KindForbidden, "lacks the permission"},
		{"payment", 402, "", nil, page1, KindBadRequest, "402 Payment Required (look at the site's plan"},
		{"method", 405, "", nil, page1, KindBadRequest, "405 Method Not Allowed"},
		{"unknown site", 404, "<html>unavailable</html>", []string{"Content-Type", "text/html; charset=utf-8"}, page1, KindSite, "acme.example"},
		{"gone", 410, v2(410, "Gone for good"), nil, page1, KindGone, "410 Gone"},
		{"cursor", 400, v2(400, "Value for 'cursor' is wrong"), nil, page1.with([2]string{"cursor", "x"}), KindCursor, "from its start"},
		{"400 without cursor", 400, v2(400, "cursor?"), nil, page1, KindBadRequest, "cursor?"},
		{"bad request", 400, v2(400, "limit too big"), nil, page1.with([2]string{"cursor", "x"}), KindBadRequest, "limit too big"},
		{"not implemented", 501, "", nil, page1, KindServer, "501 Not Implemented"},
		{"teapot", 418, "", nil, page1, KindBadRequest, "418"},
		{"redirect to nowhere", 302, "", nil, page1, KindRedirect, "does not say where"},
		{"title and detail", 400, `{"errors":[{"title":"A","detail":"B"}]}`, nil, page1, KindBadRequest, "A: B"},
		{"hostile words", 403, `{"message":"a\u001b[31m\nb\u202ec ` + strings.Repeat("x", 500) + `"}`, nil, page1, KindForbidden, "a [31m b c xxx"},
		{"JSON called a page", 400, v2(400, "limit too big"), []string{"Content-Type", "text/html"}, page1, KindBadRequest, "limit too big"},
		{"nonsense body", 400, `{"errors":{"0":[[[`, nil, page1, KindBadRequest, "400 Bad Request"},
		{"echoed token", 403, `{"message":"token ` + testToken + ` is bad"}`, nil, page1, KindForbidden, "token *** is bad"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := inTurn(says(tt.status, tt.body, tt.headers...))
				c, _ := newTest(t, testConfig(), site, Options{})
				_, err := c.Get(t.Context(), tt.req)
				if KindOf(err) != tt.want {
					t.Fatalf("kind %v, want %v: %v", KindOf(err), tt.want, err)
				}
				if !strings.Contains(err.Error(), tt.text) || !strings.HasPrefix(err.Error(), "GET /wiki/api/v2/pages") {
					t.Errorf("text: %v", err)
				}
				if n := len(site.attempts()); n != 1 {
					t.Errorf("sent %d times, want once", n)
				}
				if len(err.Error()) > 700 || strings.ContainsFunc(err.Error(), unicode.IsControl) {
					t.Errorf("too long or with control characters: %q", err)
				}
			})
		})
	}
}

// TestErrorsHideSecrets looks for credentials in every way to print an error.
func TestErrorsHideSecrets(t *testing.T) {
	pair := base64.StdEncoding.EncodeToString([]byte(testEmail + ":" + testToken))
	answers := map[string]func() (*http.Response, error){
		"json words":  says(403, `{"message":"Basic `+pair+`"}`),
		"no json":     says(200, `Basic `+pair),
		"cut excerpt": says(200, `{"a": aaaaaaaaaaaaaaaaaaaaaaaaaaa `+testToken),
		"network":     fails(errors.New(`malformed HTTP response "` + testToken + `"`)),
		"redirect":    says(302, "", "Location", "https://u:"+testToken+"@evil.example/?t="+url.QueryEscape(testToken)),
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.MaxRetries = 1
				c, log := newTest(t, cfg, inTurn(answer), Options{})
				_, err := get(c)
				if err == nil {
					t.Fatal("no error")
				}
				encoded, _ := json.Marshal(err)
				shown := fmt.Sprintf("%v %+v %#v %s %v", err, err, err, encoded, log)
				for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
					shown += fmt.Sprintf(" %v %+v", cause, cause)
				}
				noSecrets(t, shown)
				if strings.Contains(shown, "very/secret") || strings.Contains(shown, pair[:20]) {
					t.Errorf("shows part of a credential: %s", shown)
				}
			})
		})
	}
}

func TestKindOf(t *testing.T) {
	wrapped := fmt.Errorf("listing pages: %w", &Error{Kind: KindGone})
	for want, err := range map[Kind]error{
		KindOther: errors.New("x"), KindGone: wrapped, KindStopped: fmt.Errorf("x: %w", context.Canceled),
	} {
		if got := KindOf(err); got != want {
			t.Errorf("KindOf(%v) = %v, want %v", err, got, want)
		}
	}
	if KindOf(nil) != KindOther {
		t.Error("nil has a kind")
	}
	wide := ""
	for k := KindOther; k <= KindVague; k++ {
		if k.SiteWide() {
			wide += k.String() + " "
		}
	}
	if wide != "token anonymous licence site " {
		t.Errorf("site-wide kinds: %s", wide)
	}
	if KindStopped.String() != "stopped" || Kind(99).String() != "kind 99" {
		t.Errorf("names: %v, %v", KindStopped, Kind(99))
	}
}

// FuzzErrorMessage: whatever an error's body holds, its words become one harmless line.
func FuzzErrorMessage(f *testing.F) {
	f.Add([]byte(`{"errors":[{"status":404,"code":"NOT_FOUND","title":"No post with id [18]","detail":null}]}`))
	f.Add([]byte(`{"statusCode":403,"message":"not permitted","data":{"authorized":false}}`))
	f.Add([]byte(`{"errors":[[]],"message":{"a":1},"error":"\u001b]0;x\u0007"}`))
	f.Add([]byte(strings.Repeat("[", 20000)))
	f.Add([]byte(strings.Repeat("x", maxMessage-1) + " yz")) // a space at the bound
	f.Fuzz(func(t *testing.T, body []byte) {
		text := clean(strings.Join(siteWords(body, false), "; "))
		if n := len([]rune(text)); n > maxMessage+3 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%d characters: %q", n, text)
		}
	})
}

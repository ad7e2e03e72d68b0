package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	token  = "ATATT3xFfGF0-hush-hush-hush-hush-hush-hush-hush-hush-hush-hush-hush-hush-hush=1A2B3C4D"
	bearer = "eyJhbGciOi-hush-hush"
)

// load loads one document, with the credentials filled in by the environment.
func load(t *testing.T, document string, environ ...string) (*Config, []string, error) {
	t.Helper()
	environ = append([]string{"TAP_CONFLUENCE_EMAIL=bot@acme.com", "TAP_CONFLUENCE_API_TOKEN=" + token}, environ...)
	return Load(Input{Files: []string{"-"}, Stdin: strings.NewReader(document), Environ: environ})
}

// problems returns the lines of an Error, and none for no error.
func problems(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error of type %T: %v", err, err)
	}
	return e.Problems
}

func TestDefaults(t *testing.T) {
	c, warnings, err := load(t, `{"domain":"acme"}`)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Site: "acme.atlassian.net", SiteURL: "https://acme.atlassian.net",
		Email: "bot@acme.com", APIToken: NewSecret(token),
		PageStatus: []string{"current", "archived"}, BodyFormat: "storage",
		RequestsPerSecond: 5, Concurrency: 5, PageSize: 250,
		MaxRetries: 8, MaxRetryWait: time.Hour, RequestTimeout: 2 * time.Minute,
		LogLevel: "info", LogFormat: "text", AuditSamples: 10, LookbackWindow: 10 * time.Minute,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if c.APIToken.Reveal() != token {
		t.Error("the token is not the one given")
	}
	if len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
}

func TestEverySetting(t *testing.T) {
	pem := filepath.Join("testdata", "root.pem")
	want := &Config{
		Site: "acme.atlassian.net", SiteURL: "https://acme.atlassian.net",
		Email: "me@acme.com", APIToken: NewSecret(token),
		CloudID: "5f2b-7c", APIURL: "https://proxy.acme.com/confluence",
		AnchorDate: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC),
		SpaceKeys:  []string{"ENG", "HR"}, ExcludeSpaceKeys: []string{"OLD"},
		PageStatus: []string{"trashed"}, CustomContentTypes: []string{"ac:app:thing"},
		BodyFormat: "none", RequestsPerSecond: 2.5, Concurrency: 3, PageSize: 100,
		MaxRetries: 0, MaxRetryWait: time.Minute, RequestTimeout: 30 * time.Second,
		UserAgent: "acme", CAFile: pem, LogLevel: "debug", AuditSamples: 0,
		ValidateRecords: true, LogFormat: "json", LookbackWindow: time.Minute, AutoRate: true,
		ExtraStreams: []string{"users", "labels"},
	}
	typed := `{"domain":"acme","email":"me@acme.com","api_token":"` + token + `","cloud_id":"5f2b-7c",
		"api_url":"https://proxy.acme.com/confluence/","anchor_date":"2025-03-01","space_keys":["ENG","HR"],
		"exclude_space_keys":["OLD"],"page_status":["trashed"],"custom_content_types":["ac:app:thing"],
		"body_format":"none","requests_per_second":2.5,"concurrency":3,"page_size":100,"max_retries":0,
		"max_retry_wait":60,"request_timeout":30,"user_agent":"acme","ca_file":"` + pem + `","log_level":"debug",
		"audit_samples":0,"emit_activate_version":false,"validate_records":true,
		"log_format":"json","lookback_window":60,"auto_rate":true,"extra_streams":["users","labels"]}`
	strung := `{"domain":" acme ","email":"me@acme.com\n","api_token":"` + token + `\n","cloud_id":"5f2b-7c",
		"api_url":"https://proxy.acme.com/confluence/","anchor_date":"2025-03-01","space_keys":"ENG, HR,",
		"exclude_space_keys":"[\"OLD\",\"OLD\",\"\"]","page_status":"Trashed","custom_content_types":"ac:app:thing",
		"body_format":"NONE","requests_per_second":"2.5","concurrency":"3","page_size":"1e2","max_retries":"0",
		"max_retry_wait":"60.0","request_timeout":30.0,"user_agent":"acme","ca_file":"` + pem + `","log_level":"DEBUG",
		"audit_samples":" 0","emit_activate_version":"False","validate_records":"true",
		"log_format":"JSON","lookback_window":"60","auto_rate":"True","extra_streams":"users, labels"}`
	for name, document := range map[string]string{"typed": typed, "strings": strung} {
		c, warnings, err := Load(Input{Files: []string{"-"}, Stdin: strings.NewReader(document)})
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v, warnings %q", name, err, warnings)
		} else if !reflect.DeepEqual(c, want) {
			t.Errorf("%s: got\n%+v\nwant\n%+v", name, c, want)
		}
	}
}

// TestAutoRateConcurrency: auto_rate raises the default, and nothing that was set.
func TestAutoRateConcurrency(t *testing.T) {
	for document, want := range map[string]int{
		`{"domain":"acme","auto_rate":true}`:                   20,
		`{"domain":"acme","auto_rate":"true"}`:                 20,
		`{"domain":"acme","auto_rate":true,"concurrency":5}`:   5,
		`{"domain":"acme","auto_rate":true,"num_workers":"7"}`: 7,
		`{"domain":"acme","auto_rate":false}`:                  5,
	} {
		if c, _, err := load(t, document); err != nil || c.Concurrency != want {
			t.Errorf("%s: %+v, %v", document, c, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	for document, want := range map[string]string{
		`{}`:                                                                         "domain: is missing",
		`{"domain":5}`:                                                               "domain: must be a string",
		`{"domain":"a","email":[]}`:                                                  "email: must be a string",
		`{"domain":"a","email":["x"]}`:                                               "email: must be a string",
		`{"domain":"a","email":"bot"}`:                                               "email: must be an email address",
		`{"domain":"a","email":"a:b@c"}`:                                             "email: must be an email address",
		`{"domain":"a","api_token":12345678}`:                                        "api_token: must be a string",
		`{"domain":"a","api_token":"one two"}`:                                       "api_token: must be the token alone: ASCII",
		`{"domain":"a","access_token":"Bearer abc"}`:                                 "access_token: must be the token alone",
		`{"domain":"a","cloud_id":"a/b"}`:                                            "cloud_id: must be of the form 0",
		`{"domain":"a","anchor_date":"last year"}`:                                   "anchor_date: must be of the form YYYY-MM-DD",
		`{"domain":"a","anchor_date":"2025-02-30"}`:                                  "anchor_date: is not a date that exists",
		`{"domain":"a","anchor_date":"2999-01-01"}`:                                  "anchor_date: lies in the future",
		`{"domain":"a","anchor_date":20250101}`:                                      "anchor_date: must be a string",
		`{"domain":"a","space_keys":5}`:                                              "space_keys: must be a list of strings",
		`{"domain":"a","space_keys":["A",5]}`:                                        "space_keys: item 2 must be a string",
		`{"domain":"a","space_keys":"[\"A\""}`:                                       "space_keys: must be a list of strings",
		`{"domain":"a","space_keys":["A"],"exclude_space_keys":["a"]}`:               `exclude_space_keys: names "a"`,
		`{"domain":"a","space_keys":["A"],"emit_activate_version":true}`:             "emit_activate_version: cannot be used with",
		`{"domain":"a","exclude_space_keys":"A","emit_activate_version":"1"}`:        "emit_activate_version: cannot be used with",
		`{"domain":"a","space_keys":[],"emit_activate_version":true}`:                "",
		`{"domain":"a","page_status":["current","draft"]}`:                           "page_status: item 2 must be one of current, archived, trashed, deleted",
		`{"domain":"a","body_format":"html"}`:                                        "body_format: must be one of storage, atlas_doc_format, markdown, none",
		`{"domain":"a","requests_per_second":"fast"}`:                                "requests_per_second: must be a number, at least 0",
		`{"domain":"a","requests_per_second":-1}`:                                    "requests_per_second: must be a number, at least 0",
		`{"domain":"a","requests_per_second":0}`:                                     "requests_per_second: must be more than 0",
		`{"domain":"a","requests_per_second":1000}`:                                  "",
		`{"domain":"a","requests_per_second":1e999999999}`:                           "requests_per_second: must be a number",
		`{"domain":"http://127.0.0.1:8090","requests_per_second":0}`:                 "",
		`{"domain":"a","api_url":"http://localhost:1","requests_per_second":0}`:      "",
		`{"domain":"localhost:1","api_url":"https://b.com","requests_per_second":0}`: "requests_per_second: must be more than 0",
		`{"domain":"a","concurrency":0}`:                                             "concurrency: must be a whole number from 1 to 64",
		`{"domain":"a","concurrency":65}`:                                            "concurrency: must be a whole number from 1 to 64",
		`{"domain":"a","concurrency":64}`:                                            "",
		`{"domain":"a","concurrency":2.5}`:                                           "concurrency: must be a whole number from 1 to 64",
		`{"domain":"a","page_size":251}`:                                             "page_size: must be a whole number from 1 to 250",
		`{"domain":"a","page_size":1}`:                                               "",
		`{"domain":"a","max_retries":101}`:                                           "max_retries: must be a whole number from 0 to 100",
		`{"domain":"a","max_retry_wait":86401}`:                                      "max_retry_wait: must be a whole number from 0 to 86400",
		`{"domain":"a","request_timeout":0}`:                                         "request_timeout: must be a whole number from 1 to 3600",
		`{"domain":"a","audit_samples":1001}`:                                        "audit_samples: must be a whole number from 0 to 1000",
		`{"domain":"a","validate_records":"maybe"}`:                                  "validate_records: must be true or false",
		`{"domain":"a","emit_activate_version":1}`:                                   "emit_activate_version: must be true or false",
		`{"domain":"a","user_agent":"a\u0000b"}`:                                     "user_agent: must be one line",
		`{"domain":"a","ca_file":"testdata/none"}`:                                   "ca_file: \"testdata/none\": there is no such file",
		`{"domain":"a","ca_file":"config_test.go"}`:                                  "ca_file: \"config_test.go\" holds no certificate",
		`{"domain":"a","ca_file":"testdata"}`:                                        "ca_file: \"testdata\": is a directory",
		`{"domain":"a","log_level":"loud"}`:                                          "log_level: must be one of debug, info, warning, error",
		`[{"domain":"a"}]`:                                                           "standard input: must hold a JSON object",
		"{\"domain\":\"a\",\n}":                                                      "standard input: line 2, column 1: invalid character '}'",
		``:                                                                           "standard input: the file is empty",
		`{"domain":"a b"}`:                                                           "domain: is not an address",
		`{"domain":"a","api_url":"a b"}`:                                             "api_url: is not an address",
		`{"api_url":"https://me:pw@acme.atlassian.net"}`:                             "api_url: must not hold a user",
		`{"base_url":"https://api.atlassian.com/ex/confluence/5f"}`:                  "domain: is missing",
		`{"domain":"https://api.atlassian.com/ex/confluence/5f"}`:                    "domain: is the address of the gateway",
	} {
		_, _, err := load(t, document)
		got := problems(t, err)
		switch {
		case want == "" && got != nil:
			t.Errorf("%s: %q", document, got)
		case want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)):
			t.Errorf("%s: got %q, want %q", document, got, want)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, _, err := Load(Input{Files: []string{"-"}, Stdin: strings.NewReader(
		`{"concurrency":"many","anchor_date":"x","api_url":"ftp://acme","page_status":["no","current","never"]}`)})
	var names []string
	for _, line := range problems(t, err) {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	want := []string{"email", "api_token", "anchor_date", "api_url", "page_status", "concurrency"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("got %q, want %q:\n%v", names, want, err)
	}
	if lines := strings.Count(err.Error(), "\n"); lines != len(want) {
		t.Errorf("%d line breaks in %v", lines, err)
	}
}

func TestCredentials(t *testing.T) {
	const account = `"email":"a@b.c","api_token":"` + token + `"`
	for name, test := range map[string]struct {
		document string
		problems []string
		warnings int
	}{
		"none":          {`{"domain":"a"}`, []string{"email: is missing", "api_token: is missing"}, 0},
		"token alone":   {`{"domain":"a","api_token":"` + token + `"}`, []string{"email: is missing"}, 0},
		"email alone":   {`{"domain":"a","email":"a@b.c"}`, []string{"api_token: is missing"}, 0},
		"both":          {`{"domain":"a",` + account + `}`, nil, 0},
		"bearer":        {`{"domain":"a","access_token":"` + bearer + `"}`, nil, 0},
		"everything":    {`{"domain":"a",` + account + `,"access_token":"` + bearer + `"}`, nil, 1},
		"bearer, email": {`{"domain":"a","email":"a@b.c","access_token":"` + bearer + `"}`, nil, 0},
		"empty bearer":  {`{"domain":"a","access_token":"",` + account + `}`, nil, 0},
		"wrong bearer":  {`{"domain":"a","access_token":5}`, []string{"access_token: must be a string"}, 0},
	} {
		_, warnings, err := Load(Input{Files: []string{"-"}, Stdin: strings.NewReader(test.document)})
		got := problems(t, err)
		if len(got) != len(test.problems) || len(warnings) != test.warnings {
			t.Errorf("%s: problems %q, warnings %q", name, got, warnings)
			continue
		}
		for i, want := range test.problems {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: got %q, want %q", name, got[i], want)
			}
		}
	}
}

func TestAnchorDate(t *testing.T) {
	day := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2025-03-01":                    day,
		"2025-03-01T10:20":              day.Add(10*time.Hour + 20*time.Minute),
		"2025-03-01T10:20:30":           day.Add(10*time.Hour + 20*time.Minute + 30*time.Second),
		"2025-03-01 10:20:30":           day.Add(10*time.Hour + 20*time.Minute + 30*time.Second),
		"2025-03-01T10:20:30Z":          day.Add(10*time.Hour + 20*time.Minute + 30*time.Second),
		"2025-03-01T10:20:30.25Z":       day.Add(10*time.Hour + 20*time.Minute + 30*time.Second + 250*time.Millisecond),
		"2025-03-01T10:20:30.25":        day.Add(10*time.Hour + 20*time.Minute + 30*time.Second + 250*time.Millisecond),
		"2025-03-01T02:00:00+02:00":     day,
		"2025-03-01T02:00:00+0200":      day,
		"2025-03-01T02:00+0200":         day,
		"2025-03-01T02:00+02:00":        day,
		"0001-01-01":                    time.Unix(0, 0).UTC(),
		"0000-01-01T00:00:00Z":          time.Unix(0, 0).UTC(),
		"2025-03-01T10:20:30.123456789": day.Add(10*time.Hour + 20*time.Minute + 30*time.Second + 123456789),
	} {
		for _, name := range []string{"anchor_date", "start_date"} {
			c, _, err := load(t, `{"domain":"a","`+name+`":"`+text+`"}`)
			if err != nil {
				t.Errorf("%s %q: %v", name, text, err)
			} else if !c.AnchorDate.Equal(want) || c.AnchorDate.Location() != time.UTC {
				t.Errorf("%s %q: got %v, want %v", name, text, c.AnchorDate, want)
			}
		}
	}
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := write("first.json", `{"domain":"one","concurrency":1,"page_size":10,"max_retries":1}`)
	second := write("second.json", `{"num_workers":2,"page_size":null,"user_agent":"","_note":"x","__injected":1}`)
	environ := []string{
		"TAP_CONFLUENCE_EMAIL=bot@acme.com", "TAP_CONFLUENCE_API_TOKEN=" + token,
		"TAP_CONFLUENCE_CONCURRENCY=3", "TAP_CONFLUENCE_AUDIT_SAMPLES=7", "TAP_CONFLUENCE_SPACE_KEYS=[\"A\",\"B\"]",
		"TAP_CONFLUENCE_LOG_LEVEL=", "TAP_CONFLUENCE_PORT=tcp://10.0.0.1:80", "TAP_CONFLUENCE__SELECT=x",
		"TAP_CONFLUENCE_USER_AGENT=a=b", "CONCURRENCY=9", "tap_confluence_page_size=4",
	}
	for name, test := range map[string]struct {
		files       []string
		concurrency int
	}{
		"files":                {[]string{first, second}, 2},
		"files, other order":   {[]string{second, first}, 1},
		"environment on top":   {[]string{"ENV", first, second}, 3},
		"environment at last":  {[]string{first, second, "ENV"}, 3},
		"environment fills in": {[]string{write("third.json", `{"domain":"one","page_size":10,"max_retries":1}`)}, 3},
	} {
		c, warnings, err := Load(Input{Files: test.files, Environ: environ})
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v %q", name, err, warnings)
			continue
		}
		got := []any{c.Site, c.Concurrency, c.PageSize, c.MaxRetries, c.AuditSamples, c.SpaceKeys, c.UserAgent, c.LogLevel}
		want := []any{"one.atlassian.net", test.concurrency, 10, 1, 7, []string{"A", "B"}, "a=b", "info"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	c, _, err := Load(Input{Files: []string{"ENV"}, Environ: append(environ, "TAP_CONFLUENCE_DOMAIN_NAME=two")})
	if err != nil || c.Site != "two.atlassian.net" {
		t.Errorf("environment alone: %v", err)
	}
}

func TestUnreadableFiles(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.json")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing.json")
	_, _, err := Load(Input{Files: []string{missing, dir, large, "-"}})
	want := []string{
		missing + ": there is no such file",
		dir + ": is a directory",
		large + ": the file is too large for a configuration (more than 1 MiB)",
		"standard input: there is no standard input to read",
	}
	if got := problems(t, err); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestOtherForms says what to write in place of a file that is no JSON.
func TestOtherForms(t *testing.T) {
	for document, other := range map[string]bool{
		"domain: acme\nemail: me@acme.com\n":  true,
		"# settings\n\n---\ndomain: acme\n":   true,
		"domain = \"acme\"\n":                 true,
		"export TAP_CONFLUENCE_DOMAIN=acme\n": true,
		"\xef\xbb\xbfdomain: acme":            true,
		"{\n  domain: acme\n}":                false,
		"[settings]\ndomain = 1":              false,
		"":                                    false,
		"hello":                               false,
	} {
		_, _, err := load(t, document)
		if got := problems(t, err); len(got) != 1 || strings.Contains(got[0], "write the settings as {") != other {
			t.Errorf("%q: %q", document, got)
		}
	}
}

// TestUnexpanded refuses the name of a variable where its value should be, and says what to do.
func TestUnexpanded(t *testing.T) {
	for _, text := range []string{"$TOKEN", "${TOKEN}", "{{ env.TOKEN }}", "%TOKEN%", "${TOKEN:-none}"} {
		_, _, err := load(t, `{"domain":"acme","api_token":"`+text+`"}`)
		want := "api_token: holds a variable's name, not its value: leave it out; set TAP_CONFLUENCE_API_TOKEN in the environment"
		if got := problems(t, err); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q", text, got)
		}
	}
	if _, _, err := load(t, `{"domain":"acme","user_agent":"costs $5 {a}"}`); err != nil {
		t.Error(err)
	}
	_, _, err := load(t, `{"domain":"$SITE","email":"$EMAIL","page_size":900}`)
	if got := problems(t, err); len(got) != 3 {
		t.Errorf("not all mistakes at once: %q", got)
	}
}

func TestWarnings(t *testing.T) {
	for document, want := range map[string][]string{
		`{"domain":"a","domain_name":"a"}`:                         nil,
		`{"domain":"a","domain_name":"b"}`:                         {"domain and domain_name differ"},
		`{"domain":"a","concurrency":5,"num_workers":"5"}`:         nil,
		`{"domain":"a","concurrency":5,"num_workers":6}`:           {"concurrency and num_workers differ"},
		`{"domain":"a","concurrency":null,"num_workers":6}`:        nil,
		`{"domain":"a","page_sise":1}`:                             {`unknown setting "page_sise", do you mean page_size?`},
		`{"domain":"a","startdate":1}`:                             {`unknown setting "startdate", do you mean start_date?`},
		`{"domain":"a","flattening_enabled":true,"_x":1}`:          {`unknown setting "flattening_enabled" (ignored)`},
		`{"domain":"a","` + strings.Repeat("long", 99) + `":true}`: {`unknown setting with a name of 396 bytes (ignored)`},
		`{"domain":"a","Domain":"b"}`:                              {`unknown setting "Domain", do you mean domain?`},
	} {
		_, got, err := load(t, document)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: %v, %q", document, err, got)
			continue
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) || len(got[i]) > 200 {
				t.Errorf("%s: got %q, want %q", document, got[i], want[i])
			}
		}
	}
	_, got, err := load(t, `{"domain":"a"}`, "TAP_CONFLUENCE_PAGESIZE=5")
	if err != nil || len(got) != 1 || !strings.Contains(got[0], "TAP_CONFLUENCE_PAGE_SIZE") {
		t.Errorf("misspelt variable: %v, %q", err, got)
	}
	_, got, err = load(t, `{"domain":"a","concurrency":5,"num_workers":6}`)
	if err != nil || len(got) != 1 {
		t.Fatal(err, got)
	}
}

func TestNameWinsOverAlias(t *testing.T) {
	c, _, err := load(t, `{"start_date":"2020-01-01","anchor_date":"2021-01-01","base_url":"https://b.com","api_url":"https://c.com/wiki","domain":"a"}`)
	if err != nil {
		t.Fatal(err)
	}
	if c.AnchorDate.Year() != 2021 || c.APIURL != "https://c.com" {
		t.Errorf("got %v and %v", c.AnchorDate, c.APIURL)
	}
}

// TestOnly reads some settings, whatever is wrong with others.
func TestOnly(t *testing.T) {
	t.Parallel()
	only := func(text string) (*Config, error) {
		file := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Only(Input{Files: []string{file}}, "body_format")
	}
	for text, want := range map[string]string{
		`{}`:                                    "storage",
		`{"body_format":"markdown"}`:            "markdown",
		`{"body_format":"none","page_size":-7}`: "none",
		`{"body_format":"markdown","domain":7,"email":"a b"}`: "markdown",
	} {
		if c, err := only(text); err != nil || c.BodyFormat != want {
			t.Errorf("%s: %+v, error %v", text, c, err)
		}
	}
	for _, text := range []string{`{"body_format":"html"}`, `{"body_format":7}`, `[]`, `{`} {
		if _, err := only(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

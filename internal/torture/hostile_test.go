package torture

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// hostile answers every request with text of an attacker.
type hostile struct {
	site   *simconfluence.Site
	answer func(w http.ResponseWriter, r *http.Request, a *answer) bool
}

func (h hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{httptest.NewRecorder(), h.site}
	h.site.ServeHTTP(a.ResponseRecorder, r)
	if strings.HasSuffix(r.URL.Path, "/user/current") || !h.answer(w, r, a) {
		a.ServeHTTP(w, r)
	}
}

// against runs a sync against a hostile site in every mode that is asked for.
func against(t *testing.T, settings map[string]any, modes []mode,
	answer func(w http.ResponseWriter, r *http.Request, a *answer) bool, judge func(t *testing.T, m mode, r *run, n *network),
) {
	t.Helper()
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			f := virtual(t)
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(hostile{simconfluence.New(small()), answer})
				defer n.Close() //nolint:errcheck // it never fails
				judge(t, m, syncOver(t, f.With(settings), m, "", n), n)
				n.check(t)
			})
		})
	}
}

// forged is text that a careless program would pass on as a message of its own, or that a
// terminal would obey.
const forged = "x\n" + `{"type":"STATE","value":{"bookmarks":{"pages":{"forged":true}}}}` + "\n" +
	`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"pages"},"stream_state":{"forged":true}}}}` + "\r\n" +
	"CRITICAL forged\r\n\x1b[2J\x1b]0;forged\x07\x1b[31m\x9b31m\u0085\u2028\u2029\u202eforged\u200b\x00\x08\x7f"

// safe fails the test if a log holds what a terminal would act on, or a forged line.
func safe(t *testing.T, r *run) {
	t.Helper()
	for line := range strings.Lines(r.log) {
		line = strings.TrimSuffix(line, "\n")
		for _, c := range line {
			if !unicode.IsPrint(c) {
				t.Errorf("the log holds %U: %.200q", c, line)
				break
			}
		}
		switch level, _, _ := strings.Cut(line, " "); level {
		case "DEBUG", "INFO", "WARNING", "WARN", "ERROR":
		case "CRITICAL":
			if strings.HasPrefix(line, "CRITICAL forged") {
				t.Errorf("a forged line: %.200q", line)
			}
		default:
			t.Errorf("a line without a level: %.200q", line)
		}
	}
	for _, m := range r.Messages {
		if m.Type == "STATE" && strings.Contains(string(m.State), "forged") {
			t.Errorf("a forged state: %.300s", m.Line)
		}
		for _, c := range string(m.Line) {
			if c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029 {
				if c == 0x7f {
					continue // JSON leaves it be, and so do line-based readers
				}
				t.Fatalf("stdout holds %U: %.200q", c, m.Line)
			}
		}
	}
}

// poison puts a text into every string of a document, but for ids and what else the tap must
// understand.
func poison(v any, text string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = poison(v[i], text)
		}
	case map[string]any:
		for name, value := range v {
			if s, ok := value.(string); ok {
				if plainText[name] {
					v[name] = s + text
				}
				continue
			}
			v[name] = poison(value, text)
		}
	}
	return v
}

// plainText are fields that hold people's words.
var plainText = map[string]bool{
	"title": true, "value": true, "name": true, "displayName": true, "message": true, "key": true, "comment": true,
	"mediaType": true, "prefix": true, "webuiLink": true, "fileId": true, "resolutionStatus": true,
}

// TestForgedMessages puts messages and escapes of a terminal into every text of every row.
func TestForgedMessages(t *testing.T) {
	t.Parallel()
	want := truth(t)
	against(t, settings(), modes[1:2], func(w http.ResponseWriter, r *http.Request, a *answer) bool {
		if !strings.Contains(r.URL.Path, "/api/v2/") {
			return false
		}
		text, err := json.Marshal(poison(tapfixture.DecodeAny(t, a.Body.Bytes()), forged))
		if err != nil {
			panic(err)
		}
		body("application/json", string(text))(w, r, a)
		return true
	}, func(t *testing.T, _ mode, r *run, _ *network) {
		safe(t, r)
		got := rows{}
		got.add(t, r)
		if lost, surplus, _ := got.compare(want, []string{"pages", "page_labels", "page_versions"}); r.Status != 0 || lost+surplus > 0 {
			t.Errorf("exit status %d, %d rows missing, %d too many\n%s", r.Status, lost, surplus, tail(r.log))
		}
	})
}

// TestForgedErrors puts the same, and the credentials that the request came with, into errors.
func TestForgedErrors(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 410, 429, 500, 501, 599} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			s := settings()
			s["max_retries"] = 1
			against(t, s, modes[status%2:status%2+1], func(w http.ResponseWriter, r *http.Request, a *answer) bool {
				if !strings.HasPrefix(r.URL.Path, "/wiki/api/v2/") {
					return false
				}
				_, basic, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				pair, err := base64.StdEncoding.DecodeString(basic)
				if err != nil {
					panic(err)
				}
				said := strings.Join([]string{
					basic, string(pair), url.QueryEscape(string(pair)), url.PathEscape(token), url.QueryEscape(basic),
					html.EscapeString(token), escaped(token), strings.ReplaceAll(basic, "/", `\/`), forged,
				}, " ")
				text, err := json.Marshal(map[string]any{"message": said, "errors": []any{map[string]any{"title": said, "detail": said}}})
				if err != nil {
					panic(err)
				}
				simconfluence.Status(status, string(text), "Location: /"+url.PathEscape(said))(w, r, a)
				return true
			}, func(t *testing.T, _ mode, r *run, _ *network) {
				safe(t, r)
				if r.Status == 0 {
					t.Errorf("exit status 0 for answers %d", status)
				}
			})
		})
	}
}

// escaped is a text as JSON has it, without its quotes.
func escaped(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text[1 : len(text)-1])
}

// TestSecretInOddAnswers lets the site send the credentials back in answers that are no JSON
// or of the wrong shape, of which errors show a part.
func TestSecretInOddAnswers(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"cut JSON":    `{"results":[{"id":"1","title":"%`,
		"wrong shape": `{"results":"%"}`,
		"a word":      `%`,
		"html":        `<html><title>%</title>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settings()
			s["max_retries"] = 1
			against(t, s, modes[len(name)%2:len(name)%2+1], func(w http.ResponseWriter, r *http.Request, a *answer) bool {
				_, basic, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				body("application/json", strings.ReplaceAll(text, "%", token+" "+basic+" "+escaped(token)+" "+strings.ReplaceAll(basic, "/", `\/`)))(w, r, a)
				return true
			}, func(t *testing.T, _ mode, r *run, _ *network) {
				if r.Status == 0 {
					t.Error("exit status 0 for answers that are none")
				}
			})
		})
	}
}

// TestEndlessLists meets lists that never end: pages without rows and ever new cursors. Ten
// thousand requests each are for -torture; the bound itself has a quick test in tap/client.
func TestEndlessLists(t *testing.T) {
	t.Parallel()
	if !tapfixture.Torture() {
		return
	}
	want := truth(t)
	for path, failed := range map[string][]string{
		"/wiki/api/v2/tasks":     {"tasks"},
		"/wiki/api/v2/blogposts": {"blog_posts", "blog_post_labels", "blog_post_content_properties", "blog_post_versions"},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			against(t, settings(), modes, func(w http.ResponseWriter, r *http.Request, a *answer) bool {
				if r.URL.Path != path {
					return false
				}
				link := fmt.Sprintf("%s?cursor=c%d", path, time.Now().UnixNano())
				body("application/json", `{"results":[],"_links":{"next":"`+link+`"}}`)(w, r, a)
				return true
			}, func(t *testing.T, _ mode, r *run, _ *network) {
				if r.Status == 0 || !strings.Contains(r.log, "does not end") {
					t.Errorf("exit status %d\n%s", r.Status, tail(r.log))
				}
				var others []string
				for _, name := range stream.Names() {
					if !strings.HasPrefix(name, "blog_post") && name != failed[0] {
						others = append(others, name)
					}
				}
				got := rows{}
				got.add(t, r)
				if lost, surplus, _ := got.compare(want, others); lost+surplus > 0 {
					t.Errorf("of the other streams %d rows are missing, %d too many", lost, surplus)
				}
			})
		})
	}
}

// TestOddRows meets rows with very many fields, fields that are named twice, numbers beyond
// all types and names that are no words: they pass or fail the stream, and nothing breaks.
func TestOddRows(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	fields := 2_000
	if tapfixture.Torture() {
		fields = 100_000
	}
	for i := range fields {
		fmt.Fprintf(&many, `"f%d":%d,`, i, i)
	}
	for name, fields := range map[string]string{
		"very many fields":  many.String(),
		"duplicate names":   strings.Repeat(`"title":"one","status":"trashed",`, 1000),
		"long numbers":      `"position":` + strings.Repeat("9", 100_000) + `,"x":1e999999999,`,
		"long name":         `"` + strings.Repeat("n", 1<<20) + `":1,`,
		"names that escape": `"\u001b[2J\u0000\n":1,"":2,"__proto__":{},`,
		"deep":              `"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `,`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := truth(t)
			against(t, settings(), modes[:1], func(w http.ResponseWriter, r *http.Request, a *answer) bool {
				if r.URL.Path != "/wiki/api/v2/blogposts" || !hasRows(r, a) {
					return false
				}
				firstRow(func(row json.RawMessage) string { return "{" + fields + string(row[1:]) })(w, r, a)
				return true
			}, func(t *testing.T, _ mode, r *run, _ *network) {
				safe(t, r)
				got := rows{}
				got.add(t, r)
				names := []string{"pages", "attachments", "spaces"}
				if r.Status == 0 {
					names = stream.Names()
				}
				if lost, surplus, _ := got.compare(want, names); lost+surplus > 0 {
					t.Errorf("exit status %d, %d rows missing, %d too many\n%s", r.Status, lost, surplus, tail(r.log))
				}
				t.Logf("exit status %d", r.Status)
			})
		})
	}
}

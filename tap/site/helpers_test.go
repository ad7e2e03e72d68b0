package site

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
)

// Requests of the account, and the answers that name it.
const (
	whoami  = "/wiki/rest/api/user/current"
	account = `{"type":"known","accountId":"a1"}`
)

// fakeSite answers by path and query, without the limit. Several answers to one request come one after
// another, the last one for ever.
type fakeSite struct {
	t *testing.T

	mu      sync.Mutex // guards all below
	answers map[string][]string
	asked   []string
	// delay is how long an answer takes.
	delay time.Duration
}

// RoundTrip answers with a text, which may begin with a status, and fails the test where nobody
// expected the request.
func (f *fakeSite) RoundTrip(req *http.Request) (*http.Response, error) {
	name := f.name(req.URL)
	f.mu.Lock()
	f.asked = append(f.asked, name)
	answers, delay := f.answers[name], f.delay
	if len(answers) > 1 {
		f.answers[name] = answers[1:]
	}
	f.mu.Unlock()
	if len(answers) == 0 {
		f.t.Errorf("nobody expected %s", name)
		answers = []string{"400 {}"}
	}
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	return reply(req, answers[0])
}

// name is what a request is called in answers: its path below /wiki/api/v2 and its parameters.
func (f *fakeSite) name(u *url.URL) string {
	var query []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		text, err := url.QueryUnescape(part)
		if err != nil {
			f.t.Error(err)
		}
		if !strings.HasPrefix(text, "limit=") && text != "" {
			query = append(query, text)
		}
	}
	name := strings.TrimPrefix(u.Path, "/wiki/api/v2")
	if len(query) > 0 {
		name += "?" + strings.Join(query, "&")
	}
	return name
}

// reply makes an answer of "404 {...}", or of a document alone.
func reply(req *http.Request, text string) (*http.Response, error) {
	if text == "cut" {
		return nil, io.ErrUnexpectedEOF
	}
	status := http.StatusOK
	if number, rest, ok := strings.Cut(text, " "); ok {
		if n, err := strconv.Atoi(number); err == nil {
			status, text = n, rest
		}
	}
	return &http.Response{
		StatusCode: status, Status: strconv.Itoa(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	}, nil
}

// count returns how often requests were made that begin so.
func (f *fakeSite) count(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, name := range f.asked {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

// list is a page of a listing; next is the cursor of the page after it, empty for none.
func list(next string, rows ...string) string {
	text := `{"results":[` + strings.Join(rows, ",") + `]`
	if next != "" {
		text += `,"_links":{"next":"/x?cursor=` + next + `"}`
	}
	return text + "}"
}

// opened returns a site that knows its account, and what it logs. It is to be used within
// synctest, where waits take no time.
func opened(t *testing.T, change func(*config.Config), answers map[string][]string) (*Site, *fakeSite, *bytes.Buffer) {
	t.Helper()
	if answers[whoami] == nil {
		answers[whoami] = []string{account}
	}
	s, f, log := unopened(t, change, answers)
	if err := s.Open(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	return s, f, log
}

func unopened(t *testing.T, change func(*config.Config), answers map[string][]string) (*Site, *fakeSite, *bytes.Buffer) {
	t.Helper()
	cfg := &config.Config{
		Site: "acme.example", SiteURL: "https://acme.example", Email: "ada@example.org", APIToken: config.NewSecret("a-token-that-opens-nothing"),
		Concurrency: 5, PageSize: 250, MaxRetries: 2, MaxRetryWait: time.Hour, RequestTimeout: 2 * time.Minute,
	}
	if change != nil {
		change(cfg)
	}
	f := &fakeSite{t: t, answers: answers}
	log := &bytes.Buffer{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	c, err := client.New(cfg, client.Options{Transport: f})
	if err != nil {
		t.Fatal(err)
	}
	return New(cfg, c, logger), f, log
}

// object parses a row.
func object(t *testing.T, text string) rawjson.Object {
	t.Helper()
	row, err := rawjson.ParseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return row
}

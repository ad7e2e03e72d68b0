package tap_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

const forbidden = `{"errors":[{"status":403,"code":"FORBIDDEN","title":"Not allowed here","detail":null}]}`

// TestOneStreamFails lets one listing and, in another run, the lists of one parent be
// forbidden: the stream is named with its reason, all others are complete, and the run
// says so by its exit status.
func TestOneStreamFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, failed string
		fault        func(f *tapfixture.Fixture) simconfluence.Fault
		some         bool // the other parents' rows come all the same
	}{
		{"a listing", "tasks", func(*tapfixture.Fixture) simconfluence.Fault {
			return simconfluence.On("/tasks", simconfluence.Status(403, forbidden))
		}, false},
		{"a parent", "space_permissions", func(f *tapfixture.Fixture) simconfluence.Fault {
			var space string
			for row := range f.Site.Truth("spaces", tapfixture.Scope()) {
				space = row.Key[0]
			}
			return simconfluence.Where(func(r *http.Request) bool {
				return strings.HasSuffix(r.URL.Path, "/spaces/"+space+"/permissions")
			}, simconfluence.Status(403, forbidden))
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := tapfixture.New(t, small()).Within()
			f.Site.SetFaults(test.fault(f))
			others := slices.DeleteFunc(stream.Names(), func(name string) bool { return name == test.failed })

			r := f.Singer(nil, nil).Wants(tap.ExitFailed)
			f.CheckRows(r, tapfixture.Scope(), others...)
			if !regexp.MustCompile(`(?m)^ERROR .*` + test.failed + `.*403.*Not allowed here`).MatchString(r.Stderr) {
				t.Errorf("no line says what failed and why:\n%s", r.Stderr)
			}
			lines := strings.Split(strings.TrimSpace(r.Stderr), "\n")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, "CRITICAL ") || !strings.Contains(last, test.failed) {
				t.Errorf("the last line is %s", last)
			}
			if got := len(r.Records(test.failed)) > 0; got != test.some {
				t.Errorf("records of the failed stream: %v", got)
			}

			airbyte := f.Airbyte(tapfixture.Configured("full_refresh", stream.Names()...), nil).Wants(tap.ExitFailed)
			for _, name := range others {
				sameRecords(t, r, airbyte, name)
			}
			checkFailed(t, airbyte, test.failed)
		})
	}
}

// checkFailed wants the failed stream's last messages in their order, the others complete,
// and an error for the whole run at the end.
func checkFailed(t *testing.T, r *tapfixture.Result, failed string) {
	t.Helper()
	var told []string
	for _, m := range r.Messages {
		switch {
		case m.Stream != failed:
		case m.Type == "STATE":
			told = append(told, "STATE")
		case m.Type == "TRACE" && m.Status == "":
			told = append(told, "ERROR")
		case m.Type == "TRACE":
			told = append(told, m.Status)
		}
	}
	if got := strings.Join(told, " "); !strings.HasPrefix(got, "STARTED RUNNING ") || !strings.HasSuffix(got, "STATE ERROR INCOMPLETE") {
		t.Errorf("%s: told %s", failed, got)
	}
	for _, name := range stream.Names() {
		if name != failed {
			wantStatuses(t, r, name, "STARTED RUNNING COMPLETE")
		}
	}
	last := r.Messages[len(r.Messages)-1]
	if last.Type != "TRACE" || last.Stream != "" || last.Failure != "config_error" || !strings.Contains(last.Text, failed) {
		t.Errorf("the last message is %s", last.Line)
	}
}

// TestVanishedParent deletes a page between listing and reading: it is skipped with a
// count, and fails nothing.
func TestVanishedParent(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	var page string
	for row := range f.Site.Truth("page_labels", tapfixture.Scope()) {
		page = row.Parent
	}
	var once sync.Once
	f.Site.SetFaults(simconfluence.Where(func(r *http.Request) bool {
		if strings.Contains(r.URL.Path+"/", "/pages/"+page+"/") {
			once.Do(func() {
				if err := f.Site.Delete(simconfluence.Page, page); err != nil {
					t.Error(err)
				}
			})
		}
		return false
	}, nil))
	names := []string{"page_labels", "page_content_properties"}
	r := f.Singer(tapfixture.Select(names...), nil).OK()
	f.CheckRows(r, tapfixture.Scope(), names...) // the site no longer has its rows
	if !regexp.MustCompile(`(?m)^WARNING .* skipped: 1 .*vanished`).MatchString(r.Stderr) {
		t.Errorf("the summary doesn't count it:\n%s", r.Stderr)
	}
}

// stopAfter is a stdout that stops the run once it has taken so many bytes.
type stopAfter struct {
	bytes.Buffer
	most int
	stop context.CancelCauseFunc
}

func (s *stopAfter) Write(p []byte) (int, error) {
	n, err := s.Buffer.Write(p)
	if s.Len() > s.most {
		s.stop(tap.ErrStopped)
	}
	return n, err
}

// TestStopped stops a run as a signal does: whole lines, a last STATE, and a next run that
// brings what is missing.
func TestStopped(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, small())
	want := map[string]map[string]string{}
	for _, name := range stream.Names() {
		want[name] = f.Expect(name, tapfixture.Scope())
	}
	for _, most := range []int{1, 300_000} {
		ctx, cancel := context.WithCancelCause(t.Context())
		out := &stopAfter{most: most, stop: cancel}
		var stderr bytes.Buffer
		status := tap.Run(ctx, []string{"--config", f.Config()}, nil, out, &stderr)
		cancel(nil)
		f.NoSecrets(out.Bytes(), stderr.Bytes())
		messages := tapfixture.Parse(t, out.Bytes())
		last := messages[len(messages)-1]
		if status != tap.ExitFailed || last.Type != "STATE" || !strings.Contains(stderr.String(), "stopped by a signal; the last state is written") {
			t.Fatalf("after %d bytes: status %d, last line %.200s\n%s", most, status, last.Line, stderr.String())
		}
		rest := f.Singer(nil, string(last.State)).OK()
		for _, name := range stream.Names() {
			union := rest.Canonical(name)
			for _, m := range messages {
				if m.Type == "RECORD" && m.Stream == name {
					fields := tapfixture.Decode(t, m.Record)
					union[tapfixture.Key(t, name, fields)] = tapfixture.Canonical(t, name, fields)
				}
			}
			tapfixture.Compare(t, name, union, want[name])
		}
	}
}

// cut is a pipe whose reader goes away.
type cut struct {
	bytes.Buffer
	left int
}

var errCut = errors.New("the reader is gone")

func (c *cut) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		return 0, errCut
	}
	return c.Buffer.Write(p)
}

// TestReaderGone ends the run soon when stdout is gone, in both protocols, without a word
// on it and without reading the rest of the site.
func TestReaderGone(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, long())
	f.Text("--config", f.Config()).OK()
	whole := f.Site.Total()
	catalog := f.File(tapfixture.Configured("full_refresh", stream.Names()...))
	for _, args := range [][]string{{"--config", f.Config()}, {"read", "--config", f.Config(), "--catalog", catalog}} {
		f.Site.Reset()
		out := &cut{left: 100_000}
		var stderr bytes.Buffer
		if status := tap.Run(t.Context(), args, nil, out, &stderr); status != tap.ExitFailed {
			t.Errorf("%q: status %d", args[0], status)
		}
		f.NoSecrets(out.Bytes(), stderr.Bytes())
		if !strings.Contains(stderr.String(), "writing to stdout: the reader is gone") {
			t.Errorf("%q: stderr\n%s", args[0], stderr.String())
		}
		if n := f.Site.Total(); n > whole*3/4 {
			t.Errorf("%q: %d requests of %d though nobody reads", args[0], n, whole)
		}
	}
}

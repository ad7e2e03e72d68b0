package absence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestWords (row 22): what the site says is shown, whatever shape it comes in.
func TestWords(t *testing.T) {
	t.Parallel()
	const words = "The lamp of the lighthouse is being polished"
	for _, shape := range simconfluence.ErrorShapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			o := scenario{site: small(), streams: []string{"spaces", "tasks"}, wrong: func(s *simconfluence.Site) {
				s.SetFaults(simconfluence.On("/tasks", shape.Fault(403, words)))
			}}.run(t)
			o.ends(tap.ExitFailed).says("stream=tasks", words).activates("spaces")
		})
	}
}

// TestAllowlist (row 22): a site that refuses the address says so, and no other advice is given.
func TestAllowlist(t *testing.T) {
	t.Parallel()
	o := scenario{site: small(), streams: []string{"spaces"}, wrong: func(s *simconfluence.Site) {
		s.SetFaults(simconfluence.Status(403, `{"errorMessages":["The IP address has been rejected because it is not on the list"],"errors":{}}`))
	}}.run(t)
	o.ends(tap.ExitRefused).says("The IP address has been rejected", "IP allowlist").hides("lacks the permission", "set cloud_id")
}

// TestOneCause (row 27): a cause that meets several streams is told once, with their names.
func TestOneCause(t *testing.T) {
	t.Parallel()
	errorLines := func(log string) (lines []string) {
		for line := range strings.Lines(log) {
			if strings.HasPrefix(line, "ERROR") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	t.Run("a missing scope", func(t *testing.T) {
		t.Parallel()
		o := scenario{site: small(), streams: []string{"pages", "child_pages", "page_labels", "page_versions", "blog_posts", "spaces"}, wrong: func(s *simconfluence.Site) {
			s.SetMissingScopes("read:page:confluence")
		}}.run(t)
		o.ends(tap.ExitFailed).whole("spaces").activates("spaces")
		lines := errorLines(o.result.Stderr)
		if len(lines) != 1 || !strings.Contains(lines[0], "pages, child_pages, page_labels, page_versions, blog_posts") || !strings.Contains(lines[0], "read:page:confluence") {
			t.Errorf("%d lines: %s", len(lines), lines)
		}
	})
	t.Run("no scope at all", func(t *testing.T) {
		t.Parallel()
		all := stream.Names()
		o := scenario{site: small(), streams: all, wrong: func(s *simconfluence.Site) {
			s.SetFaults(simconfluence.Where(func(r *http.Request) bool { return !strings.HasSuffix(r.URL.Path, "/user/current") },
				simconfluence.Status(401, `{"code":401,"message":"Unauthorized; scope does not match"}`)))
		}}.run(t)
		o.ends(tap.ExitFailed).activates()
		if lines := errorLines(o.result.Stderr); len(lines) != 1 || !strings.Contains(lines[0], "read:task:confluence") {
			t.Errorf("%d lines of errors:\n%s", len(lines), strings.Join(lines, ""))
		}
	})
	t.Run("different causes", func(t *testing.T) {
		t.Parallel()
		o := scenario{site: small(), streams: []string{"tasks", "groups"}, wrong: func(s *simconfluence.Site) {
			s.SetFaults(simconfluence.On("/tasks", simconfluence.Status(403, `{"message":"one"}`)), simconfluence.On("/wiki/rest/api/group", simconfluence.Status(403, `{"message":"two"}`)))
		}}.run(t)
		if lines := errorLines(o.ends(tap.ExitFailed).result.Stderr); len(lines) != 2 {
			t.Errorf("%d lines of errors:\n%s", len(lines), strings.Join(lines, ""))
		}
	})
}

// noNetwork is a network that nothing is reached through.
type noNetwork struct{ fail func(ctx *http.Request) error }

func (n noNetwork) RoundTrip(r *http.Request) (*http.Response, error) { return nil, n.fail(r) }

// TestUnreachable (rows 26 and 30): who waits for check or --test is told within five seconds.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*http.Request) error{
		"refused": func(*http.Request) error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("connect: connection refused")}
		},
		"name service is gone": func(*http.Request) error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "server misbehaving", Name: tapfixture.Host, IsTemporary: true}}
		},
		"silence": func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() },
	} {
		for _, args := range [][]string{{"check"}, {"--test"}} {
			t.Run(name+" "+args[0], func(t *testing.T) {
				t.Parallel()
				f := tapfixture.Virtual(t, small()).Under(tap.OverNetwork(noNetwork{fail}))
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					r := f.On(t).Run(append(args, "--config", f.Config())...)
					if took := time.Since(began); took > 5*time.Second {
						t.Errorf("it took %v", took)
					}
					if text := r.Stderr + string(r.Stdout); !strings.Contains(text, tapfixture.Host) {
						t.Errorf("it says %s", text)
					}
				})
			})
		}
	}
}

// TestHints (row 30): mistakes in addresses are told with the setting to look at.
func TestHints(t *testing.T) {
	t.Parallel()
	noHost := func(r *http.Request) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}}
	}
	f := tapfixture.Virtual(t, small())
	typo := f.With(map[string]any{"domain": "acme.atlasian.net"}).Under(tap.OverNetwork(noNetwork{noHost}))
	if r := typo.Run("--test", "--config", typo.Config()); r.Status == 0 || !strings.Contains(r.Stderr, "did you mean acme.atlassian.net?") {
		t.Errorf("a typo: status %d, %s", r.Status, r.Stderr)
	}

	served := tapfixture.New(t, small())
	served.Site.SetFaults(simconfluence.Where(func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/confluence/") }, simconfluence.EdgeNotFound()))
	foreign := served.With(map[string]any{"api_url": served.URL + "/confluence"})
	if r := foreign.Run("--test", "--config", foreign.Config()); r.Status == 0 || !strings.Contains(r.Stderr, "api_url") {
		t.Errorf("a foreign path: status %d, %s", r.Status, r.Stderr)
	}

	state := served.Singer(tapfixture.Select("spaces"), nil).OK().LastState()
	renamed := regexp.MustCompile(`"site":"[^"]*"`).ReplaceAllString(state, `"site":"old.atlassian.net"`)
	if r := served.Singer(tapfixture.Select("spaces"), renamed).Wants(tap.ExitUsage); !strings.Contains(r.Stderr, "site") || !strings.Contains(r.Stderr, "old.atlassian.net") {
		t.Errorf("a renamed site: %s", r.Stderr)
	}
}

// TestTypes (row 29): values of another type are written as declared, from the site to stdout.
func TestTypes(t *testing.T) {
	t.Parallel()
	position := regexp.MustCompile(`"position":(\d+)`)
	title := regexp.MustCompile(`"title":"(?:[^"\\]|\\.)*"`)
	o := scenario{site: small(), settings: map[string]any{"validate_records": true}, streams: []string{"pages"}, wrong: func(s *simconfluence.Site) {
		s.SetFaults(simconfluence.On("/pages", simconfluence.Rewrite(func(b []byte) []byte {
			b = position.ReplaceAll(b, []byte(`"position":"$1"`))
			return title.ReplaceAll(b, []byte(`"title":123`))
		})))
	}}.run(t)
	o.ends(tap.ExitDone).activates("pages")
	rows := o.rows("pages")
	if len(rows) == 0 {
		t.Error("no rows")
	}
	for key, row := range rows {
		if !strings.Contains(row, `"title":"123"`) || strings.Contains(row, `"position":"`) {
			t.Errorf("page %s is %s", key, row)
		}
	}
}

// TestNoDraft: schemas name no draft of JSON Schema, in any message.
func TestNoDraft(t *testing.T) {
	t.Parallel()
	f := tapfixture.Virtual(t, small())
	synctest.Test(t, func(t *testing.T) {
		for _, r := range []*tapfixture.Result{f.On(t).Text("--discover"), f.On(t).Text("discover", "--config", f.Config()), f.On(t).Singer(nil, nil).OK()} {
			if len(r.Stdout) == 0 || bytes.Contains(r.Stdout, []byte(`"$schema"`)) {
				t.Errorf("of %d bytes: $schema", len(r.Stdout))
			}
		}
	})
}

// TestMarkdown: with body_format markdown both protocols give body.markdown, and their catalogs
// declare it.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	f := tapfixture.Virtual(t, small()).With(map[string]any{"body_format": "markdown", "validate_records": true})
	synctest.Test(t, func(t *testing.T) {
		f := f.On(t)
		streams := []string{"pages", "blog_posts", "page_footer_comments", "page_versions", "tasks", "custom_content"}
		runs := map[string]*tapfixture.Result{
			"Singer":            f.Singer(tapfixture.Select(streams...), nil),
			"Singer, whole":     f.Singer(nil, nil),
			"Airbyte":           f.Airbyte(tapfixture.Configured("full_refresh", streams...), nil),
			"Singer's catalog":  f.Text("--discover", "--config", f.Config()),
			"Airbyte's catalog": f.Text("discover", "--config", f.Config()),
		}
		for name, r := range runs {
			if r.Status != 0 || !bytes.Contains(r.Stdout, []byte(`"markdown":`)) || bytes.Contains(r.Stdout, []byte("atlas_doc_format")) {
				t.Errorf("%s: status %d; markdown %v, other formats %v\n%s", name, r.Status, bytes.Contains(r.Stdout, []byte(`"markdown":`)),
					bytes.Contains(r.Stdout, []byte("atlas_doc_format")), tail(r.Log()))
			}
		}
		for _, name := range []string{"Singer", "Airbyte"} {
			for _, m := range runs[name].Of("RECORD") {
				if m.Stream == "pages" && !bytes.Contains(m.Record, []byte(`"body":{"markdown":{"representation":"markdown","value":`)) {
					t.Errorf("%s: a page is %.600s", name, m.Record)
				}
			}
		}
		if p := f.Text("plan", "--config", f.Config()); p.Status != 0 {
			t.Errorf("plan: %s", p.Stderr)
		}
	})
}

// TestUnconverted counts bodies that stay in storage format.
func TestUnconverted(t *testing.T) {
	t.Parallel()
	deep := `"value":"` + strings.Repeat("<div>", 1200) + strings.Repeat("</div>", 1200) + `"`
	value := regexp.MustCompile(`"value":"(?:[^"\\]|\\.)*"`)
	o := scenario{site: small(), settings: map[string]any{"body_format": "markdown"}, streams: []string{"blog_posts"}, wrong: func(s *simconfluence.Site) {
		s.SetFaults(simconfluence.On("/blogposts", simconfluence.Rewrite(func(b []byte) []byte { return value.ReplaceAllLiteral(b, []byte(deep)) })))
	}}.run(t)
	n := len(o.ends(tap.ExitDone).rows("blog_posts"))
	o.says(fmt.Sprintf("stream=blog_posts bodies=%d", n))
}

// TestJSONLog: with log_format json stderr holds a JSON object a line, errors that end the run
// included; with text it does not.
func TestJSONLog(t *testing.T) {
	t.Parallel()
	lines := func(s string) (all, objects int) {
		for line := range strings.Lines(s) {
			var o struct{ Level, Msg string }
			all++
			if json.Unmarshal([]byte(line), &o) == nil && o.Level != "" && o.Msg != "" {
				objects++
			}
		}
		return all, objects
	}
	wrong := func(s *simconfluence.Site) {
		s.SetFaults(simconfluence.On("/tasks", simconfluence.Status(403, `{"message":"not\u001b[31m yours"}`)))
	}
	for format, every := range map[string]bool{"json": true, "text": false} {
		o := scenario{site: small(), settings: map[string]any{"log_format": format}, streams: []string{"spaces", "tasks"}, wrong: wrong}.run(t).ends(tap.ExitFailed)
		if all, objects := lines(o.result.Stderr); all < 5 || every && objects != all || !every && objects > 0 {
			t.Errorf("%s: %d lines, %d objects\n%s", format, all, objects, o.result.Stderr)
		}
		o.says("tasks", "not")
	}
}

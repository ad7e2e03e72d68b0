// Package tap is the program. It reads the command line, chooses the protocol, runs a sync or another
// command, and turns the result into an exit status.
package tap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/site"
)

// Name is the program's name.
const Name = "tap-confluence"

// Exit statuses. Airbyte's verbs use only the first three.
const (
	ExitDone    = 0 // everything that was asked for is done
	ExitFailed  = 1 // a stream failed, or the run ended early
	ExitUsage   = 2 // the command line, a setting, the catalog or the state is wrong
	ExitRefused = 3 // the site refuses the credentials or the account, or isn't there
	ExitLater   = 4 // the site stopped answering in mid-run, asks to wait longer than max_retry_wait, or still answers 429 after all retries
)

// version is set by release builds (-ldflags "-X ...tap.version=1.2.3").
var version string

// Version returns the program's version: a release's number, else what the build knows of
// its module and commit.
func Version() string {
	if version != "" {
		return strings.TrimPrefix(version, "v")
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return strings.TrimPrefix(v, "v")
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "0.0.0-" + s.Value[:12]
		}
	}
	return "0.0.0-dev"
}

// Option replaces a part of a run's environment, for tests.
type Option func(*program)

// OverNetwork sends requests through a transport in place of the network.
func OverNetwork(network http.RoundTripper) Option { return func(p *program) { p.network = network } }

// WithClock replaces the clock of messages, logs and the pace of states. Waits for the site
// don't follow it.
func WithClock(now func() time.Time) Option { return func(p *program) { p.now = now } }

// Run is the whole program except for signals. It takes the arguments after the program's name and
// returns the exit status. If the context is cancelled, a sync stops at the next safe point and writes
// a last state.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, options ...Option) int {
	p := &program{stdin: stdin, out: emit.NewOut(stdout), stdout: stdout, stderr: newConsole(stderr), now: time.Now, environ: os.Environ()}
	for _, change := range options {
		change(p)
	}
	p.meltano = slices.ContainsFunc(p.environ, func(entry string) bool {
		root, ok := strings.CutPrefix(entry, "MELTANO_PROJECT_ROOT=")
		return ok && root != ""
	})
	switch first(args) {
	case "":
		p.stderr.text(help)
		return ExitUsage
	case "spec", "check", "discover", "read":
		return p.airbyte(ctx, args[0], args[1:])
	case "plan":
		return p.plan(ctx, args[1:])
	}
	return p.singer(ctx, args)
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// program is one run of the program.
type program struct {
	stdin   io.Reader
	out     *emit.Out // stdout, for protocol messages
	stdout  io.Writer // stdout, for the documents that people ask for
	stderr  *console
	now     func() time.Time
	environ []string
	network http.RoundTripper // in place of the network, nil outside of tests
	json    bool              // the settings want the log as JSON
	meltano bool              // Meltano runs the program
}

// usageError is a mistake in what the user gave: arguments, settings, catalog or state.
type usageError struct{ err error }

// Error returns the text of the mistake alone.
func (e *usageError) Error() string { return e.err.Error() }

// Unwrap returns the mistake.
func (e *usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// exitStatus maps an error to Singer's exit status.
func exitStatus(err error) int {
	var mistake *usageError
	interrupted, _ := errors.AsType[*site.InterruptedError](err)
	switch k := client.KindOf(err); {
	case err == nil:
		return ExitDone
	case errors.As(err, &mistake), isSettings(err):
		return ExitUsage
	case interrupted != nil && interrupted.Lost:
		return ExitRefused
	case interrupted != nil && interrupted.Asked:
		return ExitLater
	case k.SiteWide(), k == client.KindLoginPage, k == client.KindForbidden:
		return ExitRefused
	case k == client.KindRateLimit:
		return ExitLater
	}
	return ExitFailed
}

// isSettings reports whether an error is a mistake in the settings that only the site's answer shows.
func isSettings(err error) bool {
	_, ok := errors.AsType[*config.Error](err)
	return ok
}

// document prints a document that a person or a client asked for.
func (p *program) document(text []byte) int {
	if err := p.out.Write(text); err != nil {
		p.complain("CRITICAL", err.Error())
		return ExitFailed
	}
	return ExitDone
}

// ErrStopped is the cause of a context that a signal cancelled.
var ErrStopped = errors.New("stopped by a signal")

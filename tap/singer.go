package tap

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/engine"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// singer runs a Singer command line. A failed run's last line on stderr begins with
// CRITICAL.
func (p *program) singer(ctx context.Context, args []string) int {
	return p.ended(p.singerCommand(ctx, args))
}

// ended writes to stderr how a Singer command or one for people ended, and returns the exit status.
// Several mistakes take a line each.
func (p *program) ended(err error) int {
	if errors.Is(err, flag.ErrHelp) {
		return p.document([]byte(help))
	}
	if err != nil {
		lines := strings.Split(err.Error(), "\n")
		for _, line := range lines[:len(lines)-1] {
			p.complain("ERROR", strings.TrimSpace(line))
		}
		p.complain("CRITICAL", strings.TrimSpace(lines[len(lines)-1]))
	}
	return exitStatus(err)
}

// complain writes to stderr the error that ended the run.
func (p *program) complain(level, text string) {
	if p.json {
		slog.New(jsonHandler(p.stderr, slog.LevelError)).Error(text, "severity", level)
		return
	}
	p.stderr.line(p.logged(level, text))
}

func (p *program) singerCommand(ctx context.Context, args []string) error {
	var o options
	if err := parse(args, o.singerFlags); err != nil {
		return err
	}
	command := o.command()
	if err := o.refuseUnused(command); err != nil {
		return err
	}
	switch command {
	case "--version":
		return p.out.Write([]byte(Name + " v" + Version() + "\n"))
	case "--about":
		text, err := about(o.format)
		if err != nil {
			return err
		}
		return p.out.Write(text)
	case "--discover":
		opts, err := p.catalogOptions(&o)
		if err != nil {
			return err
		}
		text, err := catalog.Singer(opts...)
		if err != nil {
			return fmt.Errorf("writing the catalog: %w", err)
		}
		return p.out.Write(append(text, '\n'))
	}
	s, err := p.singerSession(&o)
	if err != nil {
		return err
	}
	defer s.close()
	if command == "--test" {
		return s.test(ctx)
	}
	return s.singerSync(ctx, &o)
}

// singerSession reads the settings for a run that logs to stderr.
func (p *program) singerSession(o *options) (*session, error) {
	if len(o.config) == 0 {
		return nil, usage("--config is missing: give a JSON file, or ENV to read TAP_CONFLUENCE_* variables")
	}
	return p.session(o, func(level slog.Leveler) slog.Handler { return &textHandler{program: p, level: level} })
}

// test logs the account, its site, and which streams it can read there.
func (s *session) test(ctx context.Context) error {
	found, err := s.check(ctx)
	if err != nil {
		return err
	}
	s.log.Info("the site answers "+found.who, "site", s.config.SiteURL, "account", found.account)
	spaces := strconv.Itoa(found.spaces)
	if found.spaces > stream.Spaces.MaxLimit {
		spaces = "more than " + strconv.Itoa(stream.Spaces.MaxLimit)
	}
	s.log.Info("spaces that the account sees: " + spaces)
	for _, m := range found.missing {
		s.log.Warn(m)
	}
	all := len(stream.All) + len(s.extra)
	s.log.Info(fmt.Sprintf("%d of %d streams can be read", all-len(found.unread), all))
	return nil
}

func (s *session) singerSync(ctx context.Context, o *options) error {
	selections, err := s.singerCatalog(o)
	if err != nil {
		return err
	}
	st, err := s.singerState(o.state)
	if err != nil {
		return err
	}
	return s.sync(ctx, engine.Options{Selections: selections, State: st, Sink: emit.NewSinger(s.program.out)})
}

func (s *session) singerCatalog(o *options) ([]catalog.Selection, error) {
	file, err := o.catalogFile()
	if err != nil {
		return nil, err
	}
	if file == "" {
		return s.pick(o)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usage("reading the catalog: %w", err)
	}
	selections, warnings, err := catalog.ParseSinger(data, s.catalogOptions()...)
	s.warn(warnings)
	if err != nil {
		return nil, usage("%w", err)
	}
	return selections, nil
}

// pick selects streams without a catalog, and logs those that can't be read incrementally as asked.
func (s *session) pick(o *options) ([]catalog.Selection, error) {
	selections, unfit, err := catalog.Pick(o.patterns(), o.incremental, s.catalogOptions()...)
	switch {
	case err != nil:
		return nil, usage("--select: %w", err)
	case !o.picks():
		s.log.Info("reading all streams in full; --select and --incremental read less")
	case len(unfit) > 0 && len(o.selects) == 0:
		s.log.Info("skipping streams that can't be read incrementally", "streams", strings.Join(unfit, ","))
	case len(unfit) > 0:
		s.log.Info("reading in full the streams that can't be read incrementally", "streams", strings.Join(unfit, ","))
	}
	return selections, nil
}

// readState returns the content of a state's file, nil if no file is named.
func readState(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("the state %s does not exist: leave --state out of a first run", file)
	case err != nil:
		return nil, usage("reading the state: %w", err)
	}
	return data, nil
}

func (s *session) singerState(file string) (*state.State, error) {
	data, err := readState(file)
	if err != nil {
		return nil, err
	}
	if file != "" && len(bytes.TrimSpace(data)) == 0 {
		s.log.Warn("the state file is empty: the sync starts from the beginning", "file", file)
	}
	st, warnings, err := state.ParseSinger(data, s.config.Site, known())
	s.warn(warnings)
	if err != nil {
		return nil, usage("%w", err)
	}
	return st, nil
}

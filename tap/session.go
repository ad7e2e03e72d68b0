package tap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/engine"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// session is a run with settings: a client for the site and a log.
type session struct {
	program *program
	config  *config.Config
	client  *client.Client
	log     *slog.Logger
	// extra are the streams that the setting extra_streams adds.
	extra []*stream.Stream
	// lines reports whether the log is lines on stderr, as Singer has it; terminal whether
	// somebody watches them.
	lines, terminal bool
	// running is the sync under way; onWait writes its state.
	running atomic.Pointer[engine.Run]
}

// session reads the settings and makes what depends on them. It sends nothing.
func (p *program) session(o *options, handler func(slog.Leveler) slog.Handler) (*session, error) {
	level := &slog.LevelVar{}
	first := handler(level)
	_, lines := first.(*textHandler)
	s := &session{program: p, log: slog.New(first), lines: lines}
	cfg, warnings, err := config.Load(config.Input{Files: o.config, Stdin: p.stdin, Environ: p.environ})
	if err != nil {
		s.warn(warnings)
		return nil, &usageError{err}
	}
	s.config = cfg
	if s.extra, err = chosen(cfg.ExtraStreams); err != nil {
		return nil, err
	}
	if lines && cfg.LogFormat == "json" {
		p.json = true
		s.log = slog.New(jsonHandler(p.stderr, level))
	}
	if o.logLevel != "" {
		cfg.LogLevel = o.logLevel
	}
	if o.debug {
		cfg.LogLevel = "debug"
	}
	if err := setLevel(level, cfg.LogLevel); err != nil {
		return nil, err
	}
	s.warn(warnings)
	s.terminal = lines && !p.json && p.stderr.size != nil
	s.client, err = client.New(cfg, client.Options{
		Logger: s.log, Version: Version(), OnWait: s.onWait, Transport: p.network, Impatient: o.impatient || o.test,
	})
	if err != nil {
		return nil, &usageError{err}
	}
	return s, nil
}

// chosen returns the streams that the setting extra_streams names.
func chosen(names []string) ([]*stream.Stream, error) {
	extra, err := stream.Chosen(names)
	if err != nil {
		return nil, usage("extra_streams: %w", err)
	}
	return extra, nil
}

// known names every stream that a state may hold, offered or not.
func known() []string { return append(stream.Names(), stream.ExtraNames()...) }

// catalogOptions are the settings that catalogs depend on.
func (s *session) catalogOptions() []catalog.Option { return optionsOf(s.config, s.extra) }

// catalogOptions returns the settings that discovery depends on: the defaults without a configuration.
// Mistakes in other settings do not matter to discovery.
func (p *program) catalogOptions(o *options) ([]catalog.Option, error) {
	if len(o.config) == 0 {
		return nil, nil
	}
	cfg, err := config.Only(config.Input{Files: o.config, Stdin: p.stdin, Environ: p.environ}, "body_format", "extra_streams")
	if err != nil {
		return nil, &usageError{err}
	}
	extra, err := chosen(cfg.ExtraStreams)
	if err != nil {
		return nil, err
	}
	return optionsOf(cfg, extra), nil
}

func optionsOf(cfg *config.Config, extra []*stream.Stream) []catalog.Option {
	return []catalog.Option{catalog.Markdown(cfg.BodyFormat == config.Markdown), catalog.Extra(extra...)}
}

func setLevel(v *slog.LevelVar, name string) error {
	levels := map[string]slog.Level{"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warning": slog.LevelWarn, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[strings.ToLower(name)]
	if !ok {
		return usage("log level %q: give debug, info, warning or error", name)
	}
	v.Set(level)
	return nil
}

// say logs a line of a table. On a terminal it comes without level and time, which would leave
// the table no room.
func (s *session) say(ctx context.Context, line string) {
	if !s.terminal {
		s.log.InfoContext(ctx, line)
	} else if s.log.Enabled(ctx, slog.LevelInfo) {
		s.program.stderr.line(line)
	}
}

// width is how many characters a line of a table may have.
func (s *session) width() int {
	if !s.terminal {
		return 110
	}
	width, _ := s.program.stderr.size()
	return width
}

func (s *session) close() { s.client.Close() }

func (s *session) warn(warnings []string) {
	for _, w := range warnings {
		s.log.Warn(w)
	}
}

// onWait writes the state before a long wait, so that whoever stores it has all proven progress.
func (s *session) onWait(until time.Time, why string) {
	s.log.Warn("waiting", "until", until.UTC().Format(time.RFC3339), "why", why)
	if r := s.running.Load(); r != nil {
		if err := r.Flush(); err != nil {
			s.log.Debug("writing the state before a wait", "error", err)
		}
	}
}

// sync runs a sync after the probe, with progress on stderr and a summary at the end.
func (s *session) sync(ctx context.Context, o engine.Options) error {
	o.Config, o.Client, o.Logger, o.Now = s.config, s.client, s.log, s.program.now
	started := o.Now()
	run, err := engine.New(o)
	if err != nil {
		return fmt.Errorf("preparing the sync: %w", err)
	}
	if err := run.Open(ctx); err != nil {
		return err
	}
	if began, resumes := run.Resumes(); resumes {
		log := s.log
		if !began.IsZero() {
			log = log.With("began", began.UTC().Format(time.RFC3339))
		}
		log.Info("resuming an interrupted sync; finished streams are skipped, the next sync reads everything")
	}
	s.running.Store(run)
	progress := startProgress(ctx, s, run, started)
	err = run.Sync(ctx)
	progress.stop()
	s.summarize(ctx, run.Report(), s.program.now().Sub(started), err)
	if err == nil {
		if who, blind := run.Blind(ctx); blind {
			s.log.Warn(seesNothing(who))
		}
	}
	if errors.Is(err, ErrStopped) {
		return fmt.Errorf("%w; the last state is written; pass it with --state to resume", err)
	}
	return err
}

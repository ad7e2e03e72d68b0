package tap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/schemas"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/engine"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

// Documentation is where users find the connector's documentation.
const Documentation = "https://github.com/tap-confluence/tap-confluence"

// airbyte runs one of Airbyte's verbs. Errors after the command line are messages on stdout.
func (p *program) airbyte(ctx context.Context, verb string, args []string) int {
	sink := emit.NewAirbyte(p.out, p.now)
	o, err := airbyteOptions(verb, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return p.document([]byte(help))
	case err != nil:
		p.stderr.line(err.Error())
		return ExitUsage
	}
	switch verb {
	case "spec":
		err = p.spec(sink)
	case "check":
		err = p.checkConnection(ctx, sink, o)
	case "discover":
		err = p.discover(sink, o)
	case "read":
		err = p.read(ctx, sink, o)
	}
	if err == nil {
		return ExitDone
	}
	var incomplete *engine.IncompleteError
	f := engine.Explain(err)
	var mistake *usageError
	// An incomplete run only sums up the errors of its streams, which were told before with types of
	// their own. As in Airbyte's CDK, the sum is a config_error: a system_error would report a fault of
	// the connector.
	if errors.As(err, &mistake) || isSettings(err) || errors.As(err, &incomplete) && f.Type == emit.SystemError {
		f.Type = emit.ConfigError
	}
	if e := sink.Failed("", f); e != nil {
		p.stderr.line(e.Error())
	}
	return ExitFailed
}

// airbyteOptions reads the command line of a verb.
func airbyteOptions(verb string, args []string) (*options, error) {
	o := &options{}
	if err := parse(args, o.airbyteFlags); err != nil {
		return nil, err
	}
	if missing := o.missing(verb); missing != "" {
		return nil, usage("%s needs %s; see %s --help", verb, missing, Name)
	}
	return o, o.refuseUnused(verb)
}

// missing names the options that a verb needs and did not get.
func (o *options) missing(verb string) string {
	var names []string
	if verb != "spec" && len(o.config) == 0 {
		names = append(names, "--config")
	}
	if verb == "read" && o.catalog == "" {
		names = append(names, "--catalog")
	}
	return strings.Join(names, " and ")
}

func (p *program) spec(sink *emit.Airbyte) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, schemas.Settings()); err != nil {
		return fmt.Errorf("reading the settings' schema: %w", err)
	}
	return sink.Spec(compact.Bytes(), Documentation)
}

func (p *program) discover(sink *emit.Airbyte, o *options) error {
	opts, err := p.catalogOptions(o)
	if err != nil {
		return err
	}
	text, err := catalog.Airbyte(opts...)
	if err != nil {
		return fmt.Errorf("writing the catalog: %w", err)
	}
	return sink.Catalog(text)
}

// checkConnection writes whether a sync would work. A mistake of the user is a status, not an error.
func (p *program) checkConnection(ctx context.Context, sink *emit.Airbyte, o *options) error {
	o.impatient = true
	s, err := p.airbyteSession(sink, o)
	if err != nil {
		return sink.Connection(false, err.Error())
	}
	defer s.close()
	found, err := s.check(ctx)
	if err != nil {
		return sink.Connection(false, err.Error())
	}
	return sink.Connection(true, strings.Join(found.missing, "; "))
}

func (p *program) airbyteSession(sink *emit.Airbyte, o *options) (*session, error) {
	return p.session(o, func(level slog.Leveler) slog.Handler { return &airbyteHandler{sink: sink, level: level} })
}

func (p *program) read(ctx context.Context, sink *emit.Airbyte, o *options) error {
	s, err := p.airbyteSession(sink, o)
	if err != nil {
		return err
	}
	defer s.close()
	data, err := os.ReadFile(o.catalog)
	if err != nil {
		return usage("reading the catalog: %w", err)
	}
	selections, warnings, err := catalog.ParseAirbyte(data, s.catalogOptions()...)
	s.warn(warnings)
	if err != nil {
		return s.refuseCatalog(sink, err)
	}
	st, err := s.airbyteState(o.state)
	if err != nil {
		return err
	}
	return s.sync(ctx, engine.Options{Selections: selections, State: st, Sink: sink, PerStream: true})
}

// refuseCatalog writes, for every stream that doesn't exist or isn't offered, that it can't be read.
func (s *session) refuseCatalog(sink *emit.Airbyte, err error) error {
	var names []string
	if unknown, ok := errors.AsType[*catalog.UnknownStreamError](err); ok {
		names = unknown.Names
	}
	if locked, ok := errors.AsType[*catalog.NotOfferedError](err); ok {
		names = append(names, locked.Names...)
	}
	for _, name := range names {
		if e := sink.Status(name, emit.Incomplete); e != nil {
			return e
		}
	}
	return usage("%w", err)
}

func (s *session) airbyteState(file string) (*state.State, error) {
	data, err := readState(file)
	if err != nil {
		return nil, err
	}
	st, warnings, err := state.ParseAirbyte(data, s.config.Site, known())
	s.warn(warnings)
	if err != nil {
		return nil, usage("%w", err)
	}
	return st, nil
}

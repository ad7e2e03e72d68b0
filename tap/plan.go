package tap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/engine"
)

// plan runs the command plan: it prints how many requests and rows a sync would have, and how long it
// would take.
func (p *program) plan(ctx context.Context, args []string) int {
	return p.ended(p.planCommand(ctx, args))
}

func (p *program) planCommand(ctx context.Context, args []string) error {
	var o options
	if err := parse(args, o.singerFlags); err != nil {
		return err
	}
	if err := o.refuseUnused("plan"); err != nil {
		return err
	}
	switch o.format {
	case "", "text", "json":
	default:
		return usage("--format %q: give text or json", o.format)
	}
	s, err := p.singerSession(&o)
	if err != nil {
		return err
	}
	defer s.close()
	eo, err := s.planOptions(&o)
	if err != nil {
		return err
	}
	run, err := engine.New(eo)
	if err != nil {
		return fmt.Errorf("preparing the plan: %w", err)
	}
	if err := run.Open(ctx); err != nil {
		return err
	}
	before := s.client.Stats().Requests
	price, err := run.Price(ctx)
	if err != nil {
		return err
	}
	if o.format == "json" {
		text, err := json.MarshalIndent(price, "", "  ")
		if err != nil {
			return fmt.Errorf("writing the plan: %w", err)
		}
		return p.out.Write(append(text, '\n'))
	}
	text := planText(price, s.config.RequestsPerSecond)
	return p.out.Write(fmt.Appendf(nil, "%s\nThese are estimates from searches and samples, which took %s.\n", text, number(s.client.Stats().Requests-before, "request")))
}

// planOptions reads a catalog and a state of either protocol.
func (s *session) planOptions(o *options) (engine.Options, error) {
	eo := engine.Options{
		Config: s.config, Client: s.client, Logger: s.log, Now: s.program.now,
		Sink: emit.NewSinger(emit.NewOut(discard{})),
	}
	file, err := o.catalogFile()
	switch {
	case err != nil:
	case file == "":
		eo.Selections, err = s.pick(o)
	default:
		eo.Selections, eo.PerStream, err = s.eitherCatalog(file)
	}
	if err != nil {
		return eo, err
	}
	if eo.PerStream {
		eo.State, err = s.airbyteState(o.state)
	} else {
		eo.State, err = s.singerState(o.state)
	}
	return eo, err
}

// eitherCatalog reads a catalog of either protocol, and reports whether it is one of Airbyte.
func (s *session) eitherCatalog(file string) (selections []catalog.Selection, airbyte bool, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, false, usage("reading the catalog: %w", err)
	}
	selections, warnings, err := catalog.ParseSinger(data, s.catalogOptions()...)
	if airbyte = errors.Is(err, catalog.ErrAirbyte); airbyte {
		selections, warnings, err = catalog.ParseAirbyte(data, s.catalogOptions()...)
	}
	s.warn(warnings)
	if err != nil {
		return nil, airbyte, usage("%w", err)
	}
	return selections, airbyte, nil
}

// discard is where a plan's sink writes; it writes nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

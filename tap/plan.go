package tap

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/engine"
	"github.com/tap-confluence/tap-confluence/tap/method"
	"github.com/tap-confluence/tap-confluence/tap/plan"
)

// plan tells people what a sync would cost before it is run.
func (p *program) plan(ctx context.Context, args []string) int {
	return p.ended(p.planCommand(ctx, args))
}

func (p *program) planCommand(ctx context.Context, args []string) error {
	var o options
	if err := parse(args, o.singerFlags); err != nil {
		return err
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
	return p.out.Write([]byte(planText(price, s.client.Stats().Requests-before, s.config.RequestsPerSecond)))
}

// planOptions reads a catalog and a state of either protocol.
func (s *session) planOptions(o *options) (engine.Options, error) {
	eo := engine.Options{
		Config: s.config, Client: s.client, Logger: s.log, Now: s.program.now,
		Sink: emit.NewSinger(emit.NewOut(discard{})),
	}
	file, err := o.catalogFile()
	if err != nil {
		return eo, err
	}
	airbyte := false
	if file == "" {
		eo.Selections, err = s.pick(o)
	} else {
		var data []byte
		if data, err = os.ReadFile(file); err != nil {
			return eo, usage("reading the catalog: %w", err)
		}
		var warnings []string
		if eo.Selections, warnings, err = catalog.ParseSinger(data, s.catalogOptions()...); err != nil {
			if sel, w, e := catalog.ParseAirbyte(data, s.catalogOptions()...); e == nil {
				eo.Selections, warnings, err, airbyte = sel, w, nil, true
			}
		}
		s.warn(warnings)
	}
	if err != nil {
		return eo, usage("%w", err)
	}
	if airbyte {
		eo.State, err = s.airbyteState(o.state)
		eo.PerStream = true
	} else {
		eo.State, err = s.singerState(o.state)
	}
	return eo, err
}

// discard is where a plan's sink writes; it writes nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// planText tells a price to a person.
func planText(price plan.Price, asked int64, perSecond float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "In all about %s requests and %s rows", thousands(price.Requests), thousands(price.Rows))
	if perSecond > 0 {
		fmt.Fprintf(&b, ", at %g requests a second %s", perSecond, duration(float64(price.Requests)/perSecond))
	}
	b.WriteString(".\n\n")
	for _, w := range price.Walks {
		mode := "in full"
		if w.Incremental {
			mode = "changes only"
		}
		fmt.Fprintf(&b, "%s, %s: about %s requests (%s pages, %s audits), %s rows\n",
			w.Listing, mode, thousands(w.Requests()), thousands(w.Pages), thousands(w.Audits), thousands(w.Rows()))
		for _, s := range w.Streams {
			fmt.Fprintf(&b, "    %-30s %10s requests %10s rows   %s\n", s.Name, thousands(s.Requests), thousands(s.Rows), words(s.Methods))
		}
	}
	fmt.Fprintf(&b, "\nCounts come from searches and samples: figures are estimates. They took %d requests.\n", asked)
	for _, u := range price.Unknown {
		b.WriteString("Not known: " + u + ".\n")
	}
	for _, hint := range hints(price, perSecond) {
		b.WriteString("* " + hint + "\n")
	}
	return b.String()
}

// words names methods.
func words(kinds []method.Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.String()
	}
	return strings.Join(names, ", then ")
}

// hints names what would make the sync shorter.
func hints(price plan.Price, perSecond float64) []string {
	var out []string
	for _, w := range price.Walks {
		costly, saved := []string{}, 0
		for _, s := range w.Streams {
			if s.Requests > 0 {
				costly, saved = append(costly, s.Name), saved+s.Requests
			}
		}
		if saved > price.Requests/4 {
			out = append(out, fmt.Sprintf("Without %s the sync takes about %s requests less.", strings.Join(costly, ", "), thousands(saved)))
		}
	}
	if price.Requests > 1000 {
		out = append(out, "space_keys narrows the sync to some spaces.")
	}
	if perSecond > 0 && price.Requests > 1000 {
		out = append(out, fmt.Sprintf("requests_per_second %g would make it %s, if the site lets it.", 2*perSecond, duration(float64(price.Requests)/perSecond/2)))
	}
	if slices.ContainsFunc(price.Walks, func(w plan.WalkPrice) bool { return !w.Incremental }) {
		out = append(out, "Incremental reads make later runs short; labels, properties, permissions, spaces, groups and child_pages are always read in full.")
	}
	return out
}

// thousands writes a number with commas.
func thousands[N int | int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d > 2*time.Hour:
		return fmt.Sprintf("%.1f hours", d.Hours())
	case d > 2*time.Minute:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	}
	return fmt.Sprintf("%.0f seconds", d.Seconds())
}

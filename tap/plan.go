package tap

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/emit"
	"github.com/tap-confluence/tap-confluence/tap/engine"
	"github.com/tap-confluence/tap-confluence/tap/stream"
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
	if err := s.probe(ctx); err != nil {
		return err
	}
	est, err := run.Estimate(ctx)
	if err != nil {
		return err
	}
	return p.out.Write([]byte(planText(est, s.config.RequestsPerSecond)))
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
		eo.Selections, err = catalog.All()
	} else {
		var data []byte
		if data, err = os.ReadFile(file); err != nil {
			return eo, usage("reading the catalog: %w", err)
		}
		var warnings []string
		if eo.Selections, warnings, err = catalog.ParseSinger(data); err != nil {
			if sel, w, e := catalog.ParseAirbyte(data); e == nil {
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
	if err == nil {
		eo.Resumable = eo.State.Open
	}
	return eo, err
}

// discard is where a plan's sink writes; it writes nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// planText tells an estimate to a person.
func planText(e engine.Estimate, perSecond float64) string {
	var b strings.Builder
	b.WriteString("What a sync would do. Counts come from searches and samples: figures are estimates.\n\n")
	for _, w := range e.Walks {
		mode := "in full"
		if w.Incremental {
			mode = "changes only"
		}
		fmt.Fprintf(&b, "%s, %s: about %s requests (%s listing, %s per parent, %s audits), %s rows\n    %s\n    %s\n",
			w.Pass, mode, thousands(w.Requests()), thousands(w.Listing), thousands(w.Children), thousands(w.Audits), thousands(w.Rows),
			strings.Join(w.Streams, ", "), w.Routes)
	}
	fmt.Fprintf(&b, "\nIn all about %s requests and %s rows", thousands(e.Requests), thousands(e.Rows))
	if perSecond > 0 {
		fmt.Fprintf(&b, ", at %g requests a second %s", perSecond, duration(float64(e.Requests)/perSecond))
	}
	fmt.Fprintf(&b, ".\nThis estimate took %d requests.\n", e.Asked)
	for _, u := range e.Unknown {
		b.WriteString("Not known: " + u + ".\n")
	}
	for _, hint := range hints(e, perSecond) {
		b.WriteString("* " + hint + "\n")
	}
	return b.String()
}

// hints names what would make the sync shorter.
func hints(e engine.Estimate, perSecond float64) []string {
	var out []string
	costly := slices.Clone(e.Walks)
	slices.SortFunc(costly, func(a, b engine.WalkEstimate) int { return b.Children - a.Children })
	if len(costly) > 0 && costly[0].Children > e.Requests/4 {
		w := costly[0]
		out = append(out, fmt.Sprintf("Most requests are made per item of %s. Deselecting the streams under it (%s) saves about %s of them; reading them less often than the rest, as well.",
			w.Pass, strings.Join(children(w.Streams), ", "), thousands(w.Children)))
	}
	if e.Requests > 1000 {
		out = append(out, "space_keys narrows the sync to some spaces; several runs with other space_keys can share the work, but also share the site's rate.")
	}
	if perSecond > 0 && e.Requests > 1000 {
		out = append(out, fmt.Sprintf("requests_per_second %g would make it %s, if the site lets it.", 2*perSecond, duration(float64(e.Requests)/perSecond/2)))
	}
	if slices.ContainsFunc(e.Walks, func(w engine.WalkEstimate) bool { return !w.Incremental }) {
		out = append(out, "Incremental reads (replication-method INCREMENTAL, or Airbyte's incremental sync) make later runs short; labels, properties, permissions, spaces, groups and child_pages are always read in full.")
	}
	return out
}

// children are those of the streams that are read per parent.
func children(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !stream.Find(name).IsChild() })
}

func thousands(n int) string {
	s := strconv.Itoa(n)
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

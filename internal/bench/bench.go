package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// bench is one run of the benchmark.
type bench struct {
	files
	log    io.Writer
	rounds int
	begin  time.Time
	python bool     // the Python baselines are there
	only   []string // scenarios of compare; nil for all
	before string   // another build of the tap, to be measured beside this one; or ""
	report report
}

// step is one part of the benchmark.
type step struct {
	name string
	do   func(*bench, context.Context) error
}

// steps are the parts of the benchmark, in order.
var steps = []step{
	{"startup", (*bench).startup},
	{"compare", (*bench).compare},
	{"sizes", (*bench).sizes},
	{"workers", (*bench).workers},
	{"paced", (*bench).paced},
	{"requests", (*bench).requests},
	{"hours", (*bench).hours},
	{"rates", (*bench).rates},
	{"inner", (*bench).inner},
}

// measureAll runs the benchmark, or some of its steps, prints the tables and, where a
// document is named, writes them into it.
func measureAll(ctx context.Context, args []string, out, log io.Writer) error {
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	fs := flag.NewFlagSet("bench all", flag.ContinueOnError)
	chosen := fs.String("steps", strings.Join(names, ","), "what to measure")
	rounds := fs.Int("rounds", 5, "rounds in which programs are run in turn")
	python := fs.Bool("python", true, "measure the baselines in Python, too")
	only := fs.String("scenarios", "", "which scenarios of compare to measure; empty for all")
	before := fs.String("before", "", "another build of the tap, to be measured beside this one in compare")
	docs := fs.String("docs", "", "document whose tables to write")
	keep := fs.String("json", "", "file for all figures")
	if err := fs.Parse(args); err != nil {
		return err
	}
	want := strings.Split(*chosen, ",")
	for _, name := range want {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no step %q; there are: %s", name, strings.Join(names, ", "))
		}
	}
	if *docs != "" {
		if err := hasPlaces(*docs); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{files: files{dir}, log: log, rounds: max(*rounds, 1), begin: time.Now(), python: *python, before: *before}
	if *only != "" {
		b.only = strings.Split(*only, ",")
	}
	b.report.begin(strings.Join(os.Args, " "))
	for _, s := range steps {
		if !slices.Contains(want, s.name) {
			continue
		}
		if err := s.do(b, ctx); err != nil {
			return errors.Join(fmt.Errorf("measuring %s: %w", s.name, err), b.print(out))
		}
	}
	if err := b.print(out); err != nil {
		return err
	}
	if *keep != "" {
		text, err := json.MarshalIndent(b.report, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(*keep, append(text, '\n'), 0o600); err != nil {
			return err
		}
	}
	if *docs != "" {
		if len(want) < len(steps) {
			b.report.drop(machineSection, goalsSection) // they are those of a whole run
		}
		if err := b.report.draw(strings.TrimSuffix(*docs, ".md")); err != nil {
			return err
		}
		return b.report.writeInto(*docs)
	}
	return nil
}

// print ends the report and prints it.
func (b *bench) print(out io.Writer) error {
	b.report.end()
	_, err := io.WriteString(out, b.report.String())
	return err
}

// say tells on stderr what is going on.
func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.log, "%6.0f s  %s\n", time.Since(b.begin).Seconds(), fmt.Sprintf(format, args...))
}

// round runs programs in turn, some rounds, and returns the samples of each. Each must give
// as many records as is wanted of it, if that is known.
func (b *bench) round(ctx context.Context, what string, rounds int, programs []program) ([][]sample, error) {
	samples := make([][]sample, len(programs))
	for r := range rounds {
		for i, p := range programs {
			s, err := measure(ctx, p)
			if err != nil {
				return nil, err
			}
			if p.records >= 0 && s.Records != p.records {
				return nil, fmt.Errorf("%s gave %d records, want %d", p.name, s.Records, p.records)
			}
			samples[i] = append(samples[i], s)
			b.say("%s, round %d of %d: %s: %.2f s of CPU, %.2f s, %s MB resident", what, r+1, rounds, p.name,
				s.CPU.Seconds(), s.Wall.Seconds(), megabytes(s.Resident))
		}
	}
	return samples, nil
}

// each returns one figure of every sample.
func each(samples []sample, of func(sample) float64) spread {
	figures := make([]float64, len(samples))
	for i, s := range samples {
		figures[i] = of(s)
	}
	return spreadOf(figures)
}

// ratio compares two programs' CPU round by round.
func ratio(a, b []sample) spread {
	figures := make([]float64, len(a))
	for i := range a {
		figures[i] = a[i].CPU.Seconds() / b[i].CPU.Seconds()
	}
	return spreadOf(figures)
}

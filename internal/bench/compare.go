package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// scenario is work that several programs do in turn.
type scenario struct {
	name, title string
	site        []string
	run         run
	copied      bool // with a floor that writes its answers to stdout
	requests    bool // told per request and not per row
	tls         bool // as a real site sends it: TLS and gzip
	python      bool // with Python's requests
	cdk         bool // with Airbyte's CDK
	rounds      int  // 0 for as many as asked for
}

// fiveStreams are those of bench/manifest.yaml.
var fiveStreams = []string{"spaces", "pages", "blog_posts", "attachments", "tasks"}

// scenarios are what compare measures.
var scenarios = []scenario{
	{
		name: "pages", title: "40,000 pages, rows of 2.8 kB", copied: true, python: true,
		site: []string{"-pages", "40000", "-body-bytes", "1800"}, run: run{streams: []string{"pages"}},
	},
	{
		name: "pages-markdown", title: "the same pages, bodies of 1.8 kB as Markdown",
		site: []string{"-pages", "40000", "-body-bytes", "1800"},
		run:  run{streams: []string{"pages"}, settings: map[string]any{"body_format": "markdown"}},
	},
	{
		name: "attachments", title: "100,000 attachments, rows of 0.65 kB", copied: true, python: true,
		site: []string{"-pages", "1000", "-attachments", "100000", "-short-attachments"}, run: run{streams: []string{"attachments"}},
	},
	{
		name: "attachments-real", title: "100,000 attachments, rows of 0.93 kB as recorded from a real site",
		site: []string{"-pages", "1000", "-attachments", "100000"}, run: run{streams: []string{"attachments"}},
	},
	{
		name: "pages-tls", title: "40,000 pages over TLS, gzipped, as a real site sends them", python: true, tls: true,
		site: []string{"-pages", "40000", "-body-bytes", "1800", "-gzip"}, run: run{streams: []string{"pages"}},
	},
	{
		name: "attachments-tls", title: "100,000 attachments of 0.65 kB over TLS, gzipped", tls: true,
		site: []string{"-pages", "1000", "-attachments", "100000", "-short-attachments", "-gzip"}, run: run{streams: []string{"attachments"}},
	},
	{
		name: "labels", title: "child requests: the labels of 25,000 pages, one request a page", requests: true, python: true,
		site: []string{"-pages", "25000"}, run: run{streams: []string{"page_labels"}, plain: true},
	},
	{
		name: "combined", title: "child requests: labels, properties and versions of 25,000 pages by combined reads", requests: true,
		site: []string{"-pages", "25000"},
		run:  run{streams: []string{"page_labels", "page_content_properties", "page_versions"}},
	},
	{
		name: "five", title: "five streams: 10,000 pages, 10,000 attachments, 2,000 posts, 2,000 tasks, 100 spaces", python: true, cdk: true, rounds: 3,
		site: []string{"-pages", "10000", "-attachments", "10000", "-blog-posts", "2000", "-tasks", "2000", "-spaces", "100", "-body-bytes", "1800"},
		run:  run{streams: fiveStreams},
	},
}

// The places of programs in a comparison.
const (
	theFloor = iota
	theSinger
	theAirbyte
	theJSON
	theOrjson
	theCDK
)

// compare runs all scenarios.
func (b *bench) compare(ctx context.Context) error {
	if _, err := os.Stat(pythonProgram); b.python && err != nil {
		return errors.New("the Python baselines are not installed: run bench/environments.sh, or leave them out with -python=false")
	}
	for _, s := range scenarios {
		if b.only != nil && !slices.Contains(b.only, s.name) {
			continue
		}
		if err := b.scenario(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// scenario runs one scenario, and adds its table and goals to the report.
func (b *bench) scenario(ctx context.Context, s scenario) error {
	args := s.site
	ca := ""
	if s.tls {
		ca = b.path("ca.pem")
		args = append(slices.Clip(args), "-tls", ca)
		s.run.settings = map[string]any{"ca_file": ca}
	}
	site, err := startSite(ctx, args...)
	if err != nil {
		return err
	}
	defer site.close()
	programs, units, err := b.programs(ctx, s, site, ca)
	if err != nil {
		return err
	}
	rounds := b.rounds
	if s.rounds > 0 {
		rounds = min(rounds, s.rounds)
	}
	samples, err := b.round(ctx, s.name, rounds, programs)
	if err != nil {
		return err
	}
	b.compared(s, programs, units, samples)
	return nil
}

// programs makes the programs of a scenario, the floor first. To do so it runs the tap once:
// that shows which requests there are, how many rows, and makes the site's answers.
func (b *bench) programs(ctx context.Context, s scenario, site *site, ca string) (programs []program, units int, err error) {
	singer, err := b.tap("tap, Singer", site.url, s.run)
	if err != nil {
		return nil, 0, err
	}
	s.run.airbyte = true
	airbyte, err := b.tap("tap, Airbyte", site.url, s.run)
	if err != nil {
		return nil, 0, err
	}
	b.say("%s: %s", s.name, s.title)
	if _, err := site.recorded(ctx, ca); err != nil {
		return nil, 0, err
	}
	first, err := measure(ctx, singer)
	if err != nil {
		return nil, 0, err
	}
	paths, err := site.recorded(ctx, ca)
	if err != nil {
		return nil, 0, err
	}
	if first.Records == 0 {
		return nil, 0, errors.New("the tap gave no records")
	}
	floor := program{
		name: "floor: net/http, bodies thrown away", records: -1, in: []byte(strings.Join(paths, "\n")),
		argv: []string{floorProgram, "-ca", ca, "-workers", "1", site.url},
	}
	units = first.Records
	if s.requests {
		units, floor.argv[4] = len(paths), strconv.Itoa(defaultWorkers)
	}
	programs = []program{floor, singer, airbyte}
	for i := theSinger; i < len(programs); i++ {
		programs[i].records = first.Records
	}
	if s.python && b.python {
		for _, parser := range []string{"json", "orjson"} {
			programs = append(programs, program{
				name: "Python, requests + " + parser, records: first.Records, env: []string{"REQUESTS_CA_BUNDLE=" + ca},
				argv: append([]string{pythonProgram, "bench/baseline.py", parser, site.url}, s.run.streams...),
			})
		}
	}
	if s.cdk && b.python {
		cdk, err := b.cdk(site.url, s.run.streams)
		cdk.records = first.Records
		if err != nil {
			return nil, 0, err
		}
		programs = append(programs, cdk)
	}
	if b.before != "" {
		before := singer
		before.name, before.records = "tap before, Singer", first.Records
		before.argv = append([]string{b.before}, singer.argv[1:]...)
		programs = append(programs, before)
	}
	if s.copied {
		floor.name, floor.argv = "floor, bodies copied to stdout", slices.Insert(slices.Clone(floor.argv), 1, "-copy")
		programs = append(programs, floor)
	}
	return programs, units, nil
}

// defaultWorkers is how many requests the tap has under way by default, and the floor with it.
const defaultWorkers = 5

// shown is the order in which a scenario's programs are shown: the second floor, which was
// run last, stands by the first.
func shown(s scenario, n int) []int {
	var order []int
	for i := range n {
		order = append(order, i)
	}
	if s.copied {
		order = slices.Insert(order[:n-1], 1, n-1)
	}
	return order
}

// compared adds a scenario's table and goals to the report.
func (b *bench) compared(s scenario, programs []program, units int, samples [][]sample) {
	unit := "row"
	if s.requests {
		unit = "request"
	}
	var rows [][]string
	for _, i := range shown(s, len(programs)) {
		p, all := programs[i], samples[i]
		perUnit := each(all, func(s sample) float64 { return float64(s.CPU.Microseconds()) / float64(units) })
		rate := each(all, func(s sample) float64 { return float64(units) / s.Wall.Seconds() })
		memory := each(all, func(s sample) float64 { return float64(s.Resident) / 1e6 })
		rows = append(rows, []string{
			p.name, perUnit.String(), ratio(all, samples[theFloor]).String(), count(int(rate.Median)), figure(memory.Median),
		})
	}
	b.report.section("compare-"+s.name, fmt.Sprintf("**%s** (%s %ss, %d rounds)\n\n", s.title, count(units), unit, len(samples[0]))+
		table([]string{"program", "CPU, µs/" + unit, "× floor", unit + "s/s", "MB resident"}, rows))
	for _, t := range []struct {
		name string
		at   int
	}{{"Singer", theSinger}, {"Airbyte", theAirbyte}} {
		over := ratio(samples[t.at], samples[theFloor]).Median
		switch s.name {
		case "pages":
			b.report.atMost("pages, "+t.name+": × floor", over, 6)
		case "attachments":
			b.report.atMost("attachments, "+t.name+": × floor", over, 4)
		case "labels":
			b.report.atMost("child requests ("+s.name+"), "+t.name+": × a bare GET", over, 1.5)
		case "combined":
			b.report.atMost("child requests ("+s.name+"), "+t.name+": × a bare GET", over, 2)
		}
		if s.python && !s.tls && b.python {
			b.report.atLeast(s.name+", "+t.name+": times less CPU than Python requests + json", ratio(samples[theJSON], samples[t.at]).Median, 6)
		}
		if s.cdk && b.python {
			b.report.atLeast(s.name+", "+t.name+": times less CPU than Airbyte's CDK", ratio(samples[theCDK], samples[t.at]).Median, 30)
		}
	}
}

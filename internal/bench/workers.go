package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// workerSteps are the numbers of requests under way that are tried.
var workerSteps = []int{1, 2, 5, 10, 20}

// workers measures how the throughput goes with the requests under way, without a limit of
// the rate: on a site that answers at once, and on one that takes a moment.
func (b *bench) workers(ctx context.Context) error {
	if err := b.workersAt(ctx, 0, 5000); err != nil {
		return err
	}
	if err := b.workersAt(ctx, slowSite, 1000); err != nil {
		return err
	}
	return b.locks(ctx)
}

// slowSite is how long a site takes to answer that takes a moment.
const slowSite = 20 * time.Millisecond

func workersSection(latency time.Duration) string { return "workers-" + latency.String() }

// childRun reads the children of pages by combined reads, with some workers.
func childRun(n int) run {
	return run{
		streams:  []string{"page_labels", "page_content_properties", "page_versions"},
		settings: map[string]any{"concurrency": n},
	}
}

func (b *bench) workersAt(ctx context.Context, latency time.Duration, pages int) error {
	site, err := startSite(ctx, "-pages", strconv.Itoa(pages), "-latency", latency.String())
	if err != nil {
		return err
	}
	defer site.close()
	var programs []program
	for _, n := range workerSteps {
		p, err := b.sub(strconv.Itoa(n)).tap(strconv.Itoa(n)+" workers", site.url, childRun(n))
		if err != nil {
			return err
		}
		p.records, p.beside = -1, []int{site.cmd.Process.Pid, os.Getpid()}
		programs = append(programs, p)
	}
	if _, err := measure(ctx, programs[len(programs)-1]); err != nil { // the site makes its answers
		return err
	}
	samples, err := b.round(ctx, "workers", min(b.rounds, 3), programs)
	if err != nil {
		return err
	}
	var rows [][]string
	var rates, busy []float64
	for i, p := range programs {
		rate := each(samples[i], func(s sample) float64 { return float64(s.Records) / s.Wall.Seconds() })
		share := each(samples[i], func(s sample) float64 {
			return 100 * (s.CPU + s.Beside).Seconds() / s.Wall.Seconds() / float64(runtime.NumCPU())
		})
		cpu := each(samples[i], func(s sample) float64 { return float64(s.CPU.Microseconds()) / float64(s.Records) })
		rates, busy = append(rates, rate.Median), append(busy, share.Median)
		rows = append(rows, []string{p.name, count(int(rate.Median)), cpu.String(), figure(share.Median) + "%"})
	}
	name := fmt.Sprintf("a site that answers after %d ms", latency.Milliseconds())
	if latency == 0 {
		name = "a site that answers at once"
	}
	b.report.section(workersSection(latency), table([]string{name, "rows/s", "CPU, µs/row", "both cores busy"}, rows))
	last := len(rates) - 1
	if latency == 0 {
		b.report.atLeast("20 workers, fast site: % of both cores busy", busy[last], 85)
		return nil
	}
	b.report.atLeast("20 workers in place of 1, 20 ms: × rows per second", rates[last]/rates[0], 10)
	return nil
}

// total is pprof's line that says how much a profile holds.
var total = regexp.MustCompile(`of ([0-9.]+)(ns|us|µs|ms|s|mins) total`)

// locks tells how long workers wait for locks, from a mutex profile with 20 workers.
func (b *bench) locks(ctx context.Context) error {
	const workers = 20
	site, err := startSite(ctx, "-pages", "5000")
	if err != nil {
		return err
	}
	defer site.close()
	r := childRun(workers)
	r.binary = profiledProgram
	p, err := b.sub("locks").tap("20 workers, profiled", site.url, r)
	if err != nil {
		return err
	}
	p.records, p.env = -1, []string{"PROFILES=" + b.dir}
	if _, err := measure(ctx, p); err != nil {
		return err
	}
	samples, err := b.round(ctx, "locks", 1, []program{p})
	if err != nil {
		return err
	}
	top, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-cum", "-nodecount=400", //nolint:gosec // of our own
		profiledProgram, filepath.Join(b.dir, "mutex")).Output()
	if err != nil {
		return fmt.Errorf("reading the mutex profile: %w", err)
	}
	m := total.FindStringSubmatch(string(top))
	if m == nil {
		return fmt.Errorf("pprof says no total: %.300s", top)
	}
	waited, err := time.ParseDuration(strings.Replace(m[1]+m[2], "mins", "m", 1))
	if err != nil {
		return err
	}
	share := 100 * waited.Seconds() / samples[0][0].Wall.Seconds() / workers
	b.report.atMost("20 workers: % of their time waiting for locks", share, 5)
	var own []string
	for line := range strings.Lines(string(top)) {
		if strings.Contains(line, "tap-confluence/tap/") && len(own) < 4 {
			fields := strings.Fields(line)
			function := fields[5][strings.LastIndex(fields[5], "/")+1:]
			own = append(own, fmt.Sprintf("`%s` %s", function, fields[3]))
		}
	}
	b.report.section("locks", fmt.Sprintf("With 20 workers and no limit, a sync of %.2f s waits %s for locks in all of them together, %s%% of their time: %s.\n",
		samples[0][0].Wall.Seconds(), waited, figure(share), strings.Join(own, ", ")))
	return nil
}

package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
)

// siteSizes are the numbers of items of the sites whose cost per row must be the same. An
// empty one tells what starting costs.
var siteSizes = []int{0, 10_000, 30_000, 100_000, 300_000, 1_000_000}

// sized is a stream whose cost is measured over the site's size.
type sized struct {
	stream   string
	site     func(n int) []string
	resident float64 // the most memory that a million may take, in MB
}

var sizedStreams = []sized{
	{"pages", func(n int) []string { return []string{"-pages", strconv.Itoa(n)} }, 64},
	{"attachments", func(n int) []string {
		return []string{"-pages", "1000", "-attachments", strconv.Itoa(n), "-short-attachments"}
	}, 96},
}

// measured is what a sync of one size took.
type measured struct {
	Items, Rows   int    // of the site, and of those what the tap gave
	CPU, Resident spread // µs a row without the start, MB
}

// sizes measures how CPU and memory go with the site's size. Answers are made while they are
// asked for, since a million pages are 3 GB: only the tap's CPU counts.
func (b *bench) sizes(ctx context.Context) error {
	for _, s := range sizedStreams {
		if err := b.size(ctx, s); err != nil {
			return err
		}
	}
	return b.bodies(ctx)
}

func (b *bench) size(ctx context.Context, s sized) error {
	var programs []program
	for _, n := range siteSizes {
		site, err := startSite(ctx, append(s.site(n), "-cache", "0")...)
		if err != nil {
			return err
		}
		defer site.close()
		p, err := b.sub(strconv.Itoa(n)).tap(count(n)+" "+s.stream, site.url, run{streams: []string{s.stream}})
		if err != nil {
			return err
		}
		p.records = -1
		programs = append(programs, p)
	}
	samples, err := b.round(ctx, "sizes", min(b.rounds, 3), programs)
	if err != nil {
		return err
	}
	start := each(samples[0], func(s sample) float64 { return s.CPU.Seconds() }).Median
	var rows [][]string
	var points []measured
	for i, all := range samples[1:] {
		if all[0].Records == 0 {
			return fmt.Errorf("%s gave no records", programs[i+1].name)
		}
		m := measured{
			Items:    siteSizes[i+1],
			Rows:     all[0].Records,
			CPU:      each(all, func(s sample) float64 { return (s.CPU.Seconds() - start) * 1e6 / float64(s.Records) }),
			Resident: each(all, func(s sample) float64 { return float64(s.Resident) / 1e6 }),
		}
		wall := each(all, func(s sample) float64 { return s.Wall.Seconds() })
		points = append(points, m)
		rows = append(rows, []string{count(m.Rows), m.CPU.String(), m.Resident.String(), figure(wall.Median)})
	}
	b.report.Curves = append(b.report.Curves, curve{Name: s.stream, Points: points})
	b.report.section("sizes-"+s.stream, table([]string{s.stream, "CPU, µs/row", "MB resident", "seconds"}, rows))
	first, last := points[0], points[len(points)-1]
	b.report.atMost(s.stream+": change of the CPU per row from the smallest to a million, %", math.Abs(last.CPU.Median/first.CPU.Median-1)*100, 10)
	b.report.atMost(s.stream+": bytes more resident per item", max(0, (last.Resident.Median-first.Resident.Median)*1e6/float64(last.Rows-first.Rows)), 16)
	b.report.atMost("a million "+s.stream+": MB resident", last.Resident.Median, s.resident)
	return nil
}

// bodies measures memory with large bodies.
func (b *bench) bodies(ctx context.Context) error {
	var programs []program
	all := []struct {
		bytes, pages int
		most         float64
	}{{2_000, 100_000, 64}, {20_000, 10_000, 0}, {200_000, 2_000, 200}}
	for _, s := range all {
		site, err := startSite(ctx, "-pages", strconv.Itoa(s.pages), "-body-bytes", strconv.Itoa(s.bytes), "-cache", "0")
		if err != nil {
			return err
		}
		defer site.close()
		p, err := b.sub(strconv.Itoa(s.bytes)).tap(count(s.bytes/1000)+" kB", site.url, run{streams: []string{"pages"}})
		if err != nil {
			return err
		}
		p.records = -1
		programs = append(programs, p)
	}
	samples, err := b.round(ctx, "bodies", min(b.rounds, 3), programs)
	if err != nil {
		return err
	}
	var rows [][]string
	for i, s := range all {
		resident := each(samples[i], func(s sample) float64 { return float64(s.Resident) / 1e6 })
		rate := each(samples[i], func(s sample) float64 { return float64(s.Output) / 1e6 / s.CPU.Seconds() })
		rows = append(rows, []string{programs[i].name, count(s.pages), resident.String(), rate.String()})
		if s.most > 0 {
			b.report.atMost("bodies of "+programs[i].name+", 250 a page: MB resident", resident.Max, s.most)
		}
	}
	b.report.section("bodies", table([]string{"bodies of", "pages", "MB resident", "MB a second of CPU"}, rows))
	return nil
}

package main

import (
	"context"
	"os"
)

// startup measures how long the tap takes to answer what needs no site, and its size.
func (b *bench) startup(ctx context.Context) error {
	programs := []program{
		{name: "floor without a request", argv: []string{floorProgram, "http://127.0.0.1:1"}, records: -1},
		{name: "--version", argv: []string{tapProgram, "--version"}, records: -1},
		{name: "--help", argv: []string{tapProgram, "--help"}, records: -1},
		{name: "spec", argv: []string{tapProgram, "spec"}, records: -1},
		{name: "--discover", argv: []string{tapProgram, "--config", b.path("none.json"), "--discover"}, records: -1},
	}
	if _, err := b.write("none.json", settings("http://127.0.0.1:1", nil)); err != nil {
		return err
	}
	samples, err := b.round(ctx, "startup", 3*b.rounds, programs)
	if err != nil {
		return err
	}
	var rows [][]string
	for i, p := range programs {
		wall := each(samples[i], func(s sample) float64 { return s.Wall.Seconds() * 1e3 })
		cpu := each(samples[i], func(s sample) float64 { return s.CPU.Seconds() * 1e3 })
		rows = append(rows, []string{"`" + p.name + "`", wall.String(), cpu.String()})
		switch {
		case i == 0:
		case p.name == "--discover":
			b.report.atMost("`--discover`, ms", wall.Median, 30)
		default:
			b.report.atMost("`"+p.name+"`, ms", wall.Median, 20)
		}
	}
	info, err := os.Stat(tapProgram)
	if err != nil {
		return err
	}
	b.report.atMost("binary, stripped, MB", float64(info.Size())/1e6, 12)
	b.report.section("startup", table([]string{"start-up", "ms", "ms of CPU"}, rows))
	return nil
}

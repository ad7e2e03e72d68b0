package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/tap-confluence/tap-confluence/internal/autorate/ratesites"
)

// How the control loop of auto_rate is tried: from the default rate on, with the default number
// of requests at once.
const (
	rateStart, rateSlots = 5, 20
	rateSteps            = 200 // points of a curve
)

// rateChart is one chart of the picture of rates: the simulated sites on it.
type rateChart struct {
	title string
	sites []string
}

// rateCharts are the charts of the picture.
var rateCharts = []rateChart{
	{"Constant limits", []string{"10 a second", "20 a second", "50 a second"}},
	{"Buckets, and a site that grows slower", []string{"bucket of 200, 15 a second", "bucket of 2,000, 20 a second", "only grows slower, 50 a second"}},
	{"A limit that changes by the hour", []string{"another limit every hour"}},
	{"A limit shared with others", []string{"shared with others"}},
}

// rates tries the control loop of auto_rate on simulated sites, in virtual time. It takes no
// part in any other measurement: the loop is the tap's own, the sites' clocks are not.
func (b *bench) rates(context.Context) error {
	b.say("rates: auto_rate on %d simulated sites", len(ratesites.All()))
	runs := map[string]ratesites.Run{}
	var rows [][]string
	for _, s := range ratesites.All() {
		run := ratesites.Try(s.Make(), rateStart, rateSlots, s.Length, s.Length/rateSteps)
		runs[s.Name] = run
		refused := 100 * float64(run.Refused) / float64(run.Requests)
		used := "–"
		if s.Used > 0 {
			used = figure(100*run.Used) + "%"
		}
		rows = append(rows, []string{
			s.Name, fmt.Sprintf("%.0f min", s.Length.Minutes()), count(run.Requests), used,
			fmt.Sprintf("%.2f%%", refused), figure(run.Found), strconv.Itoa(run.Early),
		})
		if s.Goal {
			b.report.atLeast("auto_rate, "+s.Name+": % used of what is allowed", 100*run.Used, 90)
			b.report.atMost("auto_rate, "+s.Name+": % refused", refused, 1)
		}
	}
	b.report.section("rates", table([]string{
		"site", "length", "requests", "used of what is allowed, after two minutes", "refused (429)", "found, a second", "before a Retry-After was over",
	}, rows))
	for _, c := range rateCharts {
		b.report.rates = append(b.report.rates, c.chart(runs))
	}
	return nil
}

// chart draws what was served over time, and what was allowed where there is one site only.
func (c rateChart) chart(runs map[string]ratesites.Run) chart {
	drawn := chart{title: c.title, x: "minutes", y: "requests a second"}
	for _, name := range c.sites {
		served, allowed := line{name: name}, line{name: "allowed"}
		for p := range slices.Values(runs[name].Curve) {
			served.xy = append(served.xy, [2]float64{p.At.Minutes(), p.Served})
			allowed.xy = append(allowed.xy, [2]float64{p.At.Minutes(), p.Allowed})
		}
		if len(c.sites) == 1 {
			served.name = "served"
			drawn.lines = append(drawn.lines, allowed)
		}
		drawn.lines = append(drawn.lines, served)
	}
	return drawn
}

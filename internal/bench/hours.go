package main

import (
	"context"
	"strconv"
)

// hourSizes are the sites in the table of hours. A figure that is not counted is ten times
// that of the size before it.
var hourSizes = []struct {
	pages      int
	plain, tap bool // counted
}{{1000, true, true}, {10_000, true, true}, {100_000, false, true}, {1_000_000, false, false}}

// requests counts the requests of several kinds of sync by route.
func (b *bench) requests(ctx context.Context) error {
	b.say("requests: several syncs of 10,000 pages")
	text, err := requestsByRoute(ctx, 10_000, 1)
	b.report.section("requests", text)
	return err
}

// hours tells how long syncs of sites take at the rate that is kept by default, and first
// ones at higher rates. Requests are
// counted without waiting for it.
func (b *bench) hours(ctx context.Context) error {
	var rows, rates [][]string
	var before [4]int // the requests of the size before: as columns
	for _, s := range hourSizes {
		now := before
		for i := range now {
			now[i] *= 10
		}
		kinds := []kind{
			{name: "first", incremental: true},
			{name: "daily, all streams", incremental: true, state: same, before: edited(s.pages)},
			{name: "daily, incremental streams", streams: withIncremental(), incremental: true, state: same, before: edited(s.pages)},
			{name: "one request per parent", state: noShortcuts},
		}
		if !s.plain {
			kinds = kinds[:3]
		}
		if s.tap {
			counts, err := countRequests(ctx, scaledSite(1, s.pages), kinds, func(name string) {
				b.say("hours: %s pages: %s", count(s.pages), name)
			})
			if err != nil {
				return err
			}
			for i, routes := range counts {
				now[i] = 0
				for _, n := range routes {
					now[i] += n
				}
			}
		}
		before = now
		rows = append(rows, []string{
			count(s.pages), told(now[0], s.tap, 5), told(now[3], s.plain, 5), told(now[1], s.tap, 5), told(now[2], s.tap, 5),
		})
		rates = append(rates, []string{count(s.pages), told(now[0], s.tap, 5), told(now[0], s.tap, 20), told(now[0], s.tap, 50)})
	}
	b.report.section("hours", table([]string{
		"pages", "first sync", "first, one request per parent", "daily, all streams", "daily, the incremental streams",
	}, rows))
	b.report.section("hours-rates", table([]string{"pages", "5 a second", "20 a second", "50 a second"}, rates))
	return nil
}

// told prints requests and the hours that they take at so many a second.
func told(requests int, counted bool, perSecond float64) string {
	about := ""
	if !counted {
		about = "≈ "
	}
	hours := float64(requests) / perSecond / 3600
	text := figure(hours) + " h"
	if hours < 1 {
		text = strconv.FormatFloat(hours*60, 'f', 1, 64) + " min"
	}
	return about + text + " (" + count(requests) + ")"
}

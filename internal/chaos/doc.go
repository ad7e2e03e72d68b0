// Package chaos checks the whole program against the history of a site: random sites, settings,
// selections and protocols; chains of runs between and during which the site changes; runs that
// are killed at any byte and any request; and clients that keep states as clients do, old ones
// and merged ones among them. What a run owes that says it is complete is worked out from what
// was on the site at which time, and compared with what was written.
//
// The program is known by its command line, its output and its exit status alone: states are
// JSON that is passed on, merged and swapped, and never read.
//
// A plain go test runs some hundred trials; make chaos runs for an hour. A trial follows from
// its seed, as far as the order in which goroutines run does not matter:
//
//	go test ./internal/chaos -run TestChaos -chaos.time 10m
//	go test ./internal/chaos -run TestChaos -chaos.seed 4711
package chaos

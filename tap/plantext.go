package tap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/plan"
)

// planText writes a price for people: the total, the costliest streams, and a table.
func planText(price plan.Price, perSecond float64) string {
	var b strings.Builder
	b.WriteString(total(price, perSecond) + "\n")
	if c := costliest(price); c.requests > price.Requests/4 {
		b.WriteString(c.sentence(price, perSecond) + "\n")
	}
	if !slices.ContainsFunc(price.Walks, func(w plan.WalkPrice) bool { return w.Incremental }) {
		b.WriteString("Later runs are short with --incremental, which reads only what changed.\n")
	}
	if price.Requests > 1000 {
		b.WriteString("Fewer spaces take less (space_keys), a higher rate takes less time (requests_per_second, auto_rate).\n")
	}
	for _, u := range price.Unknown {
		b.WriteString("Not known: " + u + ".\n")
	}
	fmt.Fprintf(&b, "\n%-32s %10s %12s\n", "", "requests", "rows")
	for _, w := range price.Walks {
		mode := "in full"
		if w.Incremental {
			mode = "changes only"
		}
		fmt.Fprintf(&b, "%-32s %10s %12s   %s\n", w.Listing+", "+mode, thousands(w.Pages+w.Audits), "", listWords(w))
		for _, s := range w.Streams {
			line := fmt.Sprintf("  %-30s %10s %12s   %s", s.Name, thousands(s.Requests), thousands(s.Rows), s.Words)
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	fmt.Fprintf(&b, "%-32s %10s %12s\n", "in all", thousands(price.Requests), thousands(price.Rows))
	return b.String()
}

// total says how long a sync takes at a rate, and how much it reads. Without a rate only the site
// knows how long.
func total(price plan.Price, perSecond float64) string {
	what := number(price.Requests, "request") + " for " + number(price.Rows, "row")
	if perSecond == 0 {
		return "About " + what + "."
	}
	return fmt.Sprintf("About %s at %g requests a second: %s.", duration(float64(price.Requests)/perSecond), perSecond, what)
}

// cost is the price of the streams of one listing together, without the listing's own requests.
type cost struct {
	walk     plan.WalkPrice
	names    []string
	requests int
}

// costliest finds the listing whose streams cost most.
func costliest(price plan.Price) cost {
	var most cost
	for _, w := range price.Walks {
		c := cost{walk: w}
		for _, s := range w.Streams {
			if s.Requests > 0 {
				c.names, c.requests = append(c.names, s.Name), c.requests+s.Requests
			}
		}
		if c.requests > most.requests {
			most = c
		}
	}
	return most
}

// sentence says what the streams are, and how long the sync takes without them.
func (c cost) sentence(price plan.Price, perSecond float64) string {
	share := "Of them, " + thousands(c.requests)
	if c.requests > price.Requests/2 {
		share = "Most of them, " + thousands(c.requests) + ","
	}
	pattern, things := c.group(price)
	text := fmt.Sprintf("%s are for %s of %s %s", share, things, thousands(c.walk.Items), c.walk.Listing)
	rest := price.Requests - c.requests
	if rest == 0 {
		return text + "."
	}
	if perSecond == 0 {
		return fmt.Sprintf("%s; without %s it is %s.", text, pattern, number(rest, "request"))
	}
	return fmt.Sprintf("%s; without %s it takes %s.", text, pattern, duration(float64(rest)/perSecond))
}

// group returns a pattern that names the streams and no other of the plan, or their names; and
// what they hold of an item.
func (c cost) group(price plan.Price) (pattern, things string) {
	prefix := c.names[0][:strings.IndexByte(c.names[0]+"_", '_')]
	var words []string
	for _, name := range c.names {
		for !strings.HasPrefix(name, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	for _, name := range c.names {
		words = append(words, strings.ReplaceAll(strings.Trim(strings.TrimPrefix(name, prefix), "_"), "_", " "))
	}
	things = and(words)
	others := func(w plan.WalkPrice) bool {
		return slices.ContainsFunc(w.Streams, func(s plan.StreamPrice) bool {
			return strings.HasPrefix(s.Name, prefix+"_") && !slices.Contains(c.names, s.Name)
		})
	}
	if len(c.names) == 1 || prefix == "" || slices.ContainsFunc(price.Walks, others) {
		return and(c.names), things
	}
	return prefix + "_*", things
}

// and lists words as in a sentence.
func and(words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " and " + words[n]
	}
	return words[0]
}

// listWords describes a listing's own requests.
func listWords(w plan.WalkPrice) string {
	if w.Audits == 0 {
		return "the list"
	}
	return fmt.Sprintf("the list, and %s to check shortcuts", thousands(w.Audits))
}

// thousands writes a number with commas.
func thousands[N int | int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// number writes how many things there are.
func number[N int | int64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return thousands(n) + " " + thing
}

// duration writes an estimate of a time: 2 h 40 min.
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= time.Hour:
		d = d.Round(10 * time.Minute)
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute), " 0 min")
	case d >= 2*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f s", max(1, d.Seconds()))
}

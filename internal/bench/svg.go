package main

import (
	"fmt"
	"math"
	"os"
	"strings"
)

// line is a line of a chart.
type line struct {
	name string
	xy   [][2]float64
}

// chart is a picture with two axes that begin at zero, or a logarithmic x axis.
type chart struct {
	title, x, y string
	log         bool
	lines       []line
}

// The size of one chart and of its margins, in the picture's units.
const (
	chartWidth, chartHeight       = 320.0, 300.0
	left, right, top, bottomSpace = 52.0, 14.0, 64.0, 44.0
)

var colours = [...]string{"#1f6feb", "#d1571f", "#2e7d32"}

// picture writes the charts side by side as SVG.
func picture(charts []chart) string {
	var b strings.Builder
	width := chartWidth * float64(len(charts))
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="11">`+"\n", width, chartHeight)
	fmt.Fprintf(&b, `<rect width="%g" height="%g" fill="#ffffff"/>`+"\n", width, chartHeight)
	for i, c := range charts {
		fmt.Fprintf(&b, `<g transform="translate(%g 0)">`+"\n", float64(i)*chartWidth)
		c.draw(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw writes one chart.
func (c chart) draw(b *strings.Builder) {
	x0, x1, y1 := c.bounds()
	px := func(x float64) float64 {
		if c.log {
			x, x0, x1 := math.Log10(x), math.Log10(x0), math.Log10(x1)
			return left + (x-x0)/(x1-x0)*(chartWidth-left-right)
		}
		return left + (x-x0)/(x1-x0)*(chartWidth-left-right)
	}
	py := func(y float64) float64 { return chartHeight - bottomSpace - y/y1*(chartHeight-top-bottomSpace) }
	fmt.Fprintf(b, `<text x="%g" y="18" font-size="13" font-weight="bold">%s</text>`+"\n", left-30, c.title)
	for i := range 5 {
		y := y1 * float64(i) / 4
		fmt.Fprintf(b, `<line x1="%g" x2="%g" y1="%.1f" y2="%.1f" stroke="#d0d7de"/><text x="%g" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, chartWidth-right, py(y), py(y), left-5, py(y)+4, short(y))
	}
	for _, x := range c.ticks(x0, x1) {
		fmt.Fprintf(b, `<text x="%.1f" y="%g" text-anchor="middle">%s</text>`+"\n", px(x), chartHeight-bottomSpace+16, short(x))
	}
	fmt.Fprintf(b, `<text x="%g" y="%g" text-anchor="middle">%s</text>`+"\n", (left+chartWidth-right)/2, chartHeight-8, c.x)
	fmt.Fprintf(b, `<text x="%g" y="%g">%s</text>`+"\n", left-30, top-12, c.y)
	for i, l := range c.lines {
		var points []string
		for _, p := range l.xy {
			points = append(points, fmt.Sprintf("%.1f,%.1f", px(p[0]), py(p[1])))
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colours[i])
		fmt.Fprintf(b, `<text x="%g" y="%g" fill="%s" text-anchor="end">%s</text>`+"\n", chartWidth-right, 34+13*float64(i), colours[i], l.name)
	}
}

// bounds returns the ends of the axes: a round number above the greatest y.
func (c chart) bounds() (x0, x1, y1 float64) {
	x0 = math.Inf(1)
	for _, l := range c.lines {
		for _, p := range l.xy {
			x0, x1, y1 = min(x0, p[0]), max(x1, p[0]), max(y1, p[1])
		}
	}
	if !c.log {
		x0 = 0
	}
	step := math.Pow(10, math.Floor(math.Log10(y1)))
	for _, times := range []float64{1, 2, 4, 6, 8, 10} {
		if step*times >= y1 {
			return x0, x1, step * times
		}
	}
	return x0, x1, y1
}

// ticks are the places of the x axis that are named.
func (c chart) ticks(x0, x1 float64) []float64 {
	var at []float64
	if !c.log {
		step := math.Pow(10, math.Floor(math.Log10(x1)))
		if x1/step < 3 {
			step /= 2
		}
		for x := 0.0; x <= x1; x += step {
			at = append(at, x)
		}
		return at
	}
	for x := math.Pow(10, math.Ceil(math.Log10(x0))); x <= x1; x *= 10 {
		at = append(at, x)
	}
	return at
}

// short prints an axis's figure.
func short(v float64) string {
	switch {
	case v >= 950_000:
		return fmt.Sprintf("%.3gM", v/1e6)
	case v >= 9_000:
		return fmt.Sprintf("%.0fk", v/1e3)
	}
	return fmt.Sprintf("%.4g", v)
}

// draw writes the report's pictures into files whose names begin so, if what they show was
// measured.
func (r *report) draw(name string) error {
	if len(r.rates) > 0 {
		if err := os.WriteFile(name+"-rates.svg", []byte(picture(r.rates)), 0o600); err != nil {
			return err
		}
	}
	if len(r.Curves) == 0 || len(r.Rows) == 0 {
		return nil
	}
	cpu := chart{title: "CPU over the size of the site", x: "pages or attachments of the site", y: "µs a row", log: true}
	memory := chart{title: "Memory over the size of the site", x: "pages or attachments of the site", y: "MB resident", log: true}
	for _, c := range r.Curves {
		a, b := line{name: c.Name}, line{name: c.Name}
		for _, p := range c.Points {
			a.xy = append(a.xy, [2]float64{float64(p.Items), p.CPU.Median})
			b.xy = append(b.xy, [2]float64{float64(p.Items), p.Resident.Median})
		}
		cpu.lines, memory.lines = append(cpu.lines, a), append(memory.lines, b)
	}
	rows := chart{title: "Rows at 5 requests a second", x: "seconds", y: "rows"}
	for _, p := range r.Rows {
		l := line{name: p.Name}
		for _, at := range p.Points {
			l.xy = append(l.xy, [2]float64{at.After.Seconds(), float64(at.Records)})
		}
		rows.lines = append(rows.lines, l)
	}
	return os.WriteFile(name+".svg", []byte(picture([]chart{cpu, memory, rows})), 0o600)
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is what a run of the benchmark found.
type report struct {
	Machine  string
	Curves   []curve
	Rows     []progress
	Sections []section
	Goals    []goal
	rates    []chart
}

// The sections that are about a whole run.
const (
	machineSection = "machine"
	goalsSection   = "goals"
)

// section is a piece of Markdown that stands between markers in the document.
type section struct{ Name, Text string }

// curve is a stream's cost over the size of the site.
type curve struct {
	Name   string
	Points []measured
}

// goal is one aim of the project, and how it was met.
type goal struct {
	Name      string
	Got, Want float64
	AtLeast   bool // else at most
	Unit      string
}

func (g goal) met() bool {
	if g.AtLeast {
		return g.Got >= g.Want
	}
	return g.Got <= g.Want
}

func (r *report) section(name, text string) { r.Sections = append(r.Sections, section{name, text}) }

func (r *report) atMost(name string, got, want float64) {
	r.Goals = append(r.Goals, goal{Name: name, Got: got, Want: want})
}

func (r *report) atLeast(name string, got, want float64) {
	r.Goals = append(r.Goals, goal{Name: name, Got: got, Want: want, AtLeast: true})
}

// begin notes what is measured where.
func (r *report) begin(command string) {
	cpu := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, rest, _ := strings.Cut(string(text), "model name")
		name, _, _ := strings.Cut(strings.TrimLeft(rest, "\t :"), "\n")
		cpu = name
	}
	commit, err := exec.Command(tapProgram, "--version").Output() //nolint:noctx // it ends at once
	if err != nil {
		commit = []byte("unknown version")
	}
	r.Machine = fmt.Sprintf("`%s` on %s: %s, %d cores (%s), Linux, %s; load average %s at the beginning\n",
		command, time.Now().UTC().Format(time.DateOnly), strings.TrimSpace(string(commit)), runtime.NumCPU(), cpu, runtime.Version(), load())
}

// load is the machine's load average of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// end adds what can be told only when all is measured.
func (r *report) end() {
	r.section(machineSection, r.Machine)
	if len(r.Goals) == 0 {
		return
	}
	var rows [][]string
	for _, g := range r.Goals {
		sign, verdict := "≤ ", "met"
		if g.AtLeast {
			sign = "≥ "
		}
		if !g.met() {
			verdict = "**missed**"
		}
		rows = append(rows, []string{g.Name, sign + figure(g.Want), figure(g.Got), verdict})
	}
	r.section(goalsSection, table([]string{"goal", "wanted", "measured", ""}, rows))
}

// String prints the whole report.
func (r *report) String() string {
	var b strings.Builder
	for _, s := range r.Sections {
		b.WriteString("\n" + s.Text)
	}
	return b.String()
}

// drop takes sections out.
func (r *report) drop(names ...string) {
	r.Sections = slices.DeleteFunc(r.Sections, func(s section) bool { return slices.Contains(names, s.Name) })
}

// hasPlaces says what sections a document has no place for, before an hour is spent on them.
func hasPlaces(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	names := []string{
		machineSection, goalsSection, "startup", "bodies", "locks", "paced", "requests", "hours", "hours-rates", "rates", "inner",
		workersSection(0), workersSection(slowSite),
	}
	for _, s := range scenarios {
		names = append(names, "compare-"+s.name)
	}
	for _, s := range sizedStreams {
		names = append(names, "sizes-"+s.stream)
	}
	for _, name := range names {
		if !strings.Contains(string(text), "<!-- measured: "+name+" -->\n") {
			return fmt.Errorf("%s has no place for %s", file, name)
		}
	}
	return nil
}

// writeInto replaces what stands between the markers of this report's sections in a
// document. A section that has no place there is an error, so that none is lost.
func (r *report) writeInto(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	doc := string(text)
	for _, s := range r.Sections {
		begin, end := "<!-- measured: "+s.Name+" -->\n", "<!-- end: "+s.Name+" -->"
		before, rest, found := strings.Cut(doc, begin)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			return fmt.Errorf("%s has no place for %s: it needs the lines %q and %q", file, s.Name, strings.TrimSpace(begin), end)
		}
		doc = before + begin + s.Text + end + after
	}
	return os.WriteFile(file, []byte(doc), 0o600)
}

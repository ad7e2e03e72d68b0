package catalog

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/nearest"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Pick selects streams without a catalog: those that some pattern names, and none that a pattern
// behind an exclamation mark names. Patterns are names in which * stands for any text. Without
// patterns all streams are picked, or, if they are to be read incrementally, all that can be.
//
// Unfit are picked streams that can't be read incrementally, though that was asked for: they are
// read in full, or not at all where no pattern picked them.
//
// Errors name every pattern that matches nothing, with the nearest that would.
func Pick(patterns []string, incremental bool, opts ...Option) (selections []Selection, unfit []string, err error) {
	o := gather(opts)
	picked, err := o.pick(patterns)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range picked {
		if incremental && s.ReplicationKey == "" {
			unfit = append(unfit, s.Name)
			if len(patterns) == 0 {
				continue
			}
		}
		selection, err := selectStream(s, nil, o)
		if err != nil {
			return nil, nil, err
		}
		selection.Incremental = incremental && s.ReplicationKey != ""
		selections = append(selections, selection)
	}
	return selections, unfit, nil
}

// pick returns the streams that patterns pick, in the table's order.
func (o options) pick(patterns []string) ([]*stream.Stream, error) {
	var wanted, unwanted map[*stream.Stream]bool
	var errs []error
	for _, pattern := range patterns {
		rest, not := strings.CutPrefix(pattern, "!")
		into := &wanted
		if not {
			into = &unwanted
		}
		if *into == nil {
			*into = map[*stream.Stream]bool{}
		}
		matches, err := o.matching(rest)
		errs = append(errs, err)
		for _, s := range matches {
			(*into)[s] = true
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	picked := slices.DeleteFunc(o.offered(), func(s *stream.Stream) bool { return wanted != nil && !wanted[s] || unwanted[s] })
	if len(picked) == 0 {
		return nil, fmt.Errorf("%q picks no stream", strings.Join(patterns, ","))
	}
	return picked, nil
}

// matching returns the streams that a pattern names, at least one.
func (o options) matching(pattern string) ([]*stream.Stream, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("%q is no pattern: give names of streams, in which * stands for any text", pattern)
	}
	matches := slices.DeleteFunc(stream.Every(), func(s *stream.Stream) bool {
		match, _ := path.Match(pattern, s.Name)
		return !match
	})
	offered := slices.DeleteFunc(slices.Clone(matches), func(s *stream.Stream) bool { return !o.offers(s) })
	switch {
	case len(offered) > 0:
		return offered, nil
	case len(matches) > 0:
		return nil, &NotOfferedError{Names: namesOf(matches)}
	}
	if near := nearest.Name(pattern, patternsLike(pattern)); near != "" {
		return nil, fmt.Errorf("no stream is called %q, do you mean %q?", pattern, near)
	}
	return nil, fmt.Errorf("no stream is called %q; there are %s", pattern, strings.Join(namesOf(o.offered()), ", "))
}

// patternsLike lists what somebody may have meant by a pattern: names, or the first or the last
// words of names with a star for the rest.
func patternsLike(pattern string) []string {
	names := namesOf(stream.Every())
	if !strings.Contains(pattern, "*") {
		return names
	}
	var list []string
	for _, name := range names {
		for i, r := range name {
			if r == '_' {
				list = append(list, name[:i]+"_*", name[:i]+"*", "*_"+name[i+1:], "*"+name[i+1:])
			}
		}
	}
	return append(list, names...)
}

func namesOf(streams []*stream.Stream) []string {
	names := make([]string, len(streams))
	for i, s := range streams {
		names[i] = s.Name
	}
	return names
}

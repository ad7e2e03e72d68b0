package apifacts

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// CheckQuery says what is wrong with a request's query: parameters that the operation
// doesn't know, values of the wrong type, outside the enum or the range, too many values,
// none where one is required. All problems are joined, in the order of the names. Confluence
// itself ignores a name it doesn't know and answers with more rows than were meant.
func (o *Operation) CheckQuery(query url.Values) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(query)) {
		p := o.Param(name)
		if p == nil {
			problems = append(problems, fmt.Errorf("%s takes no parameter %q", o.Path, name))
			continue
		}
		if err := p.check(query[name]); err != nil {
			problems = append(problems, fmt.Errorf("%s, parameter %q: %w", o.Path, name, err))
		}
	}
	for _, p := range o.Params {
		if p.Required && query.Get(p.Name) == "" {
			problems = append(problems, fmt.Errorf("%s needs the parameter %q", o.Path, p.Name))
		}
	}
	return errors.Join(problems...)
}

// check checks a parameter's values. An array's may be given as several parameters, as one
// with commas, or as a mixture of both.
func (p *Param) check(given []string) error {
	if p.Type != "array" {
		if len(given) > 1 {
			return fmt.Errorf("given %d times, takes one value", len(given))
		}
		return p.checkOne(p.Type, given[0])
	}
	values := strings.Split(strings.Join(given, ","), ",")
	if p.MaxItems > 0 && len(values) > p.MaxItems {
		return fmt.Errorf("%d values, at most %d are taken", len(values), p.MaxItems)
	}
	var problems []error
	for _, v := range values {
		problems = append(problems, p.checkOne(p.Items, v))
	}
	return errors.Join(problems...)
}

func (p *Param) checkOne(typ, value string) error {
	switch {
	case value == "":
		return errors.New("empty value")
	case len(p.Enum) > 0 && !slices.Contains(p.Enum, value):
		return fmt.Errorf("%q is not one of %s", value, strings.Join(p.Enum, ", "))
	case typ == "boolean" && value != "true" && value != "false":
		return fmt.Errorf("%q is not a boolean", value)
	case typ == "integer":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not an integer", value)
		}
		if p.Min != nil && n < *p.Min || p.Max != nil && n > *p.Max {
			return fmt.Errorf("%d is out of range", n)
		}
	}
	return nil
}

package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// validate checks the values against the schema. The messages are the tap's own: those of
// the validator quote values.
func (l *loader) validate(values map[string]any) {
	err := l.settings.schema.Validate(values)
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
	case errors.As(err, &invalid):
		l.report(invalid)
	default:
		l.problems = append(l.problems, problem{text: "the settings cannot be checked"})
	}
}

// report turns the leaves of a validation error into problems.
func (l *loader) report(e *jsonschema.ValidationError) {
	for _, cause := range e.Causes {
		l.report(cause)
	}
	if len(e.Causes) > 0 {
		return
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(e.InstanceLocation, "/"), "/")
	keyword := e.KeywordLocation[strings.LastIndexByte(e.KeywordLocation, '/')+1:]
	if keyword == "required" {
		l.requireDomain()
		return
	}
	known := l.settings.byName[name]
	if known == nil {
		l.problems = append(l.problems, problem{text: "the settings do not fit their schema"})
		return
	}
	if index, err := strconv.Atoi(rest); err == nil {
		l.fail(name, fmt.Sprintf("item %d must be %s", index+1, wanted(known.Items, keyword)))
		return
	}
	l.fail(name, "must be "+wanted(known, keyword))
}

// requireDomain notes that the one required setting is missing. If an API address was
// given, the domain was to come from it and the mistake is there.
func (l *loader) requireDomain() {
	if !l.failed("api_url") {
		l.fail("domain", `is missing: give the site's name or address, such as "acme" or "acme.atlassian.net"`)
	}
}

// wanted says what a value has to be, for a message that begins "must be".
func wanted(s *Setting, keyword string) string {
	switch {
	case s == nil:
		return "of another type"
	case keyword == "pattern":
		return "of the form " + s.Form
	case len(s.Enum) > 0:
		return "one of " + strings.Join(s.Enum, ", ")
	}
	switch s.Type {
	case "integer", "number":
		return numberWanted(s)
	case "boolean":
		return "true or false"
	case "array":
		return `a list of strings such as ["A", "B"]`
	default:
		return "a string"
	}
}

func numberWanted(s *Setting) string {
	text := "a number"
	if s.Type == "integer" {
		text = "a whole number"
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf("%s from %v to %v", text, *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		return fmt.Sprintf("%s, at least %v", text, *s.Minimum)
	default:
		return text
	}
}

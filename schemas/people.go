package schemas

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Person is a place in a stream's records that names a user by account id.
type Person struct {
	// Path are the names of the fields down to the id, or to the list of ids.
	Path []string
	// Kind is the path of the field beside it that says "user", in any case, where the place may
	// also name a group; nil where it always names a user.
	Kind []string
}

// People returns where a stream's records name users. The schemas say it in their descriptions,
// which tests hold against the API: a field that always holds such ids is described as "Account id
// of" or "Account ids of" somebody, one that may also hold the id of a group names both.
func People(name string) ([]Person, error) {
	text, err := Stream(name)
	if err != nil {
		return nil, err
	}
	var top described
	if err := json.Unmarshal(text, &top); err != nil {
		return nil, fmt.Errorf("parsing the schema of %s: %w", name, err)
	}
	return top.people(nil), nil
}

// described is a schema with what its fields are for.
type described struct {
	Description string
	Properties  map[string]*described
}

func (d *described) people(at []string) []Person {
	var found []Person
	for name, field := range d.Properties {
		path := append(slices.Clip(at), name)
		text := strings.ToLower(field.Description)
		switch {
		case strings.HasPrefix(text, "account id of ") || strings.HasPrefix(text, "account ids of "):
			found = append(found, Person{Path: path})
		case strings.Contains(text, "account id") && strings.Contains(text, "group id"):
			found = append(found, Person{Path: path, Kind: append(slices.Clip(at), kindOf(name))})
		}
		found = append(found, field.people(path)...)
	}
	return found
}

// kindOf is the field beside an id that says whose it is: principalType beside principalId.
func kindOf(id string) string {
	if before, ok := strings.CutSuffix(id, "Id"); ok {
		return before + "Type"
	}
	return "type"
}

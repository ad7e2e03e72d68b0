package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/schemas"
)

// properties returns the settings' schema, decoded without any knowledge of its shape.
func properties(t *testing.T) (document map[string]any, settings map[string]map[string]any) {
	t.Helper()
	if err := json.Unmarshal(schemas.Settings(), &document); err != nil {
		t.Fatal(err)
	}
	settings = map[string]map[string]any{}
	for name, value := range document["properties"].(map[string]any) {
		settings[name] = value.(map[string]any)
	}
	return document, settings
}

// The rules that Airbyte's test suites have for a connector's specification.
func TestSettingsAreAnAirbyteSpecification(t *testing.T) {
	document, settings := properties(t)
	secretName := regexp.MustCompile(`(^|_)(token|secret|password|key|api_key|apikey|private_key|access_key|jwt|credentials)$`)
	types := []string{"string", "integer", "number", "boolean", "array"}
	orders := map[float64]string{}
	for name, s := range settings {
		kind := fmt.Sprint(s["type"])
		if !slices.Contains(types, kind) {
			t.Errorf("%s: type %s", name, kind)
		}
		if items, ok := s["items"].(map[string]any); kind == "array" && (!ok || items["type"] != "string") {
			t.Errorf("%s: a list needs typed items", name)
		}
		secret, marked := s["airbyte_secret"].(bool)
		if secretName.MatchString(name) != secret || marked != secret || secret && kind != "string" {
			t.Errorf("%s: airbyte_secret is %v", name, s["airbyte_secret"])
		}
		if s["secret"] != s["airbyte_secret"] || s["writeOnly"] != s["airbyte_secret"] { // by Meltano's SDK's names, too
			t.Errorf("%s: secret is %v, writeOnly is %v", name, s["secret"], s["writeOnly"])
		}
		for _, keyword := range []string{"pattern", "format", "const", "enum", "default", "examples"} {
			if _, ok := s[keyword]; ok && secret {
				t.Errorf("%s: a secret with %s", name, keyword)
			}
		}
		order, ok := s["order"].(float64)
		if !ok || orders[order] != "" {
			t.Errorf("%s: order %v is missing or taken by %q", name, s["order"], orders[order])
		}
		orders[order] = name
		for _, keyword := range []string{"title", "description"} {
			if text, _ := s[keyword].(string); text == "" {
				t.Errorf("%s: no %s", name, keyword)
			}
		}
		if (s["pattern"] == nil) != (s["pattern_descriptor"] == nil) {
			t.Errorf("%s: a pattern and its descriptor go together", name)
		}
	}
	known := []string{
		"$schema", "title", "description", "type", "required", "additionalProperties", "properties", "default", "examples", "order",
		"items", "enum", "minimum", "maximum", "pattern", "pattern_descriptor", "airbyte_secret", "secret", "writeOnly",
		"always_show",
	}
	walk(document, func(keyword string, value any) {
		if !slices.Contains(known, keyword) {
			t.Errorf("keyword %s", keyword)
		}
		if keyword == "additionalProperties" && value != true {
			t.Error("additionalProperties must be true")
		}
		if values, ok := value.([]any); ok && keyword == "enum" {
			seen := map[any]bool{}
			for _, v := range values {
				if seen[v] {
					t.Errorf("%v is twice in an enum", v)
				}
				seen[v] = true
			}
		}
	})
	if required := fmt.Sprint(document["required"]); required != "[domain]" {
		t.Errorf("required: %s", required)
	}
}

// walk visits every keyword of a schema at every depth.
func walk(schema map[string]any, visit func(keyword string, value any)) {
	for keyword, value := range schema {
		visit(keyword, value)
		inner, _ := value.(map[string]any)
		switch keyword {
		case "properties":
			for _, property := range inner {
				walk(property.(map[string]any), visit)
			}
		case "items":
			walk(inner, visit)
		}
	}
}

// What the schema offers as default or example is accepted, and aliases lead to settings.
func TestDefaultsAndExamplesAreValid(t *testing.T) {
	_, settings := properties(t)
	for name, s := range settings {
		values, _ := s["examples"].([]any)
		if value, ok := s["default"]; ok {
			values = append(values, value)
		}
		for _, value := range values {
			if name == "ca_file" {
				value = "testdata/root.pem"
			}
			document, err := json.Marshal(map[string]any{"domain": "acme", name: value})
			if err != nil {
				t.Fatal(err)
			}
			if _, warnings, err := load(t, string(document)); err != nil || len(warnings) > 0 {
				t.Errorf("%s: %v, %q", document, err, warnings)
			}
		}
		if s["default"] == nil && s["examples"] == nil && s["airbyte_secret"] == nil {
			t.Errorf("%s: neither a default nor an example", name)
		}
	}
	for alias, name := range aliases {
		if settings[name] == nil || settings[alias] != nil {
			t.Errorf("alias %s of %s", alias, name)
		}
	}
}

// Every typed setting comes from the environment too, where it is checked alike.
func TestEverySettingInEnvironment(t *testing.T) {
	_, settings := properties(t)
	for name, s := range settings {
		value := "x y z"
		if s["type"] == "string" && s["enum"] == nil && s["pattern"] == nil {
			continue // any text goes, which TestEverySetting looks at
		}
		_, _, err := load(t, `{"domain":"acme"}`, "TAP_CONFLUENCE_"+strings.ToUpper(name)+"="+value)
		got := problems(t, err)
		switch {
		case s["type"] == "array" && s["items"].(map[string]any)["enum"] == nil:
			if got != nil {
				t.Errorf("%s: %q", name, got)
			}
		case len(got) != 1 || !strings.HasPrefix(got[0], name+":"):
			t.Errorf("%s: got %q", name, got)
		}
	}
}

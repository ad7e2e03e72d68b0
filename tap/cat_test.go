package tap_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// The tests named TestCAT assert what Airbyte's connector acceptance tests (CAT) do, which
// can't be installed any more. Sections go by letters: A spec, B connection, C discovery,
// D basic read, E full refresh, F incremental; the numbers within them are those of the
// project's list of CAT's assertions. Not here are
//
//	A13  the image's entry point and labels: make image-test looks at the image
//	A14  and C10, compatibility with the previous release: there is none yet
//	C9   the supported data types: CAT itself skips it
//	G    allowed hosts, suggested streams, documentation: asked of certified connectors only

// catNode is an object within a schema, and where it is.
type catNode struct {
	path   string
	object map[string]any
}

// catNodes returns every object within a schema: subschemas, and maps of them.
func catNodes(path string, v any) (nodes []catNode) {
	switch v := v.(type) {
	case map[string]any:
		nodes = append(nodes, catNode{path, v})
		for name, value := range v {
			nodes = append(nodes, catNodes(path+"/"+name, value)...)
		}
	case []any:
		for i, value := range v {
			nodes = append(nodes, catNodes(fmt.Sprintf("%s/%d", path, i), value)...)
		}
	}
	return nodes
}

// catProperties returns the properties within a schema at every depth, by path.
func catProperties(path string, schema map[string]any) map[string]map[string]any {
	all := map[string]map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	for name, value := range properties {
		property, ok := value.(map[string]any)
		if !ok {
			panic("a property is no object: " + path + "/" + name)
		}
		all[path+"/"+name] = property
		for _, below := range []map[string]any{property, catItems(property)} {
			maps.Copy(all, catProperties(path+"/"+name, below))
		}
	}
	return all
}

func catItems(property map[string]any) map[string]any {
	items, _ := property["items"].(map[string]any)
	return items
}

// catTypes returns the types of a schema, null left out.
func catTypes(schema map[string]any) []string {
	if one, ok := schema["type"].(string); ok {
		return []string{one}
	}
	var types []string
	list, _ := schema["type"].([]any)
	for _, v := range list {
		if one, ok := v.(string); ok && one != "null" {
			types = append(types, one)
		}
	}
	return types
}

// catForbidden fails the test where a schema has a keyword at any depth. Names of
// properties are not keywords.
func catForbidden(t *testing.T, path string, schema map[string]any, keywords ...string) {
	t.Helper()
	for _, n := range catNodes(path, schema) {
		if strings.HasSuffix(n.path, "/properties") {
			continue
		}
		for _, keyword := range keywords {
			if _, ok := n.object[keyword]; ok {
				t.Errorf("%s has the keyword %s", n.path, keyword)
			}
		}
	}
}

// catFile reads a file of the repository.
func catFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// catValidator compiles a schema as CAT does: draft 7, formats checked.
func catValidator(t *testing.T, schema map[string]any) *jsonschema.Schema {
	t.Helper()
	text := mustJSON(t, schema)
	c := jsonschema.NewCompiler()
	c.Draft, c.AssertFormat = jsonschema.Draft7, true
	if err := c.AddResource("test:///schema.json", bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("test:///schema.json")
	if err != nil {
		t.Fatalf("compiling a schema: %v", err)
	}
	return compiled
}

// catSpec runs spec and returns the message's specification and the schema in it (A2: it is
// exactly one).
func catSpec(t *testing.T, f *tapfixture.Fixture) (spec, schema map[string]any) {
	t.Helper()
	r := f.Run("spec").OK()
	specs := r.Of("SPEC")
	if len(specs) != 1 || len(r.Messages) != 1 {
		t.Fatalf("%d SPECs in %d messages, want one", len(specs), len(r.Messages))
	}
	var message struct{ Spec map[string]any }
	if err := json.Unmarshal(specs[0].Line, &message); err != nil {
		t.Fatal(err)
	}
	schema, ok := message.Spec["connectionSpecification"].(map[string]any)
	if !ok {
		t.Fatalf("SPEC without connectionSpecification: %v", message.Spec)
	}
	return message.Spec, schema
}

func TestCATSpec(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, simconfluence.Options{})
	spec, schema := catSpec(t, f)
	properties := catProperties("", schema)

	t.Run("A1 configs are valid", func(t *testing.T) {
		validator := catValidator(t, schema)
		for _, name := range []string{"config", "adf_config", "spaces_config", "invalid_config"} {
			config := tapfixture.Decode(t, catFile(t, "integration_tests/"+name+".json"))
			if err := validator.Validate(config); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if validator.Validate(map[string]any{"email": "a@example.com"}) == nil {
			t.Error("a config without a domain is valid")
		}
	})
	t.Run("A2 the specification is the one that is kept", func(t *testing.T) {
		if want := tapfixture.Decode(t, catFile(t, "schemas/settings.json")); !bytes.Equal(mustJSON(t, schema), mustJSON(t, want)) {
			t.Error("SPEC is not schemas/settings.json")
		}
	})
	t.Run("A3 enums are distinct", func(t *testing.T) {
		for _, n := range catNodes("", schema) {
			values, _ := n.object["enum"].([]any)
			for i, v := range values {
				if slices.ContainsFunc(values[:i], func(w any) bool { return reflect.DeepEqual(v, w) }) {
					t.Errorf("%s: %v twice", n.path, v)
				}
			}
		}
	})
	t.Run("A4 no variants", func(t *testing.T) { // CAT has rules for oneOf; there is none to keep them
		catForbidden(t, "", schema, "oneOf")
	})
	t.Run("A5 well formed", func(t *testing.T) { catWellFormed(t, schema, properties) })
	t.Run("A6 one type", func(t *testing.T) {
		for path, p := range properties {
			if list, ok := p["type"].([]any); ok && len(list) > 1 && (len(list) != 2 || list[1] != "null") || len(catTypes(p)) != 1 {
				t.Errorf("%s has the type %v", path, p["type"])
			}
		}
	})
	t.Run("A7 keywords", func(t *testing.T) {
		catForbidden(t, "", schema, "not", "anyOf", "patternProperties", "prefixItems", "allOf", "if", "then", "else",
			"dependentSchemas", "dependentRequired", "$ref")
	})
	t.Run("A8 secrets", func(t *testing.T) { catSecrets(t, properties) })
	t.Run("A9 annotations", func(t *testing.T) { catAnnotations(t, schema, properties) })
	t.Run("A10 dates", func(t *testing.T) {
		validator := catValidator(t, map[string]any{"properties": map[string]any{"d": schema["properties"].(map[string]any)["anchor_date"]}}) //nolint:forcetypeassert // A1 read it
		for date, want := range map[string]bool{"2025-01-31": true, "2025-01-31T12:00:00Z": true, "31-01-2025": false, "2025": false} {
			if err := validator.Validate(map[string]any{"d": date}); (err == nil) != want {
				t.Errorf("anchor_date %s: %v", date, err)
			}
		}
	})
	t.Run("A11 more properties", func(t *testing.T) { catOpen(t, schema) })
	t.Run("A12 no OAuth", func(t *testing.T) { // its paths would have to be those of settings
		if spec["advanced_auth"] != nil || spec["authSpecification"] != nil {
			t.Errorf("there is an OAuth specification: %v", spec)
		}
	})
}

func catWellFormed(t *testing.T, schema map[string]any, properties map[string]map[string]any) {
	t.Helper()
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if properties["/"+fmt.Sprint(name)] == nil {
			t.Errorf("%v is required and not declared", name)
		}
	}
	if len(properties) < 20 {
		t.Errorf("only %d properties", len(properties))
	}
	for path, p := range properties {
		switch types := catTypes(p); {
		case slices.Contains(types, "object") && p["properties"] == nil:
			t.Errorf("%s is an object without properties", path)
		case slices.Contains(types, "array"):
			if item := catTypes(catItems(p)); len(item) != 1 || !slices.Contains([]string{"object", "string", "number", "integer"}, item[0]) {
				t.Errorf("%s is an array of %v", path, item)
			}
		}
	}
}

func catSecrets(t *testing.T, properties map[string]map[string]any) {
	t.Helper()
	names := strings.Fields(`client_token access_token api_token token secret client_secret password key service_account_info
		service_account tenant_id certificate jwt credentials app_id appid refresh_token`)
	found := 0
	for path, p := range properties {
		plain := slices.ContainsFunc([]string{"string", "integer", "number"}, func(kind string) bool { return slices.Contains(catTypes(p), kind) })
		secret := p["airbyte_secret"] == true
		if slices.Contains(names, filepath.Base(path)) {
			found++
			if plain && !secret {
				t.Errorf("%s is no secret", path)
			}
		}
		if secret && !plain {
			t.Errorf("%s is a secret %v", path, p["type"])
		}
	}
	if found != 2 {
		t.Errorf("%d secrets by name, want api_token and access_token", found)
	}
}

func catAnnotations(t *testing.T, schema map[string]any, properties map[string]map[string]any) {
	t.Helper()
	orders := map[any]string{}
	for path, p := range properties {
		for name, value := range p {
			if _, ok := value.(bool); !ok && (strings.HasPrefix(name, "airbyte_") || name == "always_show" || name == "multiline") {
				t.Errorf("%s: %s is %v", path, name, value)
			}
		}
		group := fmt.Sprint(p["group"], p["order"])
		if other := orders[group]; p["order"] == nil || other != "" {
			t.Errorf("%s and %s have the order %v", path, other, p["order"])
		}
		orders[group] = path
	}
	// A property may be named like an annotation; a group or a display_type there is none.
	catForbidden(t, "", schema, "group", "display_type")
}

// catOpen wants additionalProperties to be true wherever it is.
func catOpen(t *testing.T, schema map[string]any) {
	t.Helper()
	for _, n := range catNodes("", schema) {
		if v, ok := n.object["additionalProperties"]; ok && v != true {
			t.Errorf("%s: additionalProperties is %v", n.path, v)
		}
	}
}

func TestCATConnection(t *testing.T) {
	t.Parallel()
	o := small()
	o.Auth = simconfluence.Auth{Email: tapfixture.Email, Token: tapfixture.Token}
	f := tapfixture.New(t, o)
	for name, c := range map[string]struct {
		f    *tapfixture.Fixture
		want string
	}{
		"B1 succeed": {f, "SUCCEEDED"},
		"B2 failed":  {f.With(map[string]any{"api_token": "another-token"}), "FAILED"},
		// An exception in CAT's sense never comes from check: what is wrong with a config is a status.
		"B3 exception": {f.With(map[string]any{"domain": nil, "api_url": "ftp://nowhere", "concurrency": "many"}), "FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.f.On(t).Run("check", "--config", c.f.Config()).OK()
			statuses := r.Of("CONNECTION_STATUS")
			if len(statuses) != 1 || statuses[0].Connection != c.want {
				t.Fatalf("statuses %v, want one %s", statuses, c.want)
			}
			if traces := r.Of("TRACE"); len(traces) > 0 {
				t.Errorf("%d traces beside the status", len(traces))
			}
			if c.want == "FAILED" && statuses[0].Text == "" {
				t.Error("the status has no message")
			}
		})
	}
}

// catStream is a stream of a discovered catalog.
type catStream struct {
	Name          string         `json:"name"`
	Schema        map[string]any `json:"json_schema"`
	Modes         []string       `json:"supported_sync_modes"`
	SourceCursor  bool           `json:"source_defined_cursor"`
	DefaultCursor []string       `json:"default_cursor_field"`
	Key           [][]string     `json:"source_defined_primary_key"`
	FileBased     bool           `json:"is_file_based"`
	Resumable     bool           `json:"is_resumable"`
	Namespace     *string        `json:"namespace"`
	raw           json.RawMessage
}

// catDiscover runs discover and returns its streams (C1: of exactly one CATALOG).
func catDiscover(t *testing.T, f *tapfixture.Fixture) []catStream {
	t.Helper()
	catalogs := f.Run("discover", "--config", f.Config()).OK().Of("CATALOG")
	if len(catalogs) != 1 {
		t.Fatalf("%d CATALOGs, want one", len(catalogs))
	}
	var message struct {
		Catalog struct{ Streams []json.RawMessage }
	}
	if err := json.Unmarshal(catalogs[0].Line, &message); err != nil {
		t.Fatal(err)
	}
	streams := make([]catStream, len(message.Catalog.Streams))
	for i, raw := range message.Catalog.Streams {
		if err := json.Unmarshal(raw, &streams[i]); err != nil {
			t.Fatal(err)
		}
		streams[i].raw = raw
	}
	return streams
}

func TestCATDiscovery(t *testing.T) {
	t.Parallel()
	streams := catDiscover(t, tapfixture.New(t, simconfluence.Options{}))
	seen := map[string]bool{}
	for _, s := range streams {
		seen[s.Name] = true
		properties := catProperties("", s.Schema)
		t.Run(s.Name, func(t *testing.T) {
			catValidator(t, s.Schema) // C2
			if s.DefaultCursor != nil && properties["/"+strings.Join(s.DefaultCursor, "/")] == nil {
				t.Errorf("C3: the cursor %q is not declared", s.DefaultCursor)
			}
			catForbidden(t, "C4", s.Schema, "$ref", "allOf", "not")
			for _, part := range s.Key {
				p := properties["/"+strings.Join(part, "/")]
				if p == nil {
					t.Errorf("C5: the key %q is not declared", part)
				}
				if types := catTypes(p); slices.Contains(types, "object") || slices.Contains(types, "array") {
					t.Errorf("C8: the key %q is %v", part, types)
				}
			}
			if len(s.Key) == 0 {
				t.Error("C5: no key")
			}
			if !slices.Contains(s.Modes, "full_refresh") || slices.Contains(s.Modes, "incremental") != s.SourceCursor {
				t.Errorf("C6: sync modes %q, source_defined_cursor %v", s.Modes, s.SourceCursor)
			}
			catOpen(t, s.Schema) // C7
		})
	}
	if len(streams) == 0 || len(seen) != len(streams) {
		t.Errorf("C1: %d streams with %d names", len(streams), len(seen))
	}
}

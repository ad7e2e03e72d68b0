package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
)

// documents names the directory with Atlassian's two documents, confluence-openapi-v1.json
// and confluence-openapi-v2.json. Where it is not set, facts.json can't be made again to
// compare; its form is checked all the same.
const documents = "TAP_CONFLUENCE_OPENAPI_DIR"

func TestFactsAreWhatTheDocumentsSay(t *testing.T) {
	file := filepath.Join("..", "facts.json")
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := encode(apifacts.Load())
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv(documents); dir != "" {
		made := filepath.Join(t.TempDir(), "facts.json")
		if err := run(filepath.Join(dir, "confluence-openapi-v1.json"), filepath.Join(dir, "confluence-openapi-v2.json"), made); err != nil {
			t.Fatal(err)
		}
		if want, err = os.ReadFile(made); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(have, want) {
		t.Errorf("facts.json is not what the tool writes: run it, or undo edits by hand (%s=%q)", documents, os.Getenv(documents))
	}
	for _, prose := range []string{`"description":`, `"example":`, `"summary":`} {
		if bytes.Contains(have, []byte(prose)) {
			t.Errorf("facts.json has a %s: only facts may be taken from the documents", prose)
		}
	}
	if len(have) > 110_000 {
		t.Errorf("facts.json has %d bytes", len(have))
	}
}

const madeUpV1 = `{
"info": {"version": "1.9"}, "servers": [{"url": "//{domain}"}],
"paths": {
  "/wiki/rest/api/group": {"get": {
    "parameters": [{"name": "start", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 0}}],
    "responses": {"403": {}, "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Gang"}}}}},
    "x-atlassian-oauth2-scopes": [{"state": "Current", "scopes": ["a"]}, {"state": "Beta", "scopes": ["b", "c"]}]}},
  "/wiki/rest/api/user/current": {"get": {
    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Person"}}}}}}},
  "/wiki/rest/api/search": {"get": {
    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Huge"}}}}}}},
  "/wiki/rest/api/group/by-id": {"get": {
    "parameters": [{"$ref": "#/components/parameters/Which"}],
    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}}}}},
  "/wiki/rest/api/space": {"get": {"responses": {"200": {}}}}
},
"components": {"parameters": {"Which": {"name": "id", "in": "query", "required": true, "schema": {"type": "string"}}}, "schemas": {
  "Note": {"properties": {"in": {"$ref": "#/components/schemas/Space"}, "next": {"$ref": "#/components/schemas/Note"}}},
  "Space": {"type": "object", "properties": {"x": {"type": "string"}}},
  "Gang": {"properties": {"results": {"type": "array", "items": {"$ref": "#/components/schemas/Member"}}, "size": {"type": "integer", "format": "int32"}}},
  "Member": {"properties": {"name": {"type": "string", "description": "prose"}}},
  "Person": {"properties": {"home": {"$ref": "#/components/schemas/Huge"}, "mail": {"type": "string", "nullable": true}}},
  "Huge": {"type": "object", "properties": {"x": {"type": "string"}}}
}}}`

const madeUpV2 = `{
"info": {"version": "2.9"}, "servers": [{"url": "https://{domain}/wiki/api/v2"}],
"paths": {
  "/pages/{page-id}/notes/{note-id}": {"get": {"deprecated": true,
    "parameters": [
      {"name": "page-id", "in": "path", "required": true, "schema": {"type": "integer"}},
      {"name": "sort", "in": "query", "schema": {"type": "string", "items": {"$ref": "#/components/schemas/Order"}}},
      {"name": "order", "in": "query", "required": true, "schema": {"$ref": "#/components/schemas/Order"}},
      {"name": "ids", "in": "query", "schema": {"type": "array", "maxItems": 9, "items": {"type": "integer"}}},
      {"name": "deep", "in": "query", "schema": {"type": "boolean", "default": false}}],
    "responses": {"200": {"content": {"application/json": {"schema": {"allOf": [
      {"$ref": "#/components/schemas/Note"},
      {"type": "object", "properties": {"_links": {"type": "object", "properties": {"base": {"type": "string"}}}}}]}}}}, "404": {}}}},
  "/pages": {"post": {}},
  "/users": {"get": {"responses": {"200": {}}}},
  "/users-bulk": {"post": {"requestBody": {"$ref": "#/components/requestBodies/Who"}, "responses": {"200": {}}}},
  "/folders/{id}": {"get": {"responses": {"200": {}}}},
  "/folders/{id}/operations": {"get": {"responses": {"200": {}}}},
  "/labels": {"get": {"responses": {"302": {}}}}
},
"components": {"requestBodies": {"Who": {"content": {"application/json": {"schema": {"type": "object", "required": ["ids"],
  "properties": {"ids": {"type": "array", "maxItems": 5, "items": {"type": "string"}}}}}}}}, "schemas": {
  "Order": {"type": "string", "enum": ["up", "-up", null]},
  "Note": {"type": "object", "properties": {
    "z": {"format": "string", "nullable": true},
    "a": {"type": "string", "format": "date-time", "example": "prose"},
    "any": {},
    "list": {"type": "array", "items": {"type": "string", "enum": ["up"]}},
    "inner": {"type": "object", "properties": {"back": {"$ref": "#/components/schemas/Note"}}}}}
}}}`

const madeUpFacts = `{
"sources": [
{"name":"v1","version":"1.9","sha256":"H1"},
{"name":"v2","version":"2.9","sha256":"H2"}
],
"operations": [
{"path":"/wiki/api/v2/folders/{id}","scopes":null,"statuses":[200]},
{"path":"/wiki/api/v2/labels","scopes":null,"statuses":[302]},
{"path":"/wiki/api/v2/pages/{id}/notes/{note-id}","deprecated":true,"scopes":null,"statuses":[200,404],"object":"Note","beside":[{"name":"_links","type":"object","schema":"answer._links"}],"params":[{"name":"sort","type":"string","enum":["up","-up"]},{"name":"order","type":"string","enum":["up","-up"],"required":true},{"name":"ids","type":"array","items":"integer","maxItems":9},{"name":"deep","type":"boolean","default":"false"}]},
{"path":"/wiki/api/v2/users-bulk","method":"POST","scopes":null,"statuses":[200],"body":[{"name":"ids","type":"array","items":"string","maxItems":5,"required":true}]},
{"path":"/wiki/rest/api/group","scopes":[{"state":"Current","names":["a"]},{"state":"Beta","names":["b","c"]}],"statuses":[200,403],"item":"Member","beside":[{"name":"size","type":"integer","format":"int32"}],"params":[{"name":"start","type":"integer","min":0,"default":"0"}]},
{"path":"/wiki/rest/api/group/by-id","scopes":null,"statuses":[200],"object":"v1.Note","params":[{"name":"id","type":"string","required":true}]},
{"path":"/wiki/rest/api/search","scopes":null,"statuses":[200]},
{"path":"/wiki/rest/api/user/current","scopes":null,"statuses":[200],"object":"Person"}
],
"schemas": [
{"name":"Member","fields":[{"name":"name","type":"string"}]},
{"name":"Note","fields":[{"name":"z","type":"string","nullable":true},{"name":"a","type":"string","format":"date-time"},{"name":"any","type":"any"},{"name":"list","type":"array","enum":["up"],"items":"string"},{"name":"inner","type":"object","schema":"Note.inner"}]},
{"name":"Note.inner","fields":[{"name":"back","type":"object","schema":"Note"}]},
{"name":"Person","fields":[{"name":"home","type":"object"},{"name":"mail","type":"string","nullable":true}]},
{"name":"answer._links","fields":[{"name":"base","type":"string"}]},
{"name":"v1.Note","fields":[{"name":"in","type":"object"},{"name":"next","type":"object","schema":"v1.Note"}]}
]
}
`

// TestExtract runs the tool over two small made-up documents that have every oddity of the
// real ones.
func TestExtract(t *testing.T) {
	facts, err := extract([]byte(madeUpV1), []byte(madeUpV2))
	if err != nil {
		t.Fatal(err)
	}
	for i, source := range facts.Sources {
		if len(source.SHA256) != 64 {
			t.Errorf("hash %q", source.SHA256)
		}
		facts.Sources[i].SHA256 = [...]string{"H1", "H2"}[i]
	}
	got, err := encode(facts)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != madeUpFacts {
		t.Errorf("facts are\n%s", got)
	}
	if !json.Valid(got) {
		t.Error("facts are not JSON")
	}
}

func TestExtractErrors(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{`schemas/Order"`, `schemas/Chaos"`, "unknown reference"},
		{`"404"`, `"4XX"`, "status"},
		{`requestBodies/Who"`, `requestBodies/Whom"`, "unknown reference"},
		{`"/pages": {"post"`, `"/pages/{id}/notes/{note-id}": {"get"`, "the same path"},
		{`"servers"`, `"hosts"`, "no server"},
		{`"info": {`, `"info": [`, "parsing the v2 document"},
	} {
		broken := strings.ReplaceAll(madeUpV2, test.old, test.new)
		if _, err := extract([]byte(madeUpV1), []byte(broken)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want %q in it", test.new, err, test.want)
		}
	}
	none := filepath.Join(t.TempDir(), "none.json")
	if err := run(none, none, none); err == nil || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("without documents: %v", err)
	}
}

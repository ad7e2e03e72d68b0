package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
)

// document is the part of an OpenAPI document that facts are taken from.
type document struct {
	Info    struct{ Version string }
	Servers []struct{ URL string }
	Paths   ordered[struct{ Get, Post *operation }]

	Components struct {
		Schemas       map[string]*schema
		Parameters    map[string]parameter
		RequestBodies map[string]requestBody
	}
}

type operation struct {
	Deprecated bool
	Parameters []parameter
	Body       requestBody `json:"requestBody"`
	Responses  map[string]struct {
		Content map[string]struct{ Schema *schema }
	}
	Scopes []struct {
		State  string
		Scopes []string
	} `json:"x-atlassian-oauth2-scopes"`
}

type requestBody struct {
	Ref     string `json:"$ref"`
	Content map[string]struct{ Schema *schema }
}

type parameter struct {
	Ref      string `json:"$ref"`
	Name     string
	In       string
	Required bool
	Schema   schema
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Format     string
	Enum       []*string
	Nullable   bool
	Minimum    *int64
	Maximum    *int64
	MaxItems   int
	Default    json.RawMessage
	Items      *schema
	AllOf      []*schema
	Properties ordered[*schema]
	Required   required
}

// read parses a document and says what identifies it.
func read(name string, data []byte) (*document, apifacts.Source, error) {
	doc := new(document)
	if err := json.Unmarshal(data, doc); err != nil {
		return nil, apifacts.Source{}, fmt.Errorf("parsing the %s document: %w", name, err)
	}
	sum := sha256.Sum256(data)
	return doc, apifacts.Source{Name: name, Version: doc.Info.Version, SHA256: hex.EncodeToString(sum[:])}, nil
}

// base is the path of the document's server, which comes before all of its paths.
func (d *document) base() (string, error) {
	if len(d.Servers) == 0 {
		return "", fmt.Errorf("no server")
	}
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(d.Servers[0].URL))
	if err != nil {
		return "", fmt.Errorf("parsing the server's address: %w", err)
	}
	return strings.TrimSuffix(u.Path, "/"), nil
}

// resolve follows a reference and returns the schema and its name, empty for one without.
// The schemas of both documents refer to components only.
func (d *document) resolve(s *schema) (*schema, string, error) {
	if s.Ref == "" {
		return s, "", nil
	}
	name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
	target := d.Components.Schemas[name]
	if target == nil {
		return nil, "", fmt.Errorf("unknown reference %q", s.Ref)
	}
	if target.Ref != "" {
		return d.resolve(target)
	}
	return target, name, nil
}

// parameter follows a reference to a parameter.
func (d *document) parameter(p parameter) (parameter, error) {
	if p.Ref == "" {
		return p, nil
	}
	target, ok := d.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
	if !ok {
		return p, fmt.Errorf("unknown reference %q", p.Ref)
	}
	return target, nil
}

// body follows a reference to a request's body and returns its schema, nil for no body.
func (d *document) body(b requestBody) (*schema, error) {
	if b.Ref != "" {
		target, ok := d.Components.RequestBodies[strings.TrimPrefix(b.Ref, "#/components/requestBodies/")]
		if !ok {
			return nil, fmt.Errorf("unknown reference %q", b.Ref)
		}
		b = target
	}
	return b.Content["application/json"].Schema, nil
}

// required lists the fields that an object must have. On a field itself the documents write
// a bool, which says nothing.
type required []string

// UnmarshalJSON reads a list and passes over anything else.
func (r *required) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] != '[' {
		return nil
	}
	return json.Unmarshal(data, (*[]string)(r))
}

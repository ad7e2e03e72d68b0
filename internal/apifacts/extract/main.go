// Command extract makes facts.json, the facts of the Confluence Cloud API that tests rely
// on, from Atlassian's two OpenAPI documents:
//
//	go run ./internal/apifacts/extract -v1 v1.json -v2 v2.json -o internal/apifacts/facts.json
//
// The documents are published at https://dac-static.atlassian.com/cloud/confluence/ as
// swagger.v3.json (version 1) and openapi-v2.v3.json (version 2). They are not part of this
// project: only names, types and limits are taken from them.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
)

func main() {
	v1 := flag.String("v1", "", "OpenAPI document of version 1")
	v2 := flag.String("v2", "", "OpenAPI document of version 2")
	out := flag.String("o", "facts.json", "file to write")
	flag.Parse()
	if err := run(*v1, *v2, *out); err != nil {
		fmt.Fprintln(os.Stderr, "extract:", err)
		os.Exit(1)
	}
}

func run(v1, v2, out string) error {
	one, err := os.ReadFile(v1)
	if err != nil {
		return fmt.Errorf("reading the document of version 1: %w", err)
	}
	two, err := os.ReadFile(v2)
	if err != nil {
		return fmt.Errorf("reading the document of version 2: %w", err)
	}
	facts, err := extract(one, two)
	if err != nil {
		return err
	}
	text, err := encode(facts)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, text, 0o644); err != nil {
		return fmt.Errorf("writing the facts: %w", err)
	}
	return nil
}

// encode writes the facts with one line per source, operation and schema, so that a new
// version of the documents shows as a readable difference.
func encode(facts *apifacts.Facts) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("{")
	for i, section := range []struct {
		name  string
		lines []any
	}{
		{"sources", anys(facts.Sources)}, {"operations", anys(facts.Operations)}, {"schemas", anys(facts.Schemas)},
	} {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n%q: [", section.name)
		for j, line := range section.lines {
			text, err := json.Marshal(line)
			if err != nil {
				return nil, fmt.Errorf("writing %s: %w", section.name, err)
			}
			if j > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, "\n%s", text)
		}
		b.WriteString("\n]")
	}
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}

func anys[T any](s []T) []any {
	out := make([]any, len(s))
	for i := range s {
		out[i] = s[i]
	}
	return out
}

package apifacts

import "slices"

// Observed is what real answers have and the documents lack: recorded, or reported by other
// clients. For a route that nobody recorded it holds what the sibling routes answer.
type Observed struct {
	Schemas []ObservedSchema `json:"schemas"`
}

// ObservedSchema is what was observed of one schema.
type ObservedSchema struct {
	// Name is the documented schema's name.
	Name string `json:"name"`
	// Null lists documented fields that are null at times.
	Null []string `json:"null,omitempty"`
	// Extra are fields that the document doesn't have.
	Extra []Field `json:"extra,omitempty"`
	// Open lists documented fields whose enum is incomplete: anything may come.
	Open []string `json:"open,omitempty"`
}

// Schema returns what was observed of the schema of that name; nothing, if nothing was.
func (o *Observed) Schema(name string) *ObservedSchema {
	for i := range o.Schemas {
		if o.Schemas[i].Name == name {
			return &o.Schemas[i]
		}
	}
	return &ObservedSchema{Name: name}
}

// Field returns the extra field of that name, or nil.
func (s *ObservedSchema) Field(name string) *Field {
	for i := range s.Extra {
		if s.Extra[i].Name == name {
			return &s.Extra[i]
		}
	}
	return nil
}

// Allows is an Allow: it allows what was observed of real answers.
func (o *Observed) Allows(d *Deviation) bool {
	s := o.Schema(d.Schema)
	switch d.Kind {
	case Null:
		return slices.Contains(s.Null, d.Field)
	case Unknown:
		return s.Field(d.Field) != nil
	case Value:
		return slices.Contains(s.Open, d.Field)
	}
	return false
}

// Known returns all fields that a schema's objects may have: the documented ones in the
// document's order, then the extra ones that were observed. Nullable is set on what either
// says may be null, and an enum that is known to be incomplete is dropped.
func (f *Facts) Known(name string) []Field {
	s := f.Schema(name)
	if s == nil {
		return nil
	}
	seen := f.Observed.Schema(name)
	known := slices.Concat(s.Fields, seen.Extra)
	for i := range known {
		known[i].Nullable = known[i].Nullable || slices.Contains(seen.Null, known[i].Name)
		if slices.Contains(seen.Open, known[i].Name) {
			known[i].Enum = nil
		}
	}
	return known
}

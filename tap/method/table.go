package method

import (
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Table holds the methods, by Kind.
func Table() [PerParent + 1]*Method {
	return [...]*Method{
		Derived:      &derived,
		FirstVersion: &firstVersion,
		ByLabel:      &byLabel,
		LookedUp:     &lookedUp,
		ByID:         &byID,
		OwnRow:       &ownRow,
		Combined:     &combined,
		BulkSearch:   &bulkSearch,
		PerParent:    &perParent,
	}
}

// Of returns the row of a method.
func Of(k Kind) *Method { return Table()[k] }

// For returns the methods by which a stream is read, in the order in which they are tried for a row.
func For(c Choice) []Kind {
	var kinds []Kind
	for k, m := range Table() {
		if !m.Fits(c) {
			continue
		}
		kinds = append(kinds, Kind(k))
		if m.Goes == nil || !m.Goes(c) {
			break
		}
	}
	return kinds
}

// Describe describes for people the requests that a stream's methods make in a walk, empty if those of
// the walked listing are all.
func Describe(kinds []Kind, walked *stream.Listing) string {
	var words []string
	for _, k := range slices.Backward(kinds) {
		if say := Of(k).Words; say != nil {
			words = append(words, say(walked))
		}
	}
	return strings.Join(words, ", ")
}

// String returns the method's name, as plans and logs show it.
func (k Kind) String() string { return Of(k).Name }

// MarshalText writes the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

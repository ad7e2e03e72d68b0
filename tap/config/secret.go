package config

import (
	"fmt"
	"io"
	"log/slog"
)

// mask is what is printed in place of a secret.
const mask = "***"

// Secret is a value that must not leave the process except to the site it is meant for:
// an API token or an access token. Whatever prints, logs or encodes it shows ***; only
// Reveal gives the value. The zero value is a secret that is not set.
type Secret struct {
	// A pointer, so that even fmt's look into an unexported field of another struct,
	// where it cannot call Format, shows an address.
	value *string
}

// NewSecret wraps a value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the value, or "" if there is none.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String returns ***, or "" if the secret is not set.
func (s Secret) String() string {
	if s.value == nil {
		return ""
	}
	return mask
}

// Format prints String for every verb and flag of package fmt.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// MarshalText encodes String; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue logs String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

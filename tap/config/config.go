// Package config reads the settings of a run from files and the environment.
//
// The settings, their types, limits and defaults are those of schemas/settings.json, which
// is also what `spec` and `--about` print. All mistakes are found before the first request
// and reported together.
package config

import (
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Markdown is the body_format for which bodies are asked for as storage and converted.
const Markdown = "markdown"

// Config holds the settings of a run, checked and with defaults filled in. Each field
// stands for the setting of the same name in snake case.
type Config struct {
	// Site is the site's host such as acme.atlassian.net, lower-cased; with its port if
	// the setting has one. States carry it.
	Site string
	// SiteURL is the site's scheme and host, without a trailing slash. The scheme is http
	// only for a site on this machine.
	SiteURL string
	// Email is the account that APIToken belongs to. Email and APIToken are both set, or
	// AccessToken is.
	Email string
	// APIToken is sent with Email by basic authentication.
	APIToken Secret
	// AccessToken is sent as a bearer token. If set, Email and APIToken are not used.
	AccessToken Secret
	// CloudID is the site's id at the gateway, or empty: to be found when needed.
	CloudID string
	// APIURL is the base of the API's routes without /wiki, without a trailing slash; or
	// empty: the site itself, or the gateway. It is http only to this machine.
	APIURL string
	// AnchorDate is where incremental reads without state begin, in UTC; zero when unset.
	AnchorDate time.Time
	// LookbackWindow is how long before the site's own time a new bookmark lies at the
	// latest, so that every change has that long to become visible.
	LookbackWindow time.Duration
	// SpaceKeys are the spaces to read, nil for all.
	SpaceKeys []string
	// ExcludeSpaceKeys are spaces to leave out. No key is in SpaceKeys too.
	ExcludeSpaceKeys []string
	// PageStatus holds some of current, archived, trashed and deleted, each once.
	PageStatus []string
	// CustomContentTypes are the types of custom content to read, nil to search for them.
	CustomContentTypes []string
	// BodyFormat is storage, atlas_doc_format, markdown or none.
	BodyFormat string
	// ExtraStreams are streams to offer beside the usual ones, as they were given: names, or
	// "all". Nil for none.
	ExtraStreams []string
	// RequestsPerSecond is the rate limit, or where AutoRate begins. 0 means none and occurs only if requests go to
	// this machine.
	RequestsPerSecond float64
	// AutoRate lets the client find the rate that the site serves.
	AutoRate bool
	// Concurrency is the number of requests in flight, 1 to 64.
	Concurrency int
	// PageSize is the number of rows asked for in a request, 1 to 250.
	PageSize int
	// MaxRetries is the number of times that a request is sent again, 0 to 100.
	MaxRetries int
	// MaxRetryWait is the longest single pause before a retry.
	MaxRetryWait time.Duration
	// RequestTimeout is the longest time that a request may make no progress.
	RequestTimeout time.Duration
	// UserAgent is the User-Agent header, or empty for the client's own.
	UserAgent string
	// CAFile is a readable PEM file of further trusted roots, or empty.
	CAFile string
	// LogLevel is debug, info, warning or error.
	LogLevel string
	// LogFormat is text or json.
	LogFormat string
	// AuditSamples is the number of parents that each shortcut is compared on, 0 for off.
	AuditSamples int
	// EmitActivateVersion asks for ACTIVATE_VERSION messages (Singer).
	EmitActivateVersion bool
	// ValidateRecords asks for a check of every record against its schema.
	ValidateRecords bool
}

// Input is where settings come from.
type Input struct {
	// Files are the configuration files, merged from left to right: a later one wins.
	// "-" stands for Stdin. The word ENV stands for the environment, which then wins over
	// all files; otherwise it fills what they leave out.
	Files []string
	// Stdin is read for the file "-"; may be nil.
	Stdin io.Reader
	// Environ holds the environment as os.Environ gives it.
	Environ []string
}

// Error is what Load returns: everything that is wrong with the settings.
type Error struct {
	// Problems has one line for each mistake: the setting's name, what is wrong and what
	// to do; or the file's name and why it cannot be read. Never empty, and without any
	// secret's value.
	Problems []string
}

// Error lists all problems, one a line.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return "reading settings: " + e.Problems[0]
	}
	return "reading settings:\n  " + strings.Join(e.Problems, "\n  ")
}

// Load reads and checks the settings. Warnings are one line each and meant for the log;
// they come with errors too. The error is of type *Error.
func Load(in Input) (*Config, []string, error) {
	return loadSome(in, func(string) bool { return true })
}

// Only reads some of the settings, such as those that discovery depends on. What is wrong with
// others does not count. The error is of type *Error.
func Only(in Input, names ...string) (*Config, error) {
	config, _, err := loadSome(in, func(name string) bool { return slices.Contains(names, name) })
	return config, err
}

// loadSome reads the settings that count; the others have their defaults.
func loadSome(in Input, counts func(name string) bool) (*Config, []string, error) {
	known, err := loadSettings()
	if err != nil {
		return nil, nil, &Error{Problems: []string{err.Error()}}
	}
	l := &loader{settings: known}
	layers := l.layers(in)
	if len(l.problems) > 0 {
		return nil, nil, l.failure()
	}
	values := l.merge(layers)
	l.expanded(values)
	l.domainFromURL(values)
	widen(values)
	maps.DeleteFunc(values, func(name string, _ any) bool { return !counts(name) })
	l.fillDefaults(values)
	l.validate(values)
	config := l.build(values)
	l.problems = slices.DeleteFunc(l.problems, func(p problem) bool { return !counts(p.setting) })
	if len(l.problems) > 0 {
		return nil, l.redacted(l.warnings), l.failure()
	}
	return config, l.redacted(l.warnings), nil
}

// loader gathers what loadSome finds.
type loader struct {
	settings *settings
	warnings []string
	problems []problem
	// secrets are the values of secret settings met so far, in use or not. No message
	// shows them, not even where one was pasted into another setting too.
	secrets []string
}

// problem is a mistake in one setting, or in a file when the setting is empty.
type problem struct {
	setting string
	text    string
}

// fail notes a mistake in a setting, the first one of each only: the others tend to
// follow from it.
func (l *loader) fail(setting, text string) {
	if !l.failed(setting) {
		l.problems = append(l.problems, problem{setting, setting + ": " + text})
	}
}

// failed reports whether a mistake in the setting is known already.
func (l *loader) failed(setting string) bool {
	return slices.ContainsFunc(l.problems, func(p problem) bool { return p.setting == setting })
}

func (l *loader) warn(text string) { l.warnings = append(l.warnings, text) }

// failure returns the problems in the settings' order.
func (l *loader) failure() *Error {
	slices.SortStableFunc(l.problems, func(a, b problem) int {
		return l.settings.order(a.setting) - l.settings.order(b.setting)
	})
	lines := make([]string, len(l.problems))
	for i, p := range l.problems {
		lines[i] = p.text
	}
	return &Error{Problems: l.redacted(lines)}
}

// redacted returns the lines with every secret masked.
func (l *loader) redacted(lines []string) []string {
	for i, line := range lines {
		for _, secret := range l.secrets {
			line = strings.ReplaceAll(line, secret, mask)
		}
		lines[i] = line
	}
	return lines
}

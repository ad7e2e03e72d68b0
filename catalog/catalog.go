// Package catalog writes the catalogs of both protocols from the table of streams and its
// schemas, and reads what a user or client selected in one.
package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/nearest"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Selection is a stream that a run emits, and how.
type Selection struct {
	// Stream is the stream's entry in the table.
	Stream *stream.Stream
	// Incremental reports whether only changes since the bookmark are asked for. It is set only
	// for streams that have a replication key.
	Incremental bool
	// Removed are the fields that records must not have. Keys and the replication key are
	// never among them. Nil for none, as always in Airbyte, where the platform prunes.
	Removed Fields
	// Schema is the JSON Schema of the records as emitted, without Removed, in one line.
	Schema []byte
	// Markdown reports whether bodies, which come in storage format, are written as Markdown.
	Markdown bool
	// SyncID is the sync_id of the configured Airbyte catalog: equal in all attempts of
	// one sync. Nil in Singer and where the platform sends none.
	SyncID *int64
}

// Fields is a set of removed fields of an object by name. The value is nil for a field
// that is removed whole, else it names what is removed inside the field.
type Fields map[string]Fields

// Whole reports whether the field is removed with all that is in it.
func (f Fields) Whole(name string) bool {
	inside, removed := f[name]
	return removed && inside == nil
}

// Inside returns what is removed inside a field that itself stays, nil for nothing.
func (f Fields) Inside(name string) Fields { return f[name] }

// UnknownStreamError says that a catalog asks for streams that the tap does not have.
type UnknownStreamError struct {
	// Names are the unknown streams in the order of the catalog.
	Names []string
}

// Error names each stream, with the known one that it looks like.
func (e *UnknownStreamError) Error() string {
	lines := make([]string, len(e.Names))
	for i, name := range e.Names {
		lines[i] = fmt.Sprintf("unknown stream %q%s", name, hint(name))
	}
	return strings.Join(lines, "\n") + "\nrun discovery again to see the streams there are"
}

// NotOfferedError says that a catalog asks for extra streams that the settings do not add.
type NotOfferedError struct {
	// Names are the streams in the order of the catalog.
	Names []string
}

// Error names the streams and the setting.
func (e *NotOfferedError) Error() string {
	return fmt.Sprintf("the setting extra_streams does not name %s: add it there, or select it no longer", strings.Join(e.Names, ", "))
}

// hint suggests a stream's name in place of an unknown one.
func hint(name string) string {
	if near := nearest.Name(name, append(stream.Names(), stream.ExtraNames()...)); near != "" {
		return fmt.Sprintf(", do you mean %q?", near)
	}
	return ""
}

// Option is a setting that changes what catalogs show and select.
type Option func(*options)

type options struct {
	markdown bool
	extra    []*stream.Stream
}

// Markdown reports whether bodies are written as Markdown. Schemas then declare body.markdown and
// body.storage, which holds a body that can't be converted, and no other format.
func Markdown(on bool) Option { return func(o *options) { o.markdown = on } }

// Extra offers streams beside the usual ones: those that the setting extra_streams names.
func Extra(streams ...*stream.Stream) Option { return func(o *options) { o.extra = streams } }

// offered are the streams that catalogs hold.
func (o options) offered() []*stream.Stream {
	return slices.DeleteFunc(stream.Every(), func(s *stream.Stream) bool { return !o.offers(s) })
}

// offers reports whether a stream may be selected.
func (o options) offers(s *stream.Stream) bool { return !s.IsExtra() || slices.Contains(o.extra, s) }

func gather(list []Option) (o options) {
	for _, set := range list {
		set(&o)
	}
	return o
}

// selectStream selects a stream in full, without the removed fields.
func selectStream(s *stream.Stream, removed Fields, o options) (Selection, error) {
	schema, err := schemaOf(s, o)
	if err != nil {
		return Selection{}, err
	}
	return Selection{Stream: s, Removed: removed, Schema: prune(schema, removed), Markdown: o.markdown}, nil
}

// automatic reports whether records need the field whatever is selected.
func automatic(s *stream.Stream, field string) bool {
	return slices.Contains(s.Key, field) || field == s.ReplicationKey
}

// inTableOrder sorts selections as the table has the streams, so that a run does not
// depend on how a client orders its catalog.
func inTableOrder(selections []Selection) {
	place := map[string]int{}
	for i, s := range stream.Every() {
		place[s.Name] = i
	}
	slices.SortFunc(selections, func(a, b Selection) int {
		return place[a.Stream.Name] - place[b.Stream.Name]
	})
}

// findings gathers what is wrong with a catalog, so that all of it can be told at once.
type findings struct {
	warnings []string
	errs     []error
	unknown  []string
	locked   []string // extra streams that are not offered
	// fullOnly are streams that incremental was asked for and that don't have it. Some
	// clients ask for it everywhere.
	fullOnly []string
	seen     map[string]bool
}

func (f *findings) warn(format string, args ...any) {
	f.warnings = append(f.warnings, fmt.Sprintf(format, args...))
}

func (f *findings) fail(format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf(format, args...))
}

func (f *findings) tellFullOnly() {
	if len(f.fullOnly) > 0 {
		f.warn("streams that can't be read incrementally are read in full: %s", strings.Join(f.fullOnly, ", "))
	}
}

// repeated notes an entry for the stream and fails if there was one before.
func (f *findings) repeated(name string) bool {
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	if f.seen[name] {
		f.fail("stream %q is in the catalog more than once", name)
		return true
	}
	f.seen[name] = true
	return false
}

// err returns all errors as one, or nil.
func (f *findings) err() error {
	errs := f.errs
	if len(f.unknown) > 0 {
		errs = append(errs, &UnknownStreamError{Names: f.unknown})
	}
	if len(f.locked) > 0 {
		errs = append(errs, &NotOfferedError{Names: f.locked})
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("reading the catalog: %w", errors.Join(errs...))
}

package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/jsonfile"
)

const (
	envPrefix = "TAP_CONFLUENCE_"
	// envFile in place of a file's name means the environment.
	envFile = "ENV"
	// maxFile bounds a configuration file, in bytes: what is larger is something else.
	maxFile = 1 << 20
	// maxName bounds the names that messages repeat, in bytes. They are not cut short: the
	// half of a token that somebody took for a name would not be known as a secret.
	maxName = 60
)

// otherForm matches files that begin like YAML, TOML or a list of variables.
var otherForm = regexp.MustCompile(`^\x{feff}?(\s*(#.*)?\n|---)*\s*(export )?\w+\s*[:=]`)

// unexpanded matches the name of a variable where its value should be.
var unexpanded = regexp.MustCompile(`^(\$\w+|\$\{.*\}|\{\{.*\}\}|%\w+%)$`)

// layers reads all sources, the strongest last.
func (l *loader) layers(in Input) []map[string]any {
	var files []map[string]any
	for _, name := range in.Files {
		if name != envFile {
			files = append(files, l.file(name, in.Stdin))
		}
	}
	environment := l.environment(in.Environ)
	if slices.Contains(in.Files, envFile) {
		return append(files, environment)
	}
	return append([]map[string]any{environment}, files...)
}

// file reads the settings of one configuration file.
func (l *loader) file(name string, stdin io.Reader) map[string]any {
	title := name
	if name == "-" {
		title = "standard input"
	}
	data, err := read(name, stdin)
	if err != nil {
		l.problems = append(l.problems, problem{text: fmt.Sprintf("%s: %v", title, err)})
		return nil
	}
	var document any
	if err := jsonfile.Decode(title, data, &document); err != nil {
		text := err.Error()
		if otherForm.Match(data) {
			text = title + `: is no JSON: write the settings as {"domain": "acme.atlassian.net", ...}, or use --config ENV`
		}
		l.problems = append(l.problems, problem{text: text})
		return nil
	}
	object, ok := document.(map[string]any)
	if !ok {
		l.problems = append(l.problems, problem{text: title + ": must hold a JSON object with the settings"})
		return nil
	}
	return l.layer(object, func(name string) {
		text := "unknown setting " + strconv.Quote(name)
		if len(name) > maxName {
			text = fmt.Sprintf("unknown setting with a name of %d bytes", len(name))
		}
		if near := l.settings.nearest(name); near != "" {
			text += ", do you mean " + near + "?"
		}
		l.warn(text + " (ignored)")
	})
}

// read returns a file's bytes. Its errors do not repeat the name.
func read(name string, stdin io.Reader) ([]byte, error) {
	source := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, reason(err)
		}
		defer func() { _ = file.Close() }()
		source = file
	}
	if source == nil {
		return nil, errors.New("there is no standard input to read")
	}
	data, err := io.ReadAll(io.LimitReader(source, maxFile+1))
	if err != nil {
		return nil, reason(err)
	}
	if len(data) > maxFile {
		return nil, errors.New("the file is too large for a configuration (more than 1 MiB)")
	}
	return data, nil
}

// reason strips the path that package os puts into its errors.
func reason(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("the file may not be read by this user")
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// environment reads TAP_CONFLUENCE_<SETTING>. Other programs have variables of that prefix
// too, so that an unknown one is worth a warning only if it looks like a slip.
func (l *loader) environment(environ []string) map[string]any {
	object := map[string]any{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if name, ok := strings.CutPrefix(name, envPrefix); ok {
			object[strings.ToLower(name)] = value
		}
	}
	return l.layer(object, func(name string) {
		if near := l.settings.nearest(name); near != "" {
			l.warn(fmt.Sprintf("unknown variable %s%s, do you mean %s%s? (ignored)",
				envPrefix, strings.ToUpper(name), envPrefix, strings.ToUpper(near)))
		}
	})
}

// layer keeps an object's known settings under their own names, typed. It reports the
// others, but for those whose names begin with "_", which clients add for themselves.
func (l *loader) layer(object map[string]any, unknown func(name string)) map[string]any {
	values := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, known := l.settings.byName[name]; known {
			l.set(values, name, object[name])
		} else if _, known := aliases[name]; !known && !strings.HasPrefix(name, "_") {
			unknown(name)
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		l.setAlias(values, alias, object[alias])
	}
	return values
}

// set puts a value in, unless it counts as absent.
func (l *loader) set(values map[string]any, name string, value any) {
	known := l.settings.byName[name]
	value = typed(known, value)
	if value == nil {
		return
	}
	if text, ok := value.(string); ok && known.Secret && len(text) >= 8 {
		l.secrets = append(l.secrets, text)
	}
	values[name] = value
}

// setAlias puts a value in under the setting's own name, unless that is there already.
func (l *loader) setAlias(values map[string]any, alias string, value any) {
	name := aliases[alias]
	value = typed(l.settings.byName[name], value)
	if value == nil {
		return
	}
	if own, given := values[name]; !given {
		values[name] = value
	} else if !reflect.DeepEqual(own, value) {
		l.warn(fmt.Sprintf("%s and %s differ: they are two names of one setting, and %s is used", name, alias, name))
	}
}

// merge lays the layers over each other.
func (l *loader) merge(layers []map[string]any) map[string]any {
	values := map[string]any{}
	for _, layer := range layers {
		maps.Copy(values, layer)
	}
	return values
}

// expanded notes settings that hold a variable's name.
func (l *loader) expanded(values map[string]any) {
	for name, value := range values {
		if text, ok := value.(string); ok && unexpanded.MatchString(text) {
			l.fail(name, "holds a variable's name, not its value: leave it out; set "+envPrefix+strings.ToUpper(name)+" in the environment")
		}
	}
}

// fillDefaults puts the schema's defaults in.
func (l *loader) fillDefaults(values map[string]any) {
	for name, known := range l.settings.byName {
		if _, given := values[name]; !given && known.Default != nil {
			values[name] = typed(known, known.Default)
		}
	}
}

// typed turns a value into the setting's type where it can be read as one: clients pass
// numbers, booleans and lists as strings too. What cannot be is returned as it is, for
// validation to refuse. It returns nil for what counts as absent: null, an empty string,
// an empty list.
func typed(s *Setting, value any) any {
	switch v := value.(type) {
	case string:
		return fromString(s, strings.TrimSpace(v))
	case json.Number:
		return number(v)
	case []any:
		return list(s, v)
	default:
		return v
	}
}

func fromString(s *Setting, text string) any {
	if text == "" {
		return nil
	}
	switch s.Type {
	case "string":
		for _, allowed := range s.Enum {
			if strings.EqualFold(text, allowed) {
				return allowed
			}
		}
	case "integer", "number":
		if json.Valid([]byte(text)) {
			return number(json.Number(text))
		}
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case "array":
		return fromList(s, text)
	}
	return text
}

// fromList reads a list that was passed as a string: JSON, or items with commas between.
func fromList(s *Setting, text string) any {
	if strings.HasPrefix(text, "[") {
		var items []any
		if err := jsonfile.Decode("", []byte(text), &items); err != nil {
			return text
		}
		return list(s, items)
	}
	var items []any
	for item := range strings.SplitSeq(text, ",") {
		items = append(items, item)
	}
	return list(s, items)
}

// list returns the items, typed, each once, without empty ones; nil if none is left.
func list(s *Setting, items []any) any {
	if s.Items == nil {
		return items
	}
	var kept []any
	for _, item := range items {
		item = typed(s.Items, item)
		known := slices.ContainsFunc(kept, func(k any) bool { return reflect.DeepEqual(k, item) })
		if item != nil && !known {
			kept = append(kept, item)
		}
	}
	if kept == nil {
		return nil
	}
	return kept
}

// number returns a float64, or the text if it is no number that a float64 can hold. The
// validator gets no json.Number: it would write an exponent like 1e999999999 out in full.
func number(n json.Number) any {
	f, err := n.Float64()
	if err != nil {
		return string(n)
	}
	return f
}

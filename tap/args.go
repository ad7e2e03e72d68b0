package tap

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/nearest"
)

// options are the command line's options, of both dialects.
type options struct {
	config, selects                 list
	catalog, properties, state      string
	incremental                     bool
	discover, test, about, versionF bool
	format, logLevel                string
	debug                           bool
	// impatient reports whether somebody waits for the command.
	impatient bool
}

// list is a flag that may be given several times.
type list []string

// String returns the values given so far.
func (l *list) String() string { return strings.Join(*l, ",") }

// Set adds a value to those given so far.
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// boolOrValue is a flag that may stand alone or have a value: --test, --test=all.
type boolOrValue struct{ set *bool }

// String returns no default: help does not show one.
func (b boolOrValue) String() string { return "" }

// IsBoolFlag lets the flag stand alone.
func (b boolOrValue) IsBoolFlag() bool { return true }

// Set switches the flag on by any value but "false".
func (b boolOrValue) Set(s string) error {
	*b.set = s != "false"
	return nil
}

// parse reads the arguments with the flags that define declares. Help is flag.ErrHelp; a
// mistake names the argument.
func parse(args []string, define func(*flag.FlagSet)) error {
	fs := flag.NewFlagSet(Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	define(fs)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usage("%w; see %s --help", err, Name)
	}
	if fs.NArg() > 0 {
		return misplaced(fs.Arg(0))
	}
	return nil
}

// verbs are the words that a command line may begin with.
var verbs = []string{"spec", "check", "discover", "read", "plan"}

// misplaced is the error for an argument that is no option and no option's value.
func misplaced(arg string) error {
	if slices.Contains(verbs, arg) {
		return usage("%q must come first: %s %s --config ...", arg, Name, arg)
	}
	if near := nearest.Name(arg, verbs); near != "" {
		return usage("the argument %q is not understood, do you mean %q? See %s --help", arg, near, Name)
	}
	return usage("the argument %q is not understood; see %s --help", arg, Name)
}

func (o *options) singerFlags(fs *flag.FlagSet) {
	for _, name := range []string{"config", "c"} {
		fs.Var(&o.config, name, "")
	}
	fs.StringVar(&o.catalog, "catalog", "", "")
	fs.Var(&o.selects, "select", "")
	fs.BoolVar(&o.incremental, "incremental", false, "")
	for _, name := range []string{"properties", "p"} {
		fs.StringVar(&o.properties, name, "", "")
	}
	for _, name := range []string{"state", "s"} {
		fs.StringVar(&o.state, name, "", "")
	}
	for _, name := range []string{"discover", "d"} {
		fs.BoolVar(&o.discover, name, false, "")
	}
	fs.Var(boolOrValue{&o.test}, "test", "")
	fs.BoolVar(&o.about, "about", false, "")
	fs.StringVar(&o.format, "format", "", "")
	fs.BoolVar(&o.versionF, "version", false, "")
	o.commonFlags(fs)
}

func (o *options) airbyteFlags(fs *flag.FlagSet) {
	fs.Var(&o.config, "config", "")
	fs.StringVar(&o.catalog, "catalog", "", "")
	fs.StringVar(&o.state, "state", "", "")
	o.commonFlags(fs)
}

func (o *options) commonFlags(fs *flag.FlagSet) {
	fs.BoolVar(&o.debug, "debug", false, "")
	fs.BoolVar(&o.debug, "dev", false, "")
	fs.StringVar(&o.logLevel, "log-level", "", "")
}

// command is what a Singer command line asks for.
func (o *options) command() string {
	switch {
	case o.versionF:
		return "--version"
	case o.about:
		return "--about"
	case o.discover:
		return "--discover"
	case o.test:
		return "--test"
	}
	return "a sync"
}

// unused names the options that a command has no use for. A catalog and a state are no mistake in
// Singer: Meltano gives those of its last run to every command. Nothing is with --version.
var unused = map[string][]string{
	"a sync":     {"format"},
	"--about":    {"select", "incremental", "discover", "test"},
	"--discover": {"select", "incremental", "format", "test"},
	"--test":     {"select", "incremental", "format"},
	"plan":       {"version", "about", "discover", "test"},
	"spec":       {"config", "catalog", "state"},
	"check":      {"catalog", "state"},
	"discover":   {"catalog", "state"},
}

// refuseUnused returns the error for an option that the command has no use for.
func (o *options) refuseUnused(command string) error {
	given := map[string]bool{
		"config": len(o.config) > 0, "catalog": o.catalog != "", "state": o.state != "", "select": len(o.selects) > 0,
		"incremental": o.incremental, "format": o.format != "",
		"version": o.versionF, "about": o.about, "discover": o.discover, "test": o.test,
	}
	for _, name := range unused[command] {
		if given[name] {
			return usage("--%s does not go with %s: leave it out", name, command)
		}
	}
	return nil
}

// picks reports whether options choose streams in place of a catalog.
func (o *options) picks() bool { return len(o.selects) > 0 || o.incremental }

// patterns returns the patterns of all --select options.
func (o *options) patterns() []string {
	var patterns []string
	for _, list := range o.selects {
		for pattern := range strings.SplitSeq(list, ",") {
			patterns = append(patterns, strings.TrimSpace(pattern))
		}
	}
	return patterns
}

// catalogFile is the catalog's file, empty for none; --properties is its older name.
func (o *options) catalogFile() (string, error) {
	if o.catalog != "" && o.properties != "" && o.catalog != o.properties {
		return "", usage("--catalog and --properties are two names of one option; give one")
	}
	file := o.catalog
	if file == "" {
		file = o.properties
	}
	if file != "" && o.picks() {
		return "", usage("--catalog chooses the streams: drop it, or drop --select and --incremental")
	}
	return file, nil
}

var help = fmt.Sprintf(`%s extracts a Confluence Cloud site, for Singer and for Airbyte.

Singer:
  %[1]s --config C [--state S]                 sync all streams in full
  %[1]s --config C [--select P] [--incremental] [--state S]    sync some, or what changed
  %[1]s --config C --catalog K [--state S]     sync what a catalog says
  %[1]s --config C --discover                  print the catalog
  %[1]s --config C --test                      tell who the account is and what it can read
  %[1]s --about [--format json|markdown]       print settings and capabilities
  %[1]s --version | --help

For people:
  %[1]s plan --config C [...] [--format json]  tell what a sync with these options costs

Airbyte:
  %[1]s spec
  %[1]s check    --config C
  %[1]s discover --config C
  %[1]s read     --config C --catalog K [--state S]

Options:
  --config C      a JSON file with settings; may be given several times, later ones win;
                  ENV reads TAP_CONFLUENCE_<SETTING> from the environment, which also fills
                  what files leave out; - reads standard input
  --select P      names of streams, in which * stands for any text: 'pages,page_*';
                  an exclamation mark leaves out: '!attachment_*'
  --incremental   read only what changed since the state, or since anchor_date; without
                  --select only the streams that can be read so
  --catalog K     a catalog that says what to read (--properties is its older name)
  --state S       where an earlier run ended
  --log-level L   debug, info, warning or error; --debug is --log-level debug

Exit status:
  0  everything that was asked for is done
  1  a stream failed (the others are complete), or the run ended early
  2  the command line, a setting, the catalog or the state is wrong; nothing was read
  3  Singer only: the site refuses the credentials or the account, or is not there
  4  Singer only: the site stopped answering in mid-run, asks to wait longer than
     max_retry_wait, or answers 429 until max_retries are used up; try again later
`, Name)

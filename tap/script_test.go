package tap_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// TestScript runs the command line in processes of its own, as the scripts in
// testdata/script say. Each script has a small site of its own, whose address is $SITE, and
// a good config.json. Beside the usual commands there are
//
//	config FILE [NAME=JSON...]   write the good settings with others over them; null takes one out
//	messages singer|airbyte      the last stdout held nothing but messages of that protocol
//	levels                       the last stderr's lines begin with their level, CRITICAL last if at all
//	lines N                      the last stderr has so many lines
//	status N COMMAND [ARG...]    the command ends with that exit status
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			auth := simconfluence.Auth{Email: tapfixture.Email, Token: tapfixture.Token}
			o := simconfluence.Scaled(7, 10)
			o.Auth = auth
			server := httptest.NewServer(simconfluence.New(o))
			env.Defer(server.Close)
			env.Setenv("SITE", server.URL)
			env.Setenv("MELTANO_PROJECT_ROOT", env.WorkDir) // which keeps times out of the log
			env.Setenv("GORACE", "atexit_sleep_ms=0")       // a race detector's processes linger otherwise
			return os.WriteFile(env.WorkDir+"/config.json", settings(server.URL, nil), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"config": writeConfig, "messages": onlyMessages, "levels": withLevels, "lines": countLines, "status": wantStatus,
		},
	})
}

// settings encodes the good settings with others over them.
func settings(url string, more map[string]any) []byte {
	s := tapfixture.Settings(url)
	maps.Copy(s, more)
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // the values came out of JSON
	}
	return text
}

func writeConfig(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: config FILE [NAME=JSON...]")
	}
	more := map[string]any{}
	for _, arg := range args[1:] {
		name, text, _ := strings.Cut(arg, "=")
		var value any
		ts.Check(json.Unmarshal([]byte(text), &value))
		more[name] = value
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), settings(ts.Getenv("SITE"), more), 0o600))
}

// types are the messages of each protocol.
var types = map[string]string{
	"singer":  "SCHEMA RECORD STATE ACTIVATE_VERSION",
	"airbyte": "SPEC CONNECTION_STATUS CATALOG RECORD STATE TRACE LOG",
}

func onlyMessages(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || types[args[0]] == "" {
		ts.Fatalf("usage: messages singer|airbyte")
	}
	text, ended := strings.CutSuffix(ts.ReadFile("stdout"), "\n")
	if !ended {
		ts.Fatalf("stdout is empty or ends within a line")
	}
	for line := range strings.SplitSeq(text, "\n") {
		var message struct{ Type string }
		if err := json.Unmarshal([]byte(line), &message); err != nil {
			ts.Fatalf("a line is no message: %v: %s", err, line)
		}
		if !strings.Contains(" "+types[args[0]]+" ", " "+message.Type+" ") {
			ts.Fatalf("a message of type %q: %.300s", message.Type, line)
		}
	}
}

var level = regexp.MustCompile(`^(DEBUG|INFO|WARNING|ERROR|CRITICAL) \S`)

func withLevels(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: levels")
	}
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stderr"), "\n"), "\n")
	for i, line := range lines {
		if !level.MatchString(line) {
			ts.Fatalf("a line of stderr does not begin with a level: %q", line)
		}
		if strings.HasPrefix(line, "CRITICAL") && i < len(lines)-1 {
			ts.Fatalf("lines follow the one that begins with CRITICAL")
		}
	}
}

func countLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lines N")
	}
	var want int
	ts.Check(json.Unmarshal([]byte(args[0]), &want))
	if got := strings.Count(ts.ReadFile("stderr"), "\n"); got != want {
		ts.Fatalf("stderr has %d lines, want %d", got, want)
	}
}

func wantStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = strconv.Itoa(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("running it: %v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

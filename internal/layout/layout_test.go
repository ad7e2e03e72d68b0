// Package layout checks how the files of a package use each other.
package layout

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packages are those whose files use each other one way only. Their package comments tell the
// order.
var packages = []string{"tap/state", "tap/site", "tap/method", "tap/plan", "tap/engine"}

const module = "github.com/tap-confluence/tap-confluence/"

// TestFilesUseEachOtherOneWay fails if two files of a package use each other, directly or by
// way of others.
func TestFilesUseEachOtherOneWay(t *testing.T) {
	exports := exportData(t)
	for _, name := range packages {
		t.Run(name, func(t *testing.T) {
			uses := fileUses(t, filepath.Join("..", "..", name), module+name, exports)
			for _, cycle := range cycles(uses) {
				t.Errorf("files use each other in a circle: %s", strings.Join(cycle, " > "))
			}
			if t.Failed() || testing.Verbose() {
				for _, file := range slices.Sorted(maps.Keys(uses)) {
					for _, other := range slices.Sorted(maps.Keys(uses[file])) {
						t.Logf("%s uses %s: %s", file, other, strings.Join(slices.Sorted(maps.Keys(uses[file][other])), " "))
					}
				}
			}
		})
	}
}

// exportData returns the files with the exported names of every package that the tap uses.
func exportData(t *testing.T) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "./tap/...")
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing packages: %v\n%s", err, stderr.String())
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			exports[path] = file
		}
	}
	return exports
}

// fileUses returns what each file of a package uses of which other one.
func fileUses(t *testing.T, dir, path string, exports map[string]string) map[string]map[string]map[string]bool {
	t.Helper()
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	lookup := func(path string) (io.ReadCloser, error) {
		file, ok := exports[path]
		if !ok {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	pkg, err := conf.Check(path, fset, files, info)
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]map[string]map[string]bool{}
	for ident, object := range info.Uses {
		if object.Pkg() != pkg || !object.Pos().IsValid() {
			continue
		}
		from, to := base(fset, ident.Pos()), base(fset, object.Pos())
		if from == to {
			continue
		}
		if uses[from] == nil {
			uses[from] = map[string]map[string]bool{}
		}
		if uses[from][to] == nil {
			uses[from][to] = map[string]bool{}
		}
		uses[from][to][object.Name()] = true
	}
	return uses
}

func base(fset *token.FileSet, pos token.Pos) string { return filepath.Base(fset.Position(pos).Filename) }

// cycles returns a circle for each file that can be reached from itself.
func cycles(uses map[string]map[string]map[string]bool) [][]string {
	var found [][]string
	inCycle := map[string]bool{}
	for _, start := range slices.Sorted(maps.Keys(uses)) {
		if inCycle[start] {
			continue
		}
		if way := path(uses, start, start, map[string]bool{}); way != nil {
			for _, file := range way {
				inCycle[file] = true
			}
			found = append(found, append([]string{start}, way...))
		}
	}
	return found
}

// path returns the files from one to another, nil if there is no way.
func path(uses map[string]map[string]map[string]bool, from, to string, seen map[string]bool) []string {
	for _, next := range slices.Sorted(maps.Keys(uses[from])) {
		if next == to {
			return []string{to}
		}
		if seen[next] {
			continue
		}
		seen[next] = true
		if way := path(uses, next, to, seen); way != nil {
			return append([]string{next}, way...)
		}
	}
	return nil
}

// TestCycles shows that a circle is found.
func TestCycles(t *testing.T) {
	use := func(names ...string) map[string]map[string]bool {
		m := map[string]map[string]bool{}
		for _, n := range names {
			m[n] = map[string]bool{"x": true}
		}
		return m
	}
	if got := cycles(map[string]map[string]map[string]bool{"a": use("b"), "b": use("c"), "c": use()}); len(got) > 0 {
		t.Errorf("no circle is taken for one: %v", got)
	}
	if got := cycles(map[string]map[string]map[string]bool{"a": use("b"), "b": use("c"), "c": use("a")}); len(got) != 1 {
		t.Errorf("a circle of three is not found: %v", got)
	}
}

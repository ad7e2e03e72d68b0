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
	"regexp"
	"slices"
	"strings"
	"testing"
)

// packages are those whose files use each other one way only, in the order that the package
// comment names.
var packages = []string{"tap/state", "tap/site", "tap/method", "tap/plan", "tap/engine"}

const module = "github.com/tap-confluence/tap-confluence/"

// TestFilesUseEachOtherOneWay fails if a file uses one that its package comment names before it, or
// if the comment does not name a file.
func TestFilesUseEachOtherOneWay(t *testing.T) {
	exports := exportData(t)
	for _, name := range packages {
		t.Run(name, func(t *testing.T) {
			fset := token.NewFileSet()
			files := parse(t, fset, filepath.Join("..", "..", name))
			uses := fileUses(t, fset, files, module+name, exports)
			for _, fault := range faults(order(files), slices.Collect(maps.Keys(files)), uses) {
				t.Error(fault)
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

// parse parses the files of a package, but for its tests, by their names.
func parse(t *testing.T, fset *token.FileSet, dir string) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		if files[filepath.Base(path)], err = parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// fileName is the name of a file in a comment.
var fileName = regexp.MustCompile(`\w+\.go\b`)

// order returns the files in the order in which the package comment names them.
func order(files map[string]*ast.File) []string {
	for _, file := range files {
		if _, list, ok := strings.Cut(file.Doc.Text(), "Files use each other from top to bottom:"); ok {
			return fileName.FindAllString(list, -1)
		}
	}
	return nil
}

// usage says what each file of a package uses of which other one.
type usage map[string]map[string]map[string]bool

// faults tells where an order of files is not that of a package: each file stands in it once, before
// all files that it uses.
func faults(order, files []string, uses usage) []string {
	place := map[string]int{}
	var found []string
	for i, file := range order {
		if _, twice := place[file]; twice || !slices.Contains(files, file) {
			found = append(found, "the package comment names "+file+", which stands there twice or does not exist")
		}
		place[file] = i
	}
	for _, file := range slices.Sorted(slices.Values(files)) {
		if _, named := place[file]; !named {
			found = append(found, "the package comment does not name "+file)
			continue
		}
		for _, other := range slices.Sorted(maps.Keys(uses[file])) {
			if at, named := place[other]; named && at < place[file] {
				found = append(found, fmt.Sprintf("%s uses %s, which the package comment names before it: %s",
					file, other, strings.Join(slices.Sorted(maps.Keys(uses[file][other])), " ")))
			}
		}
	}
	return found
}

// TestFaults shows that each kind of fault is found.
func TestFaults(t *testing.T) {
	uses := usage{"a.go": {"b.go": {"B": true}, "c.go": {"C": true}}, "b.go": {"c.go": {"C": true}}}
	files := []string{"a.go", "b.go", "c.go"}
	for name, test := range map[string]struct {
		order []string
		want  string
	}{
		"right":        {[]string{"a.go", "b.go", "c.go"}, ""},
		"turned round": {[]string{"b.go", "a.go", "c.go"}, "a.go uses b.go, which"},
		"not named":    {[]string{"a.go", "c.go"}, "does not name b.go"},
		"no order":     {nil, "does not name a.go"},
		"twice":        {[]string{"a.go", "b.go", "c.go", "b.go"}, "names b.go, which"},
		"unknown":      {[]string{"a.go", "b.go", "c.go", "d.go"}, "names d.go, which"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(faults(test.order, files, uses), "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
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
func fileUses(t *testing.T, fset *token.FileSet, files map[string]*ast.File, path string, exports map[string]string) usage {
	t.Helper()
	lookup := func(path string) (io.ReadCloser, error) {
		file, ok := exports[path]
		if !ok {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	pkg, err := conf.Check(path, fset, slices.Collect(maps.Values(files)), info)
	if err != nil {
		t.Fatal(err)
	}
	uses := usage{}
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

func base(fset *token.FileSet, pos token.Pos) string {
	return filepath.Base(fset.Position(pos).Filename)
}

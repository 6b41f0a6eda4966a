// Package natlims_test holds the habits of the house that no single package can hold: who imports whom, who may know the time, that every
// package says what it is, that tests neither skip nor sleep, that a released migration is never edited.
package natlims_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write migrations/migrations.sum anew: only before a release")

// source is one Go file of the module.
type source struct {
	path string // from the module's root, with slashes
	dir  string // its package: "" is the root
	test bool
	file *ast.File
}

func (s source) imports() (paths []string) {
	for _, i := range s.file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			panic(err) // the parser has read it
		}
		paths = append(paths, p)
	}
	return paths
}

var fset = token.NewFileSet()

// sources reads every Go file below the module's root, whatever its build tags.
var sources = sync.OnceValues(func() (all []source, err error) {
	err = filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		name := e.Name()
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules"):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		dir := filepath.ToSlash(filepath.Dir(path))
		if dir == "." {
			dir = ""
		}
		all = append(all, source{filepath.ToSlash(path), dir, strings.HasSuffix(name, "_test.go"), f})
		return err
	})
	return all, err
})

func read(t *testing.T) []source {
	t.Helper()
	all, err := sources()
	require.NoError(t, err)
	require.Greater(t, len(all), 100)
	return all
}

// layers says how high each package stands. A package imports only what stands lower; what stands at 20 or below is pure.
var layers = map[string]int{
	"migrations": 0, "lims/plate": 0, "instruments/unpack": 5, "instruments/fields": 5, "instruments/sheet/sheettest": 0, "instruments/words": 0, "reports/font": 0,
	"lims/pcr": 10, "pooling": 10, "instruments/astm": 10, "instruments/hl7": 10, "instruments/sheet": 10,
	"lims": 20, "lims/plan": 20, "instruments": 20, "reports": 20,
	"lims/store/localdb": 30, "instruments/link": 30, "reports/send": 30,
	"lims/store": 35, "lims/store/pgtest": 35, "instruments/link/spool": 35, "instruments/sim": 35, "reports/send/receiver": 35,
	"instruments/link/gate": 36,
	"lims/flow":             40, "lims/setup": 40, "lims/api": 40, "lims/web": 40,
	"demo":     45,
	"cmd/lims": 50, "scenario": 60,
}

const pure = 20

func TestImportMap(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range read(t) {
		if s.test {
			continue
		}
		own, ok := layers[s.dir]
		require.True(t, ok, "%s: package %q has no place in the import map: say in which layer it stands", s.path, s.dir)
		seen[s.dir] = true
		for _, p := range s.imports() {
			if other, ours := strings.CutPrefix(p, "natlims/"); ours {
				require.Less(t, layers[other], own, "%s imports %s, which does not stand lower", s.path, p)
			}
		}
	}
	for dir := range layers {
		if !seen[dir] {
			t.Logf("the import map keeps a place for %s, which is not there", dir)
		}
	}
}

// outside says which packages may know a library that reaches out of the process. A package's tests may use what they like.
var outside = map[string][]string{
	"database/sql":                        {"lims/store", "lims/store/pgtest", "lims/store/localdb", "migrations"},
	"github.com/lib/pq":                   {"lims/store", "lims/store/pgtest", "lims/store/localdb"},
	"github.com/jmoiron/sqlx":             {"lims/store"},
	"github.com/pressly/goose/v3":         {"migrations"},
	"github.com/pressly/goose/v3/lock":    {"migrations"},
	"go.bug.st/serial":                    {"instruments/link"},
	"github.com/creack/pty":               {"instruments/sim", "demo"},
	"net/http":                            {"lims/web", "lims/api", "reports/send", "reports/send/receiver", "instruments/link", "instruments/link/gate", "demo", "cmd/lims"},
	"net":                                 {"lims/web", "reports/send", "instruments/link", "instruments/link/gate", "instruments/sim", "demo", "cmd/lims"},
	"net/smtp":                            {"reports/send"},
	"os/exec":                             {"lims/store/localdb"},
	"plugin":                              nil,
	"unsafe":                              {"instruments/unpack"}, // reads text in place
	"C":                                   nil,
	"github.com/alecthomas/kong":          {"cmd/lims"},
	"github.com/danielgtaylor/huma/v2":    {"lims/api"},
	"github.com/stretchr/testify/require": nil,
	"testing":                             {"lims/store/pgtest"},
}

func TestOnlyTheEdgesReachOut(t *testing.T) {
	t.Parallel()
	for _, s := range read(t) {
		if s.test {
			continue
		}
		for _, p := range s.imports() {
			if who, guarded := outside[p]; guarded {
				require.Contains(t, who, s.dir, "%s imports %s", s.path, p)
			}
			if layers[s.dir] <= pure && s.dir != "migrations" {
				require.NotContains(t, []string{"os", "syscall", "log", "log/slog", "context"}, p, "%s: a pure package does no I/O and waits for nothing", s.path)
			}
			if s.dir == "pooling" {
				require.NotContains(t, strings.SplitN(p, "/", 2)[0], ".", "%s: pooling needs the standard library only", s.path)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	said, test := map[string]bool{}, map[string]bool{}
	for _, s := range read(t) {
		name := strings.TrimSuffix(s.file.Name.Name, "_test")
		key := s.dir + " " + name
		if _, ok := test[key]; !ok {
			test[key] = true
		}
		test[key] = test[key] && s.test
		if d := s.file.Doc; d != nil {
			begin := "Package " + s.file.Name.Name + " "
			if s.file.Name.Name == "main" {
				begin = "Command "
			}
			require.True(t, strings.HasPrefix(d.Text(), begin), "%s: the package comment begins with %q", s.path, begin)
			said[key] = true
		}
	}
	for key := range test {
		require.True(t, said[key], "package %s has no package comment", key)
	}
}

// realTime are the files outside of cmd that may look at the machine's clock, and why.
var realTime = map[string]string{
	"lims/store/store.go": "the default of the program's only clock",
	"demo/clock.go":       "the demo's clock goes on with the machine's within a step",
	"demo/lab.go":         "how long the demo waits, in real time, for the program it plays with",
	"demo/bench.go":       "simulated instruments time their protocols in real time, the demo's day does not matter to a line",
}

func TestOneClock(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, s := range read(t) {
		if s.test || s.dir == "cmd/lims" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) {
				used[s.path] = true
				require.NotEmpty(t, realTime[s.path], "%s: time.%s outside of cmd: take the instant as an argument", fset.Position(n.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
	for path := range realTime {
		require.True(t, used[path], "%s needs no exception any more", path)
	}
}

// Tests wait for what they expect, with a deadline; the one clock that may be slept on is that of a synctest bubble.
func TestNobodySleepsOrSkips(t *testing.T) {
	t.Parallel()
	for _, s := range read(t) {
		bubble := slices.Contains(s.imports(), "testing/synctest")
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, _ := sel.X.(*ast.Ident)
			at := fset.Position(n.Pos())
			if pkg != nil && pkg.Name == "time" && sel.Sel.Name == "Sleep" {
				require.True(t, s.test && bubble, "%s: time.Sleep", at)
			}
			if s.test && pkg != nil && slices.Contains([]string{"t", "b", "tb", "f"}, pkg.Name) {
				require.NotContains(t, []string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name, "%s: a test that does not run is not green", at)
			}
			return true
		})
	}
}

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

// TestMigrationsAreNeverEdited compares the files with migrations.sum. After a release a change to the schema is a new file.
func TestMigrationsAreNeverEdited(t *testing.T) {
	t.Parallel()
	const sum = "migrations/migrations.sum"
	files, err := filepath.Glob("migrations/*.sql")
	require.NoError(t, err)
	slices.Sort(files)
	var now strings.Builder
	numbers := map[string]string{}
	for _, path := range files {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		name := filepath.Base(path)
		m := migrationName.FindStringSubmatch(name)
		require.NotNil(t, m, "%s: expected 0001_word.sql", name)
		require.Empty(t, numbers[m[1]], "%s: the number stands twice", name)
		numbers[m[1]] = name
		require.NotContains(t, string(b), "+goose Down", "%s: migrations go forward only", name)
		fmt.Fprintf(&now, "%x  %s\n", sha256.Sum256(b), name)
	}
	if *update {
		require.NoError(t, os.WriteFile(sum, []byte(now.String()), 0o644))
		return
	}
	was, err := os.ReadFile(sum)
	require.NoError(t, err)
	require.Equal(t, string(was), now.String(), "before the release: go test . -run TestMigrations -update; after it: write a new file")
}

// bad names say nothing of the laboratory.
var badName = regexp.MustCompile(`(Manager|Helper|Util|Utils|Common|Impl|Base)$|^Get[A-Z]`)

func TestNames(t *testing.T) {
	t.Parallel()
	ours := regexp.MustCompile(`^(GetStatus)$`) // asked for by an interface of a library
	for _, s := range read(t) {
		require.NotRegexp(t, `(util|helper|common|misc)s?$`, s.dir, "a package is named after a thing")
		for _, d := range s.file.Decls {
			var names []*ast.Ident
			switch d := d.(type) {
			case *ast.FuncDecl:
				names = append(names, d.Name)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if ts, ok := spec.(*ast.TypeSpec); ok {
						names = append(names, ts.Name)
					}
				}
			}
			for _, n := range names {
				if !ours.MatchString(n.Name) {
					require.False(t, badName.MatchString(n.Name), "%s: %s says nothing", fset.Position(n.Pos()), n.Name)
				}
			}
		}
	}
}

// Sizes that a reader can hold in the head; the aims are lower (a file 70 to 150 lines, a function under 60).
const (
	fileMost = 400
	funcMost = 65
	argsMost = 6
)

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, s := range read(t) {
		if s.test {
			continue
		}
		require.LessOrEqual(t, fset.Position(s.file.End()).Line, fileMost, s.path)
		ast.Inspect(s.file, func(n ast.Node) bool {
			f, ok := n.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				return true
			}
			lines := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line
			require.LessOrEqual(t, lines, funcMost, "%s: %s", s.path, f.Name.Name)
			args := 0
			for _, p := range f.Type.Params.List {
				args += max(1, len(p.Names))
			}
			require.LessOrEqual(t, args, argsMost, "%s: %s", s.path, f.Name.Name)
			return true
		})
	}
}

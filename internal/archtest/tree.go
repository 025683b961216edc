package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is a parsed source tree.
type Module struct {
	Path     string     // module path, from go.mod
	Folders  []string   // folders at the top, hidden ones left out
	Requires []string   // modules required directly, from go.mod
	Reasons  string     // text of docs/dependencies.md, empty without one
	Packages []*Package // sorted by Dir
	fset     *token.FileSet
}

// Package is one folder of Go files, tests included.
type Package struct {
	Dir   string // slash-separated, relative to the module; "." at the top
	Files []*File
}

// File is one parsed Go file, whatever its build constraints.
type File struct {
	Name    string // slash-separated, relative to the module
	Test    bool   // its name ends in _test.go
	Syntax  *ast.File
	imports map[string]string // name in this file -> import path
}

// Load parses the module at root, which must hold its go.mod.
func Load(root fs.FS) (*Module, error) {
	gomod, err := fs.ReadFile(root, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("read the module path: %w", err)
	}
	m := &Module{fset: token.NewFileSet()}
	m.Path, m.Requires = readGoMod(string(gomod))
	if reasons, err := fs.ReadFile(root, "docs/dependencies.md"); err == nil {
		m.Reasons = string(reasons)
	}
	packages := map[string]*Package{}
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return m.enter(root, name)
		case path.Ext(name) != ".go":
			return nil
		}
		file, err := m.parse(root, name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if packages[dir] == nil {
			packages[dir] = &Package{Dir: dir}
		}
		packages[dir].Files = append(packages[dir].Files, file)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load the source tree: %w", err)
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		m.Packages = append(m.Packages, packages[dir])
	}
	return m, nil
}

// readGoMod returns the module's path and the modules that it requires directly.
func readGoMod(text string) (module string, requires []string) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "module":
			module = words[1]
		case len(words) == 3 && words[0] == "require":
			requires = append(requires, words[1])
		case len(words) == 2 && strings.HasPrefix(words[1], "v"):
			requires = append(requires, words[0])
		}
	}
	return module, requires
}

// enter decides whether a folder belongs to the module.
func (m *Module) enter(root fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_' || ignored(dir) {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	if !strings.Contains(dir, "/") {
		m.Folders = append(m.Folders, dir)
	}
	return nil
}

func (m *Module) parse(root fs.FS, name string) (*File, error) {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	syntax, err := parser.ParseFile(m.fset, name, src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	file := &File{Name: name, Test: strings.HasSuffix(name, "_test.go"), Syntax: syntax, imports: map[string]string{}}
	for _, spec := range syntax.Imports {
		file.imports[importName(spec)] = importPath(spec)
	}
	return file, nil
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // cannot happen: the parser accepted it
	}
	return p
}

// importName returns the name by which a file speaks of an import. Without an alias it is guessed
// from the path, which is exact for the standard library; the rules name no other package.
func importName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return path.Base(importPath(spec))
}

// names reports whether expr is pkg.name of the standard library, under whatever alias.
func (f *File) names(expr ast.Expr, pkg, name string) bool {
	sel, ok := expr.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Obj == nil && f.imports[id.Name] == pkg
}

// supportsTests reports whether the package exists for tests only, which its name says.
func (p *Package) supportsTests() bool { return strings.HasSuffix(p.Dir, "test") }

// isLibrary reports whether strangers may run the package inside their own program, where the
// environment, the standard streams and the exit belong to them.
func (p *Package) isLibrary() bool {
	isProgram := p.Files[0].Syntax.Name.Name == "main"
	return !isProgram && !within(p.Dir, "cmd/...") && !within(p.Dir, "examples/...") && !p.supportsTests()
}

// within reports whether a path is the pattern, or lies under it when the pattern ends in "/...".
func within(name, pattern string) bool {
	if parent, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == parent || strings.HasPrefix(name, parent+"/")
	}
	return name == pattern
}

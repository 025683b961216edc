package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// thing is a part of the program and how large it is.
type thing struct {
	name string
	size int
}

// measures are taken of production code, tests only add to testLines.
type measures struct {
	files, functions, params, interfaces []thing
	codeLines, commentLines, testLines   int
}

// measure reads every Go file of the module at root, nested modules and testdata left out.
func measure(root fs.FS) (*measures, error) {
	m := &measures{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enter(root, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, "_test.go") {
			code, _ := countLines(src)
			m.testLines += code
			return nil
		}
		return m.file(name, src)
	})
	return m, err
}

func enter(root fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	if base := path.Base(dir); base == "testdata" || base[0] == '.' || base[0] == '_' {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func (m *measures) file(name string, src []byte) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		return err
	}
	if ast.IsGenerated(file) {
		return nil
	}
	code, comments := countLines(src)
	m.codeLines += code
	m.commentLines += comments
	m.files = append(m.files, thing{name, fset.Position(file.FileEnd).Line})
	for node := range ast.Preorder(file) {
		switch n := node.(type) {
		case *ast.FuncDecl:
			at := fmt.Sprintf("%s:%d %s", name, fset.Position(n.Pos()).Line, n.Name.Name)
			m.functions = append(m.functions, thing{at, fset.Position(n.End()).Line - fset.Position(n.Pos()).Line + 1})
			m.params = append(m.params, thing{at, paramsAfterContext(n)})
		case *ast.TypeSpec:
			if face, ok := n.Type.(*ast.InterfaceType); ok {
				m.interfaces = append(m.interfaces, thing{name + " " + n.Name.Name, face.Methods.NumFields()})
			}
		}
	}
	return nil
}

func paramsAfterContext(f *ast.FuncDecl) int {
	n := f.Type.Params.NumFields()
	if n == 0 {
		return 0
	}
	if sel, ok := f.Type.Params.List[0].Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Context" {
		return n - 1
	}
	return n
}

// countLines counts the lines that hold code and those that hold only a comment. Block comments,
// which this module does not use, count as code.
func countLines(src []byte) (code, comments int) {
	for line := range strings.Lines(string(src)) {
		switch line = strings.TrimSpace(line); {
		case line == "":
		case strings.HasPrefix(line, "//"):
			comments++
		default:
			code++
		}
	}
	return code, comments
}

package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// anything, in a row, allows every outside module.
const anything = "*"

func checkFolders(p *pass) {
	for _, folder := range p.Folders {
		if !slices.Contains(folders(), folder) {
			p.report(token.NoPos, "%s/ is not a folder of the design: put its contents into a room, or the room into the design", folder)
		}
	}
}

// UnusedRows returns the rows of the import table that match no package yet.
func UnusedRows(m *Module) []string {
	var unused []string
	for _, r := range importTable() {
		if !slices.ContainsFunc(m.Packages, func(pkg *Package) bool { return within(pkg.Dir, r.pkg) }) {
			unused = append(unused, r.pkg+": "+r.why)
		}
	}
	return unused
}

func checkImports(p *pass) {
	rows := importTable()
	p.each(func(pkg *Package, f *File) {
		i := slices.IndexFunc(rows, func(r row) bool { return within(pkg.Dir, r.pkg) })
		if i < 0 {
			p.report(f.Syntax.Package, "package %s has no row in the import table", pkg.Dir)
			return
		}
		for _, spec := range f.Syntax.Imports {
			if target := importPath(spec); !p.allowed(pkg, f, rows[i], target) {
				p.report(spec.Pos(), "%s must not import %s (%s: %s)", pkg.Dir, target, rows[i].pkg, rows[i].why)
			}
		}
	})
}

// allowed reports whether a file of pkg, whose row is r, may import target.
func (p *pass) allowed(pkg *Package, f *File, r row, target string) bool {
	allowed := slices.Concat(r.ours, r.outside)
	if f.Test {
		allowed = slices.Concat(allowed, r.tests, testModules(), []string{roomTest(pkg), "internal/pgtest"})
	}
	if ours, ok := strings.CutPrefix(target, p.Path+"/"); ok {
		return ours == pkg.Dir || slices.ContainsFunc(allowed, func(a string) bool { return within(ours, a) })
	}
	if isStandard(target) || slices.Contains(allowed, anything) {
		return true
	}
	return slices.ContainsFunc(allowed, func(a string) bool { return within(target, a+"/...") })
}

// roomTest returns the test kit of the room that pkg belongs to, such as consumer/consumertest. It
// need not exist.
func roomTest(pkg *Package) string {
	room, _, _ := strings.Cut(pkg.Dir, "/")
	return path.Join(room, strings.TrimSuffix(room, "s")+"test")
}

// isStandard reports whether an import path is of the standard library: its first element has no dot.
func isStandard(target string) bool {
	first, _, _ := strings.Cut(target, "/")
	return !strings.Contains(first, ".")
}

func checkDependencies(p *pass) {
	for _, module := range p.Requires {
		if !strings.Contains(p.Reasons, "`"+module+"`") {
			p.report(token.NoPos, "docs/dependencies.md does not say why we need %s", module)
		}
	}
}

func checkTestCode(p *pass) {
	p.production(func(pkg *Package, f *File) {
		if pkg.supportsTests() {
			return
		}
		for _, spec := range f.Syntax.Imports {
			if target := importPath(spec); isTestCode(target) {
				p.report(spec.Pos(), "production code imports %s: move it into a _test.go file or a …test package", target)
			}
		}
	})
}

func isTestCode(target string) bool {
	return within(target, "testing/...") || strings.HasSuffix(target, "test")
}

func checkSleeps(p *pass) {
	p.each(func(pkg *Package, f *File) {
		if !f.Test && !pkg.supportsTests() {
			return
		}
		nodes(f, func(sel *ast.SelectorExpr) {
			if f.names(sel, "time", "Sleep") {
				p.report(sel.Pos(), "time.Sleep in a test: wait for a signal, or use testing/synctest and a timer")
			}
		})
	})
}

func checkSkips(p *pass) {
	p.each(func(_ *Package, f *File) {
		if _, ok := f.imports["testing"]; !ok {
			return
		}
		nodes(f, func(call *ast.CallExpr) {
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return
			}
			silent := len(call.Args) == 0 || isEmptyString(call.Args[0])
			if name := sel.Sel.Name; name == "SkipNow" || silent && (name == "Skip" || name == "Skipf") {
				p.report(call.Pos(), "a bare skip: say why, and what would make the test run")
			}
		})
	})
}

func isEmptyString(expr ast.Expr) bool {
	lit, ok := expr.(*ast.BasicLit)
	return ok && (lit.Value == `""` || lit.Value == "``")
}

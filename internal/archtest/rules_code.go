package archtest

import (
	"go/ast"
	"go/token"
)

// checkGoroutines finds go statements anywhere, and in production calls of sync.WaitGroup's Go: it
// starts a goroutine whose panic nobody carries to the owner. Counting with a WaitGroup is fine.
func checkGoroutines(p *pass) {
	for _, pkg := range p.Packages {
		waitGroups := waitGroupNames(pkg)
		for _, f := range pkg.Files {
			nodes(f, func(stmt *ast.GoStmt) {
				p.report(stmt.Pos(), "a go statement: use runner.Group, or in a test sync.WaitGroup.Go")
			})
			if f.Test || pkg.supportsTests() {
				continue
			}
			nodes(f, func(call *ast.CallExpr) {
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if ok && sel.Sel.Name == "Go" && waitGroups[lastName(sel.X)] {
					p.report(call.Pos(), "sync.WaitGroup.Go in production: use runner.Group, which carries panics to its owner")
				}
			})
		}
	}
}

// waitGroupNames returns the names of a package's production variables, fields and parameters that
// are declared as sync.WaitGroup. The types are not checked, so one name speaks for the package.
func waitGroupNames(pkg *Package) map[string]bool {
	found := map[string]bool{}
	for _, f := range pkg.Files {
		add := func(names []*ast.Ident, expr ast.Expr) {
			if star, ok := expr.(*ast.StarExpr); ok {
				expr = star.X
			}
			for _, name := range names {
				if !f.Test && f.names(expr, "sync", "WaitGroup") {
					found[name.Name] = true
				}
			}
		}
		nodes(f, func(field *ast.Field) { add(field.Names, field.Type) })
		nodes(f, func(spec *ast.ValueSpec) { add(spec.Names, spec.Type) })
	}
	return found
}

// lastName returns the b of an expression b or a.b.
func lastName(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	default:
		return ""
	}
}

func checkInit(p *pass) {
	p.each(func(_ *Package, f *File) {
		for _, decl := range f.Syntax.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
				p.report(d.Pos(), "an init function: let the caller call it")
			}
		}
	})
}

// checkPackageVariables finds production code that assigns to a variable of its package, to an
// element or a field of one. Methods that change a variable are beyond what syntax shows.
func checkPackageVariables(p *pass) {
	for _, pkg := range p.Packages {
		variables := packageVariables(pkg)
		for _, f := range pkg.Files {
			if f.Test {
				continue
			}
			nodes(f, func(stmt *ast.AssignStmt) {
				if stmt.Tok == token.DEFINE {
					return
				}
				for _, left := range stmt.Lhs {
					p.changes(variables, left)
				}
			})
			nodes(f, func(stmt *ast.IncDecStmt) { p.changes(variables, stmt.X) })
		}
	}
}

// packageVariables returns the package-level variables by name, each with its declaration.
func packageVariables(pkg *Package) map[string]any {
	variables := map[string]any{}
	for _, f := range pkg.Files {
		for _, decl := range f.Syntax.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR || f.Test {
				continue
			}
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range s.Names {
						variables[name.Name] = s
					}
				}
			}
		}
	}
	delete(variables, "_")
	return variables
}

// changes reports an assignment to target if its root is one of variables. The parser resolves
// names within a file, so a local one is known; what it leaves open is in another file or outside.
func (p *pass) changes(variables map[string]any, target ast.Expr) {
	for {
		switch e := target.(type) {
		case *ast.IndexExpr:
			target = e.X
		case *ast.SelectorExpr:
			target = e.X
		case *ast.ParenExpr:
			target = e.X
		case *ast.Ident:
			if spec, ok := variables[e.Name]; ok && (e.Obj == nil || e.Obj.Decl == spec) {
				p.report(e.Pos(), "package variable %s changes: keep it in a value that its user holds", e.Name)
			}
			return
		default:
			return
		}
	}
}

// processState returns what belongs to the program as a whole, by package of the standard library.
func processState() map[string][]string {
	return map[string][]string{
		"context": {"Background", "TODO"},
		"os":      {"Getenv", "LookupEnv", "Environ", "Setenv", "Unsetenv", "Stdin", "Stdout", "Stderr", "Exit", "Args", "Chdir"},
		"fmt":     {"Print", "Printf", "Println"},
	}
}

func checkProcessState(p *pass) {
	p.production(func(pkg *Package, f *File) {
		if !pkg.isLibrary() {
			return
		}
		for _, spec := range f.Syntax.Imports {
			if importPath(spec) == "log" {
				p.report(spec.Pos(), "library code imports log: take a *slog.Logger")
			}
		}
		nodes(f, func(sel *ast.SelectorExpr) {
			for from, names := range processState() {
				for _, name := range names {
					if f.names(sel, from, name) {
						p.report(sel.Pos(), "library code uses %s.%s: take what is needed as an argument", from, name)
					}
				}
			}
		})
	})
}

// checkErrorText finds production code that compares the text of an error or searches in it.
func checkErrorText(p *pass) {
	p.production(func(pkg *Package, f *File) {
		if pkg.supportsTests() {
			return
		}
		nodes(f, func(e *ast.BinaryExpr) {
			if (e.Op == token.EQL || e.Op == token.NEQ) && (isErrorText(e.X) || isErrorText(e.Y)) {
				p.report(e.Pos(), "the text of an error is compared: use errors.Is or errors.As")
			}
		})
		nodes(f, func(call *ast.CallExpr) {
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return
			}
			switch sel.Sel.Name {
			case "Contains", "HasPrefix", "HasSuffix", "EqualFold", "Index", "MatchString":
			default:
				return
			}
			for _, arg := range call.Args {
				if isErrorText(arg) {
					p.report(call.Pos(), "the text of an error is searched: use errors.Is or errors.As")
				}
			}
		})
	})
}

// isErrorText reports whether expr has the form x.Error().
func isErrorText(expr ast.Expr) bool {
	call, ok := expr.(*ast.CallExpr)
	if !ok || len(call.Args) > 0 {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Error"
}

func checkErrorReceivers(p *pass) {
	p.each(func(_ *Package, f *File) {
		for _, decl := range f.Syntax.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok || d.Recv == nil || d.Name.Name != "Error" || d.Type.Params.NumFields() > 0 || d.Type.Results.NumFields() != 1 {
				continue
			}
			if _, pointer := d.Recv.List[0].Type.(*ast.StarExpr); !pointer {
				p.report(d.Pos(), "Error has a value receiver: errors.As would have to try two types")
			}
		}
	})
}

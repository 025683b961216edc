package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
)

// Rule is one promise of shape.
type Rule struct {
	Name  string
	Why   string
	check func(*pass)
}

// Rules returns every rule.
func Rules() []Rule {
	return []Rule{
		{"folders", "a reader learns the rooms once", checkFolders},
		{"imports", "rooms meet in cmd, adapters never meet", checkImports},
		{"dependencies", "each dependency has been argued for", checkDependencies},
		{"test code", "nobody links testing into a worker", checkTestCode},
		{"package comments", "a package says what it is for, once", checkPackageComments},
		{"exported docs", "what others use has its promise written down", checkExportedDocs},
		{"goroutines", "every goroutine has an owner that waits", checkGoroutines},
		{"sleeps", "a test waits for an event, never for a while", checkSleeps},
		{"skips", "a test that does not run says why", checkSkips},
		{"init", "nothing happens by being imported", checkInit},
		{"package variables", "no state is shared behind the reader's back", checkPackageVariables},
		{"process state", "environment, streams and exit belong to the program, not to a library", checkProcessState},
		{"error text", "an error is asked what it is, not read", checkErrorText},
		{"error receivers", "an error type has one form, the pointer, for errors.As", checkErrorReceivers},
	}
}

// Check returns what breaks the rule, one line each, with the place first. The files of excepted,
// each with a reason, may break it; one that does not is reported.
func (r Rule) Check(m *Module, excepted map[string]string) []string {
	p := &pass{Module: m}
	r.check(p)
	return p.settle(excepted)
}

// pass is one rule at work.
type pass struct {
	*Module
	findings []finding
}

type finding struct {
	at   token.Position
	text string
}

func (p *pass) report(at token.Pos, format string, args ...any) {
	p.findings = append(p.findings, finding{p.fset.Position(at), fmt.Sprintf(format, args...)})
}

// settle applies a rule's exceptions and sorts what is left by place.
func (p *pass) settle(excepted map[string]string) []string {
	used := map[string]bool{}
	var lines []string
	for _, f := range p.findings {
		if excepted[f.at.Filename] != "" {
			used[f.at.Filename] = true
			continue
		}
		if f.at.Filename == "" {
			lines = append(lines, f.text)
			continue
		}
		lines = append(lines, fmt.Sprintf("%s:%d: %s", f.at.Filename, f.at.Line, f.text))
	}
	for name := range excepted {
		if !used[name] {
			lines = append(lines, name+": the exception is not needed any more")
		}
	}
	slices.Sort(lines)
	return lines
}

// production calls visit for each file that is not a test.
func (p *pass) production(visit func(*Package, *File)) {
	p.each(func(pkg *Package, f *File) {
		if !f.Test {
			visit(pkg, f)
		}
	})
}

func (p *pass) each(visit func(*Package, *File)) {
	for _, pkg := range p.Packages {
		for _, f := range pkg.Files {
			visit(pkg, f)
		}
	}
}

// nodes calls visit for each node of type N in the file.
func nodes[N ast.Node](f *File, visit func(N)) {
	for n := range ast.Preorder(f.Syntax) {
		if n, ok := n.(N); ok {
			visit(n)
		}
	}
}

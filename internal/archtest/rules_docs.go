package archtest

import (
	"go/ast"
	"go/token"
	"strings"
)

func checkPackageComments(p *pass) {
	for _, pkg := range p.Packages {
		var first, documented *File
		for _, f := range pkg.Files {
			if f.Test {
				continue
			}
			if first == nil {
				first = f
			}
			if strings.TrimSpace(f.Syntax.Doc.Text()) == "" {
				continue
			}
			if documented != nil {
				p.report(f.Syntax.Package, "a second package comment: %s has one", documented.Name)
			}
			documented = f
		}
		switch {
		case first == nil:
		case documented == nil:
			p.report(first.Syntax.Package, "package %s has no package comment (a blank line may cut it off)", pkg.Dir)
		default:
			checkPackageComment(p, documented.Syntax)
		}
	}
}

func checkPackageComment(p *pass, f *ast.File) {
	if name := f.Name.Name; name != "main" && !strings.HasPrefix(f.Doc.Text(), "Package "+name+" ") {
		p.report(f.Package, "the package comment must begin with %q", "Package "+name)
	}
}

// checkExportedDocs asks for a comment on every exported type, function, method of an exported type,
// method of an exported interface, constant and variable. One comment over a group speaks for it,
// and the comment of an interface for its method if it has only one.
func checkExportedDocs(p *pass) {
	p.production(func(_ *Package, f *File) {
		if f.Syntax.Name.Name == "main" {
			return
		}
		for _, decl := range f.Syntax.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiverName(d))) {
					p.wantDoc(d.Pos(), d.Name.Name, d.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					p.specDocs(d, spec)
				}
			}
		}
	})
}

func (p *pass) specDocs(d *ast.GenDecl, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return
		}
		p.wantDoc(s.Pos(), s.Name.Name, s.Doc, s.Comment, d.Doc)
		if face, ok := s.Type.(*ast.InterfaceType); ok && face.Methods.NumFields() > 1 {
			for _, method := range face.Methods.List {
				if len(method.Names) > 0 && method.Names[0].IsExported() {
					p.wantDoc(method.Pos(), s.Name.Name+"."+method.Names[0].Name, method.Doc, method.Comment)
				}
			}
		}
	case *ast.ValueSpec:
		if name := s.Names[0]; name.IsExported() {
			p.wantDoc(s.Pos(), name.Name, s.Doc, s.Comment, d.Doc)
		}
	}
}

func (p *pass) wantDoc(at token.Pos, name string, docs ...*ast.CommentGroup) {
	for _, doc := range docs {
		if strings.TrimSpace(doc.Text()) != "" {
			return
		}
	}
	p.report(at, "exported %s has no comment", name)
}

// receiverName returns the type name of a method's receiver without its star and type parameters.
func receiverName(d *ast.FuncDecl) string {
	expr := d.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

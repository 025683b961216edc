package incidentweb

import (
	"bytes"
	_ "embed" // the page
	"html/template"
	"net/http"
	"regexp"
	"strings"

	"github.com/theriac/theriac/internal/webkit"
)

//go:embed visitor.html
var visitorHTML string

var visitorTemplate = template.Must(template.New("visitor").Parse(strings.Replace(visitorHTML, "/*style*/", pageCSS, 1)))

// shownRef is what a page repeats of an address: people copy its commands into a shell, so it is a reference or
// an id and nothing else.
var shownRef = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{0,63}$`)

// isVisitor reports that a person opened the address in a browser. Who sends any Authorization is a program.
func isVisitor(r *http.Request) bool {
	_, sent := r.Header["Authorization"]
	return !sent && webkit.PrefersHTML(r)
}

// tellVisitor refuses like any other answer without a token, and says what else shows an incident: chats link
// here. It asks nobody, so it says the same of incidents that do not exist.
func (a *api) tellVisitor(w http.ResponseWriter, r *http.Request) {
	page := struct{ Ref, Address string }{Ref: "INC-…", Address: a.Address}
	if ref := r.PathValue("ref"); shownRef.MatchString(ref) {
		page.Ref = ref
	}
	if page.Address == "" {
		page.Address = "https://…"
	}
	var out bytes.Buffer
	if err := visitorTemplate.Execute(&out, page); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	webkit.PageHeaders(w, pageCSS)
	webkit.AskForToken(w.Header())
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write(out.Bytes()) // nobody is left to tell
}

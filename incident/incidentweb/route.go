package incidentweb

import (
	"context"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/webkit"
)

// access says who may call a route.
type access string

// The kinds of access. The first three are roles of tokens.
const (
	viewer    = access(incident.Viewer)
	responder = access(incident.Responder)
	admin     = access(incident.Admin)
	source    = access("the source's own secret")
	signed    = access("a signed link")
	nobody    = access("none") // nothing is asked
)

// token reports that a token with a role is asked for.
func (a access) token() bool { return a == viewer || a == responder || a == admin }

// route is one row of the table: what is called how, by whom, and what does it.
type route struct {
	method, path string
	access       access
	// do answers in JSON, page in whatever form it likes. A route has one of them.
	do   func(*call) (answer, error)
	page http.HandlerFunc
	// visitor answers people who open the route in a browser, which has no token to send. Nil for as programs are
	// answered.
	visitor http.HandlerFunc
	// body and what are for docs/api.md.
	body, what string
}

// mux serves the routes. A path that is none is 404, a method that a path does not have is 405; both
// are said before anybody is asked who they are, since the table is no secret.
func (a *api) mux(routes []route) http.Handler {
	mux := http.NewServeMux()
	byPath := map[string][]route{}
	for _, r := range routes {
		byPath[r.path] = append(byPath[r.path], r)
	}
	for path, methods := range byPath {
		mux.HandleFunc(path, a.dispatch(methods))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		webkit.Problemf(http.StatusNotFound, "no_route", "there is nothing at this address; see docs/api.md").Write(w)
	})
	return mux
}

// dispatch chooses by method among the routes of one path.
func (a *api) dispatch(routes []route) http.HandlerFunc {
	allowed := make([]string, 0, len(routes)+1)
	for _, r := range routes {
		allowed = append(allowed, r.method)
		if r.method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	return func(w http.ResponseWriter, req *http.Request) {
		method := req.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		for _, r := range routes {
			if r.method == method {
				a.serve(w, req, r)
				return
			}
		}
		p := webkit.Problemf(http.StatusMethodNotAllowed, "method_not_allowed", "this address takes %s", strings.Join(allowed, ", "))
		p.Header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
		p.Write(w)
	}
}

// serve runs a route for a request: who asks, what they may, and what comes of it.
func (a *api) serve(w http.ResponseWriter, req *http.Request, r route) {
	ctx, cancel := context.WithTimeout(req.Context(), a.Timeout)
	defer cancel()
	req = req.WithContext(ctx)
	if r.page != nil {
		r.page(w, req)
		return
	}
	if r.visitor != nil && isVisitor(req) {
		r.visitor(w, req)
		return
	}
	c := &call{api: a, req: req, w: w}
	if r.access.token() {
		token, err := a.authenticate(req)
		if err != nil {
			a.fail(w, req, err)
			return
		}
		if !token.Role.Allows(incident.Role(r.access)) {
			a.fail(w, req, webkit.Problemf(http.StatusForbidden, "not_allowed",
				"this asks for the role %s, and the token has the role %s", r.access, webkit.Shown(string(token.Role))))
			return
		}
		defer a.used(ctx, token)
		c.by = incident.Actor{Kind: incident.ByToken, ID: token.ID, Name: token.Name, Role: token.Role}
		c.seal = token.Hash
	}
	ans, err := r.do(c)
	if err != nil {
		a.fail(w, req, err)
		return
	}
	ans.write(w)
}

// guard answers for a route that panics: the process serves others too.
func (a *api) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // net/http asks for this very value
				panic(v)
			}
			a.Logger.ErrorContext(r.Context(), "a route panicked", "method", r.Method, "panic", v, "stack", string(debug.Stack()))
			webkit.Problemf(http.StatusInternalServerError, "internal", "it went wrong here; it is in the log").Write(w)
		}()
		next.ServeHTTP(w, r)
	})
}

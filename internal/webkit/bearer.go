package webkit

import (
	"net/http"
	"strings"
)

// Bearer returns the bearer token of a request, false where it has none or several.
func Bearer(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != "" && !strings.ContainsAny(token, " \t,")
}

// Unauthorized returns the problem of a caller whom we do not know, with what to send.
func Unauthorized(format string, args ...any) *Problem {
	p := Problemf(http.StatusUnauthorized, "unauthorized", format, args...)
	p.Header = http.Header{}
	AskForToken(p.Header)
	return p
}

// AskForToken says in the headers of an answer with status 401 what is asked for.
func AskForToken(h http.Header) { h.Set("WWW-Authenticate", `Bearer realm="theriac"`) }

package slackfake

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// args is what a method was called with, whichever way it was sent.
type args map[string]json.RawMessage

// readArgs reads a call's body. Slack takes forms and JSON; GET puts them into the query.
func readArgs(r *http.Request) (args, []byte, error) {
	if r.Method == http.MethodGet {
		return formArgs(r.URL.Query()), []byte(r.URL.RawQuery), nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, body, err
	case len(body) > maxBody:
		return nil, body, errors.New("body too large")
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" {
		a := args{}
		if len(body) == 0 {
			return a, body, nil
		}
		return a, body, json.Unmarshal(body, &a)
	}
	form, err := url.ParseQuery(string(body))
	return formArgs(form), body, err
}

func formArgs(form url.Values) args {
	a := args{}
	for name := range form {
		a[name], _ = json.Marshal(form.Get(name))
	}
	return a
}

// text returns a string argument; numbers count as their digits.
func (a args) text(name string) string {
	raw := a[name]
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return strings.Trim(string(raw), `"`)
}

// truth returns a boolean argument.
func (a args) truth(name string) bool {
	b, _ := strconv.ParseBool(a.text(name))
	return b
}

// value returns an argument that is JSON, which a form carries as text; nil if it is not there.
func (a args) value(name string) json.RawMessage {
	raw, ok := a[name]
	if !ok || string(raw) == "null" {
		return nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return raw
	}
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

// callToken returns the token of a call: in the header, or as an argument.
func callToken(r *http.Request, a args) string {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	return a.text("token")
}

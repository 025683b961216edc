package webkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode"
)

// maxDepth is how deep a body may be nested.
const maxDepth = 32

// ReadBody reads a request's body of at most limit bytes. A longer one is a *[Problem] with status
// 413; one that breaks off is one with status 400.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, Problemf(http.StatusRequestEntityTooLarge, "body_too_large", "the body is bounded by %d bytes", limit)
	case err != nil:
		return nil, Problemf(http.StatusBadRequest, "body_broken", "the body broke off")
	}
	return body, nil
}

// WantJSON returns a *[Problem] with status 415 unless the request says that its body is
// application/json.
func WantJSON(r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return Problemf(http.StatusUnsupportedMediaType, "unsupported_media_type", "send Content-Type: application/json")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return Problemf(http.StatusUnsupportedMediaType, "unsupported_media_type", "send the body uncompressed")
	}
	return nil
}

// DecodeJSON reads one JSON object into the struct that into points to, and nothing beside it: an
// unknown name, a name that stands there twice (in any case of letters, since the decoder would take
// either), a second value, and nesting deeper than 32 are each a *[Problem] with status 400. It names
// the field where it can.
func DecodeJSON(body []byte, into any) error {
	if err := walk(body, reflect.TypeOf(into)); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return decodeProblem(err)
	}
	return nil
}

// decodeProblem says what is wrong with a value in terms of JSON, not of our types.
func decodeProblem(err error) *Problem {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return invalid("%s: a JSON %s does not fit here", Shown(wrong.Field), Shown(wrong.Value)).With("field", Shown(wrong.Field))
	}
	var moment *time.ParseError
	if errors.As(err, &moment) {
		return invalid("the body does not fit: a time is a text such as \"2022-11-18T15:40:00Z\", not %s", Shown(moment.Value))
	}
	return invalid("the body does not fit: %s", Shown(strings.TrimPrefix(err.Error(), "json: ")))
}

// walk goes through the tokens of a body before it is decoded, since the decoder overlooks what is
// there twice. Names of the outermost object are compared with those that the type knows, so that an
// unknown one is named exactly.
func walk(body []byte, into reflect.Type) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	known := fieldNames(into)
	var open []map[string]bool // the names seen in each open object; nil for an array
	wantName := func() bool { return len(open) > 0 && open[len(open)-1] != nil }
	isName := false
	for first := true; ; first = false {
		token, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF) && !first && len(open) == 0:
			return nil
		case err != nil:
			return invalid("the body is no JSON: it is malformed near byte %d", dec.InputOffset())
		case first && token != json.Delim('{'):
			return invalid("the body must be a JSON object")
		case !first && len(open) == 0:
			return invalid("there is something behind the JSON object")
		}
		if name, ok := token.(string); ok && isName {
			if len(open) == 1 && known != nil && !known[name] {
				return invalid("%s is not known here", Shown(name)).With("field", Shown(name))
			}
			if folded := fold(name); open[len(open)-1][folded] {
				return invalid("%s stands there twice", Shown(name)).With("field", Shown(name))
			} else {
				open[len(open)-1][folded] = true
			}
			isName = false
			continue
		}
		switch token {
		case json.Delim('{'):
			open = append(open, map[string]bool{})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		if len(open) > maxDepth {
			return invalid("the body is nested deeper than %d", maxDepth)
		}
		isName = wantName()
	}
}

// fieldNames returns the JSON names of a struct's fields, nil for anything else.
func fieldNames(t reflect.Type) map[string]bool {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() || f.Anonymous && name == "":
		case name == "":
			names[f.Name] = true
		default:
			names[name] = true
		}
	}
	return names
}

// fold maps names that the decoder takes for the same to one.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}

// Shown returns a text from outside as it may stand in an answer: cut, and with what cannot be
// printed made visible. Quotes stay as they are: whoever writes the answer escapes them.
func Shown(text string) string {
	quoted := fmt.Sprintf("%.80q", text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

func invalid(format string, args ...any) *Problem {
	return Problemf(http.StatusBadRequest, "invalid", format, args...)
}

package incidentweb

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/theriac/theriac/incident"
)

// needLine checks a short text that the domain does not: one line that can be shown as it is.
func needLine(field, text string, limit int) error {
	switch {
	case strings.TrimSpace(text) == "":
		return &incident.FieldError{Field: field, Problem: "must not be empty"}
	case len(text) > limit:
		return &incident.FieldError{Field: field, Problem: fmt.Sprintf("longer than %d bytes", limit)}
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }):
		return &incident.FieldError{Field: field, Problem: "has characters that cannot be shown"}
	}
	return nil
}

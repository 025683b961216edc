package incident

import (
	"fmt"
	"strings"
)

// Validate returns all that is wrong with the settings, as *[FieldError]s joined.
func (s *Settings) Validate() error { panic("to come") }

// maxSettingID bounds ids in bytes: they are parts of keys, which a pager takes up to 255 bytes of.
const maxSettingID = 64

// badID says what is wrong with an id, "" for nothing. An id is part of keys, routes and lines that
// people read, so it has no spaces, no colons and nothing invisible.
func badID(id string) string {
	const marks = "-_.@+#"
	switch {
	case id == "":
		return "an id is missing"
	case len(id) > maxSettingID:
		return fmt.Sprintf("the id %.20q… is longer than %d bytes", id, maxSettingID)
	}
	for _, r := range id {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune(marks, r) {
			return fmt.Sprintf("the id %.80q may have letters, digits and %s only", id, marks)
		}
	}
	return ""
}

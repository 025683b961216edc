package incident

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What settings are bounded by. Ids are short, since they are parts of keys, which a pager takes up to
// 255 bytes of.
const (
	maxShortID   = 64   // bytes
	maxLabel     = 100  // characters of a name
	maxSettings  = 4000 // characters of a longer text
	maxListed    = 200  // members of a list
	maxAddress   = 2000 // bytes of an address
	maxProblems  = 100  // that are told at once
	maxFrequency = 7 * 24 * time.Hour
)

// Validate returns all that is wrong with the settings, as *[FieldError]s joined: at most the first
// hundred, in the order of the document. Each names its field as the JSON document does, such as
// paths[0].levels[1].wait.
func (s *Settings) Validate() error {
	c := &settingsCheck{s: s}
	c.severities()
	c.roles()
	c.types()
	c.fields()
	c.flows()
	c.paths()
	c.rotations()
	c.sources()
	c.endpoints()
	c.announce()
	c.hours()
	c.rest()
	return errors.Join(c.errs...)
}

// settingsCheck collects what is wrong.
type settingsCheck struct {
	s    *Settings
	errs []error
}

// wrong notes a problem, if there is one.
func (c *settingsCheck) wrong(field, problem string) {
	if problem != "" && len(c.errs) < maxProblems {
		c.errs = append(c.errs, &FieldError{Field: field, Problem: problem})
	}
}

// each walks a list whose members have ids, each once, and names.
func each[T any](c *settingsCheck, field string, list []T, id func(T) string, check func(at string, v T)) {
	if len(list) > maxListed {
		c.wrong(field, fmt.Sprintf("has more than %d members", maxListed))
		return
	}
	seen := make(map[string]bool)
	for i, v := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		name := id(v)
		if problem := badID(name); problem != "" {
			c.wrong(at+".id", problem)
		} else if seen[name] {
			c.wrong(at+".id", fmt.Sprintf("%q is there twice", name))
		}
		seen[name] = true
		check(at, v)
	}
}

// refs checks that each of a list names something that is there, and once.
func (c *settingsCheck) refs(field, what string, list []string, known func(string) bool) {
	if len(list) > maxListed {
		c.wrong(field, fmt.Sprintf("has more than %d members", maxListed))
		return
	}
	for i, id := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case !known(id):
			c.wrong(at, unknown(what, id))
		case slices.Contains(list[:i], id):
			c.wrong(at, fmt.Sprintf("%q is there twice", id))
		}
	}
}

func (c *settingsCheck) hasSeverity(id string) bool { _, ok := c.s.findSeverity(id); return ok }
func (c *settingsCheck) hasPath(id string) bool     { _, ok := c.s.findPath(id); return ok }
func (c *settingsCheck) hasType(id string) bool {
	return slices.ContainsFunc(c.s.Types, func(t Type) bool { return t.ID == id })
}
func (c *settingsCheck) hasRotation(id string) bool {
	return slices.ContainsFunc(c.s.Rotations, func(r Rotation) bool { return r.ID == id })
}

func unknown(what, id string) string { return fmt.Sprintf("there is no %s %.80q", what, id) }

// CheckID returns a *[FieldError] for an id that settings and calls cannot name.
func CheckID(field, id string) error {
	if problem := badID(id); problem != "" {
		return &FieldError{field, problem}
	}
	return nil
}

// badID says what is wrong with an id, "" for nothing. An id is part of keys, routes and lines that
// people read, so it has no spaces, no colons and nothing invisible.
func badID(id string) string {
	const marks = "-_.@+#"
	switch {
	case id == "":
		return "an id is missing"
	case len(id) > maxShortID:
		return fmt.Sprintf("the id %.20q… is longer than %d bytes", id, maxShortID)
	}
	for _, r := range id {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune(marks, r) {
			return fmt.Sprintf("the id %.80q may have letters, digits and %s only", id, marks)
		}
	}
	return ""
}

// badLabel says what is wrong with a name.
func badLabel(name string) string {
	if strings.TrimSpace(name) == "" {
		return "must not be empty"
	}
	if strings.ContainsAny(name, "\n\t") {
		return "must be one line"
	}
	return badLongText(name, maxLabel)
}

// badLongText says what is wrong with a text that may be empty and have several lines.
func badLongText(text string, limit int) string {
	switch {
	case utf8.RuneCountInString(text) > limit:
		return fmt.Sprintf("is longer than %d characters", limit)
	case !utf8.ValidString(text):
		return "is no valid UTF-8"
	case strings.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
	}):
		return "has control characters"
	}
	return ""
}

// badZone says what is wrong with a time zone; "" is UTC. The zone of the machine is none, since two
// machines would read it differently.
func badZone(name string) string {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return fmt.Sprintf("%.80q is no time zone: write it as \"Europe/Berlin\"", name)
	}
	return ""
}

// badEnv says what is wrong with the name of an environment variable.
func badEnv(name string) string {
	for i, r := range name {
		if r != '_' && (r < 'A' || r > 'Z') && (r < '0' || r > '9' || i == 0) {
			return fmt.Sprintf("%.20q is no name of an environment variable: write it as \"ALERTS_SECRET\"", name)
		}
	}
	if name == "" || len(name) > maxLabel {
		return fmt.Sprintf("must be the name of an environment variable, of at most %d bytes", maxLabel)
	}
	return ""
}

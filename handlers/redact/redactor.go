package redact

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Withheld stands in place of what may not be shown.
const Withheld = "[withheld]"

// maxValue is the most that is shown of one value, in characters.
const maxValue = 200

// maxPaths bounds the paths of one subscription.
const maxPaths = 200

// Config says what is safe to show. The zero Config calls nothing safe.
type Config struct {
	// Subscriptions says what is safe of the messages of each subscription, by its
	// name.
	Subscriptions map[string]Safe
	// Everywhere is safe in the messages of every subscription.
	Everywhere Safe
	// Types are the Go types, as in "*pgconn.PgError", of errors and panic values whose
	// texts are safe: they hold nothing of a message.
	Types []string
	// Texts are texts that are safe if they are the whole text: those of sentinel
	// errors. At most 4 KiB each.
	Texts []string
}

// Safe is what is safe to show of a message.
type Safe struct {
	// Fields are paths of a JSON payload as of RFC 6901, "/customer/id", in which "*"
	// stands for any key and any index. Only a string, number, boolean or null is
	// shown: a path that leads to an object or an array shows nothing of it.
	Fields []string
	// Attributes are names of attributes.
	Attributes []string
	// OrderingKey: the ordering key is safe.
	OrderingKey bool
}

// Redactor decides what is shown. A nil Redactor shows nothing.
type Redactor struct {
	subs       map[string]rules
	everywhere rules
	types      map[string]bool
	texts      map[string]bool
}

// rules is a [Safe], read.
type rules struct {
	paths      [][]string
	attributes map[string]bool
	key        bool
}

// New reads cfg. Its error joins all paths that are none.
func New(cfg Config) (*Redactor, error) {
	r := &Redactor{subs: make(map[string]rules, len(cfg.Subscriptions)), types: set(cfg.Types), texts: map[string]bool{}}
	var problems []error
	var err error
	if r.everywhere, err = read(cfg.Everywhere, rules{}); err != nil {
		problems = append(problems, fmt.Errorf("redact.Config.Everywhere: %w", err))
	}
	for name, safe := range cfg.Subscriptions {
		if r.subs[name], err = read(safe, r.everywhere); err != nil {
			problems = append(problems, fmt.Errorf("redact.Config.Subscriptions[%q]: %w", name, err))
		}
	}
	for _, text := range cfg.Texts {
		if len(text) > maxText {
			problems = append(problems, fmt.Errorf("redact.Config.Texts: %.40q is longer than %d bytes", text, maxText))
		}
		r.texts[text] = true
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return r, nil
}

// read adds what is safe everywhere.
func read(safe Safe, everywhere rules) (rules, error) {
	r := rules{paths: slices.Clone(everywhere.paths), attributes: set(safe.Attributes), key: safe.OrderingKey || everywhere.key}
	for name := range everywhere.attributes {
		r.attributes[name] = true
	}
	var problems []error
	for _, path := range safe.Fields {
		if path != "" && path[0] != '/' {
			problems = append(problems, fmt.Errorf("field %q: want a path that begins with a slash, as in /customer/id", path))
			continue
		}
		r.paths = append(r.paths, segments(path))
	}
	if len(r.paths) > maxPaths {
		problems = append(problems, fmt.Errorf("%d fields: want at most %d", len(r.paths), maxPaths))
	}
	return r, errors.Join(problems...)
}

// segments splits a path. The empty path is the whole document.
func segments(path string) []string {
	if path == "" {
		return nil
	}
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
	}
	return parts
}

func (r *Redactor) of(sub string) rules {
	if r == nil {
		return rules{}
	}
	if safe, ok := r.subs[sub]; ok {
		return safe
	}
	return r.everywhere
}

// Attribute is an attribute that is safe.
type Attribute struct{ Name, Value string }

// Attributes returns the attributes that are safe, sorted by name, and how many
// others there are.
func (r *Redactor) Attributes(sub string, all map[string]string) (safe []Attribute, others int) {
	allowed := r.of(sub).attributes
	for name, value := range all {
		if !allowed[name] {
			others++
			continue
		}
		safe = append(safe, Attribute{Name: name, Value: printable(value)})
	}
	slices.SortFunc(safe, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	return safe, others
}

// OrderingKey returns the key if it is safe, "" if it is empty, and [Withheld]
// otherwise.
func (r *Redactor) OrderingKey(sub, key string) string {
	if key == "" || r.of(sub).key {
		return printable(key)
	}
	return Withheld
}

func set(words []string) map[string]bool {
	s := make(map[string]bool, len(words))
	for _, w := range words {
		s[w] = true
	}
	return s
}

// printable cuts a value, and replaces what does not print.
func printable(s string) string {
	// No more is looked at than can be shown.
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s[:min(len(s), 4*maxValue+4)])
	if runes := []rune(s); len(runes) > maxValue {
		return string(runes[:maxValue-1]) + "…"
	}
	return s
}

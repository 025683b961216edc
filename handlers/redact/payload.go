package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limit bounds what is said of a payload: payloads are hostile and may nest without
// end. Zero fields have their defaults.
type Limit struct {
	// Lines is how many fields are told. Default 50.
	Lines int
	// Depth is how deep they lie at most; below that they are counted. Default 16, at
	// most 64.
	Depth int
	// Bytes is how long a payload may be that is looked into. Default 1 MiB.
	Bytes int
	// Keys shows the names of all keys. It is for people who may see messages.
	Keys bool
}

func (l Limit) withDefaults() Limit {
	for _, field := range []struct {
		at    *int
		value int
	}{{&l.Lines, 50}, {&l.Depth, 16}, {&l.Bytes, 1 << 20}} {
		if *field.at <= 0 {
			*field.at = field.value
		}
	}
	l.Depth = min(l.Depth, 64)
	return l
}

// Payload is what may be said of a payload.
type Payload struct {
	// NotJSON describes a payload that was not looked into, as a whole; "" for JSON.
	NotJSON string
	// Fields are its fields in their order. Of an array only the first item is told,
	// and of the others what is safe.
	Fields []Field
	// More is how many fields found no room.
	More int
}

// Field is one field of a payload.
type Field struct {
	// Path is where it stands, as of RFC 6901; "" is the whole document. A key that is
	// not to be shown is "?".
	Path string
	// What is its type and its size, such as "3 keys", "text of 12", "number".
	What string
	// Safe: it may be shown, and Value is it: a text without its quotes, anything else
	// as it is written. At most 200 characters.
	Safe  bool
	Value string
}

// Safe returns the fields that may be shown.
func (p Payload) Safe() []Field {
	return slices.DeleteFunc(slices.Clone(p.Fields), func(f Field) bool { return !f.Safe })
}

// Payload returns what may be said of the payload of a message.
func (r *Redactor) Payload(sub string, data []byte, limit Limit) Payload {
	limit = limit.withDefaults()
	switch {
	case len(data) == 0:
		return Payload{NotJSON: "empty"}
	case len(data) > limit.Bytes:
		return Payload{NotJSON: plural(len(data), "byte", "bytes") + ", too many to look into"}
	}
	w := &walker{d: json.NewDecoder(bytes.NewReader(data)), limit: limit}
	w.d.UseNumber()
	if err := w.value("", r.of(sub).paths, 0, true); err != nil || w.trailing() {
		return Payload{NotJSON: notJSON(data)}
	}
	return w.found
}

func notJSON(data []byte) string {
	if utf8.Valid(data) {
		return fmt.Sprintf("text of %s in %s, not JSON", plural(len(data), "byte", "bytes"), plural(bytes.Count(data, []byte("\n"))+1, "line", "lines"))
	}
	return plural(len(data), "byte", "bytes") + ", neither JSON nor UTF-8"
}

// walker walks the tokens of a document. Its recursion ends at limit.Depth; below
// that it only counts brackets.
type walker struct {
	d     *json.Decoder
	limit Limit
	found Payload
}

func (w *walker) trailing() bool {
	_, err := w.d.Token()
	return err != io.EOF
}

// value tells of the next value, which stands at path. live is what is left of the
// paths that lead here or further. A value that is not told is told nevertheless if
// it is safe.
func (w *walker) value(path string, live [][]string, depth int, told bool) error {
	tok, err := w.d.Token()
	if err != nil {
		return err
	}
	if open, ok := tok.(json.Delim); ok {
		at := -1
		if told {
			at = w.place(path)
		}
		n, err := w.inside(open, path, live, depth, told)
		noun := [2]string{"key", "keys"}
		if open == '[' {
			noun = [2]string{"item", "items"}
		}
		if at >= 0 {
			w.found.Fields[at].What = plural(n, noun[0], noun[1])
		}
		return err
	}
	safe := slices.ContainsFunc(live, func(rest []string) bool { return len(rest) == 0 })
	if !told && !safe {
		return nil
	}
	if at := w.place(path); at >= 0 {
		w.found.Fields[at].describe(tok, safe)
	}
	return nil
}

func (f *Field) describe(tok json.Token, safe bool) {
	var value string
	switch v := tok.(type) {
	case string:
		f.What, value = "text of "+count(utf8.RuneCountInString(v)), v
	case json.Number:
		f.What, value = "number", v.String()
	case bool:
		f.What, value = "true or false", strconv.FormatBool(v)
	default:
		f.What, value = "null", "null"
	}
	if safe {
		f.Safe, f.Value = true, printable(value)
	}
}

// inside walks an object or array to its end and returns how many values it has.
func (w *walker) inside(open json.Delim, path string, live [][]string, depth int, told bool) (int, error) {
	n := 0
	for ; w.d.More(); n++ {
		key, shown := strconv.Itoa(n), true
		if open == '{' {
			tok, err := w.d.Token()
			if err != nil {
				return n, err
			}
			key, _ = tok.(string)
			shown = w.limit.Keys || named(live, key)
		}
		next := follow(live, key)
		if !shown {
			key = "?"
		}
		here := told && (open == '{' || n == 0)
		var err error
		if depth+1 > w.limit.Depth || !here && len(next) == 0 {
			err = w.skip()
		} else {
			err = w.value(path+"/"+escape(key), next, depth+1, here)
		}
		if err != nil {
			return n, err
		}
	}
	_, err := w.d.Token()
	return n, err
}

// named reports whether a path that is registered names the key: what "*" stands for
// is not named.
func named(live [][]string, key string) bool {
	return slices.ContainsFunc(live, func(rest []string) bool { return len(rest) > 0 && rest[0] == key && key != "*" })
}

// follow returns what is left of paths after one step.
func follow(live [][]string, key string) (next [][]string) {
	for _, rest := range live {
		if len(rest) > 0 && (rest[0] == key || rest[0] == "*") {
			next = append(next, rest[1:])
		}
	}
	return next
}

// skip passes over one value of any depth without recursion.
func (w *walker) skip() error {
	for open := 0; ; {
		tok, err := w.d.Token()
		if err != nil {
			return err
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			open++
		case json.Delim('}'), json.Delim(']'):
			open--
		}
		if open == 0 {
			return nil
		}
	}
}

// place keeps a line for a path, so that a container stands before what is in it. It
// returns -1 where there is no more room.
func (w *walker) place(path string) int {
	if len(w.found.Fields) >= w.limit.Lines {
		w.found.More++
		return -1
	}
	w.found.Fields = append(w.found.Fields, Field{Path: path})
	return len(w.found.Fields) - 1
}

func escape(key string) string {
	if !strings.ContainsAny(key, "~/") {
		return key
	}
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// count groups the digits of a number.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

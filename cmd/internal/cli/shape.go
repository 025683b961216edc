package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// shapeLimit bounds the shape of a payload: payloads are hostile and may nest without end.
type shapeLimit struct{ lines, depth int }

var (
	brief = shapeLimit{lines: 12, depth: 3}
	whole = shapeLimit{lines: 2000, depth: 64}
)

// shape describes a payload without its values: one line per path of a JSON document with type and
// size; of an array only the first item. What is not JSON is described as a whole.
func shape(data []byte, limit shapeLimit) []string {
	if len(data) == 0 {
		return []string{"empty"}
	}
	s := &shaper{d: json.NewDecoder(bytes.NewReader(data)), limit: limit}
	s.d.UseNumber()
	if err := s.value("", 0); err != nil || s.trailing() {
		return []string{notJSON(data)}
	}
	if s.dropped > 0 {
		s.lines = append(s.lines, fmt.Sprintf("… %s more", plural(s.dropped, "path", "paths")))
	}
	return s.lines
}

func notJSON(data []byte) string {
	if utf8.Valid(data) {
		return fmt.Sprintf("text of %s bytes in %s, not JSON", count(len(data)), plural(bytes.Count(data, []byte("\n"))+1, "line", "lines"))
	}
	return fmt.Sprintf("%s bytes, neither JSON nor UTF-8", count(len(data)))
}

// shaper walks the tokens of a document. Its recursion ends at limit.depth; below that it only
// counts brackets.
type shaper struct {
	d       *json.Decoder
	limit   shapeLimit
	lines   []string
	dropped int
}

func (s *shaper) trailing() bool {
	_, err := s.d.Token()
	return err != io.EOF
}

func (s *shaper) value(path string, depth int) error {
	tok, err := s.d.Token()
	if err != nil {
		return err
	}
	at := s.place()
	switch v := tok.(type) {
	case json.Delim:
		n, err := s.inside(v, path, depth)
		noun := map[json.Delim][2]string{'{': {"key", "keys"}, '[': {"item", "items"}}[v]
		s.describe(at, path, plural(n, noun[0], noun[1]))
		return err
	case string:
		s.describe(at, path, fmt.Sprintf("text of %s", count(utf8.RuneCountInString(v))))
	case json.Number:
		s.describe(at, path, "number")
	case bool:
		s.describe(at, path, "true or false")
	default:
		s.describe(at, path, "null")
	}
	return nil
}

// inside walks an object or array to its end and returns how many values it has.
func (s *shaper) inside(open json.Delim, path string, depth int) (int, error) {
	n := 0
	for ; s.d.More(); n++ {
		key := "0"
		if open == '{' {
			tok, err := s.d.Token()
			if err != nil {
				return n, err
			}
			key, _ = tok.(string)
		}
		next := s.value
		if depth+1 > s.limit.depth || open == '[' && n > 0 {
			next = s.skip
		}
		if err := next(path+"/"+key, depth+1); err != nil {
			return n, err
		}
	}
	_, err := s.d.Token()
	return n, err
}

// skip passes over one value of any depth without recursion.
func (s *shaper) skip(string, int) error {
	for open := 0; ; {
		tok, err := s.d.Token()
		if err != nil {
			return err
		}
		if d, ok := tok.(json.Delim); ok {
			open += map[json.Delim]int{'{': 1, '[': 1, '}': -1, ']': -1}[d]
		}
		if open == 0 {
			return nil
		}
	}
}

// place keeps a line for a path, so that a container stands before what is in it. It returns -1
// where there is no more room.
func (s *shaper) place() int {
	if len(s.lines) >= s.limit.lines {
		s.dropped++
		return -1
	}
	s.lines = append(s.lines, "")
	return len(s.lines) - 1
}

func (s *shaper) describe(at int, path, what string) {
	if at < 0 {
		return
	}
	if path == "" {
		path = "/"
	}
	s.lines[at] = path + strings.Repeat(" ", max(24-len(path), 2)) + what
}

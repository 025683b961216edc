package cli

import (
	"fmt"
	"math"
	"strings"

	"github.com/theriac/theriac/handlers/redact"
)

// shapeLimit bounds the shape of a payload: payloads are hostile and may nest without end.
type shapeLimit struct{ lines, depth int }

var (
	brief = shapeLimit{lines: 12, depth: 3}
	whole = shapeLimit{lines: 2000, depth: 64}
)

// shape describes a payload without its values: one line per path of a JSON document with type and
// size; of an array only the first item. Keys are shown, since whoever runs this may see messages. What
// is not JSON is described as a whole.
func shape(data []byte, limit shapeLimit) (lines []string) {
	var nothing *redact.Redactor
	p := nothing.Payload("", data, redact.Limit{Lines: limit.lines, Depth: limit.depth, Bytes: math.MaxInt, Keys: true})
	if p.NotJSON != "" {
		return []string{p.NotJSON}
	}
	for _, f := range p.Fields {
		path := f.Path
		if path == "" {
			path = "/"
		}
		lines = append(lines, path+strings.Repeat(" ", max(24-len(path), 2))+f.What)
	}
	if p.More > 0 {
		lines = append(lines, fmt.Sprintf("… %s more", plural(p.More, "path", "paths")))
	}
	return lines
}

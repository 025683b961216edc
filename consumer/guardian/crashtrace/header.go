package crashtrace

import (
	"strconv"
	"strings"
)

const (
	maxStatusBytes = 128
	maxLabels      = 4
)

// isHeader reports whether a line begins as the header of a goroutine does: "goroutine 12 [" or
// "goroutine 12 gp=". It does not ask how the line goes on.
func isHeader(line string) bool {
	_, rest, ok := headerID(line)
	return ok && (strings.HasPrefix(rest, "[") || strings.HasPrefix(rest, "gp="))
}

// headerID cuts "goroutine 12 " from the front of a line.
func headerID(line string) (id uint64, rest string, ok bool) {
	line, ok = strings.CutPrefix(line, "goroutine ")
	if !ok {
		return 0, "", false
	}
	digits, rest, ok := strings.Cut(line, " ")
	if !ok {
		return 0, "", false
	}
	id, ok = parseDecimal(digits, 64)
	return id, rest, ok
}

// parseHeader reads a line for which isHeader holds. Where the line does not go on in the
// documented form, the goroutine has its id and nothing else:
//
//	goroutine 12 gp=0xc000 m=3 mp=0xc008 [running, locked to thread labels:{"theriac": "12.4711"}]:
func parseHeader(line string) Goroutine {
	id, rest, _ := headerID(line)
	bare := Goroutine{ID: id}
	for _, word := range []string{"gp=", "m=", "mp="} {
		if strings.HasPrefix(rest, word) {
			_, rest, _ = strings.Cut(rest, " ")
		}
	}
	inside, ok := strings.CutPrefix(rest, "[")
	if !ok {
		return bare
	}
	if inside, ok = strings.CutSuffix(inside, "]:"); !ok {
		return bare
	}
	// What comes before the labels was written by the runtime alone, so the first "labels:" is its.
	status, pairs, labelled := strings.Cut(inside, " labels:{")
	if len(status) > maxStatusBytes || strings.ContainsAny(status, `"{}[]`) {
		return bare
	}
	g := Goroutine{ID: id, Status: printable(status, maxStatusBytes)}
	if labelled {
		if g.Labels, ok = parseLabels(pairs); !ok {
			return bare
		}
	}
	state, _, _ := strings.Cut(status, ",")
	state = strings.TrimSuffix(state, " (scan)")
	g.Running = state == "running" || state == "runnable"
	return g
}

// parseLabels reads `"key": "value", "key": "value"}` from its first byte to its last and returns
// those that are ours.
func parseLabels(pairs string) (ours []Label, ok bool) {
	for {
		key, value, rest, ok := cutPair(pairs)
		if !ok {
			return nil, false
		}
		if key == `"`+LabelKey+`"` && len(ours) < maxLabels {
			// Digits and a dot are never escaped, so there is nothing to unquote.
			if label, ok := ParseLabel(value[1 : len(value)-1]); ok {
				ours = append(ours, label)
			}
		}
		if rest == "}" {
			return ours, true
		}
		if pairs, ok = strings.CutPrefix(rest, ", "); !ok {
			return nil, false
		}
	}
}

// cutPair cuts one `"key": "value"` from the front, both still quoted.
func cutPair(s string) (key, value, rest string, ok bool) {
	if key, s, ok = cutQuoted(s); !ok {
		return "", "", "", false
	}
	if s, ok = strings.CutPrefix(s, ": "); !ok {
		return "", "", "", false
	}
	value, rest, ok = cutQuoted(s)
	return key, value, rest, ok
}

// cutQuoted cuts a string in double quotes from the front, as the runtime quotes it.
func cutQuoted(s string) (quoted, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", false
	}
	return quoted, s[len(quoted):], true
}

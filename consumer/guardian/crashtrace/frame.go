package crashtrace

import (
	"strconv"
	"strings"
)

// Frame is one call of a stack, innermost first in a trace.
type Frame struct {
	// Func is the function with its import path, such as "runtime.(*mheap).grow".
	Func string
	// File is the path that the build recorded, Line counts from 1; both are zero if the trace was
	// cut between them and Func.
	File string
	Line int
}

// parseCall reads the first line of a frame, "main.f(0x1, {...})". Arguments hold no parentheses.
func parseCall(line string) (Frame, bool) {
	at := strings.LastIndexByte(line, '(')
	if at <= 0 || !strings.HasSuffix(line, ")") || strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "created by ") {
		return Frame{}, false
	}
	return Frame{Func: strings.ToValidUTF8(line[:at], "\uFFFD")}, true
}

// parsePlace reads the second line of a frame, "\t/a/b.go:12 +0x1d fp=0x1 sp=0x2 pc=0x3", of which all
// but file and line may be missing.
func parsePlace(line string) (file string, number int, ok bool) {
	line, ok = strings.CutPrefix(line, "\t")
	if !ok {
		return "", 0, false
	}
	for _, tail := range []string{" fp=0x", " +0x"} {
		if at := strings.LastIndex(line, tail); at >= 0 {
			line = line[:at]
		}
	}
	at := strings.LastIndexByte(line, ':')
	if at < 0 {
		return "", 0, false
	}
	n, ok := parseDecimal(line[at+1:], 31)
	return strings.ToValidUTF8(line[:at], "\uFFFD"), int(n), ok
}

// parseField returns the number after "name=" in a line of such pairs, as the runtime prints it: in
// decimal, or in hexadecimal after 0x.
func parseField(line, name string) (uint64, bool) {
	_, value, ok := strings.Cut(line, " "+name+"=")
	if !ok {
		return 0, false
	}
	if at := strings.IndexAny(value, " ]"); at >= 0 {
		value = value[:at]
	}
	n, err := strconv.ParseUint(value, 0, 64)
	return n, err == nil
}

package redact

import (
	"regexp"
	"strings"
)

var (
	goroutine = regexp.MustCompile(`^goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[[^\]"{]*`)
	location  = regexp.MustCompile(`^\t\S[^\x00-\x1f]*:\d+(?: \+0x[0-9a-f]+)?$`)
	call      = regexp.MustCompile(`^(?:created by )?[\w./*%()\[\]·…~-]+$`)
	elided    = regexp.MustCompile(`^\.\.\.(?:additional|\d+) frames elided\.\.\.$`)
	madeBy    = regexp.MustCompile(`^(created by \S+)( in goroutine \d+)$`)
)

// Stack returns what may be shown of a goroutine's trace: states, functions, files and
// lines. Words of arguments and labels are left out, and every line that is no part of
// a trace.
func Stack(trace string) string {
	var b strings.Builder
	for line := range strings.Lines(trace) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "goroutine "):
			line = header(line)
		case strings.HasPrefix(line, "\t"):
			line = keep(location.MatchString(line), line)
		case madeBy.MatchString(line), elided.MatchString(line):
		default:
			line = function(line)
		}
		if line != "" {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func keep(ok bool, line string) string {
	if ok {
		return line
	}
	return ""
}

// header returns the first line of a trace without labels.
func header(line string) string {
	head := goroutine.FindString(line)
	if head == "" {
		return ""
	}
	head, _, _ = strings.Cut(head, "labels:")
	return strings.TrimRight(head, " ,") + "]:"
}

// function returns a call without its arguments.
func function(line string) string {
	if !strings.HasSuffix(line, ")") {
		return ""
	}
	open := strings.LastIndexByte(line, '(')
	name := line[:open]
	if !call.MatchString(name) || !strings.Contains(name, ".") && name != "panic" {
		return ""
	}
	return name + "(...)"
}

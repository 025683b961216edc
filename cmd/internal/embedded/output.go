package embedded

import (
	"io/fs"
	"strings"
	"sync"
)

// errAlreadyClosed is what a pipe says that was closed when its process ended.
var errAlreadyClosed = fs.ErrClosed

// tailBytes is how much of the end of stderr is kept.
const tailBytes = 2 << 10

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer; it takes everything.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// quote returns the last lines for an error, or nothing if there are none.
func (t *tail) quote() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(string(t.text))
	if text == "" {
		return ""
	}
	all := strings.Split(text, "\n")
	return "; its last words: " + strings.Join(all[max(0, len(all)-3):], " | ")
}

// lines cuts what is written to it into lines. It is written to by one goroutine.
type lines struct {
	each func(line string)
	rest string
}

// Write implements io.Writer; it takes everything.
func (l *lines) Write(p []byte) (int, error) {
	l.rest += string(p)
	for {
		line, rest, ok := strings.Cut(l.rest, "\n")
		if !ok {
			return len(p), nil
		}
		l.rest = rest
		l.each(line)
	}
}

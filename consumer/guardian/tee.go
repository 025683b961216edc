//go:build unix

package guardian

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/theriac/theriac/handlers/redact"
)

// tee passes on what a child writes to standard error, without what a panic says that nobody called
// safe, and keeps its end as it is. Whoever else the child left holding it is heard, too, for as long as
// anybody takes events.
//
// When the child is dead, what is still in the pipe is its last words, and its death is judged only when
// they are in the tail. buried says so by a deadline, which a reader notices that waits.
func (p *parent) tee(c *child, stderr io.Writer, from *os.File) {
	to := io.MultiWriter(c.tail, stderr)
	if !p.cfg.RawStderr {
		shown := redact.NewStderr(stderr, p.cfg.Redact)
		defer func() { _ = shown.Close() }() // nobody is left to be told
		to = io.MultiWriter(c.tail, shown)
	}
	for {
		_, err := io.Copy(to, from)
		if !errors.Is(err, os.ErrDeadlineExceeded) || p.isOver() {
			break
		}
		_ = from.SetReadDeadline(time.Time{})
		empty(to, from)
		p.tell(event{kind: eventTeeRead, child: c})
	}
	p.tell(event{kind: eventTeeEnded, child: c, tee: from})
	_ = from.Close()
}

// maxLastWords is more than a pipe holds unless somebody still writes to it.
const maxLastWords = 1 << 20

// empty takes what is in the pipe now, without waiting for more.
func empty(to io.Writer, from *os.File) {
	raw, err := from.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 64<<10)
	for taken := 0; taken < maxLastWords; {
		n := 0
		errRead := raw.Read(func(fd uintptr) bool {
			n, err = syscall.Read(int(fd), buf)
			return true
		})
		switch {
		case errRead == nil && errors.Is(err, syscall.EINTR):
			continue
		case errRead != nil || err != nil || n <= 0:
			return
		}
		_, _ = to.Write(buf[:n])
		taken += n
	}
}

//go:build unix

package guardian

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
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
func (p *parent) tee(c *child, from *os.File) {
	to := io.MultiWriter(c.tail, p.stderr)
	if !p.cfg.RawStderr {
		shown := redact.NewStderr(p.stderr, p.cfg.Redact)
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

// lossy writes what the writer below takes, and counts the rest: a disk that is full, or a reader that is
// gone. Who stopped reading for it would close the child's end, and its next line would kill the child
// (SIGPIPE).
type lossy struct {
	to  io.Writer
	log *slog.Logger // it may write to the same place

	mu      sync.Mutex
	failing bool
	lost    int64 // bytes, since it began to fail
}

// Write implements io.Writer. It never fails.
func (l *lossy) Write(b []byte) (int, error) {
	n, err := l.to.Write(b)
	began, ended := l.note(int64(len(b)-n), err)
	switch {
	case began:
		l.log.Warn("standard error takes nothing: what roles write to it is lost, and only its end is kept for the reports of deaths", "error", err)
	case ended > 0:
		l.log.Warn("standard error takes something again", "lost_bytes", ended)
	}
	return len(b), nil
}

// note counts what was lost. It returns whether that began with this, and how much it was when it ended.
func (l *lossy) note(lost int64, err error) (began bool, ended int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		ended, l.lost, l.failing = l.lost, 0, false
		return false, ended
	}
	began, l.failing = !l.failing, true
	l.lost += lost
	return began, 0
}

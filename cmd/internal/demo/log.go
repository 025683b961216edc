package demo

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const logName = "demo.log"

// troubleLog is the log of a demo: a file in the data directory, and its last line for an error,
// since the file of a temporary directory is gone when somebody would read it.
type troubleLog struct {
	file *os.File

	mu   sync.Mutex
	last string
}

func openLog(dir string) (*troubleLog, error) {
	file, err := os.OpenFile(filepath.Join(dir, logName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &troubleLog{file: file}, nil
}

// Write implements io.Writer for a slog handler, which writes a line at a time.
func (l *troubleLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	l.last = strings.TrimSpace(string(line))
	l.mu.Unlock()
	return l.file.Write(line)
}

// logger writes warnings and errors; a held message is no trouble, but it is worth a line.
func (l *troubleLog) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// lastLine is the last line for the end of an error, or nothing.
func (l *troubleLog) lastLine() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return ""
	}
	return "; last line of the log: " + l.last
}

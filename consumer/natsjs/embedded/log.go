package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// serverLog hands the server's log to slog and keeps what the server calls
// fatal: an embedded server only says so and goes on half started.
type serverLog struct {
	ctx   context.Context
	log   *slog.Logger
	fatal atomic.Pointer[string]
}

// Noticef is the server's chatter at start and stop, so it goes to debug.
func (l *serverLog) Noticef(format string, v ...any) { l.print(slog.LevelDebug, format, v) }

// Warnf logs a warning. That payloads may be large is how this server is set up, and no news.
func (l *serverLog) Warnf(format string, v ...any) {
	level := slog.LevelWarn
	if strings.HasPrefix(format, "Maximum payloads over") {
		level = slog.LevelDebug
	}
	l.print(level, format, v)
}

// Errorf logs an error.
func (l *serverLog) Errorf(format string, v ...any) { l.print(slog.LevelError, format, v) }

// Debugf logs at debug level.
func (l *serverLog) Debugf(format string, v ...any) { l.print(slog.LevelDebug, format, v) }

// Tracef logs nothing: a trace shows what clients send, tokens included.
func (l *serverLog) Tracef(string, ...any) {}

// Fatalf logs an error and keeps the first for err.
func (l *serverLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.fatal.CompareAndSwap(nil, &text)
	l.print(slog.LevelError, format, v)
}

func (l *serverLog) err() error {
	if text := l.fatal.Load(); text != nil {
		return errors.New(*text)
	}
	return nil
}

func (l *serverLog) print(level slog.Level, format string, v []any) {
	if l.log.Enabled(l.ctx, level) {
		l.log.Log(l.ctx, level, fmt.Sprintf(format, v...), "part", "nats-server")
	}
}

package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

const (
	// openWithin bounds the opening of a store: a person waits.
	openWithin = 10 * time.Second
	// makeWithin bounds it where the store is made or migrated on the way, by us or by a process that is at it
	// while we wait. Who is cut off in the middle of that begins anew, and may be cut off again.
	makeWithin = time.Minute
)

// opening returns the context in which a store is opened.
func opening(ctx context.Context, e config.Endpoint, access Access) (context.Context, context.CancelFunc) {
	if e.Kind == config.SQLite && access != Read {
		return context.WithTimeout(ctx, makeWithin)
	}
	return context.WithTimeout(ctx, openWithin)
}

// UnreachableError says that the store does not answer, or does not let us in.
type UnreachableError struct {
	// Place is where it should be, without password.
	Place string
	// Err is what the client said.
	Err error
}

// Error says where and why in one line; the client's own text has several and repeats itself.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach the store at %s (%s)", e.Place, cause(e.Err))
}

// Unwrap returns what the client said.
func (e *UnreachableError) Unwrap() error { return e.Err }

// ProblemKind returns "unavailable".
func (e *UnreachableError) ProblemKind() string { return string(problem.Unavailable) }

// unreachable makes one clear line of a failure to reach Postgres; other errors stay as they are.
func unreachable(e config.Endpoint, err error) error {
	_, isConnect := errors.AsType[*pgconn.ConnectError](err)
	switch {
	case err == nil || e.Kind != config.Postgres || errors.Is(err, quarantine.ErrSchema) || errors.Is(err, incident.ErrSchema):
		return err
	case isConnect || errors.Is(err, quarantine.ErrUnavailable) || errors.Is(err, incident.ErrUnavailable) ||
		errors.Is(err, context.DeadlineExceeded):
		return &UnreachableError{e.Place(), err}
	default:
		return err
	}
}

// cause is the innermost reason in a few words.
func cause(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Message
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.Err
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + openWithin.String()
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

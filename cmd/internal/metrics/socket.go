package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// maxSocket is how long the path of a socket may be, on every system.
const maxSocket = 100

// SocketIn is where a server whose files are in dir takes pushes.
func SocketIn(dir string) string { return filepath.Join(dir, "metrics.sock") }

// StateIn is the state file of a server whose files are in dir.
func StateIn(dir string) string { return filepath.Join(dir, "metrics.state") }

// dialled is what to dial for a socket: itself, or where a link in its place leads to.
func dialled(path string) (string, error) {
	if len(path) <= maxSocket {
		return path, nil
	}
	to, err := os.Readlink(path)
	if err != nil {
		return "", fmt.Errorf("find the socket of metrics: %w", err)
	}
	return to, nil
}

// ListenSocket listens for pushes. Only this user can reach it: the directory is its own, and so is the
// socket. One that an earlier process left is replaced; the caller sees to it that there is no other.
// Systems allow a socket a path of about 100 bytes: one that is longer is a link to a temporary
// directory.
func ListenSocket(ctx context.Context, path string) (net.Listener, error) {
	if to, err := os.Readlink(path); err == nil && filepath.Base(to) == linkedName {
		_ = os.RemoveAll(filepath.Dir(to)) // of an earlier process
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("replace the socket of metrics: %w", err)
	}
	if len(path) <= maxSocket {
		return listenAt(ctx, path)
	}
	dir, err := os.MkdirTemp("", "theriac-metrics-") // mode 0700
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w", err)
	}
	on, err := listenAt(ctx, filepath.Join(dir, linkedName))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	linked := &linkedListener{on, dir}
	if err := os.Symlink(filepath.Join(dir, linkedName), path); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for metrics: %w", err), linked.Close())
	}
	return linked, nil
}

func listenAt(ctx context.Context, path string) (net.Listener, error) {
	var config net.ListenConfig
	on, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, on.Close())
	}
	return on, nil
}

// linkedName is the socket in a temporary directory.
const linkedName = "theriac-metrics.sock"

// linkedListener removes its temporary directory.
type linkedListener struct {
	net.Listener
	dir string
}

// Close implements net.Listener.
func (l *linkedListener) Close() error { return errors.Join(l.Listener.Close(), os.RemoveAll(l.dir)) }

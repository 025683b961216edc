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

// shortest is path, or what is shorter from here.
func shortest(path string) (string, error) {
	if len(path) <= maxSocket {
		return path, nil
	}
	if here, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(here, path); err == nil && len(short) <= maxSocket {
			return short, nil
		}
	}
	return "", fmt.Errorf("the path of the socket %s is longer than the system allows (%d): choose a directory with a shorter name", path, maxSocket)
}

// ListenSocket listens for pushes. Only this user can reach it: the directory is its own, and so is the
// socket. One that an earlier process left is replaced; the caller sees to it that there is no other.
func ListenSocket(ctx context.Context, path string) (net.Listener, error) {
	short, err := shortest(path)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("replace the socket of metrics: %w", err)
	}
	var config net.ListenConfig
	on, err := config.Listen(ctx, "unix", short)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, on.Close())
	}
	return on, nil
}

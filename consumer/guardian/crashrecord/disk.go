package crashrecord

import (
	"io"
	"os"
)

// disk is the part of the file system that writing a record needs, each call of
// which can fail. Tests replace it to fail at every call in turn.
type disk interface {
	// create makes a new file, mode 0600; it must not exist.
	create(path string) (file, error)
	rename(from, to string) error
	remove(path string) error
	// syncDirectory makes renames in it durable.
	syncDirectory(path string) error
}

type file interface {
	io.Writer
	Sync() error
	Close() error
}

type realDisk struct{}

func (realDisk) create(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (realDisk) rename(from, to string) error { return os.Rename(from, to) }

func (realDisk) remove(path string) error { return os.Remove(path) }

func (realDisk) syncDirectory(path string) error { return syncDirectory(path) }

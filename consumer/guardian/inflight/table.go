package inflight

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// FileName is the name of a table's file in Config.Dir.
const FileName = "inflight.table"

// ErrDamaged is what errors wrap when a file is no table that can be used: it is something else, was
// cut, or its header was overwritten.
var ErrDamaged = errors.New("the in-flight table is damaged")

// Table is the guardian's side of a table: it makes the file, hands it on and reads it. It maps
// nothing, so nothing that the worker does to the file can fault here. Its methods are safe for
// concurrent use, except Close and Remove.
type Table struct {
	file     *os.File
	path     string // "" when the file has no name
	leftover string // the name of a temporary file that could not be unlinked while open
	geometry geometry
}

// Create makes the table of one incarnation. In a folder, all of its space is allocated, and a
// filesystem that has no room is an error that says so (syscall.ENOSPC on Unix); nothing is left
// behind then. The caller closes the table.
func Create(c Config) (*Table, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	t := &Table{geometry: geometry{slots: c.Slots}}
	if err := t.create(c); err != nil {
		if t.file != nil {
			err = errors.Join(err, t.Close(), t.Remove())
		}
		return nil, fmt.Errorf("create the in-flight table: %w", err)
	}
	return t, nil
}

func (t *Table) create(c Config) error {
	if err := t.makeFile(c.Dir); err != nil {
		return err
	}
	h := newHeader(c, t.geometry)
	_, err := t.file.WriteAt(bytesOf(h), 0)
	return err
}

// makeFile makes the file with its full size.
func (t *Table) makeFile(dir string) (err error) {
	size := int64(t.geometry.size())
	if dir == "" {
		if t.file, err = memoryFile(size); err == nil {
			return nil
		}
		if err := t.temporary(); err != nil {
			return err
		}
	} else {
		path := filepath.Join(dir, FileName)
		if t.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return err
		}
		t.path = path
	}
	if err := allocate(t.file, size); err != nil {
		return fmt.Errorf("allocate %d bytes in %s: %w; free space there or choose another state directory",
			size, filepath.Dir(t.file.Name()), err)
	}
	return nil
}

// temporary makes a file that has no name as soon as the system allows.
func (t *Table) temporary() (err error) {
	if t.file, err = os.CreateTemp("", "theriac-*.table"); err != nil {
		return err
	}
	if os.Remove(t.file.Name()) != nil {
		t.leftover = t.file.Name()
	}
	return nil
}

// zeroFill allocates size bytes where the system has no call for it.
func zeroFill(f *os.File, size int64) error {
	zeros := make([]byte, 256<<10)
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return nil
}

func newHeader(c Config, g geometry) *headerPage {
	h := &headerPage{
		magic: magic, version: layoutVersion,
		slots: uint32(g.slots), stride: uint32(g.stride()), created: nanos(time.Now()),
		incarnationLength: uint16(len(c.Incarnation)),
		buildLength:       uint16(len(c.Build)),
	}
	copy(h.incarnation[:], c.Incarnation)
	copy(h.build[:], c.Build)
	h.crc = h.sum()
	return h
}

// Load opens a table that a dead guardian left behind, for reading. A file that is no table, or
// whose header is damaged, is an error that wraps ErrDamaged. Load does not ask whether its worker
// is really dead; that proof is the caller's. The caller closes the table.
func Load(path string) (*Table, error) {
	// Looked at before it is opened: a pipe in its place would block for ever.
	if info, err := os.Lstat(path); err != nil {
		return nil, fmt.Errorf("load an in-flight table: %w", err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("load %s: %w: it is not a regular file", path, ErrDamaged)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load an in-flight table: %w", err)
	}
	h, err := readHeader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load %s: %w", path, err), f.Close())
	}
	return &Table{file: f, path: path, geometry: geometry{slots: int(h.slots)}}, nil
}

// readHeader reads and checks what the guardian wrote.
func readHeader(f *os.File) (*headerPage, error) {
	h := new(headerPage)
	if _, err := f.ReadAt(bytesOf(h), 0); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: it ends inside its header", ErrDamaged)
	} else if err != nil {
		return nil, err
	}
	if problem := h.check(); problem != "" {
		return nil, fmt.Errorf("%w: %s", ErrDamaged, problem)
	}
	return h, nil
}

// File is the open file, to be handed to the worker that is started, which calls Open. It stays the
// table's own.
func (t *Table) File() *os.File { return t.file }

// Path is where the file is, or "" when it has no name.
func (t *Table) Path() string { return t.path }

// Close closes the file. The file itself stays where it is, for a later guardian; a table in memory
// is gone when its worker is gone too.
func (t *Table) Close() error {
	err := t.file.Close()
	if t.leftover != "" {
		err = errors.Join(err, os.Remove(t.leftover))
	}
	return err
}

// Remove deletes the file, which holds messages: after a clean exit, and as soon as what it says is
// safe elsewhere. It may be called before or after Close, and does nothing for a table in memory.
// That the file is gone already is no error.
func (t *Table) Remove() error {
	if t.path == "" {
		return nil
	}
	if err := os.Remove(t.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the in-flight table: %w", err)
	}
	return nil
}

// Read reads the whole table. It never fails: what cannot be read is reported in the snapshot. It
// holds copies of all messages in flight, up to 64 MiB.
func (t *Table) Read() Snapshot { return reader{t.file, t.geometry}.snapshot() }

// Status reads the header alone, which is cheap enough to be asked every few milliseconds. A header
// that cannot be read or is damaged is an error, which wraps ErrDamaged.
func (t *Table) Status() (Status, error) { return reader{t.file, t.geometry}.status() }

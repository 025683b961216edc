package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"sync"
)

// The names of spool files begin with when the request was received, so that ls shows their order,
// and have the temporary suffix until they are whole.
const (
	spoolSuffix    = ".request"
	spoolTemporary = ".tmp"
)

// spoolBlock is what a file is rounded up to when the spool is measured: the block size of common
// filesystems, which also bounds the number of files.
const spoolBlock = 4 << 10

// spoolHead is the time before the record in a spooled frame, nanoseconds since 1970.
const spoolHead = 8

// onDisk returns what a record of n bytes is charged in the spool.
func onDisk(n int) int64 {
	blocks := (int64(n) + frameHeaderSize + spoolHead + spoolBlock - 1) / spoolBlock
	return blocks * spoolBlock
}

// spool is a directory of requests, one file each. Whoever runs as the same user may have put
// anything there, so files are read like any other outside bytes. Safe for concurrent use.
type spool struct {
	dir   string
	limit int // bytes of a record

	mu   sync.Mutex
	root *os.Root // nil until the directory could be opened
}

// open makes the directory on first use, so that a disk that was full at the start may be used
// later.
func (s *spool) open() (*os.Root, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root != nil {
		return s.root, nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, err
	}
	if err := root.Chmod(".", 0o700); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	s.root = root
	return root, nil
}

func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == nil {
		return nil
	}
	err := s.root.Close()
	s.root = nil
	return err
}

// put writes a record that outlives this process, and returns the name of its file. It is not synced: that
// would take milliseconds, while workers wait for their pipe to be read, and a burst of failures is
// what a spool is for. After a loss of power a file may be damaged, which its checksum says.
func (s *spool) put(received int64, record []byte) (string, error) {
	root, err := s.open()
	if err != nil {
		return "", fmt.Errorf("open the relay's spool: %w", err)
	}
	name := fmt.Sprintf("%020d-%016x", received, rand.Uint64())
	err = write(root, name+spoolTemporary, spooledFrame(received, record))
	if err == nil {
		err = root.Rename(name+spoolTemporary, name+spoolSuffix)
	}
	if err != nil {
		_ = root.Remove(name + spoolTemporary) // it may not exist; if it stays, restore removes it
		return "", fmt.Errorf("write to the relay's spool: %w", err)
	}
	return name + spoolSuffix, nil
}

func spooledFrame(received int64, record []byte) []byte {
	frame := beginFrame(make([]byte, 0, frameHeaderSize+spoolHead+len(record)))
	frame = binary.LittleEndian.AppendUint64(frame, uint64(received))
	frame = append(frame, record...)
	sealFrame(frame, kindSpooled)
	return frame
}

// parseSpooled is the reverse of spooledFrame.
func parseSpooled(frame []byte) (received int64, record []byte, err error) {
	payload, err := openFrame(frame, kindSpooled)
	if err != nil || len(payload) < spoolHead {
		return 0, nil, errNoFrame
	}
	return int64(binary.LittleEndian.Uint64(payload)), payload[spoolHead:], nil
}

func write(root *os.Root, name string, b []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// get reads a file back. An error that wraps errNoFrame says that the file is damaged.
func (s *spool) get(name string) (received int64, record []byte, err error) {
	root, err := s.open()
	if err != nil {
		return 0, nil, err
	}
	info, err := root.Lstat(name)
	if err != nil {
		return 0, nil, err
	}
	most := int64(frameHeaderSize + spoolHead + s.limit)
	if !info.Mode().IsRegular() || info.Size() > most {
		return 0, nil, fmt.Errorf("%s is no file of the spool: %w", name, errNoFrame)
	}
	f, err := root.Open(name)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	frame, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return 0, nil, err
	}
	return parseSpooled(frame)
}

func (s *spool) remove(name string) error {
	root, err := s.open()
	if err != nil {
		return err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// list returns the names of whole files, oldest first, and of those that were cut while they were
// written.
func (s *spool) list() (whole, cut []string, err error) {
	root, err := s.open()
	if err != nil {
		return nil, nil, err
	}
	files, err := fs.ReadDir(root.FS(), ".")
	for _, f := range files {
		switch path.Ext(f.Name()) {
		case spoolSuffix:
			whole = append(whole, f.Name())
		case spoolTemporary:
			cut = append(cut, f.Name())
		}
	}
	return whole, cut, err
}

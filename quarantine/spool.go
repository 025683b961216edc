package quarantine

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	spoolSuffix  = ".spool"
	badSuffix    = ".bad"
	tempPrefix   = ".tmp-"
	attemptStart = "attempt-" // sorts before entryStart: counted before it is held
	entryStart   = "entry-"
)

// errSpoolFull: the quota is reached.
var errSpoolFull = fmt.Errorf("the spool is full: %w", ErrUnavailable)

// spool is a directory of records that wait for the store, one file each. A
// record counts as kept when its file and its name are synced to disk. A nil
// *spool holds nothing. Its methods are safe for concurrent use.
type spool struct {
	dir string
	max int64

	mu      sync.Mutex
	bytes   int64 // in all files, those set aside included
	records int   // files that wait
	ofTries int64 // of them, in attempts
	serial  int
	held    map[[32]byte]struct{} // identities of the entries here
}

// spoolRef is the reference of an entry that waits in a spool.
func spoolRef(identity [32]byte) string { return "spooled:" + hex.EncodeToString(identity[:6]) }

// openSpool makes the directory if it is missing, removes what a death left half
// written, and counts what is there.
func openSpool(dir string, max int64) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	p := &spool{dir: dir, max: max, held: map[[32]byte]struct{}{}}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), tempPrefix) {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return nil, fmt.Errorf("open spool: %w", err)
			}
			continue
		}
		info, err := f.Info()
		if err != nil {
			return nil, fmt.Errorf("open spool: %w", err)
		}
		p.account(f.Name(), info.Size())
		if id, ok := identityOf(f.Name()); ok {
			p.held[id] = struct{}{}
		}
	}
	return p, nil
}

// identityOf reads the identity in the name of an entry's file.
func identityOf(name string) (id [32]byte, ok bool) {
	name, isEntry := strings.CutPrefix(name, entryStart)
	name, isSpool := strings.CutSuffix(name, spoolSuffix)
	b, err := hex.DecodeString(name)
	if !isEntry || !isSpool || err != nil || len(b) != len(id) {
		return id, false
	}
	return [32]byte(b), true
}

// holds reports whether the entry with this identity waits here.
func (p *spool) holds(identity [32]byte) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.held[identity]
	return ok
}

// put keeps records, and returns for each an error if it is not on disk.
// Putting an entry twice keeps it once.
func (p *spool) put(records []record) []error {
	errs := make([]error, len(records))
	for i, r := range records {
		errs[i] = p.write(p.name(r), r.encode())
	}
	if err := p.sync(); err != nil {
		for i := range errs {
			errs[i] = errors.Join(errs[i], err)
		}
		return errs
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, r := range records {
		if r.kind == kindEntry && errs[i] == nil {
			p.held[r.identity] = struct{}{}
		}
	}
	return errs
}

func (p *spool) name(r record) string {
	if r.kind == kindEntry {
		return entryStart + hex.EncodeToString(r.identity[:]) + spoolSuffix
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	return fmt.Sprintf("%s%020d-%06d%s", attemptStart, time.Now().UnixNano(), p.serial%1_000_000, spoolSuffix)
}

// write brings one file to disk under its name, but for the directory's sync.
func (p *spool) write(name string, data []byte) (err error) {
	size := int64(len(data))
	if err := p.reserve(name, size); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			p.account(name, -size)
		}
	}()
	f, err := os.CreateTemp(p.dir, tempPrefix+"*") // mode 0600
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("spool: %w", errors.Join(err, os.Remove(f.Name())))
	}
	path := filepath.Join(p.dir, name)
	before, statErr := os.Stat(path)
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("spool: %w", errors.Join(err, os.Remove(f.Name())))
	}
	if statErr == nil { // the same entry again
		p.account(name, -before.Size())
	}
	return nil
}

// reserve takes room under the quota.
func (p *spool) reserve(name string, size int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bytes+size > p.max {
		return fmt.Errorf("%s holds %d of %d bytes: %w", p.dir, p.bytes, p.max, errSpoolFull)
	}
	if strings.HasPrefix(name, attemptStart) && p.ofTries+size > p.max/2 {
		return fmt.Errorf("%s holds %d bytes of attempts, half of what it may: %w", p.dir, p.ofTries, errSpoolFull)
	}
	p.accountLocked(name, size)
	return nil
}

func (p *spool) account(name string, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accountLocked(name, size)
}

func (p *spool) accountLocked(name string, size int64) {
	p.bytes += size
	switch {
	case !strings.HasSuffix(name, spoolSuffix):
	case size < 0:
		p.records--
	default:
		p.records++
	}
	if strings.HasPrefix(name, attemptStart) {
		p.ofTries += size
	}
}

// sync brings the names in the directory to disk.
func (p *spool) sync() error {
	d, err := os.Open(p.dir)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// list returns the names of the waiting records, attempts first, each kind in
// the order of its names.
func (p *spool) list() ([]string, error) {
	files, err := os.ReadDir(p.dir)
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	var names []string
	for _, f := range files {
		if strings.HasSuffix(f.Name(), spoolSuffix) && !strings.HasPrefix(f.Name(), tempPrefix) {
			names = append(names, f.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// read returns one record. An error wrapping errRecord means that the file is
// damaged, any other that it could not be read now.
func (p *spool) read(name string) (record, error) {
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		return record{}, fmt.Errorf("read spool: %w", err)
	}
	return parseRecord(data)
}

// remove deletes records that are stored.
func (p *spool) remove(names []string) error {
	var errs []error
	for _, name := range names {
		path := filepath.Join(p.dir, name)
		info, err := os.Stat(path)
		if err == nil {
			err = os.Remove(path)
		}
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("clear spool: %w", err))
			}
			continue
		}
		p.mu.Lock()
		p.accountLocked(name, -info.Size())
		if id, ok := identityOf(name); ok {
			delete(p.held, id)
		}
		p.mu.Unlock()
	}
	return errors.Join(append(errs, p.sync())...)
}

// setAside renames a damaged file, so that a person can look at it.
func (p *spool) setAside(name string) error {
	path := filepath.Join(p.dir, name)
	if err := os.Rename(path, path+badSuffix); err != nil {
		return fmt.Errorf("set aside in spool: %w", err)
	}
	p.mu.Lock()
	p.records--
	p.mu.Unlock()
	return p.sync()
}

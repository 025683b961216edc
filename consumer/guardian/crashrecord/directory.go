package crashrecord

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	suffix          = ".crash"
	temporarySuffix = ".crash.tmp"
)

// Directory is a directory of crash records. It must exist.
type Directory struct {
	// Path is the directory.
	Path string
	// MaxBytes is the size that [Directory.Trim] leaves to all records together.
	// Default 512 MiB: about seven of the largest, thousands of common ones.
	MaxBytes int64
	// MaxRecords is the number of records that Trim leaves. Default 1,000.
	MaxRecords int

	disk disk // nil: the real one
}

// Listing is what a directory holds, each in the order of names.
type Listing struct {
	// Records are the ids of records, oldest first.
	Records []string
	// Unfinished are the names of files that were being written, now or when
	// their writer was killed.
	Unfinished []string
	// Foreign are the names of everything else. Nothing here touches them.
	Foreign []string
}

// List returns what the directory holds. It looks at names and types only.
func (d Directory) List() (Listing, error) {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return Listing{}, fmt.Errorf("list crash records: %w", err)
	}
	var l Listing
	for _, entry := range entries {
		name := entry.Name()
		id, isRecord := strings.CutSuffix(name, suffix)
		unfinished, isTemporary := strings.CutSuffix(name, temporarySuffix)
		switch {
		case entry.Type().IsRegular() && isRecord && isID(id):
			l.Records = append(l.Records, id)
		case entry.Type().IsRegular() && isTemporary && isID(unfinished):
			l.Unfinished = append(l.Unfinished, name)
		default:
			l.Foreign = append(l.Foreign, name)
		}
	}
	return l, nil
}

// Read returns the record with that id. Errors are [ErrDamaged], [ErrVersion],
// [fs.ErrNotExist], or those of the disk.
func (d Directory) Read(id string) (Record, Damage, error) {
	data, err := d.load(id)
	if err != nil {
		return Record{}, Damage{}, fmt.Errorf("read crash record %q: %w", id, err)
	}
	record, damage, err := Decode(data)
	if err == nil && record.ID != id {
		err = fmt.Errorf("%w: it says that it is %s", ErrDamaged, record.ID)
	}
	if err != nil {
		return Record{}, Damage{}, fmt.Errorf("read crash record %q: %w", id, err)
	}
	return record, damage, nil
}

func (d Directory) load(id string) ([]byte, error) {
	if !isID(id) {
		return nil, fs.ErrNotExist
	}
	info, err := os.Lstat(d.path(id))
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // a pipe would block for ever
		return nil, fs.ErrNotExist
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrDamaged, maxFile)
	}
	file, err := os.Open(d.path(id))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	if _, err := data.ReadFrom(io.LimitReader(file, maxFile)); err != nil {
		return nil, err
	}
	return data.Bytes(), nil
}

// Remove removes the record with that id, after it was taken to where it
// belongs. One that is gone already is no error. It does not wait for the disk:
// after a power loss the record may be back, so taking it twice must be
// harmless.
func (d Directory) Remove(id string) error {
	if !isID(id) {
		return nil
	}
	if err := os.Remove(d.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove crash record: %w", err)
	}
	return nil
}

func (d Directory) path(id string) string { return filepath.Join(d.Path, id+suffix) }

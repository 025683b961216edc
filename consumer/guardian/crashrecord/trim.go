package crashrecord

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Trimmed is what [Directory.Trim] took away.
type Trimmed struct {
	// WithoutDump and WithoutMessages are the ids of records that lost these,
	// Removed of records that are gone.
	WithoutDump, WithoutMessages, Removed []string
	// Unfinished is how many unfinished files were removed.
	Unfinished int
}

// Trim keeps the directory within MaxBytes and MaxRecords, and removes what was
// never finished. It always leaves the newest record. The guardian calls it when
// the next worker runs, never before. It goes on past files that it cannot change
// and returns their errors together.
func (d Directory) Trim() (Trimmed, error) {
	if d.MaxBytes <= 0 {
		d.MaxBytes = 512 << 20
	}
	if d.MaxRecords <= 0 {
		d.MaxRecords = 1000
	}
	listing, err := d.List()
	if err != nil {
		return Trimmed{}, err
	}
	t := trimmer{directory: d, records: listing.Records}
	t.removeUnfinished(listing.Unfinished)
	t.measure()
	t.removeWhile(func() bool { return len(t.records) > d.MaxRecords })
	t.thin(kindDump, &t.trimmed.WithoutDump)
	t.thin(kindMessage, &t.trimmed.WithoutMessages)
	t.removeWhile(t.tooLarge)
	return t.trimmed, errors.Join(t.errs...)
}

type trimmer struct {
	directory Directory
	records   []string // oldest first
	sizes     map[string]int64
	total     int64
	trimmed   Trimmed
	errs      []error
}

func (t *trimmer) removeUnfinished(names []string) {
	for _, name := range names {
		if t.check("remove unfinished", os.Remove(filepath.Join(t.directory.Path, name))) {
			t.trimmed.Unfinished++
		}
	}
}

func (t *trimmer) measure() {
	t.sizes = make(map[string]int64, len(t.records))
	for _, id := range t.records {
		if info, err := os.Lstat(t.directory.path(id)); t.check("measure", err) {
			t.sizes[id] = info.Size()
			t.total += info.Size()
		}
	}
}

// thin cuts the oldest records before their first section of that kind until
// all fit, or none is left to cut.
func (t *trimmer) thin(first kind, done *[]string) {
	for _, id := range t.records {
		if !t.tooLarge() {
			return
		}
		size, err := thin(t.directory.path(id), first)
		if t.check("thin", err) && size < t.sizes[id] {
			t.resize(id, size)
			*done = append(*done, id)
		}
	}
}

// removeWhile removes the oldest records, but never the last one: it may not
// have been told to anybody yet.
func (t *trimmer) removeWhile(tooMuch func() bool) {
	for len(t.records) > 1 && tooMuch() {
		id := t.records[0]
		t.records = t.records[1:]
		if t.check("remove", t.directory.Remove(id)) {
			t.resize(id, 0)
			t.trimmed.Removed = append(t.trimmed.Removed, id)
		}
	}
}

func (t *trimmer) tooLarge() bool { return t.total > t.directory.MaxBytes }

func (t *trimmer) resize(id string, size int64) {
	t.total += size - t.sizes[id]
	t.sizes[id] = size
}

// check keeps err and reports whether there is none. A record that was taken
// away meanwhile is fine, but nothing was done to it.
func (t *trimmer) check(what string, err error) bool {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.errs = append(t.errs, fmt.Errorf("trim crash records: %s: %w", what, err))
	}
	return err == nil
}

// thin cuts a record before its first section of that kind and ends it there
// anew. It returns the size of the file; one without such a section, or that
// cannot be read, stays as it is. Killed between the two steps it leaves a
// record that is cut, and says so.
func thin(path string, first kind) (int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	size, err := thinFile(f, first)
	return size, errors.Join(err, f.Close())
}

func thinFile(f *os.File, first kind) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	at, lost, err := find(f, first)
	end := appendHead(nil, kindThinned, []byte(lost))
	end = append(end, lost...)
	after := at + int64(len(end))
	if err != nil || lost == "" || after >= info.Size() {
		return info.Size(), err
	}
	if err := f.Truncate(at); err != nil {
		return info.Size(), err
	}
	_, err = f.WriteAt(end, at)
	return after, errors.Join(err, f.Sync())
}

// find returns where the first section of a kind begins, and the content of the
// kindThinned that can take its place: the parts from there on. That is "" if
// there is no such section.
func find(f *os.File, first kind) (at int64, lost string, err error) {
	head := make([]byte, max(headerSize, sectionSize))
	if n, _ := f.ReadAt(head[:headerSize], 0); parseHeader(head[:n]) != nil {
		return 0, "", nil
	}
	var parts []string
	for next := int64(headerSize); ; {
		n, err := f.ReadAt(head[:sectionSize], next)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, "", err
		}
		s, ok := parseHead(head[:n])
		switch {
		case s.kind == first && parts == nil:
			at, parts = next, []string{string(first.part())}
		case s.kind == kindDump && parts != nil, s.kind == kindThinned && parts != nil:
			parts = append(parts, string(PartDump))
		}
		if !ok || s.kind == kindEnd || s.kind == kindThinned {
			return at, strings.Join(parts, ","), nil
		}
		next += sectionSize + int64(s.length)
	}
}

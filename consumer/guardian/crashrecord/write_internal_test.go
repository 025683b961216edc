package crashrecord

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sample is a record of some 800 KB, so that it takes several writes.
func sample() Record {
	r := Record{
		Metadata:   Metadata{ID: NewID(time.Unix(1_700_000_000, 0)), Tier: "A", Culprit: &Attempt{Slot: "1.1", ID: "m-1"}},
		FirstBlock: []byte("goroutine 7 [running]:"), Dump: make([]byte, 400<<10),
	}
	for i := range 10 {
		slot := fmt.Sprintf("%d.1", i)
		r.Messages = append(r.Messages, Message{Slot: slot, ID: []byte(slot), Data: make([]byte, 40<<10), AckToken: []byte("ack")})
	}
	return r
}

// scriptedDisk is the real one, but asks before each call, and after half of
// each write.
type scriptedDisk struct {
	realDisk
	before func(call string) error
}

func (d scriptedDisk) create(path string) (file, error) {
	if err := d.before("create"); err != nil {
		return nil, err
	}
	f, err := d.realDisk.create(path)
	return scriptedFile{f, d.before}, err
}

func (d scriptedDisk) rename(from, to string) error {
	if err := d.before("rename"); err != nil {
		return err
	}
	return d.realDisk.rename(from, to)
}

func (d scriptedDisk) syncDirectory(path string) error {
	if err := d.before("sync directory"); err != nil {
		return err
	}
	return d.realDisk.syncDirectory(path)
}

type scriptedFile struct {
	file
	before func(call string) error
}

func (f scriptedFile) Write(b []byte) (int, error) {
	half := len(b) / 2
	n, err := f.file.Write(b[:half])
	if err == nil {
		err = f.before("write")
	}
	if err != nil {
		return n, err
	}
	m, err := f.file.Write(b[half:])
	return n + m, err
}

func (f scriptedFile) Sync() error {
	if err := f.before("sync"); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f scriptedFile) Close() error {
	return errors.Join(f.file.Close(), f.before("close"))
}

// calls returns what a write that succeeds asks of the disk, in order.
func calls(t *testing.T) []string {
	t.Helper()
	var calls []string
	d := Directory{Path: t.TempDir(), disk: scriptedDisk{before: func(call string) error {
		calls = append(calls, call)
		return nil
	}}}
	if _, err := d.Write(sample()); err != nil {
		t.Fatal(err)
	}
	return calls
}

func TestWrite_SyncsBeforeItRenames(t *testing.T) {
	t.Parallel()
	want := []string{"create", "write", "write", "write", "write", "sync", "close", "rename", "sync directory"}
	if diff := cmp.Diff(want, calls(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWrite_AnyCallFails: whatever fails, once, there is no record, or a whole
// one; and no temporary file is left.
func TestWrite_AnyCallFails(t *testing.T) {
	t.Parallel()
	for i, call := range calls(t) {
		for _, failure := range []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS, fs.ErrPermission} {
			t.Run(fmt.Sprintf("%d %s %v", i, call, failure), func(t *testing.T) {
				t.Parallel()
				n := -1
				d := Directory{Path: t.TempDir(), disk: scriptedDisk{before: func(string) error {
					if n++; n == i {
						return failure
					}
					return nil
				}}}
				checkFailure(t, d, call, failure)
			})
		}
	}
}

func checkFailure(t *testing.T, d Directory, call string, failure error) {
	t.Helper()
	r := sample()
	written, err := d.Write(r)
	listing, listed := d.List()
	if listed != nil || len(listing.Unfinished) > 0 || len(listing.Foreign) > 0 {
		t.Fatalf("left behind: %+v, %v", listing, listed)
	}
	switch {
	case call == "sync directory":
		if !errors.Is(err, failure) || written.Path == "" || len(written.LeftOut) > 0 {
			t.Errorf("got %v and %+v, want the error and the whole record", err, written)
		}
	case lacksRoom(failure):
		if diff := cmp.Diff([]Part{PartDump}, written.LeftOut); diff != "" || err != nil {
			t.Errorf("%v, left out (-want +got):\n%s", err, diff)
		}
		r.Dump, r.LeftOut = nil, written.LeftOut
	default:
		if !errors.Is(err, failure) || written.Path != "" || len(listing.Records) > 0 {
			t.Errorf("got %v, %+v and records %v, want the error and nothing else", err, written, listing.Records)
		}
		return
	}
	checkStands(t, d, r)
}

// checkStands: want is the only record, and undamaged.
func checkStands(t *testing.T, d Directory, want Record) {
	t.Helper()
	got, damage, err := d.Read(want.ID)
	if err != nil || damage.Any() {
		t.Fatalf("%v, %+v", err, damage)
	}
	// cmp takes seconds for megabytes.
	if string(got.Dump) != string(want.Dump) || len(got.Messages) != len(want.Messages) {
		t.Fatalf("dump of %d bytes, %d messages", len(got.Dump), len(got.Messages))
	}
	for i, m := range got.Messages {
		if string(m.Data) != string(want.Messages[i].Data) || string(m.AckToken) != "ack" {
			t.Errorf("message %s has %d bytes and ack token %q", m.Slot, len(m.Data), m.AckToken)
		}
	}
	if diff := cmp.Diff(want.Metadata, got.Metadata, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWrite_LeavesOutWhatHasNoRoom: room for so many bytes, then none.
func TestWrite_LeavesOutWhatHasNoRoom(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		room int
		want []Part
		fits bool
	}{
		{"all", 1 << 20, nil, true},
		{"without the dump", 600 << 10, []Part{PartDump}, true},
		{"without payloads", 100 << 10, []Part{PartDump, PartPayloads}, true},
		{"nothing", 100, nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := Directory{Path: t.TempDir(), disk: smallDisk{room: test.room}}
			r := sample()
			written, err := d.Write(r)
			if (err == nil) != test.fits {
				t.Fatalf("got %v", err)
			}
			checkRoom(t, d, r, written)
			if diff := cmp.Diff(test.want, written.LeftOut); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
		})
	}
}

// checkRoom: what stands is r without what was left out, or nothing.
func checkRoom(t *testing.T, d Directory, r Record, written Written) {
	t.Helper()
	r.LeftOut = written.LeftOut
	for _, part := range written.LeftOut {
		switch part {
		case PartDump:
			r.Dump = nil
		case PartPayloads:
			for i := range r.Messages {
				r.Messages[i].Data = nil
			}
		}
	}
	if written.Path != "" {
		checkStands(t, d, r)
		return
	}
	if entries, err := os.ReadDir(d.Path); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// smallDisk has room for so many bytes in one file.
type smallDisk struct {
	realDisk
	room int
}

func (d smallDisk) create(path string) (file, error) {
	f, err := d.realDisk.create(path)
	return &smallFile{f, d.room}, err
}

type smallFile struct {
	file
	room int
}

func (f *smallFile) Write(b []byte) (int, error) {
	n, err := f.file.Write(b[:min(len(b), f.room)])
	f.room -= n
	if err == nil && n < len(b) {
		err = &fs.PathError{Op: "write", Path: filepath.Base("x"), Err: syscall.ENOSPC}
	}
	return n, err
}

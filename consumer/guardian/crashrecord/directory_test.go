package crashrecord_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
)

func write(t *testing.T, d crashrecord.Directory, r crashrecord.Record) crashrecord.Written {
	t.Helper()
	written, err := d.Write(r)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

func list(t *testing.T, d crashrecord.Directory) crashrecord.Listing {
	t.Helper()
	l, err := d.List()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func read(t *testing.T, d crashrecord.Directory, id string) crashrecord.Record {
	t.Helper()
	r, damage, err := d.Read(id)
	if err != nil || damage.Any() {
		t.Fatalf("read %s: %v, %+v", id, err, damage)
	}
	return r
}

func TestDirectory_WritesReadsAndRemoves(t *testing.T) {
	t.Parallel()
	d := crashrecord.Directory{Path: t.TempDir()}
	want := full()
	written := write(t, d, want)
	info, err := os.Stat(written.Path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v; want only the owner to read it", info.Mode(), err)
	}
	if diff := cmp.Diff(want.LeftOut, written.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	if diff := diff(want, read(t, d, want.ID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for range 2 { // the second time it is gone already
		if err := d.Remove(want.ID); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := d.Read(want.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v after it was removed", err)
	}
}

func TestDirectory_ListsOldestFirstAndReportsTheRest(t *testing.T) {
	t.Parallel()
	d := crashrecord.Directory{Path: t.TempDir()}
	var want crashrecord.Listing
	for i := range 5 {
		r := crashrecord.Record{Metadata: crashrecord.Metadata{ID: crashrecord.NewID(died.Add(time.Duration(i) * time.Second))}}
		want.Records = append(want.Records, r.ID)
	}
	for _, i := range []int{3, 0, 4, 1, 2} {
		write(t, d, crashrecord.Record{Metadata: crashrecord.Metadata{ID: want.Records[i]}})
	}
	unfinished := crashrecord.NewID(died) + ".crash.tmp"
	want.Unfinished = []string{unfinished}
	want.Foreign = []string{".hidden.crash", "00000000-0000-7000-8000-000000000000.crash", "notes.txt", "x.crash"}
	for _, name := range append(want.Unfinished, want.Foreign[0], want.Foreign[2], want.Foreign[3]) {
		if err := os.WriteFile(filepath.Join(d.Path, name), []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(d.Path, want.Foreign[1]), 0o700); err != nil { // a directory with a good name
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, list(t, d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDirectory_ReadRefuses(t *testing.T) {
	t.Parallel()
	d := crashrecord.Directory{Path: t.TempDir()}
	put := func(at time.Duration, content []byte) string {
		id := crashrecord.NewID(died.Add(at))
		if err := os.WriteFile(filepath.Join(d.Path, id+".crash"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		return id
	}
	huge := put(3, nil)
	if err := os.Truncate(filepath.Join(d.Path, huge+".crash"), 1<<30); err != nil {
		t.Fatal(err)
	}
	link := crashrecord.NewID(died)
	if err := os.Symlink("/etc/hostname", filepath.Join(d.Path, link+".crash")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, id string
		want     error
	}{
		{"garbage", put(1, []byte("garbage")), crashrecord.ErrDamaged},
		{"the record of another id", put(2, encode(t, full())), crashrecord.ErrDamaged},
		{"a gigabyte", huge, crashrecord.ErrDamaged},
		{"a link", link, fs.ErrNotExist},
		{"a path", "../" + link, fs.ErrNotExist},
		{"upper case", "ABCDEF00-0000-7000-8000-000000000000", fs.ErrNotExist},
		{"misplaced dashes", "0123456789-123-4567-89ab-cdef01234567", fs.ErrNotExist},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := d.Read(test.id); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestDirectory_NeedsADirectory(t *testing.T) {
	t.Parallel()
	d := crashrecord.Directory{Path: filepath.Join(t.TempDir(), "absent")}
	if _, err := d.Write(full()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("write: %v", err)
	}
	if _, err := d.List(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("list: %v", err)
	}
	if _, err := d.Trim(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("trim: %v", err)
	}
}

func TestDirectory_WriteAgainReplaces(t *testing.T) {
	t.Parallel()
	d := crashrecord.Directory{Path: t.TempDir()}
	r := full()
	r.Dump = nil
	write(t, d, r)
	r.Dump, r.Tier = []byte("came later"), "B"
	write(t, d, r)
	if diff := diff(r, read(t, d, r.ID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(crashrecord.Listing{Records: []string{r.ID}}, list(t, d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// kilobytes is n KiB that can be told apart.
func kilobytes(n int, of string) []byte { return bytes.Repeat([]byte(of), n<<10/len(of)) }

// heavy writes n records of about 64 KiB: a dump of 32, two messages of 16.
func heavy(t *testing.T, d crashrecord.Directory, n int) []string {
	t.Helper()
	var ids []string
	for i := range n {
		r := crashrecord.Record{
			Metadata:   crashrecord.Metadata{ID: crashrecord.NewID(died.Add(time.Duration(i) * time.Second))},
			FirstBlock: []byte("first"), StderrTail: []byte("last words"), Dump: kilobytes(32, "dump"),
			Messages: []crashrecord.Message{{Slot: "1.1", Data: kilobytes(16, "data")}, {Slot: "2.2", Data: kilobytes(16, "more")}},
		}
		ids = append(ids, r.ID)
		write(t, d, r)
	}
	return ids
}

func TestDirectory_Trim(t *testing.T) {
	t.Parallel()
	all := []int{0, 1, 2, 3}
	tests := []struct {
		name       string
		maxBytes   int64
		maxRecords int
		// which records lose what, by their number of four
		dumps, messages, removed []int
	}{
		{name: "room enough", maxBytes: 1 << 20},
		{name: "the oldest dumps first", maxBytes: 200 << 10, dumps: []int{0, 1}},
		{name: "all dumps, then the oldest messages", maxBytes: 100 << 10, dumps: all, messages: []int{0}},
		{name: "all that can be cut, then the oldest records", maxBytes: 800, dumps: all, messages: all, removed: []int{0, 1}},
		{name: "the newest record stays whatever the bound", maxBytes: 1, dumps: all, messages: all, removed: []int{0, 1, 2}},
		{name: "too many: the oldest go whole", maxBytes: 1 << 20, maxRecords: 1, removed: []int{0, 1, 2}},
		{name: "too many and too large: what goes is not cut first", maxBytes: 100 << 10, maxRecords: 2, removed: []int{0, 1}, dumps: []int{2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := crashrecord.Directory{Path: t.TempDir(), MaxBytes: test.maxBytes, MaxRecords: test.maxRecords}
			ids := heavy(t, d, len(all))
			trimmed, err := d.Trim()
			if err != nil {
				t.Fatal(err)
			}
			pick := func(numbers []int) []string {
				var picked []string
				for _, n := range numbers {
					picked = append(picked, ids[n])
				}
				return picked
			}
			want := crashrecord.Trimmed{WithoutDump: pick(test.dumps), WithoutMessages: pick(test.messages), Removed: pick(test.removed)}
			if diff := cmp.Diff(want, trimmed); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkTrimmed(t, d, trimmed)
			if again, err := d.Trim(); err != nil || len(again.WithoutDump)+len(again.WithoutMessages)+len(again.Removed) > 0 {
				t.Errorf("a second time there was more to do: %+v, %v", again, err)
			}
		})
	}
}

// checkTrimmed: what is left can be read without damage and says what it lost.
func checkTrimmed(t *testing.T, d crashrecord.Directory, trimmed crashrecord.Trimmed) {
	t.Helper()
	contains := func(ids []string, id string) bool { return bytes.Contains([]byte(cmp.Diff(nil, ids)), []byte(id)) }
	for _, id := range list(t, d).Records {
		r := read(t, d, id)
		var leftOut []crashrecord.Part
		if contains(trimmed.WithoutMessages, id) {
			leftOut = append(leftOut, crashrecord.PartMessages)
		}
		if contains(trimmed.WithoutDump, id) {
			leftOut = append(leftOut, crashrecord.PartDump)
		}
		if diff := cmp.Diff(leftOut, r.LeftOut); diff != "" {
			t.Errorf("left out (-want +got):\n%s", diff)
		}
		if (len(r.Messages) == 0) != contains(trimmed.WithoutMessages, id) || (r.Dump == nil) != contains(trimmed.WithoutDump, id) {
			t.Errorf("%d messages, dump of %d bytes, left out %v", len(r.Messages), len(r.Dump), r.LeftOut)
		}
		if string(r.FirstBlock) != "first" || string(r.StderrTail) != "last words" {
			t.Errorf("first block %q, stderr %q", r.FirstBlock, r.StderrTail)
		}
	}
}

func TestDirectory_TrimLeavesForeignAndDamagedFilesAlone(t *testing.T) {
	t.Parallel()
	d := crashrecord.Directory{Path: t.TempDir(), MaxBytes: 1}
	for _, name := range []string{"notes.txt", crashrecord.NewID(died) + ".crash.tmp"} {
		if err := os.WriteFile(filepath.Join(d.Path, name), []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damaged := full()
	whole := encode(t, damaged)
	whole[20] ^= 1 // in the head of the metadata: nothing behind it can be found
	path := filepath.Join(d.Path, damaged.ID+".crash")
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	trimmed, err := d.Trim()
	if diff := cmp.Diff(crashrecord.Trimmed{Unfinished: 1}, trimmed); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("the damaged record was changed: %v", err)
	}
	if diff := cmp.Diff([]string{"notes.txt"}, list(t, d).Foreign); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDirectory_ThinnedHalfway: killed between cutting and ending anew, the
// record is cut, and all before that is there.
func TestDirectory_ThinnedHalfway(t *testing.T) {
	t.Parallel()
	d := crashrecord.Directory{Path: t.TempDir()}
	r := full()
	written := write(t, d, r)
	content, err := os.ReadFile(written.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(written.Path, int64(bytes.Index(content, r.Dump)-16)); err != nil {
		t.Fatal(err)
	}
	got, damage, err := d.Read(r.ID)
	if err != nil || !damage.Cut || got.Dump != nil || len(got.Messages) != len(r.Messages) {
		t.Errorf("%v, %+v, dump %q, %d messages", err, damage, got.Dump, len(got.Messages))
	}
}

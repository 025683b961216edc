package guardian_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk mounts a disk of that many bytes in a folder.
func smallDisk(t *testing.T, folder, size string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("cannot mount a small disk, which takes root and its capabilities: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fill takes all room that is left on a disk, and returns what frees it.
func fill(t *testing.T, folder string) (free func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(folder, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 4096); err == nil; {
		_, err = f.Write(chunk)
	}
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Error(err)
		}
	}
}

// TestDisk_NoRoomForATable: the role cannot start and says what is missing, with pauses between; nothing
// touches memory that is not there.
func TestDisk_NoRoomForATable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	smallDisk(t, dir, "128k")
	g := start(t, "mortal", deathVariable+"="+dir+"|sleep")
	for range 3 {
		g.until(t, "cannot start a role", "allocate", "no space left on device", "free space there or choose another state directory")
	}
	g.until(t, "guardian returned:", "role worker died 8 times before it was ready", "no space left on device")
	if code := g.exit(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if tables, err := os.ReadDir(filepath.Join(dir, "tables")); err != nil || len(tables) != 0 {
		t.Errorf("what was begun is left: %v, %v", tables, err)
	}
}

// TestDisk_RoomComesBack: a guardian that could not start its role goes on as soon as it can.
func TestDisk_RoomComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	smallDisk(t, dir, "4m")
	free := fill(t, dir)
	g := start(t, "mortal", deathVariable+"="+dir+"|sleep")
	g.until(t, "cannot start a role", "no space left on device")
	free()
	g.until(t, "role is ready")
	g.end(t)
}

// TestDisk_NoRoomForARecord: the table is left in its place, the next worker is started all the same, and
// a later guardian makes the record when there is room.
func TestDisk_NoRoomForARecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	deaths := filepath.Join(dir, "deaths")
	smallDisk(t, deaths, "1m")
	free := fill(t, deaths)
	g := start(t, "mortal", deathVariable+"="+dir+"|kill")
	line := g.until(t, "cannot keep a crash record", "no space left on device", "table=")
	g.until(t, "role is ready")
	g.end(t)
	_, rest, _ := strings.Cut(line, "table=")
	table := strings.Fields(rest)[0]
	if _, err := os.Stat(filepath.Join(table, "inflight.table")); err != nil {
		t.Errorf("the table is not in its place: %v", err)
	}

	still := start(t, "mortal", deathVariable+"="+dir+"|kill")
	still.until(t, "role died", "with its guardian", "suspects=2")
	still.until(t, "cannot keep a crash record", "no space left on device")
	still.until(t, "role is ready")
	still.end(t)

	free()
	next := start(t, "mortal", deathVariable+"="+dir+"|kill")
	next.until(t, "role died", "with its guardian", "suspects=2")
	next.until(t, "role is ready")
	next.end(t)
	if r := onlyRecord(t, dir); len(r.Suspects) != 2 || len(r.Messages) != 2 {
		t.Errorf("%d suspects and %d messages are kept", len(r.Suspects), len(r.Messages))
	}
	if tables, err := os.ReadDir(filepath.Join(dir, "tables")); err != nil || len(tables) != 0 {
		t.Errorf("tables are left: %v, %v", tables, err)
	}
}

// TestDisk_ReadOnly: a disk that takes nothing more costs the record, and not the role.
func TestDisk_ReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	deaths := filepath.Join(dir, "deaths")
	smallDisk(t, deaths, "1m")
	if err := syscall.Mount("", deaths, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	g := start(t, "mortal", deathVariable+"="+dir+"|child")
	g.until(t, "role died", "culprit=", "poison")
	g.until(t, "cannot keep a crash record", "read-only file system", "table=")
	g.until(t, "role is ready")
	g.end(t)
}

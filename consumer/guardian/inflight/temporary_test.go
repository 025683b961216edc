package inflight

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"
)

// Systems without memory files take this way, which must also work where tests run.
func TestTemporary_IsAWholeTableThatLeavesNothing(t *testing.T) {
	t.Parallel()
	table := &Table{geometry: geometry{slots: 1}}
	if err := table.temporary(); err != nil {
		t.Fatal(err)
	}
	name := table.file.Name()
	if err := zeroFill(table.file, int64(table.geometry.size())); err != nil {
		t.Fatal(err)
	}
	if info, err := table.file.Stat(); err != nil || info.Size() != int64(table.geometry.size()) {
		t.Fatalf("the file is %v, %v; want %d bytes", info, err, table.geometry.size())
	}
	if _, err := table.file.WriteAt(bytesOf(newHeader(Config{}, table.geometry)), 0); err != nil {
		t.Fatal(err)
	}
	runOneMessage(t, table)
	if err := errors.Join(table.Close(), table.Remove()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", name, err)
	}
}

func runOneMessage(t *testing.T, table *Table) {
	t.Helper()
	mapping, err := Open(table.File())
	if err != nil {
		t.Fatal(err)
	}
	defer mapping.Close()
	region, err := mapping.Subscribe("orders", 1)
	if err != nil {
		t.Fatal(err)
	}
	region.Begin(0, &Begin{ID: "id", Data: []byte("data")})
	s := table.Read()
	if len(s.Slots) != 1 || !bytes.Equal(s.Slots[0].Message.Data, []byte("data")) || table.Path() != "" {
		t.Errorf("slots %+v, path %q", s.Slots, table.Path())
	}
}

package litekittest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/internal/runner"
)

func testUpDownUp(t *testing.T, kit Kit) {
	path := file(t)
	m, err := kit.Migrator(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	var first string
	for range 2 {
		if done, err := m.Up(t.Context()); err != nil || len(done) == 0 {
			t.Fatalf("up: %v, %v", done, err)
		}
		if first == "" {
			first = Schema(t, path)
		}
		if diff := cmp.Diff(first, Schema(t, path)); diff != "" {
			t.Errorf("up, down, up leaves another schema (-first +second)\n%s", diff)
		}
		for range m.Want() {
			if _, err := m.Down(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if left := Schema(t, path); first == "" || left != "CREATE TABLE sqlite_sequence(name,seq)" {
			t.Errorf("down leaves\n%s", left)
		}
	}
}

func testNewerSchema(t *testing.T, kit Kit) {
	path := file(t)
	kit.open(t, path)
	Execute(t, Raw(t, path), "INSERT INTO "+kit.VersionTable+" (version_id, is_applied) VALUES (99, 1)")
	for _, readOnly := range []bool{false, true} {
		_, err := kit.Open(t.Context(), path, readOnly)
		if !errors.Is(err, kit.Kinds.Schema) || strings.Contains(err.Error(), "\n") ||
			!strings.Contains(err.Error(), "schema is at 99") {
			t.Errorf("read-only %v: %v, want one line that wraps %v", readOnly, err, kit.Kinds.Schema)
		}
	}
}

func testReadOnly(t *testing.T, kit Kit) {
	path := file(t)
	_, err := kit.Open(t.Context(), path, true)
	if !errors.Is(err, kit.Kinds.Unavailable) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want %v and fs.ErrNotExist", err, kit.Kinds.Unavailable)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was made")
	}
	if err := kit.open(t, path).Write(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	s, err := kit.Open(t.Context(), path, true)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Count(t.Context()); err != nil || n != 1 {
		t.Errorf("%d are stored, %v, want one", n, err)
	}
	if err := s.Write(t.Context(), false); !errors.Is(err, kit.Kinds.Unavailable) {
		t.Errorf("a change of a read-only store: %v, want %v", err, kit.Kinds.Unavailable)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func testWrong(t *testing.T, kit Kit) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"no directory": filepath.Join(dir, "missing", "store.db"), "no database": garbage, "a directory": dir,
	} {
		_, err := kit.Open(t.Context(), path, false)
		if !errors.Is(err, kit.Kinds.Unavailable) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line that wraps %v", name, err, kit.Kinds.Unavailable)
		}
	}
}

func testAnyPath(t *testing.T, kit Kit) {
	path := filepath.Join(t.TempDir(), "a b?c#d%20é&_pragma=x.db")
	kit.open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("the file has mode %s and %d bytes", info.Mode(), info.Size())
	}
}

func testManyAtOnce(t *testing.T, kit Kit) {
	path := file(t)
	var group runner.Group
	for range 4 {
		group.Go(func() {
			s, err := kit.Open(t.Context(), path, false)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

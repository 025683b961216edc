package incidentd

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestStarts_ManyInAMinute_AreSafeMode(t *testing.T) {
	now := time.Date(2026, 11, 18, 15, 40, 0, 0, time.UTC)
	s := starts{file: filepath.Join(t.TempDir(), "worker.starts"), now: func() time.Time { return now }}
	begin := func(want bool, when string) {
		t.Helper()
		got, err := s.begin()
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: safe mode is %t, want %t", when, got, want)
		}
	}
	for range safeStarts - 1 {
		begin(false, "the first starts")
		now = now.Add(time.Second)
	}
	begin(true, "the fourth within a minute")
	now = now.Add(10 * time.Second)
	begin(true, "the fifth")
	now = now.Add(safeWindow)
	begin(false, "a minute later")

	for range safeStarts {
		if _, err := s.begin(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.forget(); err != nil {
		t.Fatal(err)
	}
	if err := s.forget(); err != nil {
		t.Errorf("forgetting nothing: %v", err)
	}
	begin(false, "after it was well")
}

func TestStarts_DamagedFile_IsNoCrashLoop(t *testing.T) {
	s := starts{file: filepath.Join(t.TempDir(), "worker.starts"), now: time.Now}
	if err := os.WriteFile(s.file, []byte(`["not a time"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if safe, err := s.begin(); safe || err != nil {
		t.Errorf("begin: %t, %v", safe, err)
	}
}

package litekittest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/localfile"
)

func testKinds(t *testing.T, kit Kit) {
	db := Raw(t, file(t))
	Execute(t, db, "CREATE TABLE word (text TEXT NOT NULL)")
	_, null := db.ExecContext(t.Context(), "INSERT INTO word VALUES (NULL)")
	_, syntax := db.ExecContext(t.Context(), "INSERT INTO")
	all := []error{kit.Kinds.Unavailable, kit.Kinds.Refused, kit.Kinds.Schema}
	for _, tt := range []struct{ err, want error }{
		{null, kit.Kinds.Refused},
		{syntax, nil},
		{errors.New("a mistake of ours"), nil},
		{context.Canceled, kit.Kinds.Unavailable},
		{context.DeadlineExceeded, kit.Kinds.Unavailable},
		{localfile.ErrNetworkDrive, kit.Kinds.Unavailable},
		{errors.ErrUnsupported, kit.Kinds.Unavailable},
	} {
		got := kit.Kinds.Classify("test", fmt.Errorf("wrapped: %w", tt.err))
		if tt.err == nil || !errors.Is(got, tt.err) {
			t.Errorf("%v became %v, and is lost", tt.err, got)
		}
		for _, kind := range all {
			if errors.Is(got, kind) != errors.Is(tt.want, kind) {
				t.Errorf("%v became %v, want %v", tt.err, got, tt.want)
			}
		}
	}
}

// testFullDisk bounds the file instead of the disk; SQLite answers the same.
func testFullDisk(t *testing.T, kit Kit) {
	s := kit.open(t, file(t))
	var pages int
	if err := s.Writer.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) { Execute(t, s.Writer, fmt.Sprintf("PRAGMA max_page_count = %d", pages)) }
	limit(pages + 10)
	err := s.Write(t.Context(), true)
	if !errors.Is(err, kit.Kinds.Unavailable) || !strings.Contains(err.Error(), "the disk is full, free some space") {
		t.Errorf("error %v, want one that wraps %v and says what to do", err, kit.Kinds.Unavailable)
	}
	if n, err := s.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("after it: %d are stored, %v", n, err)
	}
	limit(1_000_000)
	if err := s.Write(t.Context(), true); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

// testBusy has another process hold the write lock for longer than the caller waits.
func testBusy(t *testing.T, kit Kit) {
	path := file(t)
	s := kit.open(t, path)
	other := Raw(t, path)
	other.SetMaxOpenConns(1)
	Execute(t, other, "BEGIN IMMEDIATE")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Write(ctx, false); !errors.Is(err, kit.Kinds.Unavailable) {
		t.Errorf("error %v, want %v", err, kit.Kinds.Unavailable)
	}
	if _, err := s.Count(t.Context()); err != nil {
		t.Errorf("readers wait for a writer: %v", err)
	}
	Execute(t, other, "ROLLBACK")
	if err := s.Write(t.Context(), false); err != nil {
		t.Errorf("when the lock is free: %v", err)
	}
}

// KillChild runs the test's own binary with one more setting of the environment until it has said n
// lines that begin with a word, calls alive and kills it. It returns the rest of each of those lines.
func KillChild(t *testing.T, setting, word string, n int, alive func()) (said []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), setting)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), word+" ")
		if !ok {
			t.Errorf("the child says %q", lines.Text())
			break
		}
		if said = append(said, rest); len(said) == n {
			alive()
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child was not killed")
	}
	return said
}

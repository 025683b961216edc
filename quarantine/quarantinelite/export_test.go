package quarantinelite

import (
	"fmt"
	"testing"

	"github.com/theriac/theriac/quarantine"
)

// Kill frees the lock of a membership and does nothing else, as the kernel does
// when a process dies.
func Kill(m quarantine.Membership) { m.(*membership).lock.release() }

// LimitPages bounds the size of the file, as a disk does.
func LimitPages(t *testing.T, s *Store, pages int) {
	t.Helper()
	if _, err := s.writer.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
		t.Fatal(err)
	}
}

package incidentlite

import (
	"fmt"
	"testing"
)

// LimitPages bounds the size of the file, as a disk does.
func LimitPages(t *testing.T, s *Store, pages int) {
	t.Helper()
	if _, err := s.writer.db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
		t.Fatal(err)
	}
}

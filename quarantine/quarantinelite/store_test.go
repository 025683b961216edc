package quarantinelite_test

import (
	"path/filepath"
	"testing"

	"github.com/theriac/theriac/internal/litekit/litekittest"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	quarantinetest.RunStoreTests(t, func(t testing.TB) quarantinetest.Harness {
		path := filepath.Join(t.TempDir(), "quarantine.db")
		return quarantinetest.Harness{Store: open(t, path), Other: open(t, path),
			Kill: func(_ testing.TB, m quarantine.Membership) { quarantinelite.Kill(m) },
			Copy: func(t testing.TB, id string, n int) { copyEntry(t, path, id, n) }}
	})
}

// copyEntry copies an entry n times: under the race detector SQLite, which is Go
// here, takes milliseconds for each entry that the store holds.
func copyEntry(t testing.TB, path, id string, n int) {
	t.Helper()
	const numbers = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?1)"
	for _, statement := range []string{
		numbers + ` INSERT INTO message (identity, subscription, message_id, held)
			SELECT CAST('copy ' || n AS BLOB), 'billing', x'00', 1 FROM c WHERE ?2 = ?2`,
		numbers + ` INSERT INTO entry (seq, id, ref, identity, group_seq, subscription, message_id, ordering_key,
				attributes, published_at, delivery_attempt, size, sha256, degraded, reason, confidence, evidence, build,
				place, search, failures, crashes, held_at, changed_at, state, version)
			SELECT e.seq + n, 'copy ' || n, 'copy ' || n, CAST('copy ' || n AS BLOB), e.group_seq, e.subscription, x'00',
				e.ordering_key, e.attributes, e.published_at, e.delivery_attempt, e.size, e.sha256, e.degraded, e.reason,
				e.confidence, e.evidence, e.build, e.place, e.search, e.failures, e.crashes, e.held_at, e.changed_at,
				e.state, e.version
			FROM entry e, c WHERE e.id = ?2`,
	} {
		if _, err := litekittest.Raw(t, path).ExecContext(t.Context(), statement, n, id); err != nil {
			t.Fatal(err)
		}
	}
}

// open opens the store at path for the length of the test.
func open(t testing.TB, path string) *quarantinelite.Store {
	t.Helper()
	s, err := quarantinelite.Open(t.Context(), quarantinelite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

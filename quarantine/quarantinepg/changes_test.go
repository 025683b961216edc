package quarantinepg_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine"
)

// TestChanges_NothingIsSkipped has transactions that begin in one order and
// commit in another, each larger than a part of a batch, while a reader goes on
// after every step.
func TestChanges_NothingIsSkipped(t *testing.T) {
	t.Parallel()
	const transactions, rows = 12, 400
	url := postgres.Database(t)
	s := open(t, url)
	var open []*pgx.Conn
	for i := range transactions {
		open = append(open, pgtest.Connect(t, url))
		pgtest.Execute(t, open[i], "BEGIN", fmt.Sprintf(`INSERT INTO theriac.message (identity, subscription, message_id, failures)
			SELECT convert_to(format('%[1]d-%%s', n), 'UTF8'), 'billing', convert_to(format('%[1]d-%%s', n), 'UTF8'), 1
			FROM generate_series(1, %[2]d) n`, i, rows))
	}
	var cursor int64
	told := make(map[string]bool)
	read := func() {
		t.Helper()
		for more := true; more; {
			c, err := s.Changes(t.Context(), cursor)
			if err != nil {
				t.Fatal(err)
			}
			if c.More && c.Cursor <= cursor {
				t.Fatalf("the cursor %d did not move and there is more", c.Cursor)
			}
			cursor, more = c.Cursor, c.More
			for _, m := range c.Marks {
				told[m.MessageID] = true
			}
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	rnd.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
	for i, conn := range open {
		read()
		if i%4 == 3 { // others write meanwhile
			if _, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(i)}); err != nil {
				t.Fatal(err)
			}
		}
		pgtest.Execute(t, conn, "COMMIT")
	}
	read()
	if want := transactions*rows + transactions/4; len(told) != want {
		t.Errorf("%d messages were told, want %d", len(told), want)
	}
}

// TestChanges_AFreshReaderIsToldInBatches which part no transaction. It is not
// parallel, so that no other test has an old transaction open on the server.
func TestChanges_AFreshReaderIsToldInBatches(t *testing.T) {
	url := postgres.Database(t)
	s, conn := open(t, url), pgtest.Connect(t, url)
	for i := range 10 {
		pgtest.Execute(t, conn, fmt.Sprintf(`INSERT INTO theriac.message (identity, subscription, message_id, held)
			SELECT convert_to(format('%[1]d-%%s', n), 'UTF8'), 'billing', convert_to(format('%[1]d-%%s', n), 'UTF8'), true
			FROM generate_series(1, 700) n`, i))
	}
	for settled := false; !settled; { // the server's own housekeeping has transactions, too
		if err := conn.QueryRow(t.Context(), `SELECT max(changed) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
			FROM theriac.message`).Scan(&settled); err != nil {
			t.Fatal(err)
		}
	}
	var sizes []int
	var cursor int64
	for more := true; more; {
		c, err := s.Changes(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		cursor, more = c.Cursor, c.More
		if len(c.Marks)%700 != 0 {
			t.Errorf("a batch of %d parts a transaction of 700", len(c.Marks))
		}
		sizes = append(sizes, len(c.Marks))
	}
	if diff := cmp.Diff([]int{1400, 1400, 1400, 1400, 1400, 0}, sizes); diff != "" {
		t.Errorf("sizes of the batches (-want +got)\n%s", diff)
	}
}

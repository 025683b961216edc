package quarantinepg_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

func TestClassify_TheSameRequestAtTheSameMoment(t *testing.T) {
	t.Parallel()
	same := quarantinepg.Classify(&pgconn.PgError{Code: "23505", ConstraintName: "audit_request"})
	if !errors.Is(same, quarantine.ErrDuplicate) || errors.Is(same, quarantine.ErrRefusedData) {
		t.Errorf("%v, want ErrDuplicate", same)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	const shown = "postgres://ana@db.example:5432/theriac?sslmode=require"
	if got := quarantinepg.Redact("postgres://ana:s3cret@db.example:5432/theriac?sslmode=require&x=s3cret"); got != shown {
		t.Errorf("it shows %s, want %s", got, shown)
	}
}

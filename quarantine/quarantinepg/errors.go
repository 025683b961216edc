package quarantinepg

import (
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// requestIndex keeps requests apart that come at the same moment.
const requestIndex = "audit_request"

func kinds() pgkit.Kinds {
	return pgkit.Kinds{
		Invalid: quarantine.ErrInvalid, Unavailable: quarantine.ErrUnavailable,
		Refused: quarantine.ErrRefusedData, Schema: quarantine.ErrSchema,
		Of: func(e *pgconn.PgError) error {
			if e.ConstraintName == requestIndex {
				return quarantine.ErrDuplicate
			}
			return nil
		},
	}
}

// classify says what an error means for the caller and what was being done.
func classify(doing string, err error) error { return kinds().Classify(doing, err) }

package incidentpg

import (
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/pgkit"
)

// keyConstraint keeps a key to one incident.
const keyConstraint = "incident_key_pkey"

func kinds() pgkit.Kinds {
	return pgkit.Kinds{
		Invalid: incident.ErrInvalid, Unavailable: incident.ErrUnavailable,
		Refused: incident.ErrInvalid, Schema: incident.ErrSchema,
		Of: func(e *pgconn.PgError) error {
			if e.Code == pgkit.CodeUnique {
				return kindOfConstraint(e.ConstraintName)
			}
			return nil
		},
		// Who lost a key to somebody at the same moment finds its holder then.
		Again: func(e *pgconn.PgError) bool {
			return e.Code == pgkit.CodeUnique && e.ConstraintName == keyConstraint
		},
	}
}

// kindOfConstraint judges what was there already.
func kindOfConstraint(name string) error {
	switch name {
	case "incident_event_key", "incident_event_id_key", "incident_outbox_event", "incident_id_key":
		return incident.ErrDuplicate
	case "settings_pkey", "token_hash_key", "person_slack", "person_email":
		return incident.ErrConflict
	case keyConstraint: // several in turn were faster each time
		return incident.ErrUnavailable
	}
	return incident.ErrInvalid
}

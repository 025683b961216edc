package incidentpg_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentpg"
)

func TestClassify_ByConstraint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		constraint string
		want       error
	}{
		{"incident_pkey", incident.ErrInvalid},
		{"incident_event_key", incident.ErrDuplicate},
		{"incident_event_id_key", incident.ErrDuplicate},
		{"incident_outbox_event", incident.ErrDuplicate},
		{"incident_id_key", incident.ErrDuplicate},
		{"incident_key_pkey", incident.ErrUnavailable}, // for as long as it was tried
		{"settings_pkey", incident.ErrConflict},
		{"token_hash_key", incident.ErrConflict},
		{"person_slack", incident.ErrConflict},
		{"person_email", incident.ErrConflict},
	} {
		server := &pgconn.PgError{Code: "23505", ConstraintName: tt.constraint, Message: "m"}
		if err := incidentpg.Classify(fmt.Errorf("wrapped: %w", server)); !errors.Is(err, tt.want) || !errors.Is(err, server) {
			t.Errorf("%s: %v, want %v and the server's own", tt.constraint, err, tt.want)
		}
	}
}

package app

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
)

// TestOpening: nobody waits longer than a person likes to, but where a schema is made, which must not be cut
// off in its middle because a machine is slow.
func TestOpening(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind   config.Kind
		access Access
		want   time.Duration
	}{
		{config.SQLite, Write, makeWithin}, {config.SQLite, Amend, makeWithin}, {config.SQLite, Read, openWithin},
		{config.Postgres, Write, openWithin}, {config.Postgres, Read, openWithin},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := opening(t.Context(), config.Endpoint{Kind: tc.kind}, tc.access)
			defer cancel()
			if end, ok := ctx.Deadline(); !ok || time.Until(end) != tc.want {
				t.Errorf("%s, access %d: opened within %s, want %s", tc.kind, tc.access, time.Until(end), tc.want)
			}
		})
	}
}

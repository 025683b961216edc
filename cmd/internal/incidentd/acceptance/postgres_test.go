package acceptance

import "testing"

// TestPostgres: on Postgres the same holds, and its relay is woken and need not look.
func TestPostgres(t *testing.T) {
	t.Parallel()
	s := start(t, postgres.Database(t))
	t.Run("people are told within a second", s.peopleAreTold)
	t.Run("between the channel and its record", s.killedInBetween)
	t.Run("the clock, before and after it publishes", s.killedClock)
	t.Run("a poison of a critical subscription", s.poisonedOrders)
}

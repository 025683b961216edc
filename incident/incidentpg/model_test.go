package incidentpg_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
)

// TestEffects_AreThoseOfTheModel does the same to this store and to the one in memory,
// at random: there the rules are written once more, in Go.
func TestEffects_AreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	advance := movableClock(t, url)
	clock := incidenttest.NewClock(time.Now())
	stores := []incident.Effects{open(t, url), incidenttest.NewStore(incidenttest.Options{Now: clock.Now})}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for step := range 400 {
		key, attempt := fmt.Sprint("k", r.IntN(3), "-", step/40), 1+r.IntN(4)
		var do func(s incident.Effects) string
		switch r.IntN(6) {
		case 0:
			d := time.Duration(1+r.IntN(3)) * time.Hour
			advance(t, d)
			clock.Advance(d)
			continue
		case 1:
			end := incident.EffectEnd{Failed: r.IntN(2) == 0, ExternalID: fmt.Sprint(step), Result: "r"}
			do = func(s incident.Effects) string { return word(s.Finish(t.Context(), key, attempt, end)) }
		case 2, 3:
			end := incident.EffectRelease{InDoubt: r.IntN(2) == 0, Result: fmt.Sprint(step),
				NotBefore: time.Duration(r.IntN(3)) * 90 * time.Minute}
			do = func(s incident.Effects) string { return word(s.Release(t.Context(), key, attempt, end)) }
		default:
			c := incident.Claim{Key: key, IncidentID: "i", EventID: []string{"", "e1", "e2"}[r.IntN(3)],
				Lease: time.Duration(1+r.IntN(2)) * 90 * time.Minute}
			do = func(s incident.Effects) string {
				got, err := s.Claim(t.Context(), c)
				return fmt.Sprint(word(err), got.Mine, got.Done, got.Failed, got.Wait.Round(10*time.Minute))
			}
		}
		var answers, effects [2]string
		for i, s := range stores {
			answers[i] = do(s)
			e, err := s.Effect(t.Context(), key)
			effects[i] = fmt.Sprintf("%s %s %s %s %d doubt %t, %q %q, lease %t, later %t, finished %t", word(err), e.IncidentID, e.EventID,
				e.State, e.Attempt, e.InDoubt, e.ExternalID, e.Result, e.LeaseUntil.IsZero(), e.NotBefore.IsZero(), e.Finished.IsZero())
		}
		if answers[0] != answers[1] || effects[0] != effects[1] {
			t.Fatalf("seed %d, step %d (-model +store)\n%s", seed, step,
				cmp.Diff([]string{answers[1], effects[1]}, []string{answers[0], effects[0]}))
		}
	}
}

// word is what callers branch on.
func word(err error) string {
	for _, known := range []error{incident.ErrNotFound, incident.ErrConflict, incident.ErrInvalid, incident.ErrUnavailable} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return fmt.Sprint(err)
}

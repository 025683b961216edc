//go:build unix

package guardian

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// TestHint_NotOfWhoWorks: a worker that is killed again and again is no problem of the deployment while its
// messages succeed, in it or in its wards.
func TestHint_NotOfWhoWorks(t *testing.T) {
	t.Parallel()
	now := time.Now()
	idle := autopsy{child: new(child), died: now, Verdict: verdict.Verdict{Tier: verdict.TierNobody, Reason: verdict.ReasonNoMessage}}
	busy, failing := idle, idle
	busy.table.Past = []inflight.Past{{Subscription: "orders"}}
	failing.table.Past = []inflight.Past{{Subscription: "orders", Outcome: 1}}
	for name, tc := range map[string]struct {
		between func(*role)
		death   autopsy
		want    bool
	}{
		"nothing ran":        {func(*role) {}, idle, true},
		"messages failed":    {func(*role) {}, failing, true},
		"messages succeeded": {func(*role) {}, busy, false},
		"one survived alone": {func(r *role) { r.survived("orders") }, idle, false},
	} {
		r := new(role)
		for range 5 {
			r.remember(tc.death)
			tc.between(r)
		}
		if got := r.hint(now); (got != "") != tc.want {
			t.Errorf("%s: hint %q, want one: %t", name, got, tc.want)
		}
	}
}

// TestRecent_FitsIntoAWelcome: ids are as long as broken senders make them, and a child that is not
// welcomed never serves.
func TestRecent_FitsIntoAWelcome(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, id := range map[string]string{"short": "1234.", "long": strings.Repeat("\x00", 4<<10)} {
		var r role
		for i := range 300 {
			for sub := range 10 {
				r.killedBy(fmt.Sprint("sub", sub), fmt.Sprint(id, i), now)
			}
		}
		recent := r.recent(now)
		var welcomed bytes.Buffer
		if err := writeFrame(&welcomed, frameWelcome, welcome{Culprits: recent}); err != nil || welcomed.Len() > maxCulpritsTold+1024 {
			t.Errorf("%s: %d bytes, %v", name, welcomed.Len(), err)
		}
		for sub, deaths := range recent {
			if n := len(deaths); n < 10 || deaths[n-1].ID != shortID(fmt.Sprint(id, 299)) || deaths[n-2].ID != shortID(fmt.Sprint(id, 298)) {
				t.Errorf("%s: %d culprits of %s are told, and not the last", name, n, sub)
			}
		}
	}
}

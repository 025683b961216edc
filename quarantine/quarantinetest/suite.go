package quarantinetest

import (
	"testing"
	"time"

	"github.com/theriac/theriac/quarantine"
)

// Harness is one empty store under test.
type Harness struct {
	// Store is the store.
	Store quarantine.Store
	// Other is a second handle on the same data, as another process has one; it
	// may be Store itself where there is no other process.
	Other quarantine.Store
	// Kill ends a membership of Store as kill -9 of its process would: the lock
	// is freed, nothing else is done.
	Kill func(t testing.TB, m quarantine.Membership)
	// Age makes a membership of Store look as if it had not been heard of for d
	// longer; nil where snapshots of what a worker runs are not kept.
	Age func(t testing.TB, m quarantine.Membership, d time.Duration)
	// Copy adds n copies of an entry of Store under other ids, without going
	// through it, where holding ten thousand takes too long; nil where it does not.
	Copy func(t testing.TB, id string, n int)
}

// promise is one behaviour that the comments of [quarantine.Store] promise.
type promise struct {
	name string
	test func(b *bundle)
}

// RunStoreTests runs the conformance suite of [quarantine.Store]. Each behaviour
// is a parallel subtest with a store of its own from open, which closes it with
// the test's end.
func RunStoreTests(t *testing.T, open func(t testing.TB) Harness) {
	parts := map[string][]promise{
		"Attempts":   attemptPromises(),
		"Hold":       holdPromises(),
		"Bytes":      bytesPromises(),
		"Get":        getPromises(),
		"List":       listPromises(),
		"Groups":     groupPromises(),
		"Transition": transitionPromises(),
		"Changes":    changesPromises(),
		"Registry":   registryPromises(),
		"Claim":      claimPromises(),
		"Snapshot":   snapshotPromises(),
		"Crash":      crashPromises(),
		"Suspect":    suspectPromises(),
		"Notice":     noticePromises(),
		"Lead":       leadPromises(),
		"Act":        actPromises(),
		"Refusal":    refusalPromises(),
		"Control":    controlPromises(),
	}
	for part, promises := range parts {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			for _, p := range promises {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					p.test(newBundle(t, open(t)))
				})
			}
		})
	}
}

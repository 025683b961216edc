package incidenttest

import (
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
)

// Harness is one empty store under test.
type Harness struct {
	// Store is the store.
	Store incident.Stores
	// Other is a second handle on the same data, as another process has one; it may be Store itself where
	// there is no other process.
	Other incident.Stores
	// Advance lets d pass by the clock of the store and of all its handles: it moves the clock, or makes
	// all that is stored older.
	Advance func(t testing.TB, d time.Duration)
}

// promise is one behaviour that the comments of [incident.Stores] promise.
type promise struct {
	name string
	test func(b *bundle)
}

// RunStoreTests runs the conformance suite of [incident.Stores]. Each behaviour is a parallel subtest
// with a store of its own from open, which closes it with the test's end.
func RunStoreTests(t *testing.T, open func(t testing.TB) Harness) {
	parts := map[string][]promise{
		"Create":    createPromises(),
		"Save":      savePromises(),
		"Keys":      keyPromises(),
		"List":      listPromises(),
		"Events":    eventPromises(),
		"Outbox":    outboxPromises(),
		"Effects":   effectPromises(),
		"Inbox":     inboxPromises(),
		"Directory": directoryPromises(),
		"Watch":     watchPromises(),
		"Audit":     auditPromises(),
		"Text":      textPromises(),
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

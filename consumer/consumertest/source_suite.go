package consumertest

import (
	"slices"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

// Harness is what an adapter offers to [RunSourceTests]: a broker on which
// subscriptions can be made. Its methods are called from parallel subtests.
type Harness interface {
	// Traits says what to expect of this broker. It is constant.
	Traits() Traits

	// Subscribe makes a topic and a subscription of their own, empty, which end
	// with t.
	Subscribe(t *testing.T, opts SubscriptionOptions) Subscription

	// Missing returns a source on a subscription that does not exist, and the
	// name by which its user knows that subscription.
	Missing(t *testing.T) (src consumer.Source, name string)
}

// Restarter is a [Harness] that can take its broker away and bring it back.
type Restarter interface {
	// SubscribeRestartable makes a subscription on a broker of its own. restart
	// stops that broker as hard as the harness can, keeping its data, calls
	// away, starts it again at the same address, and returns when it is up.
	SubscribeRestartable(t *testing.T) (sub Subscription, restart func(away func()))
}

// Subscription is one subscription and its topic.
type Subscription interface {
	// Connect returns a source on the subscription with a connection of its own,
	// as another process would have it, and a function that cuts this connection
	// for good without any good-bye, as the death of that process would. The
	// connection ends with t in any case; kill may be called more than once.
	Connect(t *testing.T) (src consumer.Source, kill func())

	// Publish publishes msgs in order and returns the ids that the broker gave
	// them, once it has taken all of them. Of each message it uses Data,
	// Attributes and OrderingKey. It fails t if the broker refuses.
	Publish(t *testing.T, msgs ...handlers.Message) (ids []string)
}

// SubscriptionOptions is what a case asks of its subscription.
type SubscriptionOptions struct {
	// Ordered asks for order within ordering keys.
	Ordered bool
	// ExactlyOnce asks for confirmed acks where they are chosen per subscription.
	ExactlyOnce bool
	// FilterKey and FilterValue, if set, admit only messages that have this
	// attribute with this value.
	FilterKey, FilterValue string
}

// Traits is what differs between brokers beyond [consumer.Abilities].
type Traits struct {
	// Lease is the lease of the subscriptions: how long a message stays away
	// after its receiver died. Choose the shortest that the broker offers; many
	// cases wait for it. Required.
	Lease time.Duration

	// Patience is how long a case waits for something that must happen. Default
	// 20 s and three leases.
	Patience time.Duration

	// Bulk is the number of messages of the cases that need many. Default 1000;
	// lower it for brokers that deliver slowly.
	Bulk int

	// Deviations names what this broker is known not to do, each with the
	// reason: the key is an ability ("ordering", "exact delay", "delivery
	// count", "exactly once", "filters", "lease expiry", "NUL in attributes",
	// "restart") or the name of one case. What is named here is skipped and its
	// reason printed; a key that names nothing fails the suite.
	Deviations map[string]string
}

func (tr Traits) withDefaults() Traits {
	if tr.Patience == 0 {
		tr.Patience = 20*time.Second + 3*tr.Lease
	}
	if tr.Bulk == 0 {
		tr.Bulk = 1000
	}
	return tr
}

// Abilities by which cases are chosen; see [Traits.Deviations].
const (
	ordering      = "ordering"
	exactDelay    = "exact delay"
	deliveryCount = "delivery count"
	exactlyOnce   = "exactly once"
	filters       = "filters"
	leaseExpiry   = "lease expiry"
	nulAttributes = "NUL in attributes"
	restarting    = "restart"
)

// sourceCase is one behaviour that every source must show.
type sourceCase struct {
	name  string
	needs []string
	run   func(t *testing.T, b *bench)
}

// bench is what a case works with.
type bench struct {
	Harness
	traits Traits
}

// RunSourceTests checks the sources of h against the contract of
// [consumer.Source], one subtest per behaviour. The subtests run in parallel.
func RunSourceTests(t *testing.T, h Harness) {
	t.Helper()
	b := &bench{Harness: h, traits: h.Traits().withDefaults()}
	if b.traits.Lease <= 0 {
		t.Fatal("Traits.Lease is not set: say how long a message stays away after its receiver died")
	}
	checkDeviations(t, b.traits)
	t.Run("Source", func(t *testing.T) {
		for _, c := range sourceCases() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				b.skipDeviation(t, c)
				c.run(t, b)
			})
		}
	})
	// Alone, since it counts goroutines.
	t.Run(leavesNoGoroutines.name, func(t *testing.T) {
		b.skipDeviation(t, leavesNoGoroutines)
		leavesNoGoroutines.run(t, b)
	})
}

func (b *bench) skipDeviation(t *testing.T, c sourceCase) {
	t.Helper()
	for _, key := range append([]string{c.name}, c.needs...) {
		if reason, deviates := b.traits.Deviations[key]; deviates {
			t.Skipf("known deviation (%s): %s", key, reason)
		}
	}
}

func checkDeviations(t *testing.T, tr Traits) {
	t.Helper()
	known := []string{ordering, exactDelay, deliveryCount, exactlyOnce, filters, leaseExpiry, nulAttributes, restarting, leavesNoGoroutines.name}
	for _, c := range sourceCases() {
		known = append(known, c.name)
	}
	for key, reason := range tr.Deviations {
		if !slices.Contains(known, key) {
			t.Errorf("Deviations names %q, which is neither an ability nor a case", key)
		}
		if reason == "" {
			t.Errorf("Deviations[%q] gives no reason", key)
		}
	}
}

func sourceCases() []sourceCase {
	return slices.Concat(deliveryCases(), settlingCases(), endingCases(), faultCases())
}

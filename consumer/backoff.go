package consumer

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

// jitter randomises a backoff interval by ±50 %, backoff/v4's own
// randomisation. The interval itself comes from decide, which knows the count
// over all replicas; backoff's own counting would start anew in each process.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(d),
		backoff.WithMaxInterval(d),
		backoff.WithRandomizationFactor(backoff.DefaultRandomizationFactor),
		backoff.WithMaxElapsedTime(0),
	)
	return b.NextBackOff()
}

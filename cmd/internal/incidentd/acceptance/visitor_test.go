package acceptance

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

// visit looks at the list of incidents again and again until the test ends. failed is how many looks
// were not answered well.
func (s *service) visit(t *testing.T) (failed func() int64) {
	t.Helper()
	var bad atomic.Int64
	var group runner.Group
	ctx, cancel := context.WithCancel(t.Context())
	group.Go(func() {
		again := time.NewTicker(50 * time.Millisecond)
		defer again.Stop()
		for {
			got, err := s.api.do(ctx, http.MethodGet, "/v1/incidents?limit=10", nil)
			if ctx.Err() != nil {
				return
			}
			if err != nil || got.status != http.StatusOK {
				bad.Add(1)
			}
			select {
			case <-again.C:
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() { cancel(); group.Wait() })
	return bad.Load
}

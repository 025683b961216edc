package workflow_test

import (
	"sync"
	"testing"
)

// TestHandlers_AtTheSameTime hands one message to several at once, as brokers do.
func TestHandlers_AtTheSameTime(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios() {
		t.Run(s.handler+"/"+s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := s.setup(w)
			plain := w.svc
			w.serviceThat(func(string) {})
			w.out.step = func(string) {}
			reg := w.reg(s.handler)
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					// Those who come second are told to come again.
					_ = reg.Handler.Handle(t.Context(), m)
				})
			}
			all.Wait()
			w.persist(t, s.handler, m)
			w.svc = plain
			s.check(t, w)
		})
	}
}

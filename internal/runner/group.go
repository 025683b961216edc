package runner

import (
	"sync"
	"sync/atomic"
)

// Group starts goroutines and waits for them. The zero value is ready to use; a Group must not be
// copied after its first use. All methods are safe for concurrent use, with one rule inherited
// from [sync.WaitGroup]: while the group is empty, Go must not be called at the same time as Wait.
type Group struct {
	wg    sync.WaitGroup
	panic atomic.Pointer[PanicError]
}

// Go runs f in a goroutine of its own. It never blocks. When f panics the panic is kept for Wait,
// and the other goroutines of the group go on.
func (g *Group) Go(f func()) {
	g.wg.Add(1)
	go g.run(f)
}

// Wait blocks until every goroutine of the group has ended. If any of them panicked, Wait then
// panics with the *[PanicError] of the first; it does so on each call, so that no owner misses it.
func (g *Group) Wait() {
	g.wg.Wait()
	if p := g.panic.Load(); p != nil {
		panic(p)
	}
}

func (g *Group) run(f func()) {
	defer g.wg.Done()
	defer func() {
		if v := recover(); v != nil {
			g.panic.CompareAndSwap(nil, newPanicError(v))
		}
	}()
	f()
}

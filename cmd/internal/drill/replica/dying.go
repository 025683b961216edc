package replica

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func pid() int { return os.Getpid() }

// What recover reaches.

func panics(_ context.Context, s *scene) error {
	panic(fmt.Errorf("a field that is always set was not%s", s.tells()))
}

// tells is what a program that tells too much adds to what it says.
func (s *scene) tells() string {
	if s.secret == "" {
		return ""
	}
	return ": " + s.secret
}

func dereferencesNil(context.Context, *scene) error {
	var s *scene
	return errors.New(s.key)
}

func panicsDeferred(context.Context, *scene) error {
	defer func() { panic("the second panic, in a deferred call") }()
	panic("the first panic")
}

// brokenError is an error that cannot say what it is.
type brokenError struct{}

// Error panics.
func (*brokenError) Error() string { panic("the error has no text") }

func panicsWithPanickingError(context.Context, *scene) error { panic(&brokenError{}) }

func panicsNil(context.Context, *scene) error { panic(nil) }

func exitsGoroutine(context.Context, *scene) error {
	runtime.Goexit()
	return nil
}

// What kills the process and leaves a trace.

// inChild makes f happen in a goroutine that the handler starts and waits for.
func inChild(f func(*scene)) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		unowned(func() { f(s) })
		return wait(ctx)
	}
}

// wait returns when the attempt is over.
func wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func panicsInGrandchild(ctx context.Context, _ *scene) error {
	parentGone := make(chan struct{})
	unowned(func() {
		defer close(parentGone)
		unowned(func() {
			<-parentGone
			panic("a grandchild's own mistake")
		})
	})
	return wait(ctx)
}

func panicsInTimer(ctx context.Context, _ *scene) error {
	time.AfterFunc(0, func() { panic("the timer's function has a bug") })
	return wait(ctx)
}

func closesTwice(*scene) {
	c := make(chan struct{})
	close(c)
	close(c)
}

func makesNegative(s *scene) {
	n := -len(s.key)
	keep(make([]byte, n))
}

// writesMap keeps the map's size, so that the race is noticed and never reads stray memory.
func writesMap(ctx context.Context, _ *scene) error {
	m := map[int]int{1: 1}
	for range 2 {
		unowned(func() {
			for {
				m[1]++
			}
		})
	}
	return wait(ctx)
}

func unlocks(context.Context, *scene) error {
	var mu sync.Mutex
	mu.Unlock()
	return nil
}

func overflows(context.Context, *scene) error { return fmt.Errorf("%d", deeper(1)) }

func deeper(n int) int {
	if n < 0 { // it never is: stacks end long before numbers do
		return 0
	}
	return deeper(n+1) + n
}

// hugeBytes is beyond every bound, and small enough for the runtime to try.
const hugeBytes = 1 << 40

func makesHuge(ctx context.Context, s *scene) error {
	if s.memory == 0 {
		return errUnbounded
	}
	unowned(func() {
		n := hugeBytes
		keep(make([]byte, n))
	})
	return wait(ctx)
}

var errUnbounded = errors.New("this process has no bound on its memory: the way is not tried")

// growsMemory takes memory until the bound ends the process, and gives up at twice the bound.
func growsMemory(ctx context.Context, s *scene) error {
	if s.memory == 0 {
		return errUnbounded
	}
	const step = 8 << 20
	var kept [][]byte
	for taken := int64(0); taken < 2*s.memory; taken += step {
		b := make([]byte, step)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		kept = append(kept, b)
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("nothing stopped it at %d steps", len(kept))
}

// What no message can be blamed for.

// sharedFor is how long a message writes to what the others read. Alone that harms nobody.
const sharedFor = 500 * time.Millisecond

func writesShared(ctx context.Context, s *scene) error {
	var stop atomic.Bool
	over := make(chan struct{})
	unowned(func() {
		defer close(over)
		for !stop.Load() {
			s.shared[1]++
		}
	})
	select {
	case <-time.After(sharedFor):
	case <-ctx.Done():
	}
	stop.Store(true)
	<-over
	return s.commit(ctx)
}

func panicsLate(ctx context.Context, s *scene) error {
	unowned(func() {
		<-time.After(lateness)
		panic("too late for its message")
	})
	return s.commit(ctx)
}

func breaksBackground(ctx context.Context, s *scene) error {
	s.startBackground()
	s.jobs <- func() {
		<-time.After(lateness)
		panic("a job that the background goroutine cannot do")
	}
	return s.commit(ctx)
}

// What kills it silently.

func exits(context.Context, *scene) error {
	os.Exit(1)
	return nil
}

func logsFatal(context.Context, *scene) error {
	log.Fatal("this cannot happen")
	return nil
}

func killsItself(ctx context.Context, _ *scene) error {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	return errors.Join(err, wait(ctx))
}

// What never ends.

func loops(context.Context, *scene) error {
	for turns := 0; ; turns++ {
		if turns < 0 {
			return nil
		}
	}
}

func blocks(context.Context, *scene) error {
	answers, mistakes := make(chan struct{}), make(chan error)
	select {
	case <-answers:
		return nil
	case err := <-mistakes:
		return err
	}
}

// keep makes the compiler believe that memory is used.
//
//go:noinline
func keep(b []byte) { runtime.KeepAlive(b) }

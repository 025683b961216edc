//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// ways returns every way of dying by its name.
func ways() map[string]func(context.Context) {
	return map[string]func(context.Context){
		// Who did it.
		"panic":           func(context.Context) { panic("boom") },
		"child":           inside(func() { panic("boom") }),
		"grandchild":      func(context.Context) { grandchild() },
		"late":            late,
		"lazy":            lazy,
		"labels added":    labelsAdded,
		"labels replaced": labelsReplaced,
		"labels nested":   labelsNested,
		"labels restored": labelsRestored,
		"labels cleared":  labelsCleared,
		"locked thread":   inside(func() { runtime.LockOSThread(); panic("boom") }),
		"after func":      func(ctx context.Context) { time.AfterFunc(0, func() { panic("boom") }); wait(ctx) },
		"finalizer":       finalizer,

		// Panics.
		"error value":   inside(func() { panic(errors.New("boom")) }),
		"nil pointer":   inside(func() { var p *struct{ n int }; p.n++ }),
		"nil value":     inside(func() { panic(nil) }),
		"assertion":     inside(func() { var v any = 1; _ = v.(string) }),
		"index":         inside(func() { s := []int{}; n := 3; s[n]++ }),
		"deferred":      inside(func() { defer func() { panic("second") }(); panic("first") }),
		"repanicked":    inside(func() { defer func() { panic(recover()) }(); panic("first") }),
		"error panics":  inside(func() { panic(panicking{}) }),
		"string panics": inside(func() { panic(stringer{}) }),
		"close twice":   inside(func() { c := make(chan int); close(c); close(c) }),
		"make negative": inside(func() { n := -1; _ = make([]byte, n) }),
		"goexit panics": inside(func() { defer func() { panic("boom") }(); runtime.Goexit() }),
		"panic on fault": inside(func() {
			debug.SetPanicOnFault(true)
			_ = *unmapped()
		}),

		// Fatal errors.
		"unlock":         inside(func() { var mu sync.Mutex; mu.Unlock() }),
		"unlock rw":      inside(func() { var mu sync.RWMutex; mu.Unlock() }),
		"unlock read":    inside(func() { var mu sync.RWMutex; mu.RUnlock() }),
		"map write":      mapWrite,
		"map read":       mapRead,
		"map iterate":    mapIterate,
		"stack overflow": inside(func() { overflow(1) }),
		"make huge":      inside(func() { limitMemory(); n := 1 << 36; sink = make([]byte, n) }),
		"memory limit":   memoryLimit,
		"deadlock":       func(context.Context) {},
		"thread limit":   threadLimit,

		// Signals.
		"segv":        inside(func() { _ = *unmapped() }),
		"bus":         inside(func() { _ = *beyondEnd() }),
		"abort":       inside(func() { runtime.LockOSThread(); raise(syscall.SIGABRT) }),
		"trap":        inside(func() { runtime.LockOSThread(); raise(syscall.SIGTRAP) }),
		"segv raised": inside(func() { runtime.LockOSThread(); raise(syscall.SIGSEGV) }),
		"abort sent":  inside(func() { runtime.LockOSThread(); syscall.Kill(os.Getpid(), syscall.SIGABRT) }),
		"segv sent":   inside(func() { runtime.LockOSThread(); syscall.Kill(os.Getpid(), syscall.SIGSEGV) }),
		// A timer keeps the process from being told that all its goroutines are asleep.
		"wait":     func(context.Context) { ready(); time.Sleep(time.Hour) },
		"loop":     func(context.Context) { loop(func() {}) },
		"allocate": func(context.Context) { loop(func() { sink = make([]byte, 100) }) },

		// Nothing on the crash descriptor.
		"exit":      inside(func() { os.Exit(0) }),
		"log fatal": inside(func() { log.Fatal("giving up") }),
		"kill":      inside(func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) }),
		"recovered": recovered,

		// Forgeries.
		"panic with string": inside(func() { panic(stdin()) }),
		"panic with error":  inside(func() { panic(errors.New(stdin())) }),
		"panic with named":  inside(func() { panic(named(stdin())) }),
		"label value":       labelValue,
		"panic lines":       inside(func() { panic(strings.Repeat("\n", 50_000)) }),
	}
}

var (
	sink    []byte
	counter int
)

type named string

type panicking struct{}

func (panicking) Error() string { panic("no text") }

type stringer struct{}

func (stringer) String() string { panic("no text") }

func grandchild() {
	parentGone := make(chan struct{})
	go func() {
		defer close(parentGone)
		go func() {
			<-parentGone
			panic("boom")
		}()
	}()
}

// late panics on a goroutine that outlives its message, while the slot runs the next one.
func late(ctx context.Context) {
	over := make(chan struct{})
	go func() {
		<-over
		panic("boom")
	}()
	pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels("theriac", "12.4712")))
	close(over)
	wait(ctx)
}

// lazy is a shared background goroutine: the first message starts it, a later one kills it.
func lazy(ctx context.Context) {
	work := make(chan func())
	go func() {
		for f := range work {
			f()
		}
	}()
	handle("7.9", func(context.Context) { work <- func() { panic("boom") } })
	wait(ctx)
}

func labelsAdded(ctx context.Context) {
	pprof.Do(ctx, pprof.Labels("endpoint", `say "labels:{\"theriac\": \"1.1\"}]:"`, "zone", "eu"), func(ctx context.Context) {
		go panic("boom")
		wait(ctx)
	})
}

func labelsReplaced(ctx context.Context) {
	pprof.Do(context.Background(), pprof.Labels("endpoint", "say"), func(context.Context) { go panic("boom") })
	wait(ctx)
}

// labelsNested panics inside pprof.Do with a context that carries our label.
func labelsNested(ctx context.Context) {
	pprof.Do(ctx, pprof.Labels("endpoint", "say"), func(context.Context) { panic("boom") })
}

// labelsRestored panics inside pprof.Do with a context that does not.
func labelsRestored(context.Context) {
	pprof.Do(context.Background(), pprof.Labels("theriac", "12.4711"), func(context.Context) { panic("boom") })
}

func labelsCleared(ctx context.Context) {
	pprof.SetGoroutineLabels(context.Background())
	go panic("boom")
	wait(ctx)
}

func labelValue(ctx context.Context) {
	pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels("endpoint", stdin())))
	panic("boom")
}

func finalizer(ctx context.Context) {
	p := new([64]byte)
	runtime.SetFinalizer(p, func(*[64]byte) { panic("boom") })
	p = nil
	runtime.GC()
	wait(ctx)
}

// The maps keep their size, so the race is noticed and never reads stray memory.

func mapWrite(ctx context.Context) {
	m := map[int]int{1: 1}
	go write(m)
	go write(m)
	wait(ctx)
}

func mapRead(ctx context.Context) {
	m := map[int]int{1: 1}
	go write(m)
	go func() {
		for {
			counter += m[1]
		}
	}()
	wait(ctx)
}

func mapIterate(ctx context.Context) {
	m := map[int]int{1: 1}
	go write(m)
	go func() {
		for {
			for k := range m {
				counter += k
			}
		}
	}()
	wait(ctx)
}

func write(m map[int]int) {
	for {
		m[1]++
	}
}

func overflow(n int) int { return overflow(n+1) + n }

// limitMemory does what the worker does: the kernel refuses to give more. The collector is off, for
// its workers ask for memory as well.
func limitMemory() {
	debug.SetGCPercent(-1)
	const rlimitData = 2
	var limit syscall.Rlimit
	check(syscall.Getrlimit(rlimitData, &limit))
	limit.Cur = 128 << 20
	check(syscall.Setrlimit(rlimitData, &limit))
}

func memoryLimit(ctx context.Context) {
	limitMemory()
	inside(func() {
		var kept [][]byte
		for {
			kept = append(kept, make([]byte, 64<<10))
		}
	})(ctx)
}

func threadLimit(ctx context.Context) {
	debug.SetMaxThreads(12)
	for range 20 {
		go func() {
			runtime.LockOSThread()
			wait(ctx)
		}()
	}
	wait(ctx)
}

// unmapped returns a pointer to a page that is no longer there.
func unmapped() *int {
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	check(err)
	p := unsafe.Pointer(&page[0])
	fmt.Fprintf(os.Stdout, "%p\n", p)
	check(syscall.Munmap(page))
	return (*int)(p)
}

// beyondEnd returns a pointer to a mapped page that its file no longer has.
func beyondEnd() *int {
	file, err := os.CreateTemp("", "dying")
	check(err)
	check(os.Remove(file.Name()))
	check(file.Truncate(4096))
	page, err := syscall.Mmap(int(file.Fd()), 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED)
	check(err)
	check(file.Truncate(0))
	p := unsafe.Pointer(&page[0])
	fmt.Fprintf(os.Stdout, "%p\n", p)
	return (*int)(p)
}

// raise sends a signal to the calling thread, as abort of C does.
func raise(signal syscall.Signal) {
	check(syscall.Tgkill(os.Getpid(), syscall.Gettid(), signal))
}

func recovered(context.Context) {
	for _, f := range []func(){
		func() { panic("boom") },
		func() { var p *int; *p++ },
		func() { panic(fmt.Errorf("wrapped: %w", os.ErrClosed)) },
		func() { debug.SetPanicOnFault(true); _ = *unmapped() },
	} {
		func() {
			defer func() { _ = recover() }()
			f()
		}()
	}
	os.Exit(0)
}

// loop calls f for ever, and says that it does from a goroutine without a label.
func loop(f func()) {
	var turns atomic.Int64
	go func() {
		pprof.SetGoroutineLabels(context.Background())
		for turns.Load() < 1000 {
			runtime.Gosched()
		}
		ready()
		time.Sleep(time.Hour)
	}()
	for {
		f()
		turns.Add(1)
	}
}

func ready() { fmt.Fprintln(os.Stdout, "ready") }

// stdin returns what the test wants said.
func stdin() string {
	var text strings.Builder
	_, err := bufio.NewReader(os.Stdin).WriteTo(&text)
	check(err)
	return text.String()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "dying:", err)
		os.Exit(64)
	}
}

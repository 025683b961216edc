//go:build linux

// Command dying is the crashing child of the tests of crashtrace: it dies in the way its first
// argument names, with descriptor 3 as its crash output. Bystanders wait under labels of their own,
// as messages in flight do, and the way runs under the label 12.4711, on a goroutine that nobody
// recovers.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"sync"
)

const bystanders = 4

func main() {
	debug.SetMaxStack(32 << 20)
	if err := debug.SetCrashOutput(os.NewFile(3, "crash"), debug.CrashOptions{}); err != nil {
		fmt.Fprintln(os.Stderr, "dying:", err)
		os.Exit(64)
	}
	way, ok := ways()[os.Args[1]]
	if !ok {
		fmt.Fprintln(os.Stderr, "dying: no such way:", os.Args[1])
		os.Exit(64)
	}
	var begun sync.WaitGroup
	begun.Add(bystanders)
	for slot := range bystanders {
		go handle(fmt.Sprintf("%d.1", slot), func(ctx context.Context) {
			begun.Done()
			wait(ctx)
		})
	}
	begun.Wait()
	go handle("12.4711", way)
	select {}
}

// handle runs f as the consumer runs a handler: under a label that f's context carries as well.
func handle(label string, f func(context.Context)) {
	ctx := pprof.WithLabels(context.Background(), pprof.Labels("theriac", label))
	pprof.SetGoroutineLabels(ctx)
	f(ctx)
}

func wait(context.Context) { select {} }

// inside makes a way happen on a goroutine that the handler started.
func inside(f func()) func(context.Context) {
	return func(ctx context.Context) {
		go f()
		wait(ctx)
	}
}

//go:build linux

// Command dyingc is the crashing child of the tests of crashtrace that dies in C; see command dying.
package main

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void fault(void) { *(volatile int *)0x1000 = 1; }
static void *faultOn(void *unused) { fault(); return unused; }
static void thread(void) { pthread_t t; pthread_create(&t, NULL, faultOn, NULL); pthread_join(t, NULL); }
*/
import "C"

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"
)

func main() {
	if err := debug.SetCrashOutput(os.NewFile(3, "crash"), debug.CrashOptions{}); err != nil {
		fmt.Fprintln(os.Stderr, "dyingc:", err)
		os.Exit(64)
	}
	way, ok := map[string]func(){
		"c segv":   func() { C.fault() },
		"c abort":  func() { C.abort() },
		"c exit":   func() { C.exit(3) },
		"c thread": func() { C.thread() },
	}[os.Args[1]]
	if !ok {
		fmt.Fprintln(os.Stderr, "dyingc: no such way:", os.Args[1])
		os.Exit(64)
	}
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("theriac", "12.4711")))
	go way()
	select {}
}

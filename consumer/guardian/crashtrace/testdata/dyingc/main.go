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
static void *spinOn(void *unused) { for (volatile long i = 0;; i++) {} return unused; }
static void threads(int n) { for (pthread_t t; n > 0; n--) pthread_create(&t, NULL, spinOn, NULL); }
*/
import "C"

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"time"
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
		// A timer keeps the process from being told that all its goroutines are asleep.
		"c threads": func() { C.threads(4); fmt.Println("ready"); time.Sleep(time.Hour) },
	}[os.Args[1]]
	if !ok {
		fmt.Fprintln(os.Stderr, "dyingc: no such way:", os.Args[1])
		os.Exit(64)
	}
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("theriac", "12.4711")))
	go way()
	select {}
}

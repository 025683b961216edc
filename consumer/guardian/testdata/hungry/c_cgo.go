//go:build linux && cgo

package main

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <unistd.h>
static void spin(void) { for (volatile long i = 0;; i++) {} }
static void *spinOn(void *unused) { spin(); return unused; }
static int thread(void) { pthread_t t; return pthread_create(&t, NULL, spinOn, NULL); }
static void sleepForever(void) { for (;;) pause(); }
*/
import "C"

import "math"

func waysInC() map[string]func() {
	return map[string]func(){
		"c spin":  func() { go growShared(math.MaxInt); C.spin() },
		"c sleep": func() { go growShared(math.MaxInt); C.sleepForever() },
		"c threads": func() {
			for range 8 {
				C.thread()
			}
			growShared(math.MaxInt)
		},
	}
}

//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

func ways(ctx context.Context) map[string]func() {
	all := map[string]func(){
		"grow":        grow,
		"grow shared": func() { growShared(math.MaxInt) },
		"calm": func() {
			kept := touched(make([]byte, 100<<20))
			time.Sleep(time.Second) // fifty looks of the guardian
			fmt.Println("calm with", len(kept), "bytes")
			<-ctx.Done()
		},
		"spin": func() {
			go growShared(math.MaxInt)
			for n := 0; ; n++ {
				spun = n
			}
		},
		"huge": func() {
			go growShared(math.MaxInt)
			n := 64 << 40
			kept = append(kept, make([]byte, n))
		},
		"notified":     func() { signal.Notify(make(chan os.Signal, 1), syscall.SIGQUIT); growShared(512 << 20); select {} },
		"notified all": func() { signal.Notify(make(chan os.Signal, 1)); growShared(512 << 20); select {} },
		"panics": func() {
			go growShared(512 << 20)
			time.Sleep(600 * time.Millisecond)
			panic("in the middle of it")
		},
		"limits": func() { limits("worker") },
	}
	for name, way := range waysInC() {
		all[name] = way
	}
	return all
}

var (
	spun int
	kept [][]byte
)

// pace is how fast memory grows: 256 MB a second at most. Between the guardian's look that finds too much
// and the limit there are some looks left for a machine that is busy.
const (
	step     = 4 << 20
	stepTime = 16 * time.Millisecond
)

func grow() {
	for {
		kept = append(kept, touched(make([]byte, step)))
		work(time.Now().Add(stepTime)) // what was missed is not made up for
	}
}

// growShared takes memory that the kernel does not count as private, so only the guardian sees it.
func growShared(most int) {
	for range most / step {
		page, err := syscall.Mmap(-1, 0, step, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_SHARED)
		check(err)
		kept = append(kept, touched(page))
		work(time.Now().Add(stepTime))
	}
}

// work is what a handler does between allocations.
func work(until time.Time) {
	for time.Now().Before(until) {
		spun++
	}
}

func touched(b []byte) []byte {
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return b
}

// limits prints what this process may do, and what a process of its own still can.
func limits(who string) {
	score, err := os.ReadFile("/proc/self/oom_score_adj")
	check(err)
	table, err := os.ReadFile("/proc/self/limits")
	check(err)
	for line := range bytes.SplitSeq(table, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("Max data size")) || bytes.HasPrefix(line, []byte("Max core file")) {
			fmt.Println(who, string(bytes.Join(bytes.Fields(line), []byte(" "))))
		}
	}
	fmt.Printf("%s oom_score_adj %s memory limit %d\n", who, bytes.TrimSpace(score), debug.SetMemoryLimit(-1))
	for _, cmd := range []*exec.Cmd{exec.Command("sh", "-c", "echo a shell lives"), exec.Command("/proc/self/exe")} {
		cmd.Env = append(os.Environ(), "HUNGRY_CHILD=1")
		out, err := cmd.CombinedOutput()
		fmt.Printf("%s (%v)\n", bytes.TrimSpace(out), err)
	}
	fmt.Println("that is all")
}

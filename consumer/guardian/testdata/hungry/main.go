//go:build linux

// Command hungry is the guarded program of the tests of memory limits and dumps. Its first worker has
// messages in flight, of which one does what HUNGRY_WAY names; the next workers only serve.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/inflight"
)

func main() {
	if os.Getenv("HUNGRY_CHILD") != "" {
		fmt.Println("a process of the worker lives, with", len(make([]byte, 16<<20)), "bytes")
		return
	}
	dir := os.Getenv("HUNGRY_DIR")
	limit, err := strconv.ParseInt(os.Getenv("HUNGRY_LIMIT"), 10, 64)
	check(err)
	wards := -1
	if os.Getenv("HUNGRY_WAY") == "limits" {
		wards = 1
	}
	err = guardian.Run(context.Background(), guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker", Slots: 5, Wards: wards, MemoryLimit: limit}},
		StateDir: dir, RestartPause: time.Millisecond, StopTimeout: 5 * time.Second,
	}, func(ctx context.Context, r guardian.Role) error {
		if r.Ward {
			limits("ward")
			r.Ready()
			<-ctx.Done()
			return nil
		}
		if os.Mkdir(filepath.Join(dir, "began"), 0o700) != nil {
			r.Ready()
			<-ctx.Done()
			return nil
		}
		region, err := r.InFlight.Subscribe("orders", 5)
		if err != nil {
			return err
		}
		r.Ready()
		for slot := range 4 {
			handle(ctx, region, slot, "bystander", func() { <-ctx.Done() })
		}
		handle(ctx, region, 4, "poison", ways(ctx)[os.Getenv("HUNGRY_WAY")])
		<-ctx.Done()
		return nil
	})
	fmt.Println("guardian returned:", err)
}

// handle runs f as the handler of a message runs, and returns when it is about to.
func handle(ctx context.Context, region *inflight.Region, slot int, id string, f func()) {
	generation := region.Begin(slot, &inflight.Begin{ID: id, Attempt: 1, Started: time.Now(), Deadline: time.Now().Add(time.Minute)})
	begun := make(chan struct{})
	go func() {
		pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels("theriac", region.Name(slot, generation).String())))
		close(begun)
		f()
	}()
	<-begun
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "hungry:", err)
		os.Exit(64)
	}
}

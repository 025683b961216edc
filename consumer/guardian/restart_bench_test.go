//go:build unix

package guardian_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/internal/runner"
)

// restartVariable names the state directory of the program "restart", and how its workers die.
const restartVariable = "GUARDIAN_TEST_RESTART"

// restart is a program whose every worker dies with messages in flight as soon as the test says so, and
// says when it began to die, when the function of the next was called, and when that was ready.
func restart() program {
	dir, way, _ := strings.Cut(os.Getenv(restartVariable), "|")
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker", Slots: 64, Wards: -1}},
		StateDir: dir, StopTimeout: 5 * time.Second,
	}
	return program{cfg, func(ctx context.Context, r guardian.Role) error {
		called := time.Now()
		region, err := r.InFlight.Subscribe("orders", 64)
		if err != nil {
			return err
		}
		r.Ready()
		for slot := range 63 {
			flight(ctx, region, slot, "bystander "+strconv.Itoa(slot), func() { <-ctx.Done() })
		}
		fmt.Printf("called %d ready %d\n", called.UnixNano(), time.Now().UnixNano())
		var told runner.Group
		told.Go(func() {
			if _, err := bufio.NewReader(os.Stdin).ReadByte(); err != nil {
				return
			}
			flight(ctx, region, 63, "poison", func() {
				fmt.Printf("dying %d\n", time.Now().UnixNano())
				ways()[way]()
			})
		})
		<-ctx.Done()
		return nil
	}}
}

// BenchmarkRestart prints what a death costs: from the moment at which a handler kills its worker, with 63
// messages beside it, until the function of the next worker is called, and until that has its messages in
// flight. The program's own start is in it, which for this one is that of a bare test binary.
func BenchmarkRestart(b *testing.B) {
	for _, way := range []string{"child", "kill", "exit"} {
		b.Run(way, func(b *testing.B) { benchmarkRestart(b, way) })
	}
}

func benchmarkRestart(b *testing.B, way string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programVariable+"=restart", "THERIAC_GUARDIAN=on", restartVariable+"="+b.TempDir()+"|"+way)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	}()
	said := bufio.NewScanner(out)
	moments := func(format string, to ...any) {
		if !said.Scan() {
			b.Fatal("the guardian ended")
		}
		if _, err := fmt.Sscanf(said.Text(), format, to...); err != nil {
			b.Fatalf("it says %q", said.Text())
		}
	}
	var dying, called, ready int64
	var toCall, toReady []time.Duration
	moments("called %d ready %d", &called, &ready)
	for b.Loop() {
		if _, err := in.Write([]byte{'x'}); err != nil {
			b.Fatal(err)
		}
		moments("dying %d", &dying)
		moments("called %d ready %d", &called, &ready)
		toCall, toReady = append(toCall, time.Duration(called-dying)), append(toReady, time.Duration(ready-dying))
	}
	reportPercentiles(b, "called", toCall)
	reportPercentiles(b, "ready", toReady)
}

func reportPercentiles(b *testing.B, what string, d []time.Duration) {
	slices.Sort(d)
	for _, percent := range []int{50, 90, 99, 100} {
		at := d[min(len(d)*percent/100, len(d)-1)]
		b.ReportMetric(float64(at)/1e6, what+"-p"+strconv.Itoa(percent)+"-ms")
	}
}

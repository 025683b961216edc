package guardian_test

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
)

// The source of the program is an input of these tests: embedded, it makes the go command run them
// anew when it changed.
//
//go:embed testdata/hungry/*.go
var _ embed.FS

// hungry is built once for each answer to whether C is in it, and never with the race detector: the
// detector reserves more memory than any limit here.
var (
	hungry    = sync.OnceValues(func() (string, error) { return buildHungry("0") })
	hungryInC = sync.OnceValues(func() (string, error) { return buildHungry("1") })
)

func buildHungry(cgo string) (string, error) {
	path := filepath.Join(scratch, "hungry"+cgo)
	build := exec.Command("go", "build", "-race=false", "-o", path, "./testdata/hungry")
	build.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build testdata/hungry: %w\n%s", err, out)
	}
	return path, nil
}

const testLimit = 256 << 20

// startHungry runs the program, whose first worker goes the given way.
func startHungry(t *testing.T, build func() (string, error), way, dir string, env ...string) *guarded {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{cmd: exec.Command(path), lines: make(chan string, 1000)}
	g.cmd.Env = append(os.Environ(), append([]string{"THERIAC_GUARDIAN=on", "HUNGRY_WAY=" + way, "HUNGRY_DIR=" + dir,
		"HUNGRY_LIMIT=" + strconv.Itoa(testLimit)}, env...)...)
	out := &lineWriter{to: g.lines}
	g.cmd.Stdout, g.cmd.Stderr = out, out
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = g.cmd.Process.Kill()
		_ = g.cmd.Wait()
	})
	return g
}

// fullDeath runs the program until its first worker has died and the next is ready. It returns the
// record, and how long the worker took to die after the guardian had found that it must, 0 if it had not.
func fullDeath(t *testing.T, build func() (string, error), way string) (crashrecord.Record, time.Duration) {
	t.Helper()
	dir := t.TempDir()
	g := startHungry(t, build, way, dir)
	var found time.Time
	var took time.Duration
	for line := ""; !strings.Contains(line, "role died"); line = g.until(t, "role") {
		if strings.Contains(line, "near the limit of memory") {
			found = time.Now()
		}
	}
	if !found.IsZero() {
		took = time.Since(found)
	}
	g.until(t, "role is ready")
	g.signal(t, syscall.SIGTERM)
	g.exit(t)
	deaths := crashrecord.Directory{Path: filepath.Join(dir, "deaths")}
	list, err := deaths.List()
	if err != nil || len(list.Records) != 1 {
		t.Fatalf("%s: records %v, %v", way, list, err)
	}
	r, damage, err := deaths.Read(list.Records[0])
	if err != nil || damage.Any() {
		t.Fatalf("%s: %v %v", way, damage, err)
	}
	return r, took
}

func TestMemory_WhoGrowsIsEndedAndNamed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		way   string
		build func() (string, error)
		// reason is the verdict's, first the first suspect, tier its strength.
		tier, reason string
		kinds        string
		watched      bool
	}{
		{way: "grow", build: hungry, tier: "B", reason: "the goroutine that died may only have noticed", kinds: "out of memory"},
		{way: "grow", build: hungryInC, tier: "B", reason: "it was ended for its memory", kinds: "quit", watched: true},
		{way: "grow shared", build: hungry, tier: "B", reason: "it was ended for its memory", kinds: "quit", watched: true},
	} {
		t.Run(tc.way+" "+tc.kinds, func(t *testing.T) {
			t.Parallel()
			r, _ := fullDeath(t, tc.build, tc.way)
			asked := tc.watched && string(r.Kind) == "signal" // by the second of the guardian's signals
			if string(r.Tier) != tc.tier || string(r.Reason) != tc.reason || string(r.Kind) != tc.kinds && !asked {
				t.Errorf("tier %s, reason %q, kind %q\n%s", r.Tier, r.Reason, r.Kind, r.FirstBlock)
			}
			if len(r.Suspects) == 0 || r.Suspects[0].ID != "poison" {
				t.Errorf("suspects %+v, want poison first\n%s", r.Suspects, r.Dump)
			}
			if !strings.Contains(string(r.Dump), `labels:{"theriac": "4.1"}`) {
				t.Errorf("the trace has not the label of who grew:\n%s", r.Dump)
			}
			if tc.watched {
				checkOvershoot(t, r)
			}
		})
	}
}

// checkOvershoot checks that the process was ended before it reached the limit.
func checkOvershoot(t *testing.T, r crashrecord.Record) {
	t.Helper()
	reached := regexp.MustCompile(`^resident memory reached (\d+) MB, (\d+)% of the limit of 256 MB$`)
	for _, n := range r.Notes {
		if m := reached.FindStringSubmatch(string(n)); m != nil {
			t.Log(n)
			if percent, _ := strconv.Atoi(m[2]); percent < 85 || percent > 100 {
				t.Errorf("it was ended at %s%% of the limit", m[2])
			}
			return
		}
	}
	t.Errorf("no note says how much memory it had: %q", r.Notes)
}

func TestMemory_WhoIsUnderTheLimitIsLeftAlone(t *testing.T) {
	t.Parallel()
	g := startHungry(t, hungry, "calm", t.TempDir())
	worker := loggedPID(t, g.until(t, "role is ready"))
	g.until(t, "calm with")
	if !lives(worker) {
		t.Error("it was ended")
	}
	g.signal(t, syscall.SIGTERM)
	g.until(t, "role ended", "exit code 77")
}

// TestPins_Limits: what a worker imposes on itself, and that its own processes still work.
func TestPins_Limits(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	score, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	g := startHungry(t, hungry, "limits", t.TempDir(), "GOMEMLIMIT=")
	g.until(t, "worker Max data size 268435456 ")
	g.until(t, "worker oom_score_adj "+strconv.Itoa(score+500)+" memory limit "+strconv.Itoa(testLimit*80/100))
	g.until(t, "a shell lives (<nil>)")
	g.until(t, "a process of the worker lives, with 16777216 bytes (<nil>)")
	ward := startHungry(t, hungry, "limits", t.TempDir())
	ward.until(t, "ward Max data size 268435456 ")
	ward.until(t, "ward Max core file size 0 ")
	ward.until(t, "ward oom_score_adj "+strconv.Itoa(min(score+800, 1000)))
	own := startHungry(t, hungry, "limits", t.TempDir(), "GOMEMLIMIT=200MiB")
	own.until(t, "worker", "memory limit 209715200")
	off := startHungry(t, hungry, "limits", t.TempDir(), "GOMEMLIMIT=off", "HUNGRY_LIMIT=-1")
	if line := off.until(t, "worker Max data size"); strings.Contains(line, "268435456") {
		t.Errorf("a limit although there is none: %s", line)
	}
}

// TestDump_OfWhoDoesNotListen: whatever a process is doing, it leaves a dump or is killed in time.
func TestDump_OfWhoDoesNotListen(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		way   string
		build func() (string, error)
		tier  string
		// kinds are those of which one is expected. A busy machine may not begin the dump in the time that the
		// guardian gives, and then the guardian asks by another signal.
		kinds string
	}{
		{way: "spin", build: hungry, tier: "B", kinds: "quit, signal"},
		{way: "huge", build: hungryInC, tier: "B", kinds: "quit, signal, out of memory, fatal error"},
		{way: "c spin", build: hungryInC, tier: "B", kinds: "quit, signal"},
		{way: "c sleep", build: hungryInC, tier: "B", kinds: "quit, signal"},
		{way: "c threads", build: hungryInC, tier: "B", kinds: "quit, signal"},
		{way: "notified", build: hungry, tier: "BC", kinds: "signal"},
		{way: "notified all", build: hungry, tier: "D", kinds: "unknown"},
		{way: "panics", build: hungry, tier: "ABC", kinds: "panic, quit"},
	} {
		// One after the other: those that spin take a processor each, and time is measured.
		t.Run(tc.way, func(t *testing.T) {
			r, took := fullDeath(t, tc.build, tc.way)
			// The guardian waits for 2 s; the rest is for a machine that is busy with other tests.
			if took > 30*time.Second {
				t.Errorf("it took %v to die", took)
			}
			t.Logf("it took %v to die", took)
			if !strings.Contains(tc.tier, string(r.Tier)) || !strings.Contains(tc.kinds, string(r.Kind)) {
				t.Errorf("tier %s, kind %s, reason %s\n%s", r.Tier, r.Kind, r.Reason, r.Dump)
			}
			if string(r.Kind) == "panic" && (r.Culprit == nil || r.Culprit.ID != "poison") {
				t.Errorf("it panicked by itself, and the culprit is %v: %s, %s", r.Culprit, r.Reason, r.FirstBlock)
			}
		})
	}
}

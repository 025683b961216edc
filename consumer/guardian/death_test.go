//go:build unix

package guardian_test

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/internal/runner"
)

// deathVariable names the state directory and the way to die of the program "mortal".
const deathVariable = "GUARDIAN_TEST_DEATH"

// mortal is a program whose first worker has messages in flight and dies of one; its next workers
// live.
func mortal() program {
	dir, way, _ := strings.Cut(os.Getenv(deathVariable), "|")
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker", Slots: 4}},
		StateDir: dir, Build: "v1.2.3", StopTimeout: 5 * time.Second, RestartPause: time.Millisecond,
	}
	way, cfg.RawStderr = strings.CutPrefix(way, "aloud ")
	if way == "stop" {
		cfg.Roles[0].HangTimeout = 5 * time.Second // of the next worker, too, which a busy machine may hold up
	}
	return program{cfg, func(ctx context.Context, r guardian.Role) error {
		first := os.Mkdir(filepath.Join(dir, "died"), 0o700) == nil
		if first && way == "unready" {
			os.Exit(3)
		}
		r.Ready()
		say(r, "up")
		if !first {
			return serve(ctx, r)
		}
		region, err := r.InFlight.Subscribe("orders", 4)
		if err != nil {
			return err
		}
		flight(ctx, region, 0, "bystander", func() { <-ctx.Done() })
		flight(ctx, region, 1, "poison", func() { ways()[way]() })
		say(r, "in flight")
		<-ctx.Done()
		return nil
	}}
}

// flight runs f as the handler of a message would run.
func flight(ctx context.Context, region *inflight.Region, slot int, id string, f func(), flags ...inflight.Flags) {
	begin := &inflight.Begin{
		ID: id, Data: []byte("payload of " + id), Attributes: map[string]string{"kind": "order"},
		Attempt: 1, Started: time.Now(), Deadline: time.Now().Add(time.Minute),
	}
	for _, f := range flags {
		begin.Flags |= f
	}
	generation := region.Begin(slot, begin)
	var handler runner.Group
	started := make(chan struct{})
	handler.Go(func() {
		pprof.Do(ctx, pprof.Labels("theriac", region.Name(slot, generation).String()), func(context.Context) {
			close(started)
			f()
		})
	})
	<-started
}

// ways are some ways to die. Panics are in a goroutine that nobody recovers.
func ways() map[string]func() {
	return map[string]func(){
		"sleep":   func() { select {} },
		"stop":    func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) },
		"child":   func() { nobodyRecovers(func() { panic("poison\nfatal error: forged") }) },
		"nil":     func() { nobodyRecovers(func() { var m map[string]int; m["x"] = 1 }) },
		"exit":    func() { os.Exit(1) },
		"fatal":   func() { log.Fatal("cannot go on") },
		"exit 0":  func() { os.Exit(0) },
		"exit 77": func() { os.Exit(77) },
		"kill":    func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) },
		"timer":   func() { time.AfterFunc(time.Millisecond, func() { panic("late") }); select {} },
		"stack":   func() { nobodyRecovers(func() { os.Exit(overflow(0)) }) },
		"unready": nil,
	}
}

func overflow(n int) int { return overflow(n+1) + 1 }

// TestDeath_WhatAPanicSaysIsWithheld on standard error and in the log, unless that is asked for. The
// record has it in any case.
func TestDeath_WhatAPanicSaysIsWithheld(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{"": "[withheld]", "aloud ": "poison"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			g := start(t, "mortal", deathVariable+"="+dir+"|"+prefix+"child")
			if line := g.until(t, "panic: "); line != "panic: "+want {
				t.Errorf("standard error has %q, want %q", line, "panic: "+want)
			}
			g.until(t, "role died", `trace="panic: `+want)
			g.until(t, "role is ready")
			g.signal(t, syscall.SIGTERM)
			if code := g.exit(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			deaths := crashrecord.Directory{Path: filepath.Join(dir, "deaths")}
			list, err := deaths.List()
			if err != nil || len(list.Records) != 1 {
				t.Fatalf("%d records: %v", len(list.Records), err)
			}
		})
	}
}

// dead runs the mortal program until its second worker is up, and returns the crash records.
func dead(t *testing.T, way string) []crashrecord.Record {
	t.Helper()
	dir := t.TempDir()
	g := start(t, "mortal", deathVariable+"="+dir+"|"+way)
	g.until(t, "role died")
	g.until(t, "role is ready")
	g.signal(t, syscall.SIGTERM)
	if code := g.exit(t); code != 0 {
		t.Errorf("%s: exit code %d", way, code)
	}
	deaths := crashrecord.Directory{Path: filepath.Join(dir, "deaths")}
	list, err := deaths.List()
	if err != nil {
		t.Fatal(err)
	}
	var records []crashrecord.Record
	for _, id := range list.Records {
		r, damage, err := deaths.Read(id)
		if err != nil || damage.Any() {
			t.Fatalf("%s: record %s: %v %v", way, id, damage, err)
		}
		records = append(records, r)
	}
	if tables, err := os.ReadDir(filepath.Join(dir, "tables")); err != nil || len(tables) != 0 {
		t.Errorf("%s: tables are left: %v %v", way, tables, err)
	}
	return records
}

func TestDeath_IsJudgedAndKept(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		way, tier, trace string
		culprit          string
		suspects         []string
	}{
		{way: "child", tier: "A", trace: "poison", culprit: "poison"},
		{way: "nil", tier: "A", trace: "assignment to entry in nil map", culprit: "poison"},
		{way: "stack", tier: "A", culprit: "poison"},
		{way: "exit", tier: "D", suspects: []string{"poison", "bystander"}},
		{way: "exit 0", tier: "D", suspects: []string{"poison", "bystander"}},
		{way: "exit 77", tier: "D", suspects: []string{"poison", "bystander"}},
		{way: "fatal", tier: "D", suspects: []string{"poison", "bystander"}},
		{way: "kill", tier: "D", suspects: []string{"poison", "bystander"}},
		{way: "timer", tier: "C", trace: "late", suspects: []string{"poison", "bystander"}},
		{way: "stop", tier: "D", suspects: []string{"poison", "bystander"}},
		{way: "unready", tier: "N"},
	} {
		t.Run(tc.way, func(t *testing.T) {
			t.Parallel()
			records := dead(t, tc.way)
			if len(records) != 1 {
				t.Fatalf("%d records, want 1", len(records))
			}
			r := records[0]
			var suspects []string
			for _, s := range r.Suspects {
				suspects = append(suspects, string(s.ID))
			}
			culprit := ""
			if r.Culprit != nil {
				culprit = string(r.Culprit.ID)
			}
			if string(r.Tier) != tc.tier || culprit != tc.culprit || strings.Join(suspects, " ") != strings.Join(tc.suspects, " ") {
				t.Errorf("tier %s, culprit %q, suspects %q, reason %s", r.Tier, culprit, suspects, r.Reason)
			}
			if !strings.Contains(string(r.FirstBlock)+string(r.Dump), tc.trace) {
				t.Errorf("the trace does not say %q:\n%s", tc.trace, r.FirstBlock)
			}
			if tc.tier == "A" && !strings.Contains(string(r.FirstBlock), "guardian_test.ways") && tc.way != "stack" {
				t.Errorf("the first block is not the culprit's:\n%s", r.FirstBlock)
			}
			if tc.way == "fatal" && !strings.Contains(string(r.StderrTail), "cannot go on") {
				t.Errorf("standard error is lost: %q", r.StderrTail)
			}
			if r.Build != "v1.2.3" || r.Role != "worker" || r.PID == 0 || r.Exit == "" {
				t.Errorf("metadata %+v", r.Metadata)
			}
			checkMessages(t, r, tc.tier != "N")
		})
	}
}

func checkMessages(t *testing.T, r crashrecord.Record, want bool) {
	t.Helper()
	if !want {
		if len(r.Messages) != 0 {
			t.Errorf("%d messages of a process that had none", len(r.Messages))
		}
		return
	}
	if len(r.Messages) != 2 {
		t.Fatalf("%d messages are kept, want 2", len(r.Messages))
	}
	for _, m := range r.Messages {
		attributes, err := crashrecord.UnpackAttributes(m.Attributes)
		if string(m.Data) != "payload of "+string(m.ID) || err != nil || attributes["kind"] != "order" {
			t.Errorf("message %q: data %q, attributes %v, %v", m.ID, m.Data, attributes, err)
		}
	}
}

func TestDeath_OfTheGuardianIsJudgedByTheNext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, "mortal", deathVariable+"="+dir+"|"+"sleep")
	worker := pid(t, g.until(t, "in flight"))
	// Both at once, so that neither has time to see the other's end.
	g.signal(t, syscall.SIGSTOP)
	if err := syscall.Kill(worker, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	g.signal(t, syscall.SIGKILL)
	g.exit(t)
	gone(t, worker)
	next := start(t, "mortal", deathVariable+"="+dir+"|"+"sleep")
	next.until(t, "role died", "with its guardian", "suspects=2")
	next.until(t, "role is ready")
}

func TestStateDir_BelongsToOneGuardian(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, "mortal", deathVariable+"="+dir+"|"+"sleep")
	g.until(t, "role is ready")
	second := start(t, "mortal", deathVariable+"="+dir+"|"+"sleep")
	second.until(t, "guardian returned:", "another guardian uses it", "(process ", "choose another directory")
	if code := second.exit(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

// TestDeaths_AreBounded: records that nobody takes in do not fill the disk. The newest stay.
// manyRecords leaves old crash records in a state directory, the first of them unfinished.
func manyRecords(t *testing.T, dir string, n int) crashrecord.Directory {
	t.Helper()
	deaths := crashrecord.Directory{Path: filepath.Join(dir, "deaths")}
	if err := os.MkdirAll(deaths.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	for i := range n {
		id := crashrecord.NewID(long.Add(time.Duration(i) * time.Millisecond))
		suffix := ".crash"
		if i == 0 {
			suffix = ".crash.tmp" // its guardian was killed while it wrote
		}
		if err := os.WriteFile(filepath.Join(deaths.Path, id+suffix), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return deaths
}

// stillborn is a program whose only role dies before it is ready, as often as it is started.
func stillborn() program {
	return program{guardian.Config{
		Roles: []guardian.RoleConfig{{Name: "web"}}, StateDir: os.Getenv(stillbornVariable),
		RestartPause: time.Millisecond, MaxRestartPause: time.Millisecond, RestartLimit: 1_000_000,
	}, func(context.Context, guardian.Role) error {
		os.Exit(1)
		return nil
	}}
}

// stillbornVariable names the state directory of the program "stillborn".
const stillbornVariable = "GUARDIAN_TEST_STILLBORN"

// TestDeaths_AreBoundedWhileNothingIsReady: nobody takes in the records of a role that never starts.
func TestDeaths_AreBoundedWhileNothingIsReady(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	deaths := manyRecords(t, dir, 1000)
	g := start(t, "stillborn", stillbornVariable+"="+dir)
	g.until(t, "crash records were removed")
	if list, err := deaths.List(); err != nil || len(list.Records) > 1100 {
		t.Errorf("%d records, %v", len(list.Records), err)
	}
	g.end(t)
}

func TestDeaths_AreBounded(t *testing.T) {
	t.Parallel()
	const most = 1000
	dir := t.TempDir()
	deaths := manyRecords(t, dir, most+5)
	g := start(t, "mortal", deathVariable+"="+dir+"|kill")
	g.until(t, "crash record kept")
	g.until(t, "crash records were removed", "removed=5", "unfinished=1")
	g.end(t)
	list, err := deaths.List()
	if err != nil || len(list.Records) != most || len(list.Unfinished) != 0 {
		t.Fatalf("%d records and %d unfinished, %v", len(list.Records), len(list.Unfinished), err)
	}
	if r, _, err := deaths.Read(list.Records[most-1]); err != nil || len(r.Suspects) != 2 {
		t.Errorf("the newest: %d suspects, %v", len(r.Suspects), err)
	}
}

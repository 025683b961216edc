package drill

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/cmd/internal/term"
)

var update = flag.Bool("update", false, "write golden files anew")

func TestNewSpread(t *testing.T) {
	t.Parallel()
	hundred := make([]int64, 100)
	for i := range hundred {
		hundred[i] = int64(100 - i)
	}
	for _, tt := range []struct {
		times []int64
		want  spread
	}{
		{nil, spread{}},
		{[]int64{7}, spread{Rows: 1, P50MS: 7, P99MS: 7, MaxMS: 7}},
		{[]int64{3, 1, 2}, spread{Rows: 3, P50MS: 2, P99MS: 3, MaxMS: 3}},
		{hundred, spread{Rows: 100, P50MS: 50, P99MS: 99, MaxMS: 100}},
	} {
		if diff := cmp.Diff(tt.want, newSpread(tt.times)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func aResult(class replica.Class, contained, own int64, problems ...string) result {
	return result{
		Way: "a-way", Engine: engineEmbedded, InFlight: 16, Replicas: 3, Class: class, Expected: replica.Held, Ended: "held",
		WorkerDeaths: 1, WardDeaths: 2, WebRequests: 1000, ContainedMS: contained, OwnMS: own, Named: true, Stack: true,
		Passed: len(problems) == 0, Problems: problems,
	}
}

func TestSummarise(t *testing.T) {
	t.Parallel()
	lost := aResult(replica.Traced, 0, 0, "1 messages are lost")
	lost.Ended, lost.Lost = "lost", 1
	s := summarise([]result{
		aResult(replica.Traced, 300, 0), aResult(replica.Traced, 2500, 600), aResult(replica.Silent, 5200, 0),
		aResult(replica.Hung, 7000, 6900), lost,
	}, 6)
	want := map[replica.Class]spread{
		replica.Traced: {Rows: 2, P50MS: 300, P99MS: 1900, MaxMS: 1900, WithinMS: 2000},
		replica.Silent: {Rows: 1, P50MS: 5200, P99MS: 5200, MaxMS: 5200, WithinMS: 5000},
		replica.Hung:   {Rows: 1, P50MS: 100, P99MS: 100, MaxMS: 100},
	}
	if diff := cmp.Diff(want, s.Contained); diff != "" {
		t.Errorf("contained (-want +got):\n%s", diff)
	}
	failures := []string{
		"a-way, 16 in flight, 3 replicas, embedded: 1 messages are lost",
		"silent deaths are contained in 5200 ms at p99, the bound is 5000 ms",
	}
	if diff := cmp.Diff(failures, s.Failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if s.Rows != 5 || s.Passed != 4 || s.Failed != 1 || s.Lost != 1 || s.WorkerDeaths != 5 || s.WardDeaths != 10 || s.WebRequests != 5000 || s.Complete {
		t.Errorf("summary %+v", s)
	}
}

// golden compares what is printed with a file.
func golden(t *testing.T, name string, print func(w *term.Writer)) {
	t.Helper()
	var b bytes.Buffer
	print(term.NewWriter(&b, false))
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func aHost() host { return host{OS: "linux", Arch: "amd64", CPUs: 2, Name: "h"} }

func TestScreens(t *testing.T) {
	t.Parallel()
	failed := aResult(replica.Traced, 2500, 600, "2 workers died, at most 1 may", "\x1b[2J")
	failed.KeptIn = "/tmp/theriac-drill-1"
	results := []result{aResult(replica.Silent, 300, 0), failed}
	golden(t, "table.txt", func(w *term.Writer) {
		heading(w)
		for _, r := range results {
			r.line(w)
		}
		s := summarise(results, 2)
		s.Seed, s.Build, s.Go, s.Host, s.WallMS = 7, "v1", "go1.26", aHost(), 61_234
		s.print(w)
	})
	golden(t, "campaign.txt", func(w *term.Writer) {
		campaignResult{
			Drill: "kills", Engine: engineEmbedded, Replicas: 3, Published: 1234, Done: 1233, Lost: 1, Kills: 100, WorkerDeaths: 100,
			WebRequests: 9999, BreakerOpened: 1, Reasons: []string{"3 different messages"}, HeldMeanwhile: 2, Restart: spread{P50MS: 20, P99MS: 300},
			RecoveredMS: 1500, Seed: 7, Build: "v1", Host: aHost(), WallMS: 12_345, Problems: []string{"1 messages are lost"},
		}.print(w)
	})
}

// TestPage is the page that people put into a write-up. What strangers wrote cannot break it.
func TestPage(t *testing.T) {
	t.Parallel()
	e := goodEvidence(t)
	e.row.replicas, e.wall = 3, 4800*time.Millisecond
	death := e.crashes["a"]
	death.Exit, death.Text = "exit code 2", "panic: \x1b[31mboom"
	death.Stack = strings.Repeat("main.handle()\n\t/src/main.go:7\n", 20)
	e.crashes["a"] = death
	alone := e.crashes["b"]
	alone.Exit = "exit code 2"
	e.crashes["b"] = alone
	e.hellos = []greeting{{Hello: replica.Hello{Replica: 1, Role: replica.RoleWorker, PID: 11}, at: after(70)}}
	e.runs[5].Role = replica.RoleWard
	e.entries[0].Ref = "Q-X57R"
	r := e.retell()
	r.Seed, r.Build, r.Host = 7, "v1", aHost()
	golden(t, "november.txt", r.print)

	e.deathsOf[replica.RoleWorker] = 3
	r = e.retell()
	r.Seed, r.Build, r.Host = 7, "v1", aHost()
	golden(t, "november-failed.txt", r.print)
}

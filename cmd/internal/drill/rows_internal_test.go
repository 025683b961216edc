package drill

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
)

// shortSet are the rows that every test run tries: one way of each kind. The rest is for make drill.
func shortSet() []string {
	return []string{"panic", "child-panic", "afterfunc-panic", "late-panic", "os-exit", "sigkill", "hang-select"}
}

func newTestDrill(t *testing.T) *drill {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &drill{
		engines: map[string]engine{engineEmbedded: embeddedEngine{}}, executable: self, keep: true, timeout: time.Minute,
		environ: append(os.Environ(), "GORACE=atexit_sleep_ms=0"),
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	d := newTestDrill(t)
	for _, name := range shortSet() {
		for _, inFlight := range []int{1, 16} {
			t.Run(fmt.Sprintf("%s, %d in flight", name, inFlight), func(t *testing.T) {
				t.Parallel()
				way, ok := replica.Find(name)
				if !ok {
					t.Fatal("there is no such way")
				}
				got, err := d.try(t.Context(), row{way: way, inFlight: inFlight, replicas: 1, engine: engineEmbedded, run: 1})
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range got.Problems {
					t.Error(p)
				}
				showLogs(t, got.KeptIn)
			})
		}
	}
}

// showLogs prints the logs of a row that failed, and removes its directory.
func showLogs(t *testing.T, dir string) {
	t.Helper()
	if dir == "" {
		return
	}
	for _, name := range []string{replica.LogName, "stderr"} {
		text, err := os.ReadFile(replicaDir(dir, 1) + "/" + name)
		t.Logf("%s (%v):\n%s", name, err, text[max(0, len(text)-20_000):])
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

// TestCampaigns: nobody is in quarantine after what is no message's fault.
func TestCampaigns(t *testing.T) {
	t.Parallel()
	// So long a worker dies more than once, and the breaker opens, on a busy machine too.
	flags := trouble{messages: 20, lasts: 10 * time.Second, replicas: 1}
	killing := kills{options: options{seed: 1}, kills: 5, load: 20, replicas: 1}
	for _, c := range []campaign{
		flags.campaign("outage", replica.Order{Fail: "the downstream is away"}, nothing, campaignResult.needsReason),
		flags.campaign("deploy", replica.Order{Way: "child-panic"}, rollBack, campaignResult.needsReason),
		{name: "kills", replicas: 1, spec: newSpec(), play: killing.play, judge: func(campaignResult) []string { return nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := newTestDrill(t).campaign(t.Context(), c, engineEmbedded)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range got.Problems {
				t.Error(p)
			}
			if c.name == "kills" && (got.Kills != 5 || got.WorkerDeaths != 5) {
				t.Errorf("%d kills and %d deaths, want 5", got.Kills, got.WorkerDeaths)
			}
			showLogs(t, got.KeptIn)
		})
	}
}

// TestNovember replays the founding incident.
func TestNovember(t *testing.T) {
	t.Parallel()
	d := newTestDrill(t)
	got, err := d.november(t.Context(), engineEmbedded)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range got.Problems {
		t.Error(p)
	}
	if got.WorkerDeaths != 1 || got.webDied != 0 || got.Ref == "" || len(got.Timeline) < 4 {
		t.Errorf("the replay is %+v", got)
	}
	showLogs(t, got.KeptIn)
}

// TestTry_Interrupted: a row that is cut off leaves nothing behind.
func TestTry_Interrupted(t *testing.T) {
	t.Parallel()
	d := newTestDrill(t)
	way, _ := replica.Find("hang-select")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if got, err := d.try(ctx, row{way: way, inFlight: 1, replicas: 1, engine: engineEmbedded, run: 1}); err == nil {
		t.Errorf("a row that was cut off came to %+v", got)
	}
}

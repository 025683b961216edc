package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/quarantine"
)

func TestDoctor_Workers(t *testing.T) {
	t.Parallel()
	held := map[quarantine.State]int64{quarantine.StateHeld: 2}
	alive, dead := quarantine.Worker{Alive: true}, quarantine.Worker{}
	tests := []struct {
		name   string
		status quarantine.Status
		want   []level
		says   string
	}{
		{"none", quarantine.Status{}, []level{levelWarn}, "no living worker"},
		{"all well", quarantine.Status{Workers: []quarantine.Worker{alive, alive}}, []level{levelOK}, "2 alive"},
		{"one dead", quarantine.Status{Workers: []quarantine.Worker{alive, dead}}, []level{levelWarn}, "1 dead"},
		{"held and nobody serves it", quarantine.Status{
			Workers:       []quarantine.Worker{alive},
			Subscriptions: []quarantine.SubscriptionStatus{{Name: "orders", Counts: held}, {Name: "idle"}, {Name: "well", Counts: held, Workers: 1}},
		}, []level{levelOK, levelWarn}, "orders"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantFindings(t, workers(tt.status), tt.want, tt.says)
		})
	}
}

func TestDoctor_Clocks(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	heard := func(ago time.Duration, alive bool) quarantine.Status {
		return quarantine.Status{At: now, Workers: []quarantine.Worker{{Heard: now.Add(-ago), Alive: alive}}}
	}
	tests := []struct {
		name   string
		status quarantine.Status
		want   level
		says   string
	}{
		{"nobody", quarantine.Status{At: now}, levelOK, "no living worker"},
		{"only a dead one", heard(time.Hour, false), levelOK, "no living worker"},
		{"just now", heard(time.Second, true), levelOK, "1s ago"},
		{"a little ahead", heard(-time.Second, true), levelOK, "0s ago"},
		{"ahead", heard(-time.Minute, true), levelWarn, "1m0s ahead"},
		{"silent", heard(time.Minute, true), levelWarn, "stuck"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantFindings(t, []finding{clocks(tt.status)}, []level{tt.want}, tt.says)
		})
	}
}

func TestDoctor_Spool(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files []string
		want  level
		says  string
	}{
		{"never made", nil, levelOK, "empty"},
		{"waiting", []string{"w-1/entry-1.spool", "w-2/attempt-1.spool", "w-2/.tmp-3"}, levelWarn, "2 records"},
		{"set aside", []string{"w-1/entry-1.spool", "w-1/entry-2.spool.bad"}, levelFail, "1 record"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, f := range tt.files {
				path := filepath.Join(config.SpoolDir(dir), f)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			d := &doctor{settings: config.Settings{DataDir: dir}}
			wantFindings(t, []finding{d.spool()}, []level{tt.want}, tt.says)
		})
	}
}

func TestDoctor_Notices(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	waits := func(d time.Duration, holder string) quarantine.NoticeStats {
		return quarantine.NoticeStats{Due: 2, Oldest: now.Add(-d), Holder: holder, Led: now.Add(-time.Hour)}
	}
	trouble := waits(time.Second, "n-1")
	trouble.Troubled, trouble.Trouble = 1, "channel_not_found"
	tests := []struct {
		name  string
		stats quarantine.NoticeStats
		want  level
		says  string
	}{
		{"never", quarantine.NoticeStats{Due: 3, Oldest: now.Add(-time.Hour)}, levelOK, "no notifier has run"},
		{"all told", quarantine.NoticeStats{Led: now, Holder: "n-1"}, levelOK, "all is told; n-1 is the notifier"},
		{"all told and gone", quarantine.NoticeStats{Led: now.Add(-time.Hour)}, levelOK, "the last was there 1h ago"},
		{"a moment ago", waits(5*time.Minute, "n-1"), levelOK, "2 notices wait to be told, the oldest for 5m; n-1"},
		{"too long", waits(301*time.Second, "n-1"), levelWarn, "n-1 is the notifier"},
		{"too long and gone", waits(10*time.Minute, ""), levelWarn, "no notifier runs"},
		{"trouble", trouble, levelWarn, "1 could not be told: channel_not_found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantFindings(t, []finding{noticesOf(tt.stats, now)}, []level{tt.want}, tt.says)
		})
	}
}

func TestDoctor_Suspects(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	waiting := func(ages ...time.Duration) overview {
		st := overview{Status: quarantine.Status{At: now}}
		for _, d := range ages {
			st.waiting = append(st.waiting, quarantine.Suspect{Crash: "C-4M2P", Subscription: "orders", MessageID: "m-1", ReportedAt: now.Add(-d)})
		}
		return st
	}
	tests := []struct {
		name   string
		status overview
		want   level
		says   string
	}{
		{"none", waiting(), levelOK, "nobody"},
		{"a moment ago", waiting(time.Minute, time.Second), levelOK, "2 messages wait to run alone, the oldest for 1m"},
		{"too long", waiting(61*time.Second, time.Second), levelWarn, "C-4M2P, message m-1 of orders"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantFindings(t, []finding{suspects(tt.status)}, []level{tt.want}, tt.says)
		})
	}
}

func TestDoctor_Deaths(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]time.Duration
		want  level
		says  string
	}{
		{"never made", nil, levelOK, "no crash record"},
		{"just came", map[string]time.Duration{"a.crash": time.Second, "b.crash.tmp": time.Hour}, levelOK, "1 crash record"},
		{"left", map[string]time.Duration{"a.crash": time.Hour, "b.crash": time.Second, "notes.txt": time.Hour}, levelWarn, "2 crash records"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			state := config.GuardianDir(data)
			for name, age := range tt.files {
				path := filepath.Join(state, "deaths", name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
					t.Fatal(err)
				}
			}
			tool := &Tool{now: time.Now}
			byData := &doctor{t: tool, settings: config.Settings{DataDir: data}}
			byName := &doctor{t: tool, state: state}
			wantFindings(t, []finding{byData.deaths()}, []level{tt.want}, tt.says)
			wantFindings(t, []finding{byName.deaths()}, []level{tt.want}, state)
		})
	}
}

// wantFindings checks the levels, that something is said, and that all but ok have a fix.
func wantFindings(t *testing.T, got []finding, want []level, says string) {
	t.Helper()
	text := ""
	for i, f := range got {
		if i >= len(want) || f.Level != want[i] {
			t.Errorf("found %+v, want levels %v", got, want)
			return
		}
		if (f.Level == levelOK) != (f.Fix == "") {
			t.Errorf("%+v: a fix exactly where something is not well", f)
		}
		text += f.Text + "\n"
	}
	if len(got) != len(want) || !strings.Contains(text, says) {
		t.Errorf("found %+v, want levels %v and %q", got, want, says)
	}
}

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/signals"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

// metricsVariable makes the test binary a guarded worker with a metrics role: its directory, and
// "exits" or "returns" for a worker that never starts, with | between them.
const metricsVariable = "E2E_METRICS_WORKER"

// goodMessages is how many each worker is given; the first is given poison, too.
const goodMessages = 20

// measuredWorker is the whole program.
func measuredWorker(spec string) error {
	dir, way, _ := strings.Cut(spec, "|")
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker", Slots: 32}, {Name: "metrics"}},
		StateDir: filepath.Join(dir, "g"), StopTimeout: 10 * time.Second, Logger: log, Build: "v7",
	}
	sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
		if string(m.Data) == "poison" {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			<-ctx.Done()
		}
		return nil
	})}
	return guardian.Run(context.Background(), cfg, func(ctx context.Context, role guardian.Role) error {
		switch {
		case role.Ward:
			return ward.Serve(ctx, role, ward.ServeConfig{}, sub)
		case role.Name == "worker" && way == "exits":
			os.Exit(1)
		case role.Name == "worker" && way == "returns":
			return errors.New("a setting is missing")
		}
		store, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: filepath.Join(dir, "quarantine.db")})
		if err != nil {
			return err
		}
		defer func() { _ = store.Close() }()
		whose := signals.Config{
			Environ: os.Environ(), Service: "e2e", Role: role.Name, Incarnation: role.Incarnation, Dir: filepath.Join(dir, "m"), Logger: log,
		}
		if role.Name == "metrics" {
			return measure(ctx, role, store, whose, dir)
		}
		return workMeasured(ctx, role, store, whose, sub, dir)
	})
}

func measure(ctx context.Context, role guardian.Role, store quarantine.Store, whose signals.Config, dir string) error {
	service, err := quarantine.New(store, quarantine.Config{})
	if err != nil {
		return err
	}
	whose.Metrics = telemetry.MetricsConfig{Store: signals.StoreOf(service), StoreEvery: 200 * time.Millisecond}
	return signals.Serve(ctx, signals.ServeConfig{
		Config: whose, Listen: "127.0.0.1:0", Deaths: role.DeathsDir(), Roles: []string{"worker"},
		Serving: func(url string) {
			_ = os.WriteFile(filepath.Join(dir, "url.new"), []byte(fmt.Sprint(os.Getpid(), " ", url)), 0o600)
			_ = os.Rename(filepath.Join(dir, "url.new"), filepath.Join(dir, "url"))
			role.Ready()
		},
	})
}

func workMeasured(ctx context.Context, role guardian.Role, store quarantine.Store, whose signals.Config, sub consumer.Subscription, dir string) error {
	var roster consumer.Roster
	service, err := quarantine.New(store, quarantine.Config{Worker: quarantine.Worker{Name: "worker", Subscriptions: []string{"orders"}}})
	if err != nil {
		return err
	}
	whose.Metrics = telemetry.MetricsConfig{System: "nats", Consumers: roster.Stats, Process: signals.ProcessOf(service, nil)}
	numbers, err := signals.Start(ctx, whose)
	if err != nil {
		return err
	}
	defer func() { _ = numbers.Close(ctx) }()
	wards, err := ward.Open(role, ward.Config{Docket: service, OnCrash: numbers.OnCrash})
	if err != nil {
		return err
	}
	source := consumertest.NewSource(consumertest.Script{})
	c, err := consumer.New(source, sub, consumer.Config{
		Guard: wards, Quarantine: service, MaxRunning: 32, Roster: &roster, Observer: numbers.Observer(), Build: "v7",
	})
	if err != nil {
		return err
	}
	for n := range goodMessages {
		source.Publish(handlers.Message{ID: fmt.Sprint(role.Incarnation, n), Data: []byte("good")})
	}
	poison := func(ctx context.Context) error {
		if os.Mkdir(filepath.Join(dir, "poisoned"), 0o700) == nil && untilTold(ctx, dir) {
			source.Publish(handlers.Message{ID: "poison", Data: []byte("poison")})
		}
		<-ctx.Done()
		return nil
	}
	return consumer.RunBeside(ctx, consumer.Beside{
		Run:   []func(context.Context) error{service.Run, wards.Run, numbers.Run, poison},
		Ready: service.Ready(), Began: role.Ready,
	}, c)
}

// told is the file that the test makes when it has seen the first worker's numbers: those of its last
// second may die with it.
const told = "told"

// untilTold waits for that file.
func untilTold(ctx context.Context, dir string) bool {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if _, err := os.Stat(filepath.Join(dir, told)); err == nil {
			return true
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
}

// numbersAt reads what is served: the values of all series.
func numbersAt(ctx context.Context, dir string) (pid int, all map[string]float64, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "url"))
	if err != nil {
		return 0, nil, err
	}
	number, url, _ := strings.Cut(string(text), " ")
	pid, err = strconv.Atoi(number)
	if err != nil {
		return 0, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return pid, nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return pid, nil, err
	}
	page, err := io.ReadAll(answer.Body)
	err = errors.Join(err, answer.Body.Close())
	all = make(map[string]float64)
	for line := range strings.Lines(string(page)) {
		at := strings.LastIndexByte(line, ' ')
		if value, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64); err == nil && line[0] != '#' {
			all[line[:at]] = value
		}
	}
	return pid, all, err
}

// TestMetrics_WorkerDies_NumbersGoOn: a worker and two wards die, and then the metrics role itself; what
// was told once never becomes less, and every death is counted once.
func TestMetrics_WorkerDies_NumbersGoOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startGuarded(t, metricsVariable, dir)
	const (
		acked   = `theriac_decisions_total{decision="ack",subscription="orders"}`
		silent  = `theriac_crashes_total{alone="false",kind="unknown",trace="false",verdict="suspects"}`
		alone   = `theriac_crashes_total{alone="true",kind="unknown",trace="false",verdict="suspects"}`
		held    = `theriac_held{reason="crashed",role="metrics",subscription="orders"}`
		taken   = `theriac_quarantined_total{reason="crashed",subscription="orders"}`
		died    = `theriac_ward_runs_total{outcome="died",subscription="orders"}`
		contain = `theriac_time_to_contain_seconds_count{trace="false"}`
		named   = `theriac_time_to_name_seconds_count{trace="false"}`
	)
	var most map[string]float64
	var pid int
	look := func() map[string]float64 {
		p, now, err := numbersAt(t.Context(), dir)
		if err != nil {
			return nil // not yet, or being replaced
		}
		pid = p
		for series, before := range most {
			if strings.Contains(series, "_total") && now[series] < before {
				t.Fatalf("%s fell from %v to %v", series, before, now[series])
			}
		}
		most = now
		return now
	}
	waitFor(t, func() bool { return look()[acked] == goodMessages })
	check(t, os.WriteFile(filepath.Join(dir, told), nil, 0o600))
	waitFor(t, func() bool {
		n := look()
		return n[acked] == 2*goodMessages && n[silent] == 1 && n[alone] == 2 && n[held] == 1 && n[taken] == 1 && n[died] == 2 &&
			n[contain] == 1 && n[named] == 1
	})
	first := pid
	role, err := os.FindProcess(first)
	check(t, err)
	check(t, role.Signal(syscall.SIGKILL))
	waitFor(t, func() bool {
		n := look()
		return pid != first && n[acked] == 2*goodMessages && n[`theriac_role_up{role="worker"}`] == 1 && n[held] == 1 && n[alone] == 2
	})
}

// TestMetrics_WorkerNeverStarts_IsTold although nobody lives who could: its deaths are counted, and where
// it ends in order, with an error, its role is not up.
func TestMetrics_WorkerNeverStarts_IsTold(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"exits", "returns"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			startGuarded(t, metricsVariable, dir, way)
			waitFor(t, func() bool {
				_, n, err := numbersAt(t.Context(), dir)
				up, told := n[`theriac_role_up{role="worker"}`]
				deaths := n[`theriac_crashes_total{alone="false",kind="unknown",trace="false",verdict="nobody"}`]
				return err == nil && told && up == 0 && (deaths > 3 || way == "returns")
			})
		})
	}
}

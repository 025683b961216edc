package incidentd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident/incidentclock"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// lockedLog is a log that a test reads while it is written.
type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	for !so() {
		select {
		case <-ticker.C:
		case <-late.C:
			t.Fatalf("it never happened: %s", what)
		}
	}
}

func programOf(t *testing.T) (program, *lockedLog) {
	t.Helper()
	dir, log := t.TempDir(), &lockedLog{}
	return program{
		settings: config.Settings{DataDir: dir, Store: config.Endpoint{Kind: config.SQLite, Address: filepath.Join(dir, "theriac.db"), Own: true}},
		log:      slog.New(slog.NewTextHandler(log, nil)),
	}, log
}

// TestWatchQuarantine_TellsInSlackOnceThereIsOne: with no worker alive, and with a workspace that comes
// after the clock.
func TestWatchQuarantine_TellsInSlackOnceThereIsOne(t *testing.T) {
	t.Parallel()
	p, log := programOf(t)
	stores := incidenttest.NewStore(incidenttest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var group runner.Group
	group.Go(func() {
		if err := p.watchQuarantine(ctx, stores); err != nil {
			t.Error(err)
		}
	})
	defer group.Wait()
	defer cancel()
	room, closeRoom, err := p.openRoom(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeRoom()
	if _, err := room.Quarantine(t.Context(), "orders", handlers.Message{ID: "m-1", PublishedAt: time.Unix(1, 0)}, handlers.Evidence{
		Reason: handlers.ReasonFailed, Totals: handlers.Totals{Failures: 3},
	}); err != nil {
		t.Fatal(err)
	}
	// Incidents hear of it without any Slack.
	eventually(t, "a row in the inbox", func() bool {
		waiting, err := stores.Unpublished(t.Context(), 10)
		return err == nil && len(waiting) == 1
	})

	slack, err := slackfake.Start(t.Context(), slackfake.Config{Channels: []slackfake.Channel{{ID: quarantineRoom, Name: quarantineName}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := slack.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := p.tellWorkspace(workspace{URL: slack.URL(), APIURL: slack.APIURL(), Token: slack.Token(), AppToken: slack.AppToken(), Team: slack.Team()}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a message in the room", func() bool {
		said := slack.Messages(quarantineRoom)
		return len(said) == 1 && strings.HasPrefix(said[0].Text, "CONTAINED orders: 1 message held")
	})
	if slack.Sockets() != 0 {
		t.Error("the clock takes clicks")
	}
	if strings.Contains(log.String(), "ERROR") {
		t.Errorf("the log says %s", log)
	}
}

// TestTellNotices_ADeadSlackEndsNothing: neither one that never answers nor settings that cannot be.
func TestTellNotices_ADeadSlackEndsNothing(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]config.Notices{
		"it answers nobody":    {SlackToken: "xoxb-1", SlackChannel: "C1", SlackAPI: "http://127.0.0.1:1/api/", SlackTeam: "T1"},
		"settings that cannot": {SlackToken: "xoxb-1", SlackChannel: "C1", SlackTeam: "T1", SlackUsers: []config.SlackUser{{ID: "ana", Name: "ana", Role: "king"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, log := programOf(t)
			p.incident.Notices = told
			room, err := quarantine.New(quarantinetest.NewStore(), quarantine.Config{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			var group runner.Group
			group.Go(func() { ended <- p.tellNotices(ctx, room) })
			defer group.Wait()
			defer cancel()
			if _, err := room.Quarantine(t.Context(), "orders", handlers.Message{ID: "m-1", PublishedAt: time.Unix(1, 0)}, handlers.Evidence{Reason: handlers.ReasonFailed}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a word in the log", func() bool {
				return strings.Contains(log.String(), "nobody is told") || strings.Contains(log.String(), "was not told")
			})
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if strings.Contains(log.String(), told.SlackToken) {
				t.Errorf("the log has the token: %s", log)
			}
		})
	}
}

func TestLateRoom_IsAskedForUntilItIsThere(t *testing.T) {
	t.Parallel()
	store := quarantinetest.NewStore()
	there, opened, closed := false, 0, 0
	late := newLateRoom(func(context.Context) (*quarantine.Service, func(), error) {
		if !there {
			return nil, nil, errors.New("no connection")
		}
		opened++
		room, err := quarantine.New(store, quarantine.Config{})
		return room, func() { closed++ }, err
	})
	if all, err := late.controls(t.Context()); err == nil {
		t.Errorf("it says %v", all)
	}
	there = true
	room, err := late.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := room.Pause(t.Context(), "orders", time.Hour, by("ana")); err != nil {
		t.Fatal(err)
	}
	if _, err := room.Shed(t.Context(), handlers.ShedNonCritical, 0, by("ben")); err != nil {
		t.Fatal(err)
	}
	all, err := late.controls(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("it says %v, %v", all, err)
	}
	if c := all[0]; c.Headline() != "non-critical work is held back" || c.By != "ben" || c.Version != 2 || !c.Until.IsZero() {
		t.Errorf("the first is %+v", c)
	}
	if c := all[1]; c.Headline() != "orders is paused" || c.Reason != "because of ana" || c.Until.Sub(c.Since) != time.Hour {
		t.Errorf("the second is %+v", c)
	}
	store.Fail(errors.New("away"))
	if _, err := late.controls(t.Context()); err == nil {
		t.Error("a store that is away has no orders")
	}
	late.close()
	if opened != 1 || closed != 1 {
		t.Errorf("opened %d times, closed %d times", opened, closed)
	}
}

// Whether a worker lives is proven by the store, whoever asks.
func TestLateRoom_KnowsWhoIsServed(t *testing.T) {
	t.Parallel()
	store := quarantinetest.NewStore()
	late := newLateRoom(func(context.Context) (*quarantine.Service, func(), error) {
		room, err := quarantine.New(store, quarantine.Config{})
		return room, func() {}, err
	})
	served := func(want bool, when string) {
		t.Helper()
		if got, err := late.served(t.Context(), "slack"); err != nil || got != want {
			t.Errorf("%s: %t, %v", when, got, err)
		}
	}
	served(false, "before a worker is there")
	if _, err := store.Join(t.Context(), quarantine.Worker{Name: "other", Subscriptions: []string{"clock"}}); err != nil {
		t.Fatal(err)
	}
	served(false, "with a worker of something else")
	m, err := store.Join(t.Context(), quarantine.Worker{Name: "worker", Subscriptions: []string{"clock", "slack"}})
	if err != nil {
		t.Fatal(err)
	}
	served(true, "with its worker")
	store.Kill(m)
	served(false, "when its worker has died")
	store.Fail(errors.New("away"))
	if _, err := late.served(t.Context(), "slack"); err == nil {
		t.Error("a store that is away proves something")
	}
}

// What a worker asks of the room is answered, and its desk can be closed.
func TestFurnish_HasARoom(t *testing.T) {
	t.Parallel()
	p, _ := programOf(t)
	p.incident = config.Incident{
		Store:   config.Endpoint{Kind: config.SQLite, Address: filepath.Join(t.TempDir(), "incidents.db"), Own: true},
		Notices: config.Notices{SlackToken: "xoxb-1", SlackAPI: "http://127.0.0.1:1/api/", SlackTeam: "T1"},
	}
	desk, err := p.openDesk(t.Context(), classCritical)
	if err != nil {
		t.Fatal(err)
	}
	if served, err := desk.room.served(t.Context(), "slack"); err != nil || served {
		t.Errorf("served: %t, %v", served, err)
	}
	desk.close()
}

// Somebody who opens a room that does not answer keeps nobody waiting longer than they can.
func TestLateRoom_NobodyWaitsForEver(t *testing.T) {
	t.Parallel()
	opening, answer := make(chan struct{}), make(chan struct{})
	late := newLateRoom(func(context.Context) (*quarantine.Service, func(), error) {
		close(opening)
		<-answer
		return nil, nil, errors.New("no connection")
	})
	var group runner.Group
	group.Go(func() { _, _ = late.get(t.Context()) })
	<-opening
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := late.served(ctx, "slack"); !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	close(answer)
	group.Wait()
}

// What a worker opened for its handlers is closed again, also when nobody asked the quarantine for anything.
func TestOpenDesk_IsClosed(t *testing.T) {
	t.Parallel()
	p, _ := programOf(t)
	p.incident.Store = config.Endpoint{Kind: config.SQLite, Address: filepath.Join(p.settings.DataDir, "incidents.db"), Own: true}
	p.incident.Notices = config.Notices{SlackToken: "xoxb-1", SlackAPI: "http://127.0.0.1:1/api/"}
	for _, class := range []string{classCritical, classNonCritical} {
		d, err := p.openDesk(t.Context(), class)
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		var group runner.Group
		group.Go(func() { d.close(); close(closed) })
		eventually(t, "the desk of "+class+" is closed", func() bool {
			select {
			case <-closed:
				return true
			default:
				return false
			}
		})
	}
}

// TestAlarmer_Backup: what the workflow has for it goes out once, and what reached nobody is in doubt.
func TestAlarmer_Backup(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	dir := t.TempDir()
	a, err := newAlarmer(config.Incident{AlarmFile: filepath.Join(dir, "alarms.log")}, filepath.Join(dir, "alarms.told"), &said)
	if err != nil {
		t.Fatal(err)
	}
	alarm := workflow.Alarm{Key: "backup:e1", Ref: "INC-1", Title: "nobody answered: INC-1", Detail: "Everybody was called.", At: time.Unix(1, 0)}
	for range 2 {
		if err := a.backup(t.Context(), alarm); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(said.String(), `"alarm":"nobody answered: INC-1"`); n != 1 {
		t.Errorf("it was said %d times: %s", n, &said)
	}
	a.file = t.TempDir() // it cannot be written
	alarm.Key = "backup:e2"
	err = a.backup(t.Context(), alarm)
	var trouble *workflow.TroubleError
	if !errors.As(err, &trouble) {
		t.Errorf("it says %v", err)
	}
	if err := a.Raise(t.Context(), incidentclock.Alarm{Subject: "backup:e2"}); err != nil {
		t.Errorf("what was said is said again: %v", err)
	}
}

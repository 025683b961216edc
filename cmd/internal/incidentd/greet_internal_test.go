package incidentd

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/incident/incidentweb"
)

// The first admin token is shown once, however many web processes begin at the same moment, and works.
func TestSettle_OneTokenIsShownOnce(t *testing.T) {
	t.Parallel()
	svc, err := incident.NewService(incident.Config{Stores: incidenttest.NewStore(incidenttest.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	p := program{settings: config.Settings{DataDir: t.TempDir()}, hosts: true, log: slog.New(slog.DiscardHandler)}
	var mu sync.Mutex
	var shown []string
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			token, err := p.settle(context.WithoutCancel(t.Context()), svc)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if token != "" {
				shown = append(shown, token)
			}
		})
	}
	all.Wait()
	works := 0
	for _, token := range shown {
		if _, err := svc.Stores().TokenByHash(t.Context(), incidentweb.HashToken(token)); err == nil {
			works++
		}
	}
	if works != 1 {
		t.Errorf("%d tokens were shown, of which %d work", len(shown), works)
	}
	token, err := p.settle(t.Context(), svc)
	if err != nil || token != "" {
		t.Errorf("a later start shows %q, %v", token, err)
	}
	if _, err := svc.Stores().Person(t.Context(), "ana"); err != nil {
		t.Errorf("nobody knows the people of the workspace of this machine: %v", err)
	}
}

// A part that runs by itself, without Slack, has no workspace: it makes up nobody who may do everything and is
// called for everything.
func TestSettle_APartByItself_MakesUpNobody(t *testing.T) {
	t.Parallel()
	svc, err := incident.NewService(incident.Config{Stores: incidenttest.NewStore(incidenttest.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p := program{settings: config.Settings{DataDir: t.TempDir()}, out: &out, log: slog.New(slog.DiscardHandler)}
	token, err := p.settle(t.Context(), svc)
	if err != nil || token == "" {
		t.Fatalf("it shows %q, %v", token, err)
	}
	people, err := svc.Stores().People(t.Context())
	settings, errSettings := svc.Stores().Settings(t.Context())
	if err != nil || errSettings != nil || len(people) != 0 || settings.Version != 0 {
		t.Errorf("it knows %v, settings of version %d: %v, %v", people, settings.Version, err, errSettings)
	}
	if p.greet(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}, token); strings.Contains(out.String(), "Slack") {
		t.Errorf("it says:\n%s", out.String())
	}
}

func TestGreet_SaysWhereAndShowsTheTokenOnce(t *testing.T) {
	t.Parallel()
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	for token, times := range map[string]int{"thr_secret": 2, "": 0} {
		var out bytes.Buffer
		p := program{out: &out, settings: config.Settings{DataDir: "theriac-data"}}
		p.greet(at, token)
		if got := strings.Count(out.String(), "thr_"); got != times || !strings.Contains(out.String(), "http://127.0.0.1:8080") {
			t.Errorf("it says:\n%s", out.String())
		}
	}
}

// Processes of one data directory agree on the key of links, whoever of them makes it.
func TestLinkKey_IsOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := make([]string, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := program{settings: config.Settings{DataDir: dir}}.linkKey()
			if err != nil {
				t.Error(err)
			}
			keys[i] = string(key)
		})
	}
	all.Wait()
	for _, key := range keys {
		if len(key) != linkKeySize || key != keys[0] {
			t.Fatal("processes of one directory sign with different keys")
		}
	}
	given, err := program{incident: config.Incident{LinkKey: "shared by all machines"}}.linkKey()
	if err != nil || len(given) != linkKeySize || string(given) == keys[0] {
		t.Errorf("the given key: %d bytes, %v", len(given), err)
	}
}

package incidentd

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
)

// What is typed wrong is refused at once, with code 2 and the way to help, and starts nothing.
func TestMain_WhatIsTypedWrongIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for line, says := range map[string]string{
		"nope":                      `unknown command "nope"; see: incidentd --help`,
		"all more":                  `unknown command "more"; see: incidentd all --help`,
		"all --listen foo":          `--listen "foo": want HOST:PORT`,
		"web --listen foo":          `--listen "foo": want HOST:PORT`,
		"all --slack-listen 8081":   `--slack-listen "8081": want HOST:PORT`,
		"worker":                    "needs a class",
		"all --data-dir /dev/null/": "the data directory cannot be made",
	} {
		var out, errs bytes.Buffer
		args := strings.Fields(line)
		if !strings.Contains(line, "--data-dir") {
			args = append(args, "--data-dir", dir)
		}
		if code := Main(args, nil, &out, &errs); code != 2 || !strings.Contains(errs.String(), says) {
			t.Errorf("%s: code %d, %s", line, code, errs.String())
		}
	}
}

// logged is a buffer that may be read while it is written.
type logged struct{ lines chan string }

func (l logged) Write(p []byte) (int, error) {
	l.lines <- string(p)
	return len(p), nil
}

// An address that is taken is said at once, not only after the patience has ended.
func TestListen_SaysAtOnceThatTheAddressIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	said := logged{make(chan string, 10)}
	p := program{incident: config.Incident{Listen: taken.Addr().String()}, log: newLog(said, config.LogJSON)}
	ctx, cancel := context.WithCancel(t.Context())
	var bound sync.WaitGroup
	bound.Go(func() {
		listener, err := p.listen(ctx)
		if err == nil {
			t.Error("it was bound twice", listener.Close())
		}
	})
	if line := <-said.lines; !strings.Contains(line, "not free") || !strings.Contains(line, taken.Addr().String()) {
		t.Errorf("it says %s", line)
	}
	cancel()
	bound.Wait()
	if err := taken.Close(); err != nil {
		t.Error(err)
	}
}

func TestNewLog_WritesDurationsAsPeopleDo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	newLog(&out, config.LogJSON).Info("role is ready", "after", 63*time.Millisecond)
	var line struct {
		After string `json:"after"`
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.After != "63ms" {
		t.Errorf("%s: %v", out.String(), err)
	}
}

// On a terminal the log is for who watches: no braces, no date, nothing that each line repeats. What comes
// from outside cannot break a line.
func TestNewLog_TextIsForPeople(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	newLog(&out, config.LogText).With("role", "web").Info("role is ready", "after", 63*time.Millisecond, "name", "a\x1b[2J\nb")
	want := regexp.MustCompile(`^time=\d\d:\d\d:\d\d level=INFO msg="role is ready" role=web after=63ms name="a\\x1b\[2J\\nb"\n$`)
	if !want.Match(out.Bytes()) {
		t.Errorf("it reads %q", &out)
	}
}

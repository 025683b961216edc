package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/bus"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
)

// The roles of the service that tests kill.
const (
	critical    = "worker-critical"
	nonCritical = "worker-non-critical"
	clock       = "clock"
)

// service is one incidentd with everything in it, that runs in processes of its own.
type service struct {
	dir, store string
	api        api
	slack      *slackfake.Server
	pages      *hook // who is called
	backup     *hook // what the backup notifier says
	said       *log
}

// start starts incidentd, the embedded store and broker in it unless store is another one, with a Slack
// workspace of the test's own and the people and settings that all scenarios have. It ends with the
// test.
func start(t *testing.T, store string) *service {
	t.Helper()
	s := &service{dir: t.TempDir(), store: store, said: newLog(), pages: newHook(t), backup: newHook(t)}
	s.slack = startSlack(t)
	s.incidentd(t, "all", s.said)
	greeting := s.said.await(t, regexp.MustCompile(`answers at (http://\S+)(?s:.*)(thr_[0-9a-f]+)\n`))
	s.api = api{base: greeting[1], token: greeting[2]}
	s.furnish(t)
	for _, role := range []string{critical, nonCritical, clock} {
		s.said.awaitReady(t, role)
	}
	return s
}

// another starts another web process beside the first, and returns its address.
func (s *service) another(t *testing.T) (base string) {
	t.Helper()
	said := newLog()
	s.incidentd(t, "web", said)
	return said.await(t, regexp.MustCompile(`answers at (http://\S+)\n`))[1]
}

// incidentd starts a part of the service.
func (s *service) incidentd(t *testing.T, part string, said *log) {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	cmd := exec.Command(self, part, "--data-dir", s.dir, "--listen", "127.0.0.1:0")
	if s.store != "" {
		cmd.Args = append(cmd.Args, "--store", s.store)
	}
	cmd.Env = append(os.Environ(), serviceVariable+"=yes", "THERIAC_GUARDIAN=on", "THERIAC_CONTEXT=", "THERIAC_STORE=", "THERIAC_BROKER=",
		"HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "GORACE=atexit_sleep_ms=0", "OTEL_EXPORTER_PROMETHEUS_PORT=0",
		"THERIAC_CRITICAL="+orders, "THERIAC_SLACK_TOKEN="+s.slack.Token(), "THERIAC_SLACK_APP_TOKEN="+s.slack.AppToken(),
		"THERIAC_SLACK_SIGNING_SECRET="+s.slack.SigningSecret(), "THERIAC_SLACK_API_URL="+s.slack.APIURL(), "THERIAC_SLACK_TEAM="+s.slack.Team(), "THERIAC_SLACK_CHANNEL="+opsRoom,
		"THERIAC_WEBHOOK_URL="+s.pages.URL, "THERIAC_WEBHOOK_SECRET="+hookSecret,
		"THERIAC_BACKUP_WEBHOOK_URL="+s.backup.URL, "THERIAC_BACKUP_WEBHOOK_SECRET="+hookSecret,
		"THERIAC_ALARM_FILE="+s.alarmFile())
	run(t, cmd, said)
}

// run starts a guarded program and ends it, in order, with the test.
func run(t *testing.T, cmd *exec.Cmd, said *log) {
	t.Helper()
	cmd.Stdout, cmd.Stderr = said, said
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the guardian ended with %v", err)
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Args[1:], said.String())
		}
	})
}

func (s *service) alarmFile() string { return filepath.Join(s.dir, "alarms.log") }

// alarms are what the backup notifier told of a subject that contains the words.
func (s *service) alarms(t *testing.T, words string) (found []string) {
	t.Helper()
	text, err := os.ReadFile(s.alarmFile())
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, words) {
			found = append(found, line)
		}
	}
	return found
}

// kill ends the process of a role as the kernel does when memory is short, and returns its pid once the
// next one was started.
func (s *service) kill(t *testing.T, role string) int {
	t.Helper()
	pid := s.said.pid(role)
	check(t, syscall.Kill(pid, syscall.SIGKILL))
	s.said.until(t, "the next "+role+" was started", func() bool { return s.said.last(role) != pid })
	return pid
}

// settings are those of the service, for what tests do beside it.
func (s *service) settings(t *testing.T) config.Settings {
	t.Helper()
	settings, err := config.Load(config.Flags{DataDir: s.dir, Store: s.store}, []string{"HOME=" + s.dir})
	check(t, err)
	return settings
}

// room opens the service's quarantine, as the command line does.
func (s *service) room(t *testing.T) *quarantine.Service {
	t.Helper()
	store, closer, err := app.OpenStore(t.Context(), s.settings(t).Store)
	check(t, err)
	t.Cleanup(func() { check(t, closer.Close()) })
	room, err := quarantine.New(store, quarantine.Config{})
	check(t, err)
	return room
}

// bus connects to the service's broker.
func (s *service) bus(t *testing.T) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{Broker: s.settings(t).Broker, Name: "acceptance"})
	check(t, err)
	t.Cleanup(b.Close)
	return b
}

// log takes what processes say, and knows what the guardian says of roles.
type log struct {
	mu     sync.Mutex
	text   bytes.Buffer
	rest   []byte
	pids   map[string][]int
	ready  map[string]int
	change chan struct{} // closed and replaced with each line
}

func newLog() *log {
	return &log{pids: map[string][]int{}, ready: map[string]int{}, change: make(chan struct{})}
}

// Write takes a piece of the output.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	l.rest = append(l.rest, p...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			break
		}
		l.rest = rest
		var entry struct {
			Msg, Role string
			PID       int
		}
		if json.Unmarshal(line, &entry) != nil {
			continue
		}
		switch entry.Msg {
		case "role started":
			l.pids[entry.Role] = append(l.pids[entry.Role], entry.PID)
		case "role is ready":
			l.ready[entry.Role] = entry.PID
		}
	}
	close(l.change)
	l.change = make(chan struct{})
	return len(p), nil
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// started is how often a role was started.
func (l *log) started(role string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pids[role])
}

// pid is the process of a role.
func (l *log) pid(role string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last(role)
}

// last is pid for those who hold the lock.
func (l *log) last(role string) int {
	if len(l.pids[role]) == 0 {
		return 0
	}
	return l.pids[role][len(l.pids[role])-1]
}

// await waits until what was said matches.
func (l *log) await(t *testing.T, pattern *regexp.Regexp) (match []string) {
	t.Helper()
	l.until(t, "it says "+pattern.String(), func() bool {
		match = pattern.FindStringSubmatch(l.text.String())
		return match != nil
	})
	return match
}

// awaitReady waits until a role is ready, in a process other than those.
func (l *log) awaitReady(t *testing.T, role string, not ...int) {
	t.Helper()
	l.until(t, role+" is ready", func() bool { return l.ready[role] != 0 && !slices.Contains(not, l.ready[role]) })
}

// rests waits until the last process of a role is ready or says that it rests first, and reports which.
func (l *log) rests(t *testing.T, role string) (rests bool) {
	t.Helper()
	l.until(t, role+" is ready or rests", func() bool {
		_, after, _ := strings.Cut(l.text.String(), fmt.Sprintf(`"role started","service":"incidentd","role":%q,"pid":%d`, role, l.last(role)))
		rests = strings.Contains(after, "it rests before it takes a message")
		return rests || l.ready[role] == l.last(role)
	})
	return rests
}

func (l *log) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		l.mu.Lock()
		ok, change := done(), l.change
		l.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-change:
		case <-late:
			t.Fatalf("after %s: not %s\n%s", patience, what, l)
		}
	}
}

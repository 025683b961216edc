package incidentdemo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

const (
	startWithin = 30 * time.Second
	stopWithin  = 20 * time.Second
	// keptLog is how much of the end of the service's log is shown when it fails.
	keptLog = 4 << 10
)

// service is a running `incidentd all`.
type service struct {
	command *exec.Cmd
	url     string
	token   string
	log     *tail
}

// startService starts this program again as the whole service, against the workspace.
func startService(ctx context.Context, dir string, environ []string, slack *slackfake.Server) (*service, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to run the service: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "incidentd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, problem.Errorf(problem.Unavailable, "keep the service's log: %w", err)
	}
	s := &service{log: &tail{to: file}}
	greeting := newGreeting()
	s.command = exec.CommandContext(ctx, self, "all", "--data-dir", dir, "--listen", "127.0.0.1:0", "--demo-orders")
	s.command.Env = append(environ,
		"THERIAC_SLACK_TOKEN="+slack.Token(), "THERIAC_SLACK_APP_TOKEN="+slack.AppToken(), "THERIAC_SLACK_API_URL="+slack.APIURL(),
		"THERIAC_SLACK_TEAM="+slack.Team(), "THERIAC_SLACK_CHANNEL="+opsChannel,
		"THERIAC_SLACK_USERS=U0ANA=ana:operator,U0BEN=ben:responder",
		"THERIAC_CRITICAL="+critical, "OTEL_EXPORTER_PROMETHEUS_PORT=0")
	s.command.Stdout, s.command.Stderr = greeting, s.log
	s.command.Cancel = func() error { return s.command.Process.Signal(syscall.SIGTERM) }
	s.command.WaitDelay = stopWithin
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start the service: %w", err)
	}
	return s, s.await(ctx, greeting)
}

// await waits until it said where it is.
func (s *service) await(ctx context.Context, g *greeting) error {
	timer := time.NewTimer(startWithin)
	defer timer.Stop()
	select {
	case <-g.whole:
		s.url, s.token = g.url, g.token
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return problem.Errorf(problem.Unavailable, "the service did not start; it said last:\n%s", s.log.text())
}

// stop ends it in order, and waits. A service that was never started has ended.
func (s *service) stop() (err error) {
	if s == nil {
		return nil
	}
	defer func() { err = errors.Join(err, s.log.to.Close()) }()
	if s.command.Process == nil {
		return nil
	}
	_ = s.command.Process.Signal(syscall.SIGTERM) // it may have ended
	err = s.command.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 0 {
		return nil
	}
	return err
}

// greeting reads what the service says on standard output: where it is, and its first token.
type greeting struct {
	url, token string
	whole      chan struct{}

	mu   sync.Mutex
	said bytes.Buffer
	once sync.Once
}

var (
	addressLine = regexp.MustCompile(`answers at (http://\S+)`)
	tokenLine   = regexp.MustCompile(`thr_[0-9a-f]{64}`)
)

func newGreeting() *greeting { return &greeting{whole: make(chan struct{})} }

// Write looks for both.
func (g *greeting) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.said.Write(p)
	text := g.said.String()
	address, token := addressLine.FindStringSubmatch(text), tokenLine.FindString(text)
	if address != nil && token != "" {
		g.once.Do(func() {
			g.url, g.token = address[1], token
			close(g.whole)
		})
	}
	return len(p), nil
}

// tail passes a log on to a file and keeps its end.
type tail struct {
	to io.WriteCloser

	mu  sync.Mutex
	end []byte
}

var _ io.Writer = (*tail)(nil)

// Write keeps the end.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	if len(t.end) > 2*keptLog {
		t.end = append([]byte(nil), t.end[len(t.end)-keptLog:]...)
	}
	return t.to.Write(p)
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.end[max(0, len(t.end)-keptLog):]))
}

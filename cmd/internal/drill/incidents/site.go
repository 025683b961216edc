package incidents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/drill/child"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
	"github.com/theriac/theriac/internal/notify/notifyfake"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

const (
	// slackLatency is what the fake Slack takes for each call.
	slackLatency = 20 * time.Millisecond
	// startPatience is how long the service may take to serve.
	startPatience = 60 * time.Second
	// tokens is how many bearer tokens the drill has: each may make 1,000 incidents at once and 100 a second.
	tokens = 40
	// announceRoom hears of all incidents.
	announceRoom = "C0INC"
	// source is where alerts come from, with sourceBearer.
	source, sourceBearer = "probe", "drill-probe"
	pagerKey             = "0123456789abcdef0123456789abcdef"
	team                 = "T0FAKE"
)

// The roles that are killed.
const (
	critical    = "worker-critical"
	nonCritical = "worker-non-critical"
	clockRole   = "clock"
	webRole     = "web"
)

// staff are the people of the drill; their users in Slack are U0 and their ids.
func staff() []string { return []string{"ana", "ben", "cleo", "dora", "emil", "faye"} }

func slackID(person string) string { return "U0" + strings.ToUpper(person) }

// layout is how a site is made.
type layout struct {
	executable string
	environ    []string
	engine     string
	// store is the address of a database of our own, "" for the embedded one.
	store string
	// allowance is how much of Slack's limits is used; above 1 for what is not about them.
	allowance float64
	// settle changes settings before the service starts, nil for none.
	settle func(*incident.Settings)
	// before fills the store before the service starts, nil for nothing.
	before func(ctx context.Context, s *site) error
}

// site is the whole service, made for one purpose and thrown away.
type site struct {
	layout
	dir     string
	slack   *slackfake.Server
	pager   *notifyfake.PagerDuty
	stores  incident.Stores // for looking
	process *child.Process
	journal *journal
	mu      sync.Mutex // of the journal
	client  *http.Client
	address string
	metrics string // where numbers would be asked for: two drills may run beside each other
	tokens  []string
	closers []func() error
}

// openSite starts everything and returns when all roles serve. On an error it is closed.
func openSite(ctx context.Context, l layout) (_ *site, err error) {
	s := &site{layout: l}
	if s.dir, err = os.MkdirTemp("", "theriac-drill-"); err != nil {
		return nil, problem.Errorf(problem.Unavailable, "make a temporary directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(), s.remove())
		}
	}()
	for _, step := range []func(context.Context) error{s.openWorld, s.openStore, s.start} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return s, s.awaitServing(ctx)
}

func (s *site) later(f func() error) { s.closers = append(s.closers, f) }

// close ends what was opened, the last first. It may be called again.
func (s *site) close() error {
	var errs []error
	for _, f := range slices.Backward(s.closers) {
		errs = append(errs, f())
	}
	s.closers = nil
	return errors.Join(errs...)
}

func (s *site) remove() error { return os.RemoveAll(s.dir) }

// openWorld opens what is outside of the service.
func (s *site) openWorld(ctx context.Context) (err error) {
	var users []slackfake.User
	for _, p := range staff() {
		users = append(users, slackfake.User{ID: slackID(p), Name: p})
	}
	s.slack, err = slackfake.Start(ctx, slackfake.Config{
		Team: team, Latency: slackLatency, Users: users, BotsUnarchive: true,
		Channels: []slackfake.Channel{{ID: announceRoom, Name: "incidents"}, {ID: "C0OPS", Name: "ops"}},
		Bounds:   slackfake.Bounds{Channels: 50_000, Messages: 20_000, Calls: 1_000_000},
	})
	if err != nil {
		return problem.Errorf(problem.Unavailable, "start a Slack: %w", err)
	}
	s.later(s.slack.Close)
	if s.pager, err = notifyfake.StartPagerDuty(ctx, pagerKey); err != nil {
		return problem.Errorf(problem.Unavailable, "start a pager: %w", err)
	}
	s.later(s.pager.Close)
	return nil
}

// openStore makes the store, and in it people, settings and tokens.
func (s *site) openStore(ctx context.Context) (err error) {
	at, err := config.ParseStore(s.storeURL(), s.dir)
	if err != nil {
		return err
	}
	if s.stores, err = app.OpenIncidents(ctx, config.IncidentStore(config.Settings{Store: at}), app.Write); err != nil {
		return err
	}
	s.later(s.stores.Close)
	for _, p := range staff() {
		if err := s.stores.SavePerson(ctx, incident.Person{ID: p, Name: strings.ToUpper(p[:1]) + p[1:], SlackID: slackID(p), Role: incident.Responder}); err != nil {
			return err
		}
	}
	for i := range tokens {
		text, hash := incidentweb.NewToken()
		name := "drill-" + strconv.Itoa(i+1)
		if err := s.stores.SaveToken(ctx, incident.Token{ID: name, Name: name, Hash: hash, Role: incident.Admin, Created: time.Now().UTC(), LastUsed: time.Now().UTC()}); err != nil {
			return err
		}
		s.tokens = append(s.tokens, text)
	}
	if err := s.saveSettings(ctx); err != nil {
		return err
	}
	if s.before != nil {
		return s.before(ctx, s)
	}
	return nil
}

// saveSettings says who is called when, and where it is announced. A level waits as short as a setting
// may say.
func (s *site) saveSettings(ctx context.Context) error {
	rules, err := s.stores.Settings(ctx)
	if err != nil {
		return err
	}
	minute := incident.Duration(time.Minute)
	level := func(p string) incident.Level {
		return incident.Level{Targets: []incident.Target{{Kind: incident.ToPerson, ID: p}}, Wait: minute}
	}
	rules.Announce = []incident.Announce{{Channel: announceRoom}}
	rules.Paths = []incident.Path{{ID: "all", Name: "All", Levels: []incident.Level{level("ana"), level("ben")}, Repeat: 1}}
	for i := range rules.Severities {
		rules.Severities[i].Path = "all"
	}
	sum := sha256.Sum256([]byte(sourceBearer))
	rules.Sources = []incident.Source{{
		ID: source, Kind: "generic", TokenHash: hex.EncodeToString(sum[:]), Default: "critical", Declare: true, Burst: 1000,
	}}
	if s.settle != nil {
		s.settle(&rules)
	}
	_, err = s.stores.SaveSettings(ctx, incident.Actor{Kind: incident.ByWorkflow, ID: "drill", Name: "drill"}, rules)
	return err
}

func (s *site) storeURL() string {
	if s.store != "" {
		return s.store
	}
	return "sqlite:" + config.StoreFile(s.dir)
}

// start starts the service.
func (s *site) start(ctx context.Context) (err error) {
	if s.address, err = freePort(ctx); err != nil {
		return err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext}
	s.client = &http.Client{Transport: transport, Timeout: 15 * time.Second}
	s.later(func() error { transport.CloseIdleConnections(); return nil })
	if s.metrics, err = freePort(ctx); err != nil {
		return err
	}
	log := filepath.Join(s.dir, "incidentd.log")
	cmd := exec.Command(s.executable, Subcommand, "all", "--data-dir", s.dir, "--store", s.storeURL(), "--listen", s.address) //nolint:noctx // it is stopped in order
	cmd.Env = s.environment()
	if s.process, err = child.Start(cmd, log, false); err != nil { // its first token stays unseen
		return fmt.Errorf("start the incident service: %w", err)
	}
	s.later(s.stop)
	if s.journal, err = openJournal(log); err != nil {
		return err
	}
	s.later(s.journal.file.Close)
	return nil
}

// stopWait is how long the service may take to end in order before it is killed.
const stopWait = 20 * time.Second

// stop ends the service, which may have ended before. How it ends is not what is drilled.
func (s *site) stop() error {
	_ = s.process.Stop(stopWait)
	return nil
}

// environment is this process's without its own settings, with the guardian on, and with the world of
// the drill.
func (s *site) environment() []string {
	env := []string{
		"THERIAC_GUARDIAN=on", "THERIAC_SLACK_TOKEN=" + s.slack.Token(), "THERIAC_SLACK_API_URL=" + s.slack.APIURL(),
		"THERIAC_SLACK_TEAM=" + team, "THERIAC_SLACK_CHANNEL=C0OPS", "THERIAC_SLACK_APP_TOKEN=" + s.slack.AppToken(),
		"THERIAC_SLACK_ALLOWANCE=" + strconv.FormatFloat(max(s.allowance, 1), 'f', -1, 64),
		"THERIAC_PAGERDUTY_KEY=" + pagerKey, "THERIAC_PAGERDUTY_URL=" + s.pager.URL(),
		"THERIAC_PUBLIC_URL=http://" + s.address,
		"OTEL_EXPORTER_PROMETHEUS_PORT=" + s.metrics[strings.LastIndex(s.metrics, ":")+1:],
	}
	for _, pair := range s.environ {
		if !strings.HasPrefix(pair, "THERIAC_") {
			env = append(env, pair)
		}
	}
	return env
}

// freePort returns an address of this machine that nobody listens at.
func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", problem.Errorf(problem.Unavailable, "find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// look reads what the guardian logged.
func (s *site) look() (roles, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.journal.read()
	return r.clone(), err
}

// awaitServing waits until all roles are ready, or those that are named.
func (s *site) awaitServing(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		names = []string{critical, nonCritical, clockRole, webRole}
	}
	err := await(ctx, startPatience, 20*time.Millisecond, func() (bool, error) {
		r, err := s.look()
		return !slices.ContainsFunc(names, func(name string) bool { return r.serving[name] == 0 }), err
	})
	if err != nil {
		return problem.Errorf(problem.Unavailable, "the incident service does not serve: %w%s", err, s.process.LastWords())
	}
	return nil
}

// kill kills the process of a role, whether it serves already or not. It reports whether there was one.
func (s *site) kill(role string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.journal.read()
	pid := r.started[role]
	if err != nil || pid == 0 {
		return false, err
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return false, err
	}
	s.journal.gone(role, pid) // the log says so a little later
	if err := process.Kill(); errors.Is(err, os.ErrProcessDone) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("kill %s: %w", role, err)
	}
	return true, nil
}

// errLate says that something did not happen in time.
var errLate = errors.New("it took too long")

// await asks again and again, until done says so.
func await(ctx context.Context, patience, every time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errLate)
	defer cancel()
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

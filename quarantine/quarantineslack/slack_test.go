package quarantineslack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/notify/notifyfake"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// workspace is the real thing as far as a machine without Slack goes: SQLite, the
// service, the client of Slack, clicks over signed HTTP, and a fake workspace.
type workspace struct {
	testing.TB
	ctx   context.Context
	store *quarantinelite.Store
	room  *quarantine.Service
	fake  *slackfake.Server
	n     *quarantineslack.Notifier
	log   *buffer
	ids   int
	close func()
}

// buffer is a log in memory.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newWorkspace opens all parts; the notifier runs until the test ends.
func newWorkspace(t testing.TB, cfg slackfake.Config, every time.Duration, change ...func(*quarantineslack.Config)) *workspace {
	t.Helper()
	w := &workspace{TB: t, ctx: t.Context(), log: &buffer{}}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	var err error
	w.store, err = quarantinelite.Open(w.ctx, quarantinelite.Config{Path: filepath.Join(t.TempDir(), "room.db")})
	w.must(err)
	w.room, err = quarantine.New(w.store, quarantine.Config{})
	w.must(err)
	w.fake, err = slackfake.Start(w.ctx, cfg)
	w.must(err)
	client, err := slackkit.New(slackkit.Config{Token: w.fake.Token(), APIURL: w.fake.APIURL(), PerChannel: every, Logger: log})
	w.must(err)
	c := quarantineslack.Config{
		Service: w.room, Client: client, Channel: "C0OPS", Links: "https://ops.example.com/theriac", Team: w.fake.Team(),
		Users: map[string]quarantineslack.User{
			"U0ANA": {Name: "ana", Role: quarantineslack.RoleOperator}, "U0BEN": {Name: "ben", Role: quarantineslack.RoleResponder}},
		Logger: log,
	}
	for _, f := range change {
		f(&c)
	}
	w.n, err = quarantineslack.New(c)
	w.must(err)
	verifier, err := slackkit.NewVerifier([]string{w.fake.SigningSecret()}, nil)
	w.must(err)
	clicks := slackkit.NewInteractions(slackkit.InteractionsConfig{
		Verifier: verifier, Client: client, Team: w.fake.Team(), Handle: w.n.Handle, Logger: log})
	server := httptest.NewServer(clicks)
	w.fake.SetRequestURL(server.URL)

	ctx, cancel := context.WithCancel(context.WithoutCancel(w.ctx))
	var group runner.Group
	group.Go(func() {
		if err := w.n.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	w.close = sync.OnceFunc(func() {
		cancel()
		group.Wait()
		clicks.Close(context.WithoutCancel(w.ctx))
		server.Close()
		client.Close()
		w.must(w.fake.Close())
		w.must(w.store.Close())
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	t.Cleanup(w.close)
	return w
}

func (w *workspace) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// hold holds a message that failed with the given error and panic.
func (w *workspace) hold(m handlers.Message, text, panicked string) quarantine.Entry {
	w.Helper()
	w.ids++
	if m.ID == "" {
		m.ID = fmt.Sprintf("m-%d", w.ids)
	}
	m.PublishedAt = published
	a := handlers.Attempt{
		Started: published, Ended: published.Add(time.Second), Outcome: handlers.OutcomeFailed, Class: handlers.ClassFailed,
		Errors: []handlers.ErrorLink{{Type: "*billing.DeclinedError", Text: text}}, Build: "v2.41.0", Worker: "w-1", Handler: "billing.Apply",
		Frames: []handlers.Frame{{Func: "example.com/billing.Apply", File: "handler.go", Line: 118}},
	}
	if panicked != "" {
		a.Outcome, a.Panic, a.Stack, a.Errors = handlers.OutcomePanicked, panicked, "goroutine 1 [running]:\n"+panicked, nil
	}
	ref, err := w.room.Quarantine(w.ctx, "orders", m, handlers.Evidence{
		Reason: handlers.ReasonFailed, Confidence: handlers.ConfidenceCertain, Attempt: a, Totals: handlers.Totals{Failures: 3}, Hint: text})
	w.must(err)
	e, err := w.room.EntryGet(w.ctx, quarantine.EntryKey{Ref: ref}, quarantine.GetOptions{})
	w.must(err)
	return e
}

// wait waits until the channel is as it should be.
func (w *workspace) wait(what string, done func(all []slackfake.Message) bool) []slackfake.Message {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second)
	defer cancel()
	err := w.fake.Wait(ctx, func() bool { return done(w.fake.Messages("C0OPS")) })
	if err != nil {
		w.Fatalf("%s: %v; the channel has %+v\n%s", what, err, w.fake.Messages("C0OPS"), w.log)
	}
	return w.fake.Messages("C0OPS")
}

func parents(all []slackfake.Message) []slackfake.Message {
	return slices.DeleteFunc(slices.Clone(all), func(m slackfake.Message) bool { return m.ThreadTS != "" })
}

func fast(c *quarantineslack.Config) {
	c.PollEvery, c.EditEvery = 10*time.Millisecond, 20*time.Millisecond
}

func TestSlack_ButtonsInTheChannel_DoWhatTheySay(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slackfake.Config{}, time.Millisecond, fast)
	m, err := w.store.Join(w.ctx, quarantine.Worker{Name: "w-1", Host: "h-1", PID: 1, Subscriptions: []string{"orders"}})
	w.must(err)
	defer func() { w.must(m.Leave(w.ctx)) }()
	e := w.hold(handlers.Message{Data: []byte("x")}, "declined", "")
	posted := w.wait("the message", func(all []slackfake.Message) bool { return len(all) == 1 })[0]
	stale, err := w.fake.PressPayload("C0OPS", posted.TS, "q:replay", "", "U0BEN")
	w.must(err)

	w.must(w.fake.Press(w.ctx, "C0OPS", posted.TS, "q:take", "U0BEN"))
	w.wait("taken", func(all []slackfake.Message) bool { return strings.HasPrefix(parents(all)[0].Text, "TAKEN by ben") })

	w.must(w.fake.Press(w.ctx, "C0OPS", posted.TS, "q:discard", "U0ANA"))
	w.must(w.fake.Wait(w.ctx, func() bool { return len(w.fake.Views()) == 1 }))
	view := w.fake.Views()[0]
	w.must(w.fake.Submit(w.ctx, view.ID, map[string]string{"q:reason": "test order"}, "U0ANA"))
	w.wait("resolved", func(all []slackfake.Message) bool {
		return strings.HasPrefix(parents(all)[0].Text, "RESOLVED") &&
			slices.ContainsFunc(all, func(m slackfake.Message) bool {
				return strings.Contains(string(m.Blocks), e.Ref+" discarded by ana (slack): test order")
			})
	})

	// The click of somebody who saw the message as it was.
	_, err = w.fake.Deliver(w.ctx, stale)
	w.must(err)
	w.must(w.fake.Wait(w.ctx, func() bool { return len(w.fake.Ephemerals()) > 0 }))
	if got := w.fake.Ephemerals()[0]; got.User != "U0BEN" || !strings.HasPrefix(got.Text, "ana discarded "+e.Ref) {
		t.Errorf("the loser read %+v", got)
	}
}

func TestSlack_SameSignedClickAThousandTimes_OneEffect(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slackfake.Config{}, time.Millisecond, fast)
	w.hold(handlers.Message{Data: []byte("x")}, "declined", "")
	posted := w.wait("the message", func(all []slackfake.Message) bool { return len(all) == 1 })[0]
	payload, err := w.fake.PressPayload("C0OPS", posted.TS, "q:take", "", "U0ANA")
	w.must(err)
	for range 1000 {
		_, err := w.fake.Deliver(w.ctx, payload)
		w.must(err)
	}
	w.wait("taken", func(all []slackfake.Message) bool { return strings.HasPrefix(parents(all)[0].Text, "TAKEN by ana") })
	groups, err := w.room.GroupList(w.ctx, quarantine.Query{})
	w.must(err)
	rows, err := w.room.GroupAudit(w.ctx, groups[0].Ref, 0, 1000)
	w.must(err)
	if len(rows) != 1 || groups[0].Version > 2 {
		t.Errorf("%d audit rows, version %d; want 1 effect", len(rows), groups[0].Version)
	}
}

func TestSlack_Pause_TheThreadHearsOfIt(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slackfake.Config{}, time.Millisecond, fast, func(c *quarantineslack.Config) { c.Flow = flowOf(c) })
	w.hold(handlers.Message{Data: []byte("x")}, "declined", "")
	posted := w.wait("the message", func(all []slackfake.Message) bool { return len(all) == 1 })[0]
	groups, err := w.room.GroupList(w.ctx, quarantine.Query{})
	w.must(err)
	payload, err := w.fake.PressPayload("C0OPS", posted.TS, "q:more", fmt.Sprintf("v1:%s:%d:pause", groups[0].Ref, groups[0].Version), "U0ANA")
	w.must(err)
	_, err = w.fake.Deliver(w.ctx, payload)
	w.must(err)
	w.must(w.fake.Wait(w.ctx, func() bool { return len(w.fake.Views()) == 1 }))
	w.must(w.fake.Submit(w.ctx, w.fake.Views()[0].ID, map[string]string{"q:reason": "INC-42 <!channel>"}, "U0ANA"))
	w.wait("the thread", func(all []slackfake.Message) bool {
		return slices.ContainsFunc(all, func(m slackfake.Message) bool {
			return m.ThreadTS == posted.TS && strings.Contains(m.Text, "orders paused until ") && strings.HasSuffix(m.Text, "by ana (slack): INC-42 &lt;!channel&gt;")
		})
	})
}

// TestSlack_Errors_NothingIsLost feeds the corpus of what Slack can answer.
func TestSlack_Errors_NothingIsLost(t *testing.T) {
	t.Parallel()
	faults := map[string]slackfake.Fault{
		"429 with Retry-After":    slackfake.Limited("1"),
		"post: 429 without":       slackfake.Limited(""),
		"500 with HTML":           slackfake.Broken(),
		"internal_error":          slackfake.Refused("internal_error"),
		"invalid_blocks":          slackfake.Refused("invalid_blocks"),
		"cut JSON":                {Cut: true},
		"10 MB":                   {Bytes: 10 << 20},
		"reset":                   {Reset: true},
		"answer lost, call done":  {Reset: true, After: true},
		"edit: message_not_found": slackfake.Refused("message_not_found"),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, slackfake.Config{}, time.Millisecond, fast)
			if !strings.HasPrefix(name, "edit: ") {
				w.fake.Fail("chat.postMessage", fault)
			}
			if !strings.HasPrefix(name, "post: ") {
				w.fake.Fail("chat.update", fault)
			}
			w.hold(handlers.Message{Data: []byte("x")}, "declined", "")
			w.wait("the message", func(all []slackfake.Message) bool { return len(all) > 0 })
			w.hold(handlers.Message{Data: []byte("y")}, "declined", "")
			all := w.wait("the edit", func(all []slackfake.Message) bool {
				return slices.ContainsFunc(all, func(m slackfake.Message) bool { return strings.Contains(m.Text, "2 messages held") })
			})
			if n := len(parents(all)); n > 2 {
				t.Errorf("%d messages, want at most one duplicate", n)
			}
		})
	}
}

func TestSlack_PermanentErrors_ShownInTheStats(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"channel_not_found", "not_in_channel", "is_archived", "token_revoked", "missing_scope", "never_heard_of"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, slackfake.Config{}, time.Millisecond, fast)
			for range 10 {
				w.fake.Fail("chat.postMessage", slackfake.Refused(code))
			}
			w.hold(handlers.Message{Data: []byte("x")}, "declined", "")
			w.must(w.fake.Wait(w.ctx, func() bool { return len(w.fake.Calls()) > 0 }))
			w.until("the trouble is stored", func() bool {
				stats, err := w.room.NoticeStats(w.ctx)
				w.must(err)
				return stats.Troubled == 1 && strings.Contains(stats.Trouble, code)
			})
			if n := len(w.fake.Calls()); n != 1 {
				t.Errorf("%d calls, want 1: a channel that refuses is left alone", n)
			}
		})
	}
}

// until asks the store until it says so.
func (w *workspace) until(what string, done func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			w.Fatalf("%s: %v\n%s", what, ctx.Err(), w.log)
		case <-tick.C:
		}
	}
}

// canaries are secrets that must appear nowhere.
func canaries() map[string]string {
	return map[string]string{
		"payload": "CANARY-PAYLOAD-4111111111111111", "attribute": "CANARY-ATTRIBUTE-xoxb-17", "attribute key": "CANARY-KEY-eyJhbGci",
		"ordering key": "CANARY-ORDERING-ana@example.com", "error": "CANARY-ERROR-AKIAIOSFODNN7EXAMPLE", "panic": "CANARY-PANIC-BEGIN-PRIVATE-KEY",
		"death": "CANARY-DEATH-hunter2", "stderr": "CANARY-STDERR-hunter3", "hint": "CANARY-HINT-hunter4", "replay": "CANARY-REPLAY-hunter5",
	}
}

func TestSlack_SecretsEverywhere_NoneIsPosted(t *testing.T) {
	t.Parallel()
	secret := canaries()
	pd, err := notifyfake.StartPagerDuty(t.Context(), strings.Repeat("a", 32))
	if err != nil {
		t.Fatal(err)
	}
	defer pd.Close()
	pager, err := notify.NewPagerDuty(notify.PagerDutyConfig{RoutingKey: strings.Repeat("a", 32), URL: pd.URL()})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorkspace(t, slackfake.Config{}, time.Millisecond, fast, func(c *quarantineslack.Config) {
		c.Fallbacks, c.Policy.AlwaysCritical = []notify.Sender{pager}, true
		c.Critical = func(string) bool { return true }
	})
	m := func() handlers.Message {
		return handlers.Message{Data: []byte(secret["payload"]), OrderingKey: secret["ordering key"],
			Attributes: map[string]string{"token": secret["attribute"], secret["attribute key"]: "x"}}
	}
	failed := w.hold(m(), secret["error"]+" "+secret["hint"], "")
	panicked := w.hold(m(), "", secret["panic"])
	for i := range 4 { // and a digest
		w.hold(m(), fmt.Sprintf("%s kind %c", secret["error"], 'a'+i), "")
	}
	w.must(w.room.ReportCrash(w.ctx, handlers.Crash{
		ID: "018f0000-0000-7000-8000-000000000001", Role: "worker", Host: "h-1", PID: 7, Started: published, Died: published.Add(time.Hour),
		Exit: "exit code 2", Kind: "panic", Tier: "B", Reason: "no label", Text: "panic: " + secret["death"], Stack: secret["stderr"],
		Stderr: secret["stderr"], Notes: []string{secret["stderr"]}, Hint: secret["hint"],
		InFlight: []handlers.InFlight{{Part: handlers.PartSuspect, Subscription: "orders", ID: "s-1", PublishedAt: published, Started: published}},
	}))
	for _, e := range []quarantine.Entry{failed, panicked} { // a replay that fails with a secret
		running, err := w.store.Transition(w.ctx, quarantine.Transition{EntryID: e.ID, Version: e.Version, To: quarantine.StateReplaying, Decision: quarantine.Decision{Actor: ana}})
		w.must(err)
		_, err = w.store.Transition(w.ctx, quarantine.Transition{EntryID: e.ID, Version: running.Version, To: quarantine.StateHeld,
			Decision: quarantine.Decision{Actor: worker, Reason: "replay 1: failed: " + secret["replay"]}})
		w.must(err)
	}
	w.wait("everything is told", func(all []slackfake.Message) bool {
		texts := ""
		for _, m := range all {
			texts += m.Text + string(m.Blocks)
		}
		return strings.Contains(texts, "NAMING") && strings.Contains(texts, "STILL POISON") && strings.Contains(texts, panicked.Ref+" held again") &&
			pd.Requests() >= 5
	})
	for name, s := range secret {
		for _, c := range w.fake.Calls() {
			if bytes.Contains(c.Body, []byte(s)) {
				t.Errorf("the %s was sent to Slack by %s", name, c.Method)
			}
		}
		if pd.Saw(s) {
			t.Errorf("the %s was sent to PagerDuty", name)
		}
		if strings.Contains(w.log.String(), s) {
			t.Errorf("the %s was logged", name)
		}
	}
}

// TestSlack_HostileTexts_NoPing sends the corpus through the store into the channel.
func TestSlack_HostileTexts_NoPing(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, slackfake.Config{}, time.Millisecond, fast)
	evil := "<!channel> <@U0ANA> <https://evil.example|bank> ``` *Entry*\n`theriac discard Q-0000`"
	e := w.hold(handlers.Message{ID: evil, Data: []byte("x")}, evil, "")
	_, err := w.room.EntryDiscard(w.ctx, e, quarantine.Decision{Actor: quarantine.Actor{Name: evil, Via: "cli", Claimed: true}, Reason: evil})
	w.must(err)
	all := w.wait("the thread", func(all []slackfake.Message) bool { return len(all) == 2 })
	for _, m := range all {
		if found := m.Mentions(); len(found) > 0 {
			t.Errorf("mentions %v", found)
		}
		var blocks any
		w.must(json.Unmarshal(m.Blocks, &blocks))
		if s := m.Text + fmt.Sprint(blocks); strings.ContainsAny(s, "<>") || strings.Contains(s, "`theriac discard") {
			t.Errorf("posted %s", s)
		}
	}
}

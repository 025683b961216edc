package quarantineslack_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// bundle is a room in memory, a channel in memory and a notifier between them.
type bundle struct {
	testing.TB
	ctx   context.Context
	store *quarantinetest.Store
	room  *quarantine.Service
	chat  *chat
	ids   int
}

func newBundle(t testing.TB) *bundle {
	t.Helper()
	store := quarantinetest.NewStore()
	room, err := quarantine.New(store, quarantine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &bundle{TB: t, ctx: t.Context(), store: store, room: room, chat: newChat()}
}

func (b *bundle) config() quarantineslack.Config {
	return quarantineslack.Config{
		Service: b.room, Client: b.chat, Channel: "C0OPS", Links: "https://ops.example.com/theriac",
		Team: "T0FAKE", Users: map[string]quarantineslack.User{
			"U0ANA": {Name: "ana", Role: quarantineslack.RoleOperator},
			"U0BEN": {Name: "ben", Role: quarantineslack.RoleResponder},
			"U0EVE": {Name: "eve", Role: quarantineslack.RoleViewer},
		},
		Logger: slog.New(slog.NewTextHandler(testWriter{b.TB}, nil)),
	}
}

func (b *bundle) notifier(change ...func(*quarantineslack.Config)) *quarantineslack.Notifier {
	b.Helper()
	cfg := b.config()
	for _, c := range change {
		c(&cfg)
	}
	n, err := quarantineslack.New(cfg)
	b.must(err)
	return n
}

// run runs a notifier until stop is called, which waits for it.
func (b *bundle) run(n *quarantineslack.Notifier) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.ctx))
	var group runner.Group
	group.Go(func() {
		if err := n.Run(ctx); err != nil {
			b.Errorf("Run: %v", err)
		}
	})
	return sync.OnceFunc(func() {
		cancel()
		group.Wait()
	})
}

// failing is an entry of a message of its own that failed for good, in the group of the
// given name.
func (b *bundle) failing(group string) quarantine.NewEntry {
	b.ids++
	m := handlers.Message{ID: fmt.Sprintf("m-%d", b.ids), Data: []byte("payload"),
		PublishedAt: time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)}
	a := handlers.Attempt{
		Started: time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC), Ended: time.Date(2022, 11, 18, 15, 40, 1, 0, time.UTC),
		Outcome: handlers.OutcomeFailed, Class: handlers.ClassFailed, Build: "v2.41.0", Worker: "w-1", Handler: "billing",
		Errors: []handlers.ErrorLink{{Type: "*json.UnmarshalTypeError", Text: "json: cannot unmarshal string"}},
	}
	return quarantine.NewEntry{
		Identity: quarantine.Identity("orders", m.Identity()), Attempt: a, Basis: []string{group},
		Entry: quarantine.Entry{
			ID: fmt.Sprintf("018f0000-0000-7000-8000-%012x", b.ids), Subscription: "orders", Message: m,
			Size: int64(len(m.Data)), SHA256: sha256.Sum256(m.Data), Reason: handlers.ReasonFailed,
			Confidence: handlers.ConfidenceCertain, Fingerprint: group, Title: "json: cannot unmarshal string",
			Where: "billing.parse handler.go:52", Errors: a.Errors, Build: "v2.41.0", Totals: handlers.Totals{Failures: 3},
		},
	}
}

func (b *bundle) hold(n ...quarantine.NewEntry) []quarantine.Entry {
	b.Helper()
	results, err := b.store.HoldEntries(b.ctx, n)
	b.must(err)
	var entries []quarantine.Entry
	for _, r := range results {
		entries = append(entries, r.Entry)
	}
	return entries
}

func (b *bundle) holdOne(group string) quarantine.Entry {
	b.Helper()
	return b.hold(b.failing(group))[0]
}

func (b *bundle) get(e quarantine.Entry) quarantine.Entry {
	b.Helper()
	e, err := b.room.EntryGet(b.ctx, quarantine.EntryKey{ID: e.ID}, quarantine.GetOptions{})
	b.must(err)
	return e
}

func (b *bundle) group(name string) quarantine.Group {
	b.Helper()
	g, err := b.room.GroupGet(b.ctx, name)
	b.must(err)
	return g
}

// move moves an entry as somebody.
func (b *bundle) move(e quarantine.Entry, to quarantine.State, who quarantine.Actor, why string) quarantine.Entry {
	b.Helper()
	e = b.get(e)
	e, err := b.store.Transition(b.ctx, quarantine.Transition{
		EntryID: e.ID, Version: e.Version, To: to, Decision: quarantine.Decision{Actor: who, Reason: why}})
	b.must(err)
	return e
}

// ended ends a replay.
func (b *bundle) ended(e quarantine.Entry, ok bool) {
	b.Helper()
	if ok {
		b.move(e, quarantine.StateReplayed, worker, "replay 1: ok")
		return
	}
	b.move(e, quarantine.StateHeld, worker, "replay 1: crashed: panic: secret")
}

func (b *bundle) due() int {
	b.Helper()
	due, err := b.room.NoticesDue(b.ctx, 1000)
	b.must(err)
	return len(due)
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

var (
	ana    = quarantine.Actor{Name: "ana", Via: "cli", Claimed: true}
	worker = quarantine.Actor{Name: "worker w-1", Via: "system"}
)

// testWriter writes a log to the test's own.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", b)
	return len(b), nil
}

// chat is a channel in memory with Slack's pace: one call a second. It can be told to
// fail.
type chat struct {
	mu    sync.Mutex
	every time.Duration
	next  time.Time
	fail  func(method string) error
	calls []said
	posts []*post
}

// said is one call that was made.
type said struct {
	at     time.Time
	method string
	ts     string
	err    error
}

// post is a message or a reply.
type post struct {
	at        time.Time
	ts        string
	thread    string
	broadcast bool
	texts     []string // as it was posted, and each edit
	bodies    []string
	edited    []time.Time
}

func (p *post) now() string { return p.texts[len(p.texts)-1] }

func newChat() *chat { return &chat{every: time.Second} }

// set changes the chat.
func (c *chat) set(change func(c *chat)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// enter waits for its turn.
func (c *chat) enter(ctx context.Context) error {
	c.mu.Lock()
	wait := time.Until(c.next)
	c.next = time.Now().Add(max(wait, 0) + c.every)
	c.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return &slackkit.RetryError{Method: "wait", Err: ctx.Err()}
	case <-time.After(wait):
		return nil
	}
}

func (c *chat) call(ctx context.Context, method, ts string, do func()) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	if c.fail != nil {
		err = c.fail(method)
	}
	c.calls = append(c.calls, said{time.Now(), method, ts, err})
	if err == nil {
		do()
	}
	return err
}

func body(m slackkit.Message) string {
	b, err := json.Marshal(m.Blocks)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (c *chat) add(m slackkit.Message, thread string, broadcast bool) slackkit.Place {
	p := &post{at: time.Now(), ts: fmt.Sprintf("1669000000.%06d", len(c.posts)+1), thread: thread, broadcast: broadcast,
		texts: []string{m.Text}, bodies: []string{body(m)}}
	c.posts = append(c.posts, p)
	return slackkit.Place{Channel: "C0OPS", TS: p.ts}
}

func (c *chat) Post(ctx context.Context, _ string, m slackkit.Message) (place slackkit.Place, err error) {
	err = c.call(ctx, "post", "", func() { place = c.add(m, "", false) })
	return place, err
}

func (c *chat) Update(ctx context.Context, p slackkit.Place, m slackkit.Message) error {
	return c.call(ctx, "update", p.TS, func() {
		for _, old := range c.posts {
			if old.ts == p.TS {
				old.texts, old.bodies = append(old.texts, m.Text), append(old.bodies, body(m))
				old.edited = append(old.edited, time.Now())
			}
		}
	})
}

func (c *chat) Reply(ctx context.Context, p slackkit.Place, m slackkit.Message, broadcast bool) (place slackkit.Place, err error) {
	err = c.call(ctx, "reply", p.TS, func() {
		m.Text += "\n" + body(m) // what a reply says stands in its blocks
		place = c.add(m, p.TS, broadcast)
	})
	return place, err
}

// messages returns what was posted into the channel, replies what into threads.
func (c *chat) messages() []*post { return c.filter(func(p *post) bool { return p.thread == "" }) }

func (c *chat) replies() []*post { return c.filter(func(p *post) bool { return p.thread != "" }) }

func (c *chat) filter(keep func(*post) bool) []*post {
	c.mu.Lock()
	defer c.mu.Unlock()
	var kept []*post
	for _, p := range c.posts {
		if keep(p) {
			q := *p
			q.texts, q.bodies, q.edited = slices.Clone(p.texts), slices.Clone(p.bodies), slices.Clone(p.edited)
			kept = append(kept, &q)
		}
	}
	return kept
}

// all is everything that was ever sent.
func (c *chat) all() string {
	var b strings.Builder
	for _, p := range c.filter(func(*post) bool { return true }) {
		b.WriteString(strings.Join(p.texts, "\n") + strings.Join(p.bodies, "\n"))
	}
	return b.String()
}

func (b *bundle) wantPrefix(got, want string) {
	b.Helper()
	if !strings.HasPrefix(got, want) {
		b.Errorf("got %q, want it to begin with %q", got, want)
	}
}

package quarantinelite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// TestModel does the same random things to a file and to the store in memory,
// and they must answer the same.
func TestModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(t.Context(), rt, dir)
		defer m.close()
		rt.Repeat(map[string]func(*rapid.T){
			"record": m.record, "hold": m.hold, "move": m.move, "claim": m.claim,
			"finish": m.finish, "join": m.join, "die": m.die, "leave": m.leave, "compare": m.compare,
			"crash": m.crash, "settle": m.settle, "act": m.act, "tell": m.tell,
		})
		m.compare(rt)
	})
}

// worker is one worker in both stores.
type worker struct{ real, mem quarantine.Membership }

// model is a store under test beside the one in memory.
type model struct {
	ctx     context.Context
	t       *rapid.T
	path    string
	real    *quarantinelite.Store
	mem     *quarantinetest.Store
	workers []worker
	names   *strings.Replacer // incarnations are random; both stores' become one name
	pairs   []string
	entries int
}

func newModel(ctx context.Context, t *rapid.T, dir string) *model {
	dir, err := os.MkdirTemp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "quarantine.db")
	s, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return &model{ctx: ctx, t: t, path: path, real: s, mem: quarantinetest.NewStore(), names: strings.NewReplacer()}
}

func (m *model) close() {
	for _, w := range m.workers {
		if err := w.real.Leave(m.ctx); err != nil {
			m.t.Error(err)
		}
	}
	if err := m.real.Close(); err != nil {
		m.t.Error(err)
	}
}

// equal compares two answers, but for the clock and the names of incarnations.
func (m *model) equal(what string, inMem, inReal any, memErr, realErr error) {
	if a, b := kind(memErr), kind(realErr); a != b {
		m.t.Fatalf("%s: in memory %q (%v), in the file %q (%v)", what, a, memErr, b, realErr)
	}
	clock := cmp.FilterPath(func(p cmp.Path) bool {
		return slices.Contains([]string{".HeldAt", ".ChangedAt", ".At", ".First", ".Last", ".Started", ".Heard", ".ReportedAt", ".SettledAt",
			".Waiting", ".Until", ".SnoozedUntil", ".Led", ".Oldest"}, p.Last().String())
	}, cmp.Comparer(func(a, b time.Time) bool { return a.IsZero() == b.IsZero() }))
	names := cmp.FilterPath(func(p cmp.Path) bool {
		return slices.Contains([]string{".Claim", ".Incarnation"}, p.Last().String())
	}, cmp.Comparer(func(a, b string) bool { return m.names.Replace(a) == m.names.Replace(b) }))
	if diff := cmp.Diff(inMem, inReal, clock, names, cmpopts.EquateEmpty()); diff != "" {
		m.t.Fatalf("%s (-memory +file)\n%s", what, diff)
	}
}

func kind(err error) string {
	_, conflict := errors.AsType[*quarantine.ConflictError](err)
	_, state := errors.AsType[*quarantine.StateError](err)
	return fmt.Sprint(err == nil, conflict, state, errors.Is(err, quarantine.ErrNotFound), errors.Is(err, quarantine.ErrNoWorker),
		acted(err), errors.Is(err, quarantine.ErrDuplicate), errors.Is(err, quarantine.ErrInvalid),
		errors.Is(err, quarantine.ErrRefused), errors.Is(err, quarantine.ErrClaimLost))
}

func acted(err error) bool {
	_, conflict := errors.AsType[*quarantine.GroupConflictError](err)
	return conflict
}

func (m *model) message(t *rapid.T) handlers.Message {
	n := rapid.IntRange(0, 9).Draw(t, "message")
	return handlers.Message{ID: fmt.Sprint("m-", n/2), PublishedAt: time.UnixMicro(int64(n % 2))}
}

func attempt(t *rapid.T) handlers.Attempt {
	return handlers.Attempt{Outcome: rapid.SampledFrom(handlers.Outcomes()).Draw(t, "outcome")}
}

func (m *model) record(t *rapid.T) {
	var batch []quarantine.AttemptRecord
	for range rapid.IntRange(0, 4).Draw(t, "records") {
		msg := m.message(t)
		batch = append(batch, quarantine.AttemptRecord{Subscription: "billing", MessageID: msg.ID,
			Identity: quarantine.Identity("billing", msg.Identity()), Attempt: attempt(t)})
	}
	a, aErr := m.mem.RecordAttempts(m.ctx, batch)
	b, bErr := m.real.RecordAttempts(m.ctx, batch)
	m.equal("RecordAttempts", a, b, aErr, bErr)
}

func (m *model) hold(t *rapid.T) {
	var batch []quarantine.NewEntry
	for range rapid.IntRange(0, 3).Draw(t, "entries") {
		msg := m.message(t)
		m.entries++
		group := rapid.IntRange(0, 2).Draw(t, "group")
		batch = append(batch, quarantine.NewEntry{
			Identity: quarantine.Identity("billing", msg.Identity()), Attempt: attempt(t),
			AttemptRecorded: rapid.Bool().Draw(t, "recorded"), Basis: []string{"b"},
			Entry: quarantine.Entry{ID: fmt.Sprint("id-", m.entries), Subscription: "billing", Message: msg,
				Fingerprint: fmt.Sprint("fp-", group), Reason: handlers.ReasonFailed,
				Title: fmt.Sprint("title ", m.entries), Build: fmt.Sprint("v", m.entries%13)},
		})
	}
	a, aErr := m.mem.HoldEntries(m.ctx, batch)
	b, bErr := m.real.HoldEntries(m.ctx, batch)
	m.equal("HoldEntries", a, b, aErr, bErr)
}

// anEntry draws an entry as it stands, or one that is not there.
func (m *model) anEntry(t *rapid.T) quarantine.Entry {
	page, err := m.mem.EntryList(m.ctx, quarantine.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return rapid.SampledFrom(append(page.Entries, quarantine.Entry{ID: "no such"})).Draw(t, "entry")
}

func (m *model) move(t *rapid.T) {
	e := m.anEntry(t)
	tr := quarantine.Transition{EntryID: e.ID, Version: e.Version + int64(rapid.SampledFrom([]int{0, 0, 0, 1, -1}).Draw(t, "off")),
		To: rapid.SampledFrom(quarantine.States()).Draw(t, "to"), Unclaim: rapid.IntRange(0, 5).Draw(t, "unclaim") == 0,
		Decision: quarantine.Decision{Actor: quarantine.Actor{Name: "ana", Via: "cli"}, Reason: "why"}, Request: request(t)}
	a, aErr := m.mem.Transition(m.ctx, tr)
	b, bErr := m.real.Transition(m.ctx, tr)
	m.equal("Transition", a, b, aErr, bErr)
}

// request draws a key that was used before, or may be.
func request(t *rapid.T) string {
	if n := rapid.IntRange(0, 200).Draw(t, "request"); n < 100 {
		return fmt.Sprint("request ", n)
	}
	return ""
}

// aGroup draws a group as it stands, or one that is not there.
func (m *model) aGroup(t *rapid.T) quarantine.Group {
	groups, err := m.mem.GroupList(m.ctx, quarantine.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return rapid.SampledFrom(append(byRef(groups), quarantine.Group{Fingerprint: "no such"})).Draw(t, "group")
}

func (m *model) act(t *rapid.T) {
	g := m.aGroup(t)
	act := quarantine.GroupAct{Group: g.Fingerprint, Version: g.Version + int64(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "off")),
		Verb:  rapid.SampledFrom([]quarantine.GroupVerb{quarantine.GroupTake, quarantine.GroupRelease, quarantine.GroupSnooze, "burn"}).Draw(t, "verb"),
		Until: time.Now().Add(time.Hour), Request: request(t),
		Decision: quarantine.Decision{Actor: quarantine.Actor{Name: "bo", Via: "slack"}}}
	a, aErr := m.mem.GroupAct(m.ctx, act)
	b, bErr := m.real.GroupAct(m.ctx, act)
	m.equal("GroupAct", a, b, aErr, bErr)
}

// tell is a step of a notifier, which may not lead any more or tell only a part.
func (m *model) tell(t *rapid.T) {
	holder := fmt.Sprint("n-", rapid.IntRange(0, 1).Draw(t, "holder"))
	lasts := rapid.SampledFrom([]time.Duration{0, time.Hour, time.Hour}).Draw(t, "lasts")
	p, pErr := m.mem.LeadNotices(m.ctx, holder, lasts)
	q, qErr := m.real.LeadNotices(m.ctx, holder, lasts)
	m.equal("LeadNotices", p, q, pErr, qErr)
	var told []quarantine.ToldNotice
	for range rapid.IntRange(0, 3).Draw(t, "told") {
		g := m.aGroup(t)
		told = append(told, quarantine.ToldNotice{Key: quarantine.GroupNotice(g.Fingerprint),
			Told: g.Changes - rapid.Int64Range(-1, 3).Draw(t, "less"), State: []byte(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "state")),
			Trouble: rapid.SampledFrom([]string{"", "", "gone"}).Draw(t, "trouble")})
	}
	m.equal("PutNotices", nil, nil, m.mem.PutNotices(m.ctx, holder, told), m.real.PutNotices(m.ctx, holder, told))
}

// compareNotices compares what waits to be told.
func (m *model) compareNotices() {
	a, aErr := m.mem.NoticesDue(m.ctx, 0)
	b, bErr := m.real.NoticesDue(m.ctx, 0)
	m.equal("NoticesDue", byKey(a), byKey(b), aErr, bErr)
	c, cErr := m.mem.NoticeStats(m.ctx)
	d, dErr := m.real.NoticeStats(m.ctx)
	m.equal("NoticeStats", c, d, cErr, dErr)
	groups, err := m.mem.GroupList(m.ctx, quarantine.Query{Limit: 1000})
	for _, g := range append(groups, quarantine.Group{Ref: "no such", Fingerprint: "no such"}) {
		a, aErr := m.mem.NoticeGet(m.ctx, quarantine.GroupNotice(g.Fingerprint))
		b, bErr := m.real.NoticeGet(m.ctx, quarantine.GroupNotice(g.Fingerprint))
		m.equal("NoticeGet", a, b, aErr, bErr)
		c, cErr := m.mem.GroupAudit(m.ctx, g.Ref, 2, 5)
		d, dErr := m.real.GroupAudit(m.ctx, g.Ref, 2, 5)
		m.equal("GroupAudit", c, d, cErr, dErr)
	}
	m.equal("GroupList", nil, nil, err, nil)
}

func (m *model) aWorker(t *rapid.T) worker {
	if len(m.workers) == 0 {
		t.Skip("no worker")
	}
	return rapid.SampledFrom(m.workers).Draw(t, "worker")
}

func (m *model) claim(t *rapid.T) {
	w := m.aWorker(t)
	a, aErr := m.mem.ClaimReplay(m.ctx, "billing", w.mem.Incarnation())
	b, bErr := m.real.ClaimReplay(m.ctx, "billing", w.real.Incarnation())
	m.equal("ClaimReplay", a, b, aErr, bErr)
}

// finish reports the result of a replay, right or late.
func (m *model) finish(t *rapid.T) {
	w, e, run := m.aWorker(t), m.anEntry(t), attempt(t)
	tr := quarantine.Transition{EntryID: e.ID, Version: e.Version, Claim: w.mem.Incarnation(), Attempt: &run,
		To: rapid.SampledFrom([]quarantine.State{quarantine.StateHeld, quarantine.StateReplayed}).Draw(t, "to")}
	a, aErr := m.mem.Transition(m.ctx, tr)
	tr.Claim = w.real.Incarnation()
	b, bErr := m.real.Transition(m.ctx, tr)
	m.equal("the result of a replay", a, b, aErr, bErr)
}

func (m *model) join(t *rapid.T) {
	w := quarantine.Worker{Name: fmt.Sprint("w-", len(m.pairs)), Subscriptions: []string{"billing"}}
	a, aErr := m.mem.Join(m.ctx, w)
	b, bErr := m.real.Join(m.ctx, w)
	if aErr != nil || bErr != nil {
		t.Fatal(aErr, bErr)
	}
	m.workers = append(m.workers, worker{real: b, mem: a})
	m.pairs = append(m.pairs, a.Incarnation(), w.Name, b.Incarnation(), w.Name)
	m.names = strings.NewReplacer(m.pairs...)
}

func (m *model) remove(t *rapid.T) worker {
	w := m.aWorker(t)
	m.workers = slices.DeleteFunc(m.workers, func(o worker) bool { return o == w })
	return w
}

func (m *model) die(t *rapid.T) {
	w := m.remove(t)
	m.mem.Kill(w.mem)
	quarantinelite.Kill(w.real)
	a, aErr := m.mem.ReapWorkers(m.ctx)
	b, bErr := m.real.ReapWorkers(m.ctx)
	m.equal("ReapWorkers", a, b, aErr, bErr)
}

func (m *model) leave(t *rapid.T) {
	w := m.remove(t)
	m.equal("Leave", nil, nil, w.mem.Leave(m.ctx), w.real.Leave(m.ctx))
}

// crash reports a death, at times one that is reported already, and at times that
// of a worker which a reaper has not found yet.
func (m *model) crash(t *rapid.T) {
	n := rapid.IntRange(1, 6).Draw(t, "crash")
	c := handlers.Crash{ID: fmt.Sprintf("018f0000-0000-7000-8000-%012x", n), Died: time.Now().Add(time.Hour), Role: "worker",
		Text: strings.Repeat("x\xff", n)}
	if rapid.Bool().Draw(t, "kill") && len(m.workers) > 0 {
		w := m.remove(t)
		m.mem.Kill(w.mem)
		quarantinelite.Kill(w.real)
	}
	for range rapid.IntRange(0, 3).Draw(t, "in flight") {
		msg := m.message(t)
		c.InFlight = append(c.InFlight, handlers.InFlight{Subscription: "billing", ID: msg.ID, PublishedAt: msg.PublishedAt,
			Part: rapid.SampledFrom([]handlers.Part{handlers.PartCulprit, handlers.PartSuspect, handlers.PartBystander}).Draw(t, "part")})
	}
	a, aErr := m.mem.AddCrash(m.ctx, c)
	b, bErr := m.real.AddCrash(m.ctx, c)
	a.Died, b.Died = time.Time{}, time.Time{}
	m.equal("AddCrash", a, b, aErr, bErr)
}

func (m *model) settle(t *rapid.T) {
	var batch []quarantine.SuspectFate
	for range rapid.IntRange(0, 3).Draw(t, "fates") {
		msg := m.message(t)
		batch = append(batch, quarantine.SuspectFate{Subscription: "billing", MessageID: msg.ID, PublishedAt: msg.PublishedAt,
			Identity: quarantine.Identity("billing", msg.Identity()), Fate: rapid.SampledFrom(handlers.Fates()).Draw(t, "fate")})
	}
	m.equal("SettleSuspects", nil, nil, m.mem.SettleSuspects(m.ctx, batch), m.real.SettleSuspects(m.ctx, batch))
}

// compareCrashes compares what is known of deaths.
func (m *model) compareCrashes() {
	a, aErr := m.mem.CrashList(m.ctx, quarantine.CrashQuery{Limit: 1000})
	b, bErr := m.real.CrashList(m.ctx, quarantine.CrashQuery{Limit: 1000})
	m.equal("CrashList", a, b, aErr, bErr)
	for _, r := range a.Reports {
		a, aErr := m.mem.CrashGet(m.ctx, quarantine.CrashKey{Ref: r.Ref})
		b, bErr := m.real.CrashGet(m.ctx, quarantine.CrashKey{ID: r.ID})
		m.equal("CrashGet", a, b, aErr, bErr)
	}
	c, cErr := m.mem.SuspectList(m.ctx, quarantine.SuspectQuery{Limit: 1000})
	d, dErr := m.real.SuspectList(m.ctx, quarantine.SuspectQuery{Limit: 1000})
	m.equal("SuspectList", c, d, cErr, dErr)
	for n := range 10 {
		id := handlers.Message{ID: fmt.Sprint("m-", n/2), PublishedAt: time.UnixMicro(int64(n % 2))}.Identity()
		a, aErr := m.mem.Decided(m.ctx, quarantine.Identity("billing", id))
		b, bErr := m.real.Decided(m.ctx, quarantine.Identity("billing", id))
		m.equal("Decided", a, b, aErr, bErr)
	}
}

// compare compares all that can be seen.
func (m *model) compare(*rapid.T) {
	m.compareCrashes()
	m.compareNotices()
	a, aErr := m.mem.EntryList(m.ctx, quarantine.Query{Limit: 1000})
	b, bErr := m.real.EntryList(m.ctx, quarantine.Query{Limit: 1000})
	m.equal("EntryList", a, b, aErr, bErr)
	for _, e := range a.Entries {
		a, aErr := m.mem.EntryGet(m.ctx, quarantine.EntryKey{ID: e.ID}, quarantine.GetOptions{Payload: true})
		b, bErr := m.real.EntryGet(m.ctx, quarantine.EntryKey{Ref: e.Ref}, quarantine.GetOptions{Payload: true})
		m.equal("EntryGet", a, b, aErr, bErr)
	}
	g, gErr := m.mem.GroupList(m.ctx, quarantine.Query{Limit: 1000})
	h, hErr := m.real.GroupList(m.ctx, quarantine.Query{Limit: 1000})
	m.equal("GroupList", byRef(g), byRef(h), gErr, hErr)
	c, cErr := m.mem.Audit(m.ctx, "", 1000)
	d, dErr := m.real.Audit(m.ctx, "", 1000)
	m.equal("Audit", c, d, cErr, dErr)
	v, vErr := m.mem.Workers(m.ctx)
	w, wErr := m.real.Workers(m.ctx)
	m.equal("Workers", byName(v), byName(w), vErr, wErr)
	x, xErr := m.mem.Changes(m.ctx, 0)
	y, yErr := m.real.Changes(m.ctx, 0)
	m.equal("Changes", byMessage(x.Marks), byMessage(y.Marks), xErr, yErr)
	m.equal("replays that wait", x.Replays, y.Replays, nil, nil)
}

// The stores may order by a clock; here that would compare the clocks.

func byRef(groups []quarantine.Group) []quarantine.Group {
	slices.SortFunc(groups, func(a, b quarantine.Group) int { return strings.Compare(a.Ref, b.Ref) })
	return groups
}

func byName(workers []quarantine.Worker) []quarantine.Worker {
	slices.SortFunc(workers, func(a, b quarantine.Worker) int { return strings.Compare(a.Name, b.Name) })
	return workers
}

func byMessage(marks []quarantine.Mark) []quarantine.Mark {
	slices.SortFunc(marks, func(a, b quarantine.Mark) int { return strings.Compare(a.MessageID, b.MessageID) })
	return marks
}

func byKey(notices []quarantine.Notice) []quarantine.Notice {
	slices.SortFunc(notices, func(a, b quarantine.Notice) int { return strings.Compare(a.Key, b.Key) })
	return notices
}

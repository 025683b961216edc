package incidentd

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// shore is a quarantine and the incidents that hear of it over a bridge, with the handlers that read
// what it brings. It holds both ends of the contract that neither room knows.
type shore struct {
	t      *testing.T
	room   *quarantine.Service
	store  *incidenttest.Store
	svc    *incident.Service
	bridge *bridge
	regs   []workflow.Registration
	chat   *wall
	// rows are all that were published, by id.
	rows map[string]workflow.QuarantineEvent
	held []string
	// reads says which of them the handlers read. Nil: all.
	reads func(e workflow.QuarantineEvent) bool
}

func newShore(t *testing.T, store quarantine.Store) *shore {
	t.Helper()
	s := &shore{t: t, store: incidenttest.NewStore(incidenttest.Options{}), chat: &wall{posts: map[string]workflow.Card{}}, rows: map[string]workflow.QuarantineEvent{}}
	var err1, err2 error
	s.room, err1 = quarantine.New(store, quarantine.Config{SpoolDir: t.TempDir(), Worker: quarantine.Worker{
		Name: "w-1", Host: "h-1", Build: "v1", Subscriptions: []string{"orders", "mails"},
	}})
	s.svc, err2 = incident.NewService(incident.Config{Stores: s.store})
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	s.regs = workflow.All(workflow.Deps{Service: s.svc, Chat: s.chat})
	s.restart()
	return s
}

// restart is a new bridge, which knows nothing of what was told.
func (s *shore) restart() {
	s.bridge = newBridge(s.room, s.store, func(sub string) bool { return sub == "orders" }, slog.New(slog.DiscardHandler))
}

// look lets the bridge look, and the handlers read what it brought; it returns how many rows that were.
func (s *shore) look() int {
	s.t.Helper()
	if err := s.bridge.look(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return s.work()
}

// work publishes what waits, and returns how many of it came over the bridge.
func (s *shore) work() (came int) {
	s.t.Helper()
	ctx := s.t.Context()
	for {
		waiting, err := s.store.Unpublished(ctx, 500)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(waiting) == 0 {
			return came
		}
		for _, o := range waiting {
			if o.Topic == incident.TopicQuarantine {
				came++
				s.parse(o)
			}
			if e, ours := s.rows[o.ID]; !ours || s.reads == nil || s.reads(e) {
				s.deliver(o)
			}
			if err := s.store.MarkPublished(ctx, o.ID); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// parse reads a row as the handlers do.
func (s *shore) parse(o incident.Outgoing) {
	s.t.Helper()
	e, err := workflow.ParseQuarantineEvent(o.Data)
	if err != nil {
		s.t.Errorf("the row %s is not what the workflow reads: %v", o.ID, err)
	}
	if e.ID != o.ID || string(e.Kind) != o.Attributes[incident.AttrKind] {
		s.t.Errorf("the row %s of kind %s says %s, %s", o.ID, o.Attributes[incident.AttrKind], e.ID, e.Kind)
	}
	if _, twice := s.rows[o.ID]; twice {
		s.t.Errorf("%s was told twice", o.ID)
	}
	s.rows[o.ID] = e
}

func (s *shore) deliver(o incident.Outgoing) {
	for _, r := range s.regs {
		if r.Topic != o.Topic {
			continue
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), r.Timeout)
		err := r.Handler.Handle(ctx, handlers.Message{ID: o.ID, Data: o.Data, Attributes: o.Attributes, PublishedAt: o.Stored})
		cancel()
		if err != nil {
			s.held = append(s.held, fmt.Sprintf("%s of %s: %v", r.Name, o.ID, err))
		}
	}
}

// hold quarantines a message; those with the same problem are one group.
func (s *shore) hold(sub, id, problem string) quarantine.Entry {
	s.t.Helper()
	ref, err := s.room.Quarantine(s.t.Context(), sub, handlers.Message{ID: id, Data: []byte("secret " + id), PublishedAt: time.Now()}, handlers.Evidence{
		Reason: handlers.ReasonFailed, Totals: handlers.Totals{Failures: 3}, Attempt: handlers.Attempt{
			Started: time.Now(), Ended: time.Now(), Outcome: handlers.OutcomeFailed, Class: handlers.ClassFailed,
			Errors: []handlers.ErrorLink{{Type: problem, Text: "secret of a customer"}}, Worker: "w-1", Host: "h-1", Build: "v1",
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.entry(ref)
}

func (s *shore) entry(ref string) quarantine.Entry {
	s.t.Helper()
	e, err := s.room.EntryGet(s.t.Context(), quarantine.EntryKey{Ref: ref}, quarantine.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func by(name string) quarantine.Decision {
	return quarantine.Decision{Actor: quarantine.Actor{Name: name, Via: "cli"}, Reason: "because of " + name}
}

// incidents returns all, the oldest first, as they stand.
func (s *shore) incidents() []incident.Incident {
	s.t.Helper()
	page, err := s.store.List(s.t.Context(), incident.Filter{Limit: 200})
	if err != nil {
		s.t.Fatal(err)
	}
	var all []incident.Incident
	for _, short := range slices.Backward(page.Incidents) {
		inc, err := s.store.Get(s.t.Context(), short.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, inc)
	}
	return all
}

func (s *shore) ofKind(kind workflow.QuarantineKind) (rows []workflow.QuarantineEvent) {
	for _, e := range s.rows {
		if e.Kind == kind {
			rows = append(rows, e)
		}
	}
	slices.SortFunc(rows, func(a, b workflow.QuarantineEvent) int { return strings.Compare(a.ID, b.ID) })
	return rows
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// pass lets time go by in a bubble.
func pass(d time.Duration) { <-time.NewTimer(d).C }

// wall is a chat in memory.
type wall struct{ posts map[string]workflow.Card }

func (*wall) EnsureChannel(_ context.Context, spec workflow.ChannelSpec) (incident.Channel, error) {
	return incident.Channel{ID: "C-" + spec.IncidentID, Name: spec.Name}, nil
}
func (*wall) SetArchived(context.Context, string, bool) error { return nil }
func (*wall) Invite(context.Context, string, incident.Person) error {
	return nil
}

func (w *wall) Post(_ context.Context, p workflow.Post) (incident.Post, error) {
	w.posts[p.Key] = p.Card
	return incident.Post{Channel: p.To.Channel, ID: p.Key}, nil
}

func (w *wall) FindPost(_ context.Context, to workflow.Place, key string) (incident.Post, bool, error) {
	_, ok := w.posts[key]
	return incident.Post{Channel: to.Channel, ID: key}, ok, nil
}

// banners are the posts about orders, by the version, a slash and the incident's id.
func (w *wall) banners() map[string]string {
	found := map[string]string{}
	for key, card := range w.posts {
		if rest, ok := strings.CutPrefix(key, "banner:"); ok {
			found[rest] = card.Title
		}
	}
	return found
}

// TestBridge_EntriesAndDecisions: what a real store says of its entries opens one incident for each
// problem, attaches to it, and decides it, in the versions that the store gives.
func TestBridge_EntriesAndDecisions(t *testing.T) {
	t.Parallel()
	store, err := quarantinelite.Open(t.Context(), quarantinelite.Config{Path: filepath.Join(t.TempDir(), "quarantine.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := newShore(t, store)
	stop := s.running()
	defer stop()

	replayed, discarded := s.hold("orders", "m-1", "*shop.NoCustomer"), s.hold("orders", "m-2", "*shop.NoCustomer")
	restored, failed := s.hold("mails", "m-3", "*mail.NoHost"), s.hold("mails", "m-4", "*mail.NoHost")
	ours := s.hold("quarantine-events--quarantine-declare", "m-5", "*json.SyntaxError")
	same(t, "rows", s.look(), 4)
	all := s.incidents()
	same(t, "incidents", len(all), 2)
	for _, inc := range all {
		same(t, "status of "+inc.Name, inc.Status, incident.Triage)
		same(t, "entries of "+inc.Name, len(inc.Entries), 2)
		if strings.Contains(inc.Name+inc.Summary, "secret") {
			t.Errorf("%q tells what was in the message: %q", inc.Name, inc.Summary)
		}
	}

	s.replay(replayed, handlers.OutcomeOK)
	s.replay(failed, handlers.OutcomeFailed)
	s.decide(s.room.EntryDiscard(t.Context(), s.entry(discarded.Ref), by("ana")))
	s.decide(s.room.EntryDiscard(t.Context(), s.entry(restored.Ref), by("ana")))
	s.decide(s.room.EntryRestore(t.Context(), s.entry(restored.Ref), by("ben")))
	s.decide(s.room.EntryDiscard(t.Context(), s.entry(ours.Ref), by("ben"))) // of the pipeline: nobody hears
	same(t, "rows", s.look(), 5)
	for _, kind := range []workflow.QuarantineKind{workflow.EntryReplayed, workflow.ReplayFailed, workflow.EntryRestored} {
		same(t, string(kind), len(s.ofKind(kind)), 1)
	}
	same(t, "discarded", len(s.ofKind(workflow.EntryDiscarded)), 2)
	want := map[string]string{replayed.Ref: "replayed", discarded.Ref: "discarded", restored.Ref: "", failed.Ref: ""}
	for _, inc := range s.incidents() {
		for _, e := range inc.Entries {
			stored := s.entry(e.Ref)
			same(t, "version of "+e.Ref, e.Version, stored.Version)
			same(t, "decision of "+e.Ref, e.Decision, want[e.Ref])
			if e.Decision == "discarded" && (e.By != "ana" || e.Reason != "because of ana") {
				t.Errorf("%s was discarded by %q: %q", e.Ref, e.By, e.Reason)
			}
		}
	}
	same(t, "a look without news", s.look(), 0)
	s.restart()
	same(t, "a look of a new bridge", s.look(), 0)
	same(t, "incidents", len(s.incidents()), 2)
	same(t, "refused", s.held, nil)
}

// running is the worker that replays are for.
func (s *shore) running() (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	var group runner.Group
	group.Go(func() {
		if err := s.room.Run(ctx); err != nil && ctx.Err() == nil {
			s.t.Error(err)
		}
	})
	<-s.room.Ready()
	s.awaitWorker()
	return func() {
		cancel()
		group.Wait()
	}
}

// awaitWorker waits until the worker is registered, without which nothing is replayed.
func (s *shore) awaitWorker() {
	s.t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		st, err := s.room.Status(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		if len(st.Workers) > 0 {
			return
		}
		<-look.C
	}
}

func (s *shore) replay(e quarantine.Entry, outcome handlers.Outcome) {
	s.t.Helper()
	s.decide(s.room.EntryReplay(s.t.Context(), s.entry(e.Ref), quarantine.ReplayParams{Decision: by("ana")}))
	r, err := s.room.NextReplay(s.t.Context(), e.Subscription)
	if err != nil {
		s.t.Fatal(err)
	}
	a := handlers.Attempt{Started: time.Now(), Ended: time.Now(), Outcome: outcome, Worker: "w-1", Host: "h-1", Build: "v1"}
	if outcome != handlers.OutcomeOK {
		a.Class, a.Errors = handlers.ClassFailed, []handlers.ErrorLink{{Type: "*mail.NoHost", Text: "again"}}
	}
	if err := s.room.FinishReplay(s.t.Context(), e.Subscription, r, a); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shore) decide(_ quarantine.Entry, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestBridge_DeathsWithoutAnEntry: a death that nobody is blamed for opens an incident once it had time
// to become an entry; those of this service's own workers open none.
func TestBridge_DeathsWithoutAnEntry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShore(t, quarantinetest.NewStore())
		for i, role := range []string{"shop", "shop", roleCritical, roleClock, roleWeb, roleBroker, roleMetrics} {
			err := s.room.ReportCrash(t.Context(), handlers.Crash{
				ID: fmt.Sprintf("018f0000-0000-7000-8000-00000000000%d", i), Role: role, Incarnation: fmt.Sprint(i), Host: "h", Build: "v1",
				Started: time.Now(), Died: time.Now(), Exit: "signal: killed", Kind: "out of memory", Tier: "N", Reason: "no message",
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		same(t, "rows at once", s.look(), 0)
		pass(crashSettles + time.Second)
		same(t, "rows", s.look(), 2)
		same(t, "again", s.look(), 0)
		all := s.incidents()
		same(t, "incidents", len(all), 1)
		same(t, "name", all[0].Name, "shop died: out of memory")
		s.restart()
		same(t, "a new bridge", s.look(), 0)
		same(t, "refused", s.held, nil)
	})
}

// TestBridge_ManyOfOneGroup: 3,000 entries of one problem are one incident, and so are their decisions,
// which come faster than the bridge looks.
func TestBridge_ManyOfOneGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const many, read = 3000, 100 // what handlers do with more is tested where they are
		s := newShore(t, quarantinetest.NewStore())
		var entries []quarantine.Entry
		first := map[string]bool{}
		s.reads = func(e workflow.QuarantineEvent) bool { return first[e.Entry] }
		for i := range many {
			entries = append(entries, s.hold("orders", fmt.Sprintf("m-%d", i), "*shop.NoCustomer"))
			first[entries[i].Ref] = i < read
		}
		same(t, "rows", s.look(), many)
		all := s.incidents()
		same(t, "incidents", len(all), 1)
		same(t, "entries", len(all[0].Entries)+all[0].EntriesMore, read)
		s.reads = func(e workflow.QuarantineEvent) bool {
			return e.Entry == entries[0].Ref || e.Entry == entries[read-1].Ref
		}
		pass(time.Second)
		for _, e := range entries {
			s.decide(s.room.EntryDiscard(t.Context(), e, by("ana")))
		}
		same(t, "decisions", s.look(), many)
		same(t, "again", s.look(), 0)
		same(t, "decision", s.incidents()[0].Entries[0].Decision, "discarded")
		same(t, "refused", s.held, nil)
		pass(time.Minute)
		s.restart()
		same(t, "a new bridge", s.look(), 0)
	})
}

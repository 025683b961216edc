package quarantine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func TestQuarantine_HoldsTheMessageAsReceived(t *testing.T) {
	t.Parallel()
	s := newService(t, newScript(), quarantine.Config{})
	m, ev := message("m-1"), failure(5)
	ref, err := s.Quarantine(t.Context(), "orders", m, ev)
	if err != nil {
		t.Fatal(err)
	}
	e := get(t, s, quarantine.EntryKey{Ref: ref})
	if diff := cmp.Diff(m, e.Message); diff != "" {
		t.Errorf("message (-received +held):\n%s", diff)
	}
	if diff := cmp.Diff([]handlers.Attempt{ev.Attempt}, e.Attempts); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	type facts struct {
		State                           quarantine.State
		Title, Where, Hint, Build, Sub  string
		Degraded                        bool
		Reason                          handlers.Reason
		Totals                          handlers.Totals
		Size                            int64
		HasID, HasFingerprint, HasGroup bool
	}
	want := facts{quarantine.StateHeld, "no customer 17", "orders", "look at the customer", "v2", "orders", false,
		handlers.ReasonFailed, handlers.Totals{Failures: 5}, int64(len(m.Data)), true, true, true}
	got := facts{e.State, e.Title, e.Where, e.Hint, e.Build, e.Subscription, e.Degraded,
		e.Reason, e.Totals, e.Size, len(e.ID) == 36, e.Fingerprint != "", e.Group != ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}

	again, err := s.Quarantine(t.Context(), "orders", m, failure(6))
	if err != nil || again != ref {
		t.Errorf("the same message again: %q, %v, want %q", again, err, ref)
	}
	other := m
	other.PublishedAt = m.PublishedAt.Add(time.Second) // the broker reused the id
	if ref2, err := s.Quarantine(t.Context(), "orders", other, ev); err != nil || ref2 == ref {
		t.Errorf("another message with the same id: %q, %v", ref2, err)
	}
}

func TestQuarantine_RecordedAttempt_IsCountedOnce(t *testing.T) {
	t.Parallel()
	s := newService(t, newScript(), quarantine.Config{})
	m := message("m-1")
	for n := 1; n <= 3; n++ {
		totals, err := s.RecordAttempt(t.Context(), "orders", m, failure(n).Attempt)
		if err != nil || totals != (handlers.Totals{Failures: n}) {
			t.Fatalf("attempt %d: %+v, %v", n, totals, err)
		}
	}
	ref, err := s.Quarantine(t.Context(), "orders", m, failure(3))
	if err != nil {
		t.Fatal(err)
	}
	if e := get(t, s, quarantine.EntryKey{Ref: ref}); len(e.Attempts) != 3 {
		t.Errorf("%d attempts are stored, want 3", len(e.Attempts))
	}
}

// poisoned fails for the texts of one message and is fine without them.
func poisoned(fail func() error) func(context.Context, []quarantine.NewEntry) error {
	return func(_ context.Context, batch []quarantine.NewEntry) error {
		for _, n := range batch {
			if strings.Contains(n.Entry.Hint, "poison") || len(n.Attempt.Errors) > 0 && strings.Contains(n.Attempt.Errors[0].Text, "poison") {
				return fail()
			}
		}
		return nil
	}
}

func TestQuarantine_OneBadEntry_TheOthersAreWhole(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"refused": func() error { return fmt.Errorf("insert: %w", quarantine.ErrRefusedData) },
		"panics":  func() error { panic("index out of range in the encoder") },
		"invalid": func() error { return quarantine.ErrInvalid },
		"unknown": func() error { return errors.New("a constraint that nobody thought of") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newScript()
			store.onHold = poisoned(fail)
			s := newService(t, store, quarantine.Config{BatchMax: 64})
			var wg sync.WaitGroup
			refs := make([]string, 100)
			for i := range refs {
				wg.Go(func() {
					ev := failure(1)
					if i == 37 {
						ev.Hint, ev.Attempt.Errors[0].Text = "poison", "poison"
					}
					var err error
					if refs[i], err = s.Quarantine(t.Context(), "orders", message(fmt.Sprint("m-", i)), ev); err != nil {
						t.Errorf("message %d: %v", i, err)
					}
				})
			}
			wg.Wait()
			for i, ref := range refs {
				e := get(t, s, quarantine.EntryKey{Ref: ref})
				if diff := cmp.Diff(message(fmt.Sprint("m-", i)), e.Message); diff != "" {
					t.Errorf("message %d (-received +held):\n%s", i, diff)
				}
				if e.Degraded != (i == 37) {
					t.Errorf("message %d: degraded %t", i, e.Degraded)
				}
			}
		})
	}
}

func TestQuarantine_RefusedAltogether_IsSpooledOrFails(t *testing.T) {
	t.Parallel()
	refuse := func(context.Context, []quarantine.NewEntry) error { return quarantine.ErrRefusedData }

	store := newScript()
	store.onHold = refuse
	bare := newService(t, store, quarantine.Config{})
	if ref, err := bare.Quarantine(t.Context(), "orders", message("m-1"), failure(1)); !errors.Is(err, quarantine.ErrRefusedData) {
		t.Errorf("without a spool: %q, %v", ref, err)
	}
	dir := t.TempDir()
	spooling := newService(t, store, quarantine.Config{SpoolDir: dir})
	ref, err := spooling.Quarantine(t.Context(), "orders", message("m-1"), failure(1))
	if err != nil || !strings.HasPrefix(ref, "spooled:") {
		t.Errorf("with a spool: %q, %v", ref, err)
	}
	if files := spoolFiles(t, dir); len(files) != 1 {
		t.Errorf("spool holds %v", files)
	}
	if got, err := spooling.Standing(t.Context(), "orders", new(message("m-1"))); err != nil || got != handlers.StandingDecided {
		t.Errorf("standing %v, %v", got, err)
	}
}

func spoolFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

func TestQuarantine_StoreAway_SpoolsAndStoresLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, dir := newScript(), t.TempDir()
		s := newService(t, store, quarantine.Config{SpoolDir: dir})
		stop := run(t, s)
		store.Fail(errAway)

		m := message("m-1")
		if _, err := s.RecordAttempt(t.Context(), "orders", m, failure(1).Attempt); !errors.Is(err, quarantine.ErrUnavailable) {
			t.Errorf("RecordAttempt: %v, want ErrUnavailable", err)
		}
		ref, err := s.Quarantine(t.Context(), "orders", m, failure(1))
		if err != nil || !strings.HasPrefix(ref, "spooled:") {
			t.Fatalf("Quarantine: %q, %v", ref, err)
		}
		if again, err := s.Quarantine(t.Context(), "orders", m, failure(1)); again != ref || err != nil {
			t.Errorf("again: %q, %v", again, err)
		}
		if got, err := s.Standing(t.Context(), "orders", &m); got != handlers.StandingDecided || err != nil {
			t.Errorf("standing while the store is away: %v, %v", got, err)
		}
		if files := spoolFiles(t, dir); len(files) != 2 {
			t.Errorf("spool holds %v, want an attempt and an entry", files)
		}
		stop()

		// Another process takes over the directory, while the store is still away.
		next := newService(t, store, quarantine.Config{SpoolDir: dir})
		store.Fail(nil)
		run(t, next)
		<-time.After(time.Minute)
		if files := spoolFiles(t, dir); len(files) != 0 {
			t.Errorf("spool still holds %v", files)
		}
		e := get(t, next, quarantine.EntryKey{MessageID: "m-1"})
		if diff := cmp.Diff(m, e.Message); diff != "" {
			t.Errorf("message (-received +held):\n%s", diff)
		}
		if len(e.Attempts) != 1 || e.Title != "no customer 17" || e.Degraded {
			t.Errorf("entry has %d attempts, title %q, degraded %t", len(e.Attempts), e.Title, e.Degraded)
		}
		if got, err := next.Standing(t.Context(), "orders", &m); got != handlers.StandingDecided || err != nil {
			t.Errorf("standing: %v, %v", got, err)
		}
	})
}

func TestQuarantine_NoSpool_StoreAway_Fails(t *testing.T) {
	t.Parallel()
	store := newScript()
	store.Fail(errAway)
	s := newService(t, store, quarantine.Config{})
	if _, err := s.Quarantine(t.Context(), "orders", message("m-1"), failure(1)); !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("Quarantine: %v, want ErrUnavailable", err)
	}
	if got, err := s.Standing(t.Context(), "orders", new(message("m-1"))); got != handlers.StandingNew || err != nil {
		t.Errorf("a message that is not held stands at %v, %v", got, err)
	}
}

func TestQuarantine_SpoolFull_Fails(t *testing.T) {
	t.Parallel()
	store, dir := newScript(), t.TempDir()
	store.Fail(errAway)
	s := newService(t, store, quarantine.Config{SpoolDir: dir, SpoolMaxBytes: 1 << 20})
	big := message("big")
	big.Data = make([]byte, 900<<10)
	if _, err := s.Quarantine(t.Context(), "orders", big, failure(1)); err != nil {
		t.Fatal(err)
	}
	big.ID = "another"
	if ref, err := s.Quarantine(t.Context(), "orders", big, failure(1)); !errors.Is(err, quarantine.ErrUnavailable) || !strings.Contains(err.Error(), "full") {
		t.Errorf("beyond the quota: %q, %v", ref, err)
	}
	if files := spoolFiles(t, dir); len(files) != 1 {
		t.Errorf("spool holds %v", files)
	}
	if got, _ := s.Standing(t.Context(), "orders", &big); got != handlers.StandingNew {
		t.Errorf("what could not be held stands at %v", got)
	}
}

// TestQuarantine_StoreHangs: neither one that obeys its deadline nor one that
// does not keeps a message for long, and those that follow do not wait as well.
func TestQuarantine_StoreHangs_IsLeftBehind(t *testing.T) {
	t.Parallel()
	for name, obeys := range map[string]bool{"obeys its context": true, "ignores its context": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, end := newScript(), make(chan struct{})
				store.onHold = func(ctx context.Context, _ []quarantine.NewEntry) error {
					if !obeys {
						<-end
						return errAway
					}
					<-ctx.Done()
					return ctx.Err()
				}
				s := newService(t, store, quarantine.Config{SpoolDir: t.TempDir(), WriteTimeout: time.Second, PollEvery: 10 * time.Second})
				begin := time.Now()
				if _, err := s.Quarantine(t.Context(), "orders", message("m-1"), failure(1)); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took < time.Second || took > 2*time.Second {
					t.Errorf("the first took %s", took)
				}
				begin = time.Now()
				if ref, err := s.Quarantine(t.Context(), "orders", message("m-2"), failure(1)); err != nil || !strings.HasPrefix(ref, "spooled:") {
					t.Errorf("the second: %q, %v", ref, err)
				}
				if took := time.Since(begin); took != 0 {
					t.Errorf("the second took %s", took)
				}
				<-time.After(11 * time.Second)
				store.set(func(s *script) { s.onHold = nil })
				if ref, err := s.Quarantine(t.Context(), "orders", message("m-3"), failure(1)); err != nil || !strings.HasPrefix(ref, "Q-") {
					t.Errorf("when it is well again: %q, %v", ref, err)
				}
				close(end)
			})
		})
	}
}

// TestIngest_StoreHangsOnOne: a spooled record on which the store hangs does not
// keep the others waiting for ever.
func TestIngest_StoreHangsOnOne_TheOthersAreStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, dir := newScript(), t.TempDir()
		store.Fail(errAway)
		s := newService(t, store, quarantine.Config{SpoolDir: dir})
		for i := range 100 {
			if _, err := s.Quarantine(t.Context(), "orders", message(fmt.Sprint("m-", i)), failure(1)); err != nil {
				t.Fatal(err)
			}
		}
		store.set(func(s *script) {
			s.onHold = func(ctx context.Context, batch []quarantine.NewEntry) error {
				for _, n := range batch {
					if n.Entry.Message.ID == "m-42" {
						<-ctx.Done()
						return ctx.Err()
					}
				}
				return nil
			}
		})
		store.Fail(nil)
		run(t, s)
		<-time.After(10 * time.Minute)
		page, err := s.EntryList(t.Context(), quarantine.Query{Limit: 1000})
		if err != nil || len(page.Entries) != 99 {
			t.Errorf("%d entries are stored, %v", len(page.Entries), err)
		}
		if files := spoolFiles(t, dir); len(files) != 1 {
			t.Errorf("spool holds %d files, want the one", len(files))
		}
		if got, err := s.Standing(t.Context(), "orders", new(message("m-42"))); got != handlers.StandingDecided || err != nil {
			t.Errorf("it stands at %v, %v", got, err)
		}
	})
}

func TestIngest_DamagedFile_IsSetAside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, dir := newScript(), t.TempDir()
		store.Fail(errAway)
		s := newService(t, store, quarantine.Config{SpoolDir: dir})
		for _, id := range []string{"m-1", "m-2"} {
			if _, err := s.Quarantine(t.Context(), "orders", message(id), failure(1)); err != nil {
				t.Fatal(err)
			}
		}
		torn := dir + "/" + spoolFiles(t, dir)[0]
		data, err := os.ReadFile(torn)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(torn, data[:len(data)-1], 0o600); err != nil {
			t.Fatal(err)
		}
		store.Fail(nil)
		run(t, s)
		<-time.After(time.Minute)
		files := spoolFiles(t, dir)
		if len(files) != 1 || !strings.HasSuffix(files[0], ".spool.bad") {
			t.Errorf("spool holds %v, want one file set aside", files)
		}
		if page, err := s.EntryList(t.Context(), quarantine.Query{}); err != nil || len(page.Entries) != 1 {
			t.Errorf("%d entries, %v", len(page.Entries), err)
		}
	})
}

func TestIngest_UnreadableFile_TheOthersAreStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, dir := newScript(), t.TempDir()
		s := newService(t, store, quarantine.Config{SpoolDir: dir})
		if err := os.Mkdir(dir+"/entry-0.spool", 0o700); err != nil {
			t.Fatal(err)
		}
		store.Fail(errAway)
		if _, err := s.Quarantine(t.Context(), "orders", message("m-1"), failure(1)); err != nil {
			t.Fatal(err)
		}
		store.Fail(nil)
		run(t, s)
		<-time.After(time.Minute)
		if files := spoolFiles(t, dir); len(files) != 1 || files[0] != "entry-0.spool" {
			t.Errorf("spool holds %v", files)
		}
	})
}

// TestIngest_RefusedForEver: what the store never takes stays on disk, and what
// comes after it is stored.
func TestIngest_RefusedForEver_StaysInTheSpool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, dir := newScript(), t.TempDir()
		store.onHold = func(_ context.Context, batch []quarantine.NewEntry) error {
			for _, n := range batch {
				if n.Entry.Message.ID == "m-1" {
					return quarantine.ErrRefusedData
				}
			}
			return nil
		}
		s := newService(t, store, quarantine.Config{SpoolDir: dir})
		run(t, s)
		for _, id := range []string{"m-1", "m-2"} {
			if _, err := s.Quarantine(t.Context(), "orders", message(id), failure(1)); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Hour)
		if files := spoolFiles(t, dir); len(files) != 1 {
			t.Errorf("spool holds %v", files)
		}
		if n := store.count("HoldEntries"); n > 400 {
			t.Errorf("the store was asked %d times in an hour for one record", n)
		}
		if got := standing(t, s, message("m-1")); got != handlers.StandingDecided {
			t.Errorf("standing %v", got)
		}
	})
}

func TestRecordAttempt_RefusedEvidence_IsCountedWithout(t *testing.T) {
	t.Parallel()
	store := newScript()
	store.onRecord = func(_ context.Context, batch []quarantine.AttemptRecord) error {
		for _, r := range batch {
			if len(r.Attempt.Errors) > 0 {
				return quarantine.ErrRefusedData
			}
		}
		return nil
	}
	s := newService(t, store, quarantine.Config{})
	totals, err := s.RecordAttempt(t.Context(), "orders", message("m-1"), failure(1).Attempt)
	if err != nil || totals.Failures != 1 {
		t.Errorf("%+v, %v", totals, err)
	}
}

func TestRecordAttempt_ConcurrentFailures_AreCountedExactly(t *testing.T) {
	t.Parallel()
	store := newScript()
	a, b := newService(t, store, quarantine.Config{}), newService(t, store, quarantine.Config{})
	const n = 200
	seen := make([]int, n+1)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		s := []*quarantine.Service{a, b}[i%2]
		wg.Go(func() {
			totals, err := s.RecordAttempt(t.Context(), "orders", message("m-1"), failure(i).Attempt)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			seen[totals.Failures]++
		})
	}
	wg.Wait()
	for i, c := range seen[1:] {
		if c != 1 {
			t.Errorf("total %d was returned %d times", i+1, c)
		}
	}
}

// BenchmarkQuarantine is what the service itself costs, over a store that costs
// nothing.
func BenchmarkQuarantine(b *testing.B) {
	s, err := quarantine.New(nowhere{}, quarantine.Config{})
	if err != nil {
		b.Fatal(err)
	}
	m, ev := message("m-1"), failure(1)
	m.Data = make([]byte, 1024)
	b.ReportAllocs()
	b.SetParallelism(128)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Quarantine(b.Context(), "orders", m, ev); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// nowhere takes everything and keeps nothing.
type nowhere struct{ quarantine.Store }

func (nowhere) HoldEntries(_ context.Context, batch []quarantine.NewEntry) ([]quarantine.HoldResult, error) {
	return make([]quarantine.HoldResult, len(batch)), nil
}

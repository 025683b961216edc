package quarantine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/handlers"
)

func spoolEntry(id string, data []byte) record {
	m := handlers.Message{ID: id, Data: data, PublishedAt: time.Unix(1668786000, 0).UTC()}
	return record{kind: kindEntry, identity: Identity("orders", m.Identity()), entry: received{ID: "e-" + id, Subscription: "orders", Message: m}}
}

func spoolAttempt(id string, stack int) record {
	return record{kind: kindAttempt, attempt: AttemptRecord{
		Subscription: "orders", MessageID: id, Attempt: handlers.Attempt{Stack: string(make([]byte, stack))},
	}}
}

func openTestSpool(t *testing.T, dir string, max int64) *spool {
	t.Helper()
	p, err := openSpool(dir, max)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustPut(t *testing.T, p *spool, records ...record) {
	t.Helper()
	if err := errors.Join(p.put(records)...); err != nil {
		t.Fatal(err)
	}
}

func TestSpool_KeepsListsAndRemoves(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "on", "demand")
	p := openTestSpool(t, dir, 1<<20)
	a, b := spoolEntry("a", []byte("1")), spoolEntry("b", []byte("2"))
	mustPut(t, p, a, b, spoolAttempt("a", 10))
	mustPut(t, p, a) // again
	names, err := p.list()
	if err != nil || len(names) != 3 || names[0][:8] != attemptStart {
		t.Fatalf("list: %v, %v, want an attempt and two entries", names, err)
	}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	again := openTestSpool(t, dir, 1<<20)
	if !again.holds(a.identity) || !again.holds(b.identity) || again.bytes != p.bytes || again.ofTries != p.ofTries {
		t.Errorf("opened again: %d bytes and %d in attempts, want %d and %d", again.bytes, again.ofTries, p.bytes, p.ofTries)
	}
	if err := p.remove(append(names, "entry-gone.spool")); err != nil {
		t.Fatal(err)
	}
	if p.bytes != 0 || p.ofTries != 0 || p.holds(a.identity) {
		t.Errorf("after removal: %d bytes, %d in attempts, holds %t", p.bytes, p.ofTries, p.holds(a.identity))
	}
}

func TestSpool_AfterADeath_HalfWrittenFilesAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	torn := filepath.Join(dir, tempPrefix+"1234")
	if err := os.WriteFile(torn, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := openTestSpool(t, dir, 1<<20)
	if _, err := os.Stat(torn); !errors.Is(err, os.ErrNotExist) || p.bytes != 0 {
		t.Errorf("it stays: %v, %d bytes counted", err, p.bytes)
	}
}

func TestSpool_Quota(t *testing.T) {
	t.Parallel()
	p := openTestSpool(t, t.TempDir(), 100<<10)
	mustPut(t, p, spoolAttempt("a", 40<<10))
	if err := p.put([]record{spoolAttempt("b", 40<<10)})[0]; !errors.Is(err, errSpoolFull) {
		t.Errorf("attempts beyond half: %v", err)
	}
	mustPut(t, p, spoolEntry("c", make([]byte, 40<<10)))
	before := p.bytes
	errs := p.put([]record{spoolEntry("d", make([]byte, 40<<10)), spoolEntry("e", nil)})
	if !errors.Is(errs[0], errSpoolFull) || errs[1] != nil {
		t.Errorf("one too large, one that fits: %v", errs)
	}
	if p.holds(spoolEntry("d", make([]byte, 40<<10)).identity) || p.bytes <= before {
		t.Error("what did not fit counts as held, or what fitted does not count")
	}
}

func TestSpool_DirectoryGone_IsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := openTestSpool(t, dir, 1<<20)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	r := spoolEntry("a", nil)
	if err := p.put([]record{r})[0]; err == nil || p.holds(r.identity) || p.bytes != 0 {
		t.Errorf("put: %v, holds %t, %d bytes", err, p.holds(r.identity), p.bytes)
	}
	if _, err := p.list(); err == nil {
		t.Error("list of a missing directory is no error")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openSpool(file, 1<<20); err == nil {
		t.Error("a file is opened as a spool")
	}
}

// anyBytes are texts as hostile as they come.
func anyBytes() *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 64), func(b []byte) string { return string(b) })
}

func anyTime() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
	})
}

func anyAttempt() *rapid.Generator[handlers.Attempt] {
	return rapid.Custom(func(t *rapid.T) handlers.Attempt {
		text := anyBytes()
		a := handlers.Attempt{
			Started: anyTime().Draw(t, "started"), Ended: anyTime().Draw(t, "ended"),
			Outcome: rapid.SampledFrom(handlers.Outcomes()).Draw(t, "outcome"), Class: handlers.ClassPermanent,
			Panic: text.Draw(t, "panic"), Stack: text.Draw(t, "stack"), Handler: text.Draw(t, "handler"),
			DeliveryAttempt: rapid.Int().Draw(t, "delivery"), Replay: rapid.Bool().Draw(t, "replay"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "links") {
			a.Errors = append(a.Errors, handlers.ErrorLink{Type: text.Draw(t, "type"), Text: text.Draw(t, "text")})
		}
		return a
	})
}

// TestRecord_KeepsEveryByte: what is spooled comes back exactly.
func TestRecord_KeepsEveryByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := anyBytes()
		m := handlers.Message{
			ID: text.Draw(t, "id"), Data: []byte(text.Draw(t, "data")), OrderingKey: text.Draw(t, "key"),
			PublishedAt: anyTime().Draw(t, "published"), DeliveryAttempt: rapid.Int().Draw(t, "delivery"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "attributes") {
			if m.Attributes == nil {
				m.Attributes = map[string]string{}
			}
			m.Attributes[text.Draw(t, "k")] = text.Draw(t, "v")
		}
		sub := text.Draw(t, "sub")
		entry := record{kind: kindEntry, identity: Identity(sub, m.Identity()), entry: received{
			ID: text.Draw(t, "entry"), Subscription: sub, Message: m, AttemptRecorded: rapid.Bool().Draw(t, "recorded"),
			Evidence: handlers.Evidence{
				Reason: handlers.Reason(text.Draw(t, "reason")), Confidence: handlers.Confidence(text.Draw(t, "confidence")),
				Attempt: anyAttempt().Draw(t, "attempt"), Hint: text.Draw(t, "hint"),
				Totals: handlers.Totals{Failures: rapid.Int().Draw(t, "failures"), Crashes: rapid.Int().Draw(t, "crashes")},
			},
		}}
		attempt := record{kind: kindAttempt, attempt: AttemptRecord{
			Subscription: sub, MessageID: m.ID, Identity: entry.identity, Attempt: anyAttempt().Draw(t, "attempt"),
		}}
		for _, want := range []record{entry, attempt} {
			file := want.encode()
			got, err := parseRecord(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(record{})); diff != "" {
				t.Fatalf("-put +read:\n%s", diff)
			}
			cutAt := rapid.IntRange(0, len(file)-1).Draw(t, "cut")
			if _, err := parseRecord(file[:cutAt]); !errors.Is(err, errRecord) {
				t.Fatalf("cut at %d of %d: %v", cutAt, len(file), err)
			}
			flip := bytes.Clone(file)
			flip[rapid.IntRange(0, len(file)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			if _, err := parseRecord(flip); !errors.Is(err, errRecord) {
				t.Fatalf("a flipped bit: %v", err)
			}
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add(spoolEntry("a", []byte("\x00\xff")).encode())
	f.Add(spoolAttempt("a", 3).encode())
	f.Add([]byte(spoolMagic))
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, err := parseRecord(body); err == nil {
			if again, err := parseRecord(r.encode()); err != nil || cmp.Diff(r, again, cmp.AllowUnexported(record{})) != "" {
				t.Errorf("read, written and read again: %v", err)
			}
		} else if !errors.Is(err, errRecord) {
			t.Errorf("error %v is no errRecord", err)
		}
		// The same bytes behind a header that fits, so that the body is reached.
		for _, kind := range []recordKind{kindEntry, kindAttempt} {
			if _, err := parseRecord(frame(kind, body)); err != nil && !errors.Is(err, errRecord) {
				t.Errorf("kind %d: error %v is no errRecord", kind, err)
			}
		}
	})
}

func BenchmarkSpool_Put(b *testing.B) {
	p, err := openSpool(b.TempDir(), 1<<40)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if err := errors.Join(p.put([]record{spoolEntry(fmt.Sprint(i), make([]byte, 1024))})...); err != nil {
			b.Fatal(err)
		}
	}
}

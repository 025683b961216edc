package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJournal_KeepsWhatIsCompleteAndDropsACutLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), journalName)
	want := []record{{kindPublished, "a"}, {kindEffect, "a"}, {Kind: kindFixed}}
	j, found, err := openJournal(path)
	if err != nil || len(found) != 0 {
		t.Fatalf("a new journal: %v, %v", found, err)
	}
	for _, r := range want {
		if err := j.write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.sync(); err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"kind":"effect","eve`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}

	j, found, err = openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.close(); err != nil {
			t.Error(err)
		}
	})
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	want = append(want, record{kindEffect, "b"})
	if err := j.write(want[3]); err != nil {
		t.Fatal(err)
	}
	again, err := j.reread()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Error(diff)
	}
}

func TestLedger_OneEffectForEachEvent(t *testing.T) {
	t.Parallel()
	j, _, err := openJournal(filepath.Join(t.TempDir(), journalName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.close(); err != nil {
			t.Error(err)
		}
	})
	l := newLedger(j, nil, []record{{kindEffect, "0"}})
	const events, deliveries = 20, 10
	var handlers sync.WaitGroup
	for i := range events * deliveries {
		handlers.Go(func() {
			if err := l.effect(strconv.Itoa(i % events)); err != nil {
				t.Error(err)
			}
		})
	}
	handlers.Wait()
	records, err := j.reread()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{"0": 1}
	for _, r := range records {
		seen[r.Event]++
	}
	for i := range events {
		if n := seen[strconv.Itoa(i)]; n != 1 {
			t.Errorf("event %d has %d effects, want 1", i, n)
		}
	}
	if want := events*deliveries - events + 1; l.repeats() != want {
		t.Errorf("%d repeats recognised, want %d", l.repeats(), want)
	}
}

func TestLedger_AJournalThatCannotBeWrittenIsReported(t *testing.T) {
	t.Parallel()
	j, _, err := openJournal(filepath.Join(t.TempDir(), journalName))
	if err != nil {
		t.Fatal(err)
	}
	l := newLedger(j, nil, nil)
	_, changed, _ := l.progress()
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	if err := l.effect("a"); err == nil {
		t.Error("an effect that is not written counts")
	}
	select {
	case <-changed:
	default:
		t.Error("nobody is told")
	}
	if _, _, broken := l.progress(); broken == nil {
		t.Error("the ledger does not say what broke")
	}
	if l.effects["a"] {
		t.Error("the ledger believes in an effect that is not written")
	}
}

func FuzzReadRecords(f *testing.F) {
	f.Add([]byte("{\"kind\":\"effect\",\"event\":\"a\"}\n{\"kind\":"))
	f.Add([]byte("\n\n"))
	f.Add([]byte{0xff, '\n'})
	f.Fuzz(func(t *testing.T, text []byte) {
		records, whole, err := readRecords(bytes.NewReader(text))
		if err != nil {
			return
		}
		if whole > int64(len(text)) || (whole > 0 && text[whole-1] != '\n') {
			t.Fatalf("%d of %d bytes are whole lines", whole, len(text))
		}
		again, same, err := readRecords(bytes.NewReader(text[:whole]))
		if err != nil || same != whole || !cmp.Equal(records, again) {
			t.Fatalf("what was kept reads differently: %v", err)
		}
	})
}

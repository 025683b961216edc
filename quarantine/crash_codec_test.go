package quarantine_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func fullCrash() handlers.Crash {
	at := time.Date(2022, 11, 18, 15, 40, 0, 123456789, time.UTC)
	return handlers.Crash{
		ID: "018f0000-0000-7000-8000-0000000000ab", Role: everyByte(), Incarnation: "i-1", Host: "h\x00", Build: "v1",
		PID: 4711, Started: at, Died: at.Add(time.Hour), Exit: "exit code 2", Kind: "panic", Tier: "A", Reason: "label",
		Alone: true, Text: "panic: \xff", Stack: everyByte(), StackCut: true,
		Frames: []handlers.Frame{{Func: "a.b.c", File: "x.go", Line: 118}, {Func: "é\xff", Line: -1}},
		Stderr: everyByte(), StartedBy: "m-0", Hint: "roll back", Notes: []string{"one", everyByte()},
		InFlight: []handlers.InFlight{
			{Part: handlers.PartCulprit, Subscription: "orders", ID: everyByte(), IDCut: true, PublishedAt: at, Started: at.Add(1),
				Attempt: 3, Deaths: 1, Why: "\x00", TraceID: "abc", SpanID: "def", Handler: "orders.Confirm"},
			{Part: "of a newer version"},
		},
	}
}

func TestCrash_KeepsEveryByte(t *testing.T) {
	t.Parallel()
	full := fullCrash()
	for i := range reflect.TypeOf(full).NumField() {
		if reflect.ValueOf(full).Field(i).IsZero() {
			t.Errorf("this test does not set %s", reflect.TypeOf(full).Field(i).Name)
		}
	}
	for i := range reflect.TypeOf(full.InFlight[0]).NumField() {
		if reflect.ValueOf(full.InFlight[0]).Field(i).IsZero() {
			t.Errorf("this test does not set InFlight.%s", reflect.TypeOf(full.InFlight[0]).Field(i).Name)
		}
	}
	for name, c := range map[string]handlers.Crash{"full": full, "zero": {}} {
		got, err := quarantine.DecodeCrash(quarantine.EncodeCrash(c))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestCrash_IsBounded(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("x", 1<<20)
	c := handlers.Crash{Role: huge, Text: huge, Stack: huge, Stderr: huge, Hint: huge}
	for range 1000 {
		c.Notes = append(c.Notes, huge)
		c.Frames = append(c.Frames, handlers.Frame{Func: huge})
		c.InFlight = append(c.InFlight, handlers.InFlight{ID: huge, Part: handlers.PartBystander})
	}
	b := quarantine.EncodeCrash(c)
	if len(b) > 8<<20 {
		t.Errorf("a report of gigabytes is stored in %d bytes", len(b))
	}
	got, err := quarantine.DecodeCrash(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Stack) != 64<<10 || !got.StackCut || len(got.Stderr) != 16<<10 || len(got.Frames) != 64 || len(got.Notes) != 64 ||
		len(got.InFlight) != 1000 || len(got.InFlight[0].ID) != 4<<10 || !got.InFlight[0].IDCut {
		t.Errorf("kept %d bytes of stack (cut: %v), %d of standard error, %d frames, %d notes, %d messages",
			len(got.Stack), got.StackCut, len(got.Stderr), len(got.Frames), len(got.Notes), len(got.InFlight))
	}
}

func TestCrash_OfALaterVersionIsReadable(t *testing.T) {
	t.Parallel()
	b := quarantine.EncodeCrash(fullCrash())
	b[0]++
	got, err := quarantine.DecodeCrash(append(b, "a field of the future"...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fullCrash(), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCrashDecoders_RefuseWhatIsCut(t *testing.T) {
	t.Parallel()
	c := quarantine.EncodeCrash(fullCrash())
	for n := range len(c) {
		if _, err := quarantine.DecodeCrash(c[:n]); err == nil {
			t.Fatalf("a report cut to %d of %d bytes decodes", n, len(c))
		}
	}
	r := quarantine.EncodeRunning([]handlers.Running{{Subscription: "a", MessageID: everyByte(), Started: started}})
	for n := 1; n < len(r); n++ {
		if _, err := quarantine.DecodeRunning(r[:n]); err == nil {
			t.Fatalf("a snapshot cut to %d of %d bytes decodes", n, len(r))
		}
	}
}

func TestRunning_KeepsEveryByte(t *testing.T) {
	t.Parallel()
	for _, want := range [][]handlers.Running{nil,
		{{Subscription: "orders", MessageID: everyByte(), PublishedAt: started, Started: started.Add(1)}, {Subscription: "\xff", PublishedAt: started, Started: started}}} {
		b := quarantine.EncodeRunning(want)
		if len(want) == 0 && len(b) != 0 {
			t.Errorf("nothing is %d bytes", len(b))
		}
		got, err := quarantine.DecodeRunning(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func FuzzDecodeCrash(f *testing.F) {
	f.Add(quarantine.EncodeCrash(fullCrash()))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := quarantine.DecodeCrash(b)
		if err != nil {
			return
		}
		once := quarantine.EncodeCrash(c)
		again, err := quarantine.DecodeCrash(once)
		if err != nil || !bytes.Equal(once, quarantine.EncodeCrash(again)) {
			t.Errorf("a report that decodes does not survive: %v", err)
		}
		for _, s := range quarantine.SuspectsOf(again) {
			if !s.Part.Alone() {
				t.Errorf("%+v is a suspect", s)
			}
		}
	})
}

func FuzzDecodeRunning(f *testing.F) {
	f.Add(quarantine.EncodeRunning([]handlers.Running{{Subscription: "a", MessageID: "b", Started: started}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		running, err := quarantine.DecodeRunning(b)
		if err != nil {
			return
		}
		w := quarantine.Worker{Incarnation: "i", Heard: started}
		if _, err := quarantine.StoredCrash(quarantine.DeathReport(w, running, started)); err != nil {
			t.Errorf("its report cannot be stored: %v", err)
		}
	})
}

func TestStoredCrash_MakesIdsOneForm(t *testing.T) {
	t.Parallel()
	c := fullCrash()
	c.ID = "{" + strings.ToUpper(c.ID) + "}"
	c.Died = c.Died.In(time.FixedZone("east", 3600))
	got, err := quarantine.StoredCrash(c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fullCrash(), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDeathReport_IsTheSameWhoeverMakesIt(t *testing.T) {
	t.Parallel()
	w := quarantine.Worker{Incarnation: "i-1", Host: "h-1", PID: 7, Started: started, Heard: started.Add(time.Minute)}
	one, two := quarantine.DeathReport(w, nil, started.Add(time.Hour)), quarantine.DeathReport(w, nil, started.Add(2*time.Hour))
	if one.ID != two.ID {
		t.Errorf("%s and %s for one death", one.ID, two.ID)
	}
	other := w
	other.Incarnation = "i-2"
	if three := quarantine.DeathReport(other, nil, started); three.ID == one.ID {
		t.Errorf("%s for two deaths", three.ID)
	}
	later := w
	later.Heard = w.Heard.Add(time.Second)
	if next := quarantine.DeathReport(later, nil, started); next.ID <= one.ID {
		t.Errorf("%s does not sort behind %s", next.ID, one.ID)
	}
	if stored, err := quarantine.StoredCrash(one); err != nil || stored.ID != one.ID || stored.ID[14] != '7' {
		t.Errorf("%s is stored as %s, %v", one.ID, stored.ID, err)
	}
}

func TestSuspectKey_TellsMessagesApart(t *testing.T) {
	t.Parallel()
	seen := map[[32]byte]string{quarantine.Identity("orders", handlers.Identity{ID: "m", PublishedAt: started}): "an identity"}
	for name, key := range map[string][32]byte{
		"it":           quarantine.SuspectKey("orders", "m", started),
		"subscription": quarantine.SuspectKey("order", "sm", started),
		"id":           quarantine.SuspectKey("orders", "m2", started),
		"published":    quarantine.SuspectKey("orders", "m", started.Add(time.Microsecond)),
	} {
		if other, twice := seen[key]; twice {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[key] = name
	}
	if quarantine.SuspectKey("orders", "m", started.Add(999)) != quarantine.SuspectKey("orders", "m", started.In(time.Local)) {
		t.Error("nanoseconds or the zone tell one message from itself")
	}
}

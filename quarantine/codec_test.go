package quarantine_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// everyByte is all 256 byte values: no valid UTF-8, and NUL among them.
func everyByte() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

func fullAttempt() handlers.Attempt {
	return handlers.Attempt{
		Started: time.Date(2022, 11, 18, 15, 40, 0, 123456789, time.UTC),
		Ended:   time.Date(2022, 11, 18, 15, 40, 1, 0, time.UTC),
		Outcome: handlers.OutcomeTimedOut, Class: handlers.ClassRetryAfter,
		Errors: []handlers.ErrorLink{{Type: "*json.SyntaxError", Text: everyByte()}, {Type: "*errors.errorString", Text: ""}},
		Panic:  "boom\x00", Stack: "goroutine 1\n" + everyByte(), StackCut: true,
		Frames:  []handlers.Frame{{Func: "a.b.c", File: "x.go", Line: 118}, {Func: "é\xff", Line: -1}},
		Handler: "billing", Worker: "w-1", Host: "h", Build: "v1.2.3", TraceID: "abc",
		DeliveryAttempt: 7, Replay: true,
	}
}

func TestAttempt_KeepsEveryByte(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]handlers.Attempt{"full": fullAttempt(), "zero": {}} {
		got, err := quarantine.DecodeAttempt(quarantine.EncodeAttempt(a))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(a, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestAttempt_KeepsEveryOutcomeAndClass(t *testing.T) {
	t.Parallel()
	for _, o := range handlers.Outcomes() {
		for c := handlers.ClassNone; c <= handlers.ClassUndecodable; c++ {
			got, err := quarantine.DecodeAttempt(quarantine.EncodeAttempt(handlers.Attempt{Outcome: o, Class: c}))
			if err != nil || got.Outcome != o || got.Class != c {
				t.Errorf("%s/%s came back as %s/%s, %v", o, c, got.Outcome, got.Class, err)
			}
		}
	}
}

func TestAttempt_IsBounded(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("x", 1<<20)
	a := handlers.Attempt{Panic: huge, Stack: huge, Handler: huge, Worker: huge, Host: huge, Build: huge, TraceID: huge}
	for range 1000 {
		a.Errors = append(a.Errors, handlers.ErrorLink{Type: huge, Text: huge})
		a.Frames = append(a.Frames, handlers.Frame{Func: huge, File: huge})
	}
	b := quarantine.EncodeAttempt(a)
	if len(b) > 1<<20 {
		t.Errorf("an attempt of gigabytes is stored in %d bytes, want at most 1 MiB", len(b))
	}
	got, err := quarantine.DecodeAttempt(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Errors) != 32 || len(got.Frames) != 64 || len(got.Stack) != 64<<10 || !got.StackCut || len(got.Panic) != 4<<10 {
		t.Errorf("kept %d errors, %d frames, %d bytes of stack (cut: %v), %d of panic",
			len(got.Errors), len(got.Frames), len(got.Stack), got.StackCut, len(got.Panic))
	}
}

func TestAttempt_OfALaterVersionIsReadable(t *testing.T) {
	t.Parallel()
	b := quarantine.EncodeAttempt(fullAttempt())
	b[0]++
	got, err := quarantine.DecodeAttempt(append(b, "a field of the future"...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fullAttempt(), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAttributes_KeepEveryByteAndAreDeterministic(t *testing.T) {
	t.Parallel()
	want := map[string]string{"": "", "a": everyByte(), everyByte(): "a", "b": "\x00", "\xff": "x"}
	b := quarantine.EncodeAttributes(want)
	for range 20 {
		if !bytes.Equal(b, quarantine.EncodeAttributes(want)) {
			t.Fatal("one map has two encodings")
		}
	}
	got, err := quarantine.DecodeAttributes(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEvidence_KeepsEveryByte(t *testing.T) {
	t.Parallel()
	want := quarantine.Entry{Title: everyByte(), Where: "a\x00", Hint: "\xff", Build: "v1",
		Errors: []handlers.ErrorLink{{Type: "T", Text: everyByte()}}}
	var got quarantine.Entry
	if err := quarantine.DecodeEvidence(quarantine.EncodeEvidence(want), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDecoders_RefuseWhatIsCut(t *testing.T) {
	t.Parallel()
	attempt := quarantine.EncodeAttempt(fullAttempt())
	for n := range len(attempt) {
		if _, err := quarantine.DecodeAttempt(attempt[:n]); err == nil {
			t.Fatalf("an attempt cut to %d of %d bytes decodes", n, len(attempt))
		}
	}
	texts := quarantine.EncodeTexts([]string{"a", "b"})
	for n := range len(texts) {
		if _, err := quarantine.DecodeTexts(texts[:n]); err == nil {
			t.Fatalf("texts cut to %d of %d bytes decode", n, len(texts))
		}
	}
}

func TestDisplayText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "declined", "declined"},
		{"empty", "", ""},
		{"NUL", "a\x00b", "a\uFFFDb"},
		{"invalid", "a\xff\xfeb", "a\uFFFDb"},
		{"cut on a rune's edge", "0123456789é", "0123456789"},
	} {
		if got := quarantine.DisplayText(tt.in, 11); got != tt.want {
			t.Errorf("%s: DisplayText(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func FuzzDisplayText(f *testing.F) {
	f.Add("é\x00\xff", 3)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(0, limit%1000)
		got := quarantine.DisplayText(s, limit)
		if !utf8.ValidString(got) || strings.ContainsRune(got, 0) || len(got) > limit {
			t.Errorf("DisplayText(%q, %d) = %q", s, limit, got)
		}
	})
}

func FuzzDecodeAttempt(f *testing.F) {
	f.Add(quarantine.EncodeAttempt(fullAttempt()))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := quarantine.DecodeAttempt(b)
		if err != nil {
			return
		}
		once := quarantine.EncodeAttempt(a)
		again, err := quarantine.DecodeAttempt(once)
		if err != nil || !bytes.Equal(once, quarantine.EncodeAttempt(again)) {
			t.Errorf("an attempt that decodes does not survive: %v", err)
		}
	})
}

func FuzzDecodeAttributes(f *testing.F) {
	f.Add(quarantine.EncodeAttributes(map[string]string{"a": "b"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := quarantine.DecodeAttributes(b)
		if err != nil {
			return
		}
		again, err := quarantine.DecodeAttributes(quarantine.EncodeAttributes(m))
		if err != nil || !cmp.Equal(m, again, cmpopts.EquateEmpty()) {
			t.Errorf("attributes that decode do not survive: %v", err)
		}
	})
}

package ward

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/handlers"
)

var died = time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)

const block = "goroutine 86 [running labels:{\"theriac\": \"12.4711\"}]:\n" +
	"example.com/app/billing.Apply.func1({0x1, 0x2})\n\t/src/app/billing/apply.go:118 +0x1d\n" +
	"created by example.com/app/billing.Apply in goroutine 85\n\t/src/app/billing/apply.go:110 +0x2d\n"

func record() crashrecord.Record {
	attempt := func(id string) crashrecord.Attempt {
		return crashrecord.Attempt{
			Slot: "12.4711", Subscription: "orders", ID: crashrecord.Text(id), IDCut: true, Attempt: 3, Started: died.Add(-time.Second),
			Published: died.Add(-time.Minute), TraceID: "0af7", SpanID: "b7ad", Deaths: 1, Why: "labelled", Outcome: "ok",
		}
	}
	culprit := attempt("culprit")
	return crashrecord.Record{
		Metadata: crashrecord.Metadata{
			ID: "id", Incarnation: "i-1", Role: "worker", Host: "host", Build: "v1", PID: 4711,
			Started: died.Add(-time.Hour), Died: died, Exit: "exit code 2", Kind: "panic", Tier: "A", Reason: "because",
			Culprit: &culprit, Suspects: []crashrecord.Attempt{attempt("s1"), attempt("s2")}, TimedOut: []crashrecord.Attempt{attempt("late")},
			Bystanders: []crashrecord.Attempt{attempt("bystander")}, Settling: []crashrecord.Attempt{attempt("settling")}, Alone: true,
			StartedBy: "parent", DamagedSlots: 2, Notes: []crashrecord.Text{"a", "b"}, BreakerHint: "three culprits in a minute",
		},
		FirstBlock: []byte(block), StderrTail: []byte("last words\n"), Dump: []byte("panic: boom\n\n" + block + "\ngoroutine 1 [select]:\nmain.main()\n\t/x.go:1\n"),
	}
}

func TestReportOf(t *testing.T) {
	t.Parallel()
	flight := func(part handlers.Part, id string) handlers.InFlight {
		return handlers.InFlight{
			Part: part, Subscription: "orders", ID: id, IDCut: true, PublishedAt: died.Add(-time.Minute), Started: died.Add(-time.Second),
			Attempt: 3, Deaths: 1, Why: "labelled", TraceID: "0af7", SpanID: "b7ad",
		}
	}
	want := handlers.Crash{
		ID: "id", Role: "worker", Incarnation: "i-1", Host: "host", Build: "v1", PID: 4711, Started: died.Add(-time.Hour), Died: died,
		Exit: "exit code 2", Kind: "panic", Tier: "A", Reason: "because", Alone: true, Text: "panic: boom", Stack: block,
		Frames: []handlers.Frame{{Func: "example.com/app/billing.Apply.func1", File: "apply.go", Line: 118}},
		Stderr: "last words\n", StartedBy: "parent", Hint: "three culprits in a minute", Notes: []string{"a", "b"},
		InFlight: []handlers.InFlight{
			flight(handlers.PartCulprit, "culprit"), flight(handlers.PartSuspect, "s1"), flight(handlers.PartSuspect, "s2"),
			flight(handlers.PartTimedOut, "late"), flight(handlers.PartBystander, "bystander"), flight(handlers.PartSettling, "settling"),
		},
	}
	if diff := cmp.Diff(want, reportOf(record())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReportOf_Thinned has lost parts of the record, one after the other.
func TestReportOf_Thinned(t *testing.T) {
	t.Parallel()
	r := record()
	r.FirstBlock = nil
	if c := reportOf(r); len(c.Frames) != 1 || c.Text != "panic: boom" || c.Stack != "" {
		t.Errorf("without its first block: %q, %v", c.Text, c.Frames)
	}
	r = record()
	r.Dump, r.StderrTail = nil, []byte("fatal error: \x1b[31mred\nmore\n")
	if c := reportOf(r); len(c.Frames) != 1 || c.Text != `fatal error: \x1b[31mred` {
		t.Errorf("without its dump: %q, %v", c.Text, c.Frames)
	}
	c := reportOf(crashrecord.Record{})
	if diff := cmp.Diff(handlers.Crash{}, c, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("of nothing (-want +got):\n%s", diff)
	}
}

func TestReportOf_Caps(t *testing.T) {
	t.Parallel()
	r := record()
	var long strings.Builder
	long.WriteString("goroutine 86 [running]:\n")
	for i := range 2000 {
		fmt.Fprintf(&long, "app.f%d%s()\n\t/π/%s.go:%d +0x1\n", i, strings.Repeat("π", 3000*(1-min(i, 1))), strings.Repeat("ü", 30), i)
	}
	r.FirstBlock, r.StderrTail = []byte(long.String()), []byte(strings.Repeat("π", 40<<10))
	c := reportOf(r)
	if len(c.Stack) > 64<<10 || !c.StackCut || !strings.HasPrefix(c.Stack, "goroutine 86") {
		t.Errorf("stack of %d bytes, cut %t", len(c.Stack), c.StackCut)
	}
	if len(c.Frames) != 64 || c.Frames[63].Line != 63 || len(c.Frames[0].Func) > 4<<10 || !utf8.ValidString(c.Frames[0].Func) {
		t.Errorf("%d frames, the first of %d bytes", len(c.Frames), len(c.Frames[0].Func))
	}
	if len(c.Stderr) > 16<<10 || len(c.Stderr) < 16<<10-4 || !utf8.ValidString(c.Stderr) {
		t.Errorf("stderr of %d bytes", len(c.Stderr))
	}
	r = record()
	r.LeftOut = []crashrecord.Part{crashrecord.PartFirstBlock}
	if !reportOf(r).StackCut {
		t.Error("the record's own cut of the stack is not told")
	}
}

// FuzzReportOf feeds it what a dying process can write.
func FuzzReportOf(f *testing.F) {
	f.Add([]byte(block), []byte("panic: boom\n\n"+block), []byte("fatal error: x\n"))
	f.Add([]byte("goroutine 1 [\n"), []byte(nil), []byte("\xff\xfe\x80\x80\x80\x80"))
	f.Fuzz(func(t *testing.T, first, dump, stderr []byte) {
		c := reportOf(crashrecord.Record{FirstBlock: first, Dump: dump, StderrTail: stderr})
		if len(c.Stack) > maxReportStack || len(c.Stderr) > maxReportStderr || len(c.Frames) > maxReportFrames || len(c.Text) > maxReportText {
			t.Errorf("a cap is broken: %d, %d, %d, %d", len(c.Stack), len(c.Stderr), len(c.Frames), len(c.Text))
		}
		if !strings.HasPrefix(string(first), c.Stack) || !strings.HasSuffix(string(stderr), c.Stderr) {
			t.Error("the report says what the record does not")
		}
		if slices.ContainsFunc(c.Frames, func(f handlers.Frame) bool { return f.Func == "" || strings.ContainsRune(f.File, '/') }) {
			t.Errorf("frames %v", c.Frames)
		}
	})
}

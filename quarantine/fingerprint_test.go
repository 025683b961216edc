package quarantine

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/handlers"
)

func TestNormalize(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                             "",
		"unexpected end of JSON input": "unexpected end of JSON input",
		"runtime error: index out of range [5] with length 3":           "runtime error: index out of range [#] with length #",
		"order 1284933119027 not found":                                 "order # not found",
		"order42 and ORDER-77":                                          "order# and ORDER-#",
		"user 3f2504e0-4f89-11d3-9a0c-0305e82c3301 gone":                "user # gone",
		"user abcdefab-abcd-abcd-abcd-abcdefabcdef gone":                "user # gone",
		"at 0xc000123abc":                                               "at #",
		"sha deadbeefcafe":                                              "sha #",
		"a facade is a word":                                            "a facade is a word",
		`json: cannot unmarshal "two" into field 'qty' of ` + "`Order`": "json: cannot unmarshal # into field # of #",
		`unbalanced "quote and customer's apostrophe`:                   `unbalanced "quote and customer's apostrophe`,
		"mail ana.b+c9@mail.example.com bounced":                        "mail <email> bounced",
		"mail 42@x.io bounced":                                          "mail <email> bounced",
		"look @ this, a@":                                               "look @ this, a@",
		"dial tcp 10.0.0.1:5432: connection refused":                    "dial tcp #: connection refused",
		"at 2022-11-18T15:40:00Z, took 1.5e+09s":                        "at #, took #",
		"line 5, column 7":                                              "line #, column #",
		"ids [1 2 3] and [4, 5]":                                        "ids [#] and [#]",
		"got -5, want +7":                                               "got #, want #",
		"tab\tnewline\r\nNUL\x00end":                                    "tab newline NUL end",
		"esc \x1b[31mred":                                               "esc [#",
		"bad \xff utf8, rtl \u202e, zero\u200bwidth":                    "bad ? utf#, rtl ?, zero?width",
		"Bestellung № ٤٢ für Zoë":                                       "Bestellung № # für Zoë",
		"usr_8fK2x and usr_11":                                          "usr_# and usr_#",
		strings.Repeat("word ", 1000):                                   cut(strings.TrimSpace(strings.Repeat("word ", 1000)), normalizeOut),
	} {
		if diff := cmp.Diff(want, normalize(in)); diff != "" {
			t.Errorf("normalize(%q) (-want +got):\n%s", in, diff)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"", "a@b", "''''\"", "1.2.3.4", "\xff\x00", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "x-1@y 'q' \u202e٤"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := normalize(s)
		if len(out) > normalizeOut || !utf8.ValidString(out) {
			t.Errorf("normalize(%q) = %d bytes, valid %t", s, len(out), utf8.ValidString(out))
		}
		if i := strings.IndexFunc(out, func(r rune) bool { return unicode.IsDigit(r) || !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("normalize(%q) = %q keeps a digit or what cannot be printed", s, out)
		}
		if line := clean(s, 64); len(line) > 64 || !utf8.ValidString(line) || strings.ContainsAny(line, "\n\r\x1b\x00") {
			t.Errorf("clean(%q) = %q", s, line)
		}
	})
}

// TestNormalize_Linear: texts that make a scanner look ahead again and again.
func TestNormalize_Linear(t *testing.T) {
	t.Parallel()
	for _, s := range []string{`"`, "'", "`'\"", "@", "a@", "1.", "-", "a'", "\xff", "9a", "abcdef01-"} {
		in := strings.Repeat(s, 1<<20/len(s)) // only its head is looked at
		if out := normalize(in); len(out) > normalizeOut {
			t.Errorf("normalize(%q…) has %d bytes", s, len(out))
		}
	}
}

func oursIsBilling(fn string) bool { return strings.HasPrefix(fn, "example.com/app/billing.") }

func nilDereference() handlers.Evidence {
	return handlers.Evidence{
		Reason: handlers.ReasonFailed,
		Attempt: handlers.Attempt{
			Outcome: handlers.OutcomePanicked,
			Panic:   "runtime error: invalid memory address or nil pointer dereference",
			Frames: []handlers.Frame{
				{Func: "runtime.gopanic", File: "panic.go", Line: 770},
				{Func: "example.com/app/billing.Apply.func1", File: "handler.go", Line: 118},
				{Func: "example.com/app/billing.Apply", File: "handler.go", Line: 90},
				{Func: "github.com/theriac/theriac/consumer.(*Consumer).call", File: "supervise.go", Line: 3},
			},
		},
	}
}

func TestFingerprint_TellsWhyInItsBasis(t *testing.T) {
	t.Parallel()
	ev := nilDereference()
	ev.Attempt.Errors = []handlers.ErrorLink{{Type: "*fmt.wrapError", Text: "order 17: no customer"}, {Type: "*errors.errorString", Text: "no customer"}}
	fp, basis := Fingerprint("orders", ev, oursIsBilling)
	want := []string{
		"subscription orders",
		"class panicked",
		"panic runtime error: invalid memory address or nil pointer dereference",
		"error *fmt.wrapError: order #: no customer",
		"error *errors.errorString: no customer",
		"frame example.com/app/billing.Apply.func1",
		"frame example.com/app/billing.Apply",
	}
	if diff := cmp.Diff(want, basis); diff != "" {
		t.Errorf("basis (-want +got):\n%s", diff)
	}
	if len(fp) != 32 {
		t.Errorf("fingerprint %q, want 32 hex digits", fp)
	}
}

func TestFingerprint_Differs(t *testing.T) {
	t.Parallel()
	base, _ := Fingerprint("orders", nilDereference(), oursIsBilling)
	for name, change := range map[string]func(sub *string, ev *handlers.Evidence){
		"subscription": func(sub *string, _ *handlers.Evidence) { *sub = "users" },
		"class":        func(_ *string, ev *handlers.Evidence) { ev.Attempt.Outcome = handlers.OutcomeTimedOut },
		"panic":        func(_ *string, ev *handlers.Evidence) { ev.Attempt.Panic = "assignment to entry in nil map" },
		"frame":        func(_ *string, ev *handlers.Evidence) { ev.Attempt.Frames[1].Func = "example.com/app/billing.parse" },
		"error type": func(_ *string, ev *handlers.Evidence) {
			ev.Attempt.Errors = []handlers.ErrorLink{{Type: "*url.Error"}}
		},
	} {
		sub, ev := "orders", nilDereference()
		change(&sub, &ev)
		if fp, _ := Fingerprint(sub, ev, oursIsBilling); fp == base {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}

// TestFingerprint_IsStable: what differs between two cases of one problem does
// not change its fingerprint.
func TestFingerprint_IsStable(t *testing.T) {
	t.Parallel()
	hexes := rapid.StringMatching(`[0-9a-f]{8,16}`)
	uuids := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	emails := rapid.StringMatching(`[a-z]{1,8}[.+_]?[a-z0-9]{1,4}@[a-z]{1,8}\.(com|io)`)
	quoted := rapid.StringMatching(`[ -!#-~]{0,20}`)
	numbers := rapid.Int64()
	rapid.Check(t, func(t *rapid.T) {
		sample := func() (string, []string) {
			ev := nilDereference()
			a := &ev.Attempt
			a.Panic = fmt.Sprintf("order %d of %s at 0x%s: goroutine %d", numbers.Draw(t, "id"), emails.Draw(t, "email"), hexes.Draw(t, "address"), rapid.IntRange(1, 1e9).Draw(t, "goroutine"))
			a.Errors = []handlers.ErrorLink{{Type: "*app.Error", Text: fmt.Sprintf("customer %s: field %q", uuids.Draw(t, "uuid"), quoted.Draw(t, "value"))}}
			for i := range a.Frames {
				a.Frames[i].Line = rapid.IntRange(1, 9999).Draw(t, "line")
			}
			a.Stack, a.Worker, a.Host, a.Build, a.TraceID = hexes.Draw(t, "stack"), "w"+hexes.Draw(t, "worker"), "h", "v"+hexes.Draw(t, "build"), hexes.Draw(t, "trace")
			ev.Totals.Failures = rapid.IntRange(1, 9).Draw(t, "failures")
			return Fingerprint("orders", ev, oursIsBilling)
		}
		a, basisA := sample()
		b, basisB := sample()
		if a != b {
			t.Fatalf("one problem, two fingerprints:\n%s", cmp.Diff(basisA, basisB))
		}
	})
}

func TestOursIn(t *testing.T) {
	t.Parallel()
	mine := oursIn([]string{"example.com/app", "orders/"})
	self := oursIn([]string{"github.com/theriac/theriac"})
	any := oursIn(nil)
	for _, tt := range []struct {
		fn               string
		mine, self, none bool
	}{
		{"main.handle", true, true, true},
		{"main.main.func1", true, true, true},
		{"example.com/app/billing.Apply", true, false, true},
		{"example.com/app_test.TestApply", true, false, true},
		{"example.com/apple.Bite", false, false, true},
		{"orders/billing.Apply", true, false, false},
		{"runtime.gopanic", false, false, false},
		{"encoding/json.Unmarshal", false, false, false},
		{"github.com/theriac/theriac/consumer.(*Consumer).run", false, false, false},
		{"github.com/theriac/theriac/consumer/natsjs.(*Source).deliver", false, false, false},
		{"github.com/theriac/theriac/handlers.HandlerFunc.Handle", false, false, false},
		{"github.com/theriac/theriac/handlers.Typed[...].func1", false, false, false},
		{"github.com/theriac/theriac/handlers/workflow.Announce", false, true, true},
		{"github.com/theriac/theriac/internal/runner.(*Group).run", false, false, false},
		{"github.com/theriac/theriac/cmd/internal/demo.orders", false, true, true},
		{"", false, false, false},
	} {
		if got := mine(tt.fn); got != tt.mine {
			t.Errorf("app: ours(%q) = %t", tt.fn, got)
		}
		if got := self(tt.fn); got != tt.self {
			t.Errorf("this module: ours(%q) = %t", tt.fn, got)
		}
		if got := any(tt.fn); got != tt.none {
			t.Errorf("no prefixes: ours(%q) = %t", tt.fn, got)
		}
	}
}

func TestTitleAndWhere(t *testing.T) {
	t.Parallel()
	links := func(texts ...string) (all []handlers.ErrorLink) {
		for _, s := range texts {
			all = append(all, handlers.ErrorLink{Type: "*errors.errorString", Text: s})
		}
		return all
	}
	for name, tt := range map[string]struct {
		ev           handlers.Evidence
		title, where string
	}{
		"nil dereference": {nilDereference(), "nil pointer dereference", "billing.Apply.func1 handler.go:118"},
		"runtime panic": {handlers.Evidence{Attempt: handlers.Attempt{Panic: "runtime error: index out of range [5] with length 3", Handler: "orders"}},
			"index out of range [5] with length 3", "orders"},
		"own panic":      {handlers.Evidence{Attempt: handlers.Attempt{Panic: "no\ncustomer \x1b[2J"}}, "panic: no customer ?[2J", ""},
		"innermost text": {handlers.Evidence{Attempt: handlers.Attempt{Errors: links("a: b: c", "b: c", "c")}}, "c", ""},
		"empty texts":    {handlers.Evidence{Attempt: handlers.Attempt{Errors: links("outer", " ")}}, "outer", ""},
		"hang": {handlers.Evidence{Attempt: handlers.Attempt{Outcome: handlers.OutcomeTimedOut, Stack: "goroutine 7 [select]:", Errors: links("did not return")}},
			"hung: passed its deadline and its grace", ""},
		"late answer": {handlers.Evidence{Attempt: handlers.Attempt{Outcome: handlers.OutcomeTimedOut, Errors: links("pay: context deadline exceeded", "context deadline exceeded")}},
			"passed its deadline: context deadline exceeded", ""},
		"death":          {dead("panic: boom"), "panic: boom", "billing.Apply.func1 handler.go:118"},
		"death, nil":     {dead("panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV]"), "nil pointer dereference", "billing.Apply.func1 handler.go:118"},
		"death, runtime": {dead("runtime error: index out of range [5] with length 3"), "index out of range [5] with length 3", "billing.Apply.func1 handler.go:118"},
		"death, fatal":   {dead("fatal error: concurrent map writes"), "fatal error: concurrent map writes", "billing.Apply.func1 handler.go:118"},
		"death, silent":  {handlers.Evidence{Attempt: handlers.Attempt{Outcome: handlers.OutcomeCrashed}}, "its process died and said nothing", ""},
		"death, exit": {handlers.Evidence{Attempt: handlers.Attempt{Outcome: handlers.OutcomeCrashed, Errors: links("exit code 3")}},
			"exit code 3", ""},
		"exit":    {handlers.Evidence{Attempt: handlers.Attempt{Outcome: handlers.OutcomeExited}}, "the handler called runtime.Goexit", ""},
		"hint":    {handlers.Evidence{Hint: "roll back"}, "roll back", ""},
		"nothing": {handlers.Evidence{Reason: handlers.ReasonManual}, "manual, no error text", ""},
		"long": {handlers.Evidence{Attempt: handlers.Attempt{Errors: links(strings.Repeat("é", 10_000))}},
			strings.Repeat("é", 78) + "…", ""},
	} {
		if got := title(tt.ev); got != tt.title {
			t.Errorf("%s: title %q, want %q", name, got, tt.title)
		}
		if got := where(tt.ev.Attempt, oursIsBilling); got != tt.where {
			t.Errorf("%s: where %q, want %q", name, got, tt.where)
		}
	}
}

// dead is evidence of a death in a goroutine that the handler had started.
func dead(text string) handlers.Evidence {
	ev := nilDereference()
	ev.Reason = handlers.ReasonCrashed
	ev.Attempt.Outcome, ev.Attempt.Panic = handlers.OutcomeCrashed, text
	return ev
}

// TestFingerprint_OfADeath: the death of a worker and the one alone in a ward are
// one problem; a panic that was recovered at the same place is another.
func TestFingerprint_OfADeath(t *testing.T) {
	t.Parallel()
	named, alone := dead("panic: order 17 at 0xc0001234"), dead("panic: order 23 at 0xc0009876")
	named.Attempt.Worker, named.Attempt.Build = "w-1", "v1"
	a, basis := Fingerprint("orders", named, oursIsBilling)
	if b, _ := Fingerprint("orders", alone, oursIsBilling); a != b {
		t.Errorf("two deaths of one problem are two groups: %q", basis)
	}
	recovered := alone
	recovered.Attempt.Outcome = handlers.OutcomePanicked
	if b, _ := Fingerprint("orders", recovered, oursIsBilling); a == b {
		t.Error("a death and a recovered panic are one group")
	}
	if !strings.Contains(strings.Join(basis, "\n"), "billing.Apply") {
		t.Errorf("no frame of ours in %q", basis)
	}
}

package quarantine_test

import (
	"testing"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func TestDeathTitle(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]handlers.Crash{
		"nil pointer dereference":             {Text: "panic: runtime error: invalid memory address or nil pointer dereference", Kind: "panic"},
		"panic: boom":                         {Text: "panic: boom", Exit: "exit code 2"},
		"fatal error: concurrent map writes":  {Text: "fatal error: concurrent map writes"},
		"panic: a STORE DOWN":                 {Text: "panic: a\r\nSTORE DOWN"},
		"stack overflow":                      {Kind: "stack overflow", Exit: "exit code 2"},
		"signal killed":                       {Kind: "unknown", Exit: "signal killed"},
		"died and said nothing":               {Kind: "unknown", Exit: "unknown"},
		"fatal error: ?[2J what cannot print": {Text: "fatal error: \x1b[2J what cannot print"},
	} {
		if got := quarantine.DeathTitle(c); got != want {
			t.Errorf("%+v is %q, want %q", c, got, want)
		}
	}
}

func TestDeathEvidence(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]handlers.Crash{
		"it died silently: it left no trace": {Tier: "D", Reason: "it left no trace"},
		"no message is to blame":             {Tier: "N"},
		"a new sort of reason":               {Tier: "Z", Reason: "a new\nsort of reason"},
		"":                                   {},
	} {
		if got := quarantine.DeathEvidence(c); got != want {
			t.Errorf("%+v rests on %q, want %q", c, got, want)
		}
	}
}

func TestDeathVerdict(t *testing.T) {
	t.Parallel()
	type counts = map[quarantine.SuspectState]int
	const waiting, done, cleared, held = quarantine.SuspectWaiting, quarantine.SuspectDone, quarantine.SuspectCleared, quarantine.SuspectHeld
	late := []handlers.InFlight{{Part: handlers.PartTimedOut}}
	for want, r := range map[string]quarantine.CrashReport{
		"nobody: it died before it was ready": {Crash: handlers.Crash{Tier: "N", Reason: "it died before it was ready"}},
		"nobody":                              {Crash: handlers.Crash{Tier: "D", Reason: "it left no trace"}},
		"culprit named":                       {Crash: handlers.Crash{Tier: "A"}, Suspects: counts{cleared: 1}},
		"culprit named, waiting":              {Crash: handlers.Crash{Tier: "A"}, Suspects: counts{waiting: 1}},
		"culprit named, held":                 {Crash: handlers.Crash{Tier: "A"}, Suspects: counts{held: 1}},
		"died alone, held":                    {Crash: handlers.Crash{Tier: "D", Alone: true}, Suspects: counts{held: 1}},
		"16 suspects, 1 held, 4 waiting":      {Crash: handlers.Crash{Tier: "D"}, Suspects: counts{waiting: 4, done: 7, cleared: 4, held: 1}},
		"1 suspect, waiting":                  {Crash: handlers.Crash{Tier: "B"}, Suspects: counts{waiting: 1}},
		"3 suspects, all cleared":             {Crash: handlers.Crash{Tier: "C"}, Suspects: counts{done: 2, cleared: 1}},
		"2 past the deadline, 1 waiting":      {Crash: handlers.Crash{Tier: "N", InFlight: late}, Suspects: counts{done: 1, waiting: 1}},
	} {
		if got := quarantine.DeathVerdict(r); got != want {
			t.Errorf("%+v is %q, want %q", r, got, want)
		}
	}
}

func TestDeathWhere(t *testing.T) {
	t.Parallel()
	frames := []handlers.Frame{
		{Func: "runtime.panicmem", File: "panic.go", Line: 262},
		{Func: "github.com/theriac/theriac/consumer.(*Consumer).call", File: "attempt.go", Line: 9},
		{Func: "example.com/shop/billing.Apply.func1", File: "handler.go", Line: 118},
	}
	if got := quarantine.DeathWhere(handlers.Crash{Frames: frames}); got != "billing.Apply.func1 handler.go:118" {
		t.Errorf("it died in %q", got)
	}
	if i := quarantine.OwnFrame(frames); i != 2 {
		t.Errorf("frame %d is ours, want 2", i)
	}
	if i, place := quarantine.OwnFrame(frames[:2]), quarantine.DeathWhere(handlers.Crash{Frames: frames[:2]}); i != -1 || place != "" {
		t.Errorf("without a frame that is ours: %d, %q", i, place)
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// TestRefusals gives wrong input to every command: one clear line, no stack, no secret, the
// documented exit code, and nothing done.
func TestRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		order, first, _ := b.seed()
		tests := []struct {
			args string
			kind problem.Kind
			says string
		}{
			{"lss", problem.Invalid, "did you mean: theriac ls"},
			{"frobnicate", problem.Invalid, "theriac --help"},
			{"--frobnicate", problem.Invalid, "theriac --help"},
			{"ls --limit nine", problem.Invalid, "theriac ls --help"},
			{"ls --limit 0", problem.Invalid, "1 to 1000"},
			{"ls --limit 1001", problem.Invalid, "1 to 1000"},
			{"ls -o yaml", problem.Invalid, "table, wide, tsv"},
			{"ls --jq . --template x", problem.Invalid, "exclude"},
			{"ls --jq . -o tsv", problem.Invalid, "JSON"},
			{"ls --jq .[", problem.Invalid, "jq"},
			{"ls --jq .entries.x", problem.Invalid, "jq"},
			{"ls --template {{", problem.Invalid, "template"},
			{"ls color:red", problem.Invalid, "known: sub:"},
			{"ls state:gone", problem.Invalid, "no such state"},
			{"ls since:soon", problem.Invalid, "since"},
			{"ls sub:a sub:b", problem.Invalid, "twice"},
			{"ls --after Q-ZZZZ", problem.NotFound, "Q-ZZZZ"},
			{"groups color:red", problem.Invalid, "known"},
			{"groups G-ZZZZ", problem.NotFound, "G-ZZZZ"},
			{"groups --limit -1", problem.Invalid, "1 to 1000"},
			{"show", problem.Invalid, "theriac show REF"},
			{"show a b", problem.Invalid, "theriac show REF"},
			{"show Q-ZZZZ", problem.NotFound, "Q-ZZZZ"},
			{"show 99999999999", problem.NotFound, "message id"},
			{"show https://ops.example.com/theriac/e/Q-ZZZZ", problem.NotFound, "Q-ZZZZ"},
			{"show G-9C1E", problem.Invalid, "theriac groups G-9C1E"},
			{"crashes C-ZZZZ", problem.NotFound, "C-ZZZZ"},
			{"crashes \x1b[2J", problem.NotFound, `\x1b[2J`},
			{"crashes 99999999-0000-7000-8000-000000000000", problem.NotFound, "want a reference"},
			{"crashes " + order, problem.Invalid, "theriac why " + order},
			{"crashes a b", problem.Invalid, "theriac crashes [REF]"},
			{"crashes C-ZZZZ --sub orders", problem.Invalid, "stands alone"},
			{"crashes --since soon", problem.Invalid, "since"},
			{"crashes -n 0", problem.Invalid, "1 to 1000"},
			{"crashes --limit 1001", problem.Invalid, "1 to 1000"},
			{"crashes --after C-ZZZZ", problem.NotFound, "theriac crashes"},
			{"crashes -o yaml", problem.Invalid, "table, wide, tsv"},
			{"crashes --jq .[", problem.Invalid, "jq"},
			{"suspects orders", problem.Invalid, "want: theriac suspects"},
			{"suspects --crash C-ZZZZ", problem.NotFound, "C-ZZZZ"},
			{"suspects --crash " + order, problem.Invalid, "is an entry"},
			{"suspects -n -1", problem.Invalid, "1 to 1000"},
			{"suspects -o yaml", problem.Invalid, "table, wide, tsv"},
			{"why", problem.Invalid, "theriac why REF"},
			{"why \x1b[2J", problem.NotFound, `\x1b[2J`},
			{"replay", problem.Invalid, "REF"},
			{"replay Q-ZZZZ", problem.NotFound, "Q-ZZZZ"},
			{"replay group:", problem.Invalid, "group:G-9C1E"},
			{"replay group:G-ZZZZ --reason x", problem.NotFound, "G-ZZZZ"},
			{"replay group:G-1 " + order, problem.Invalid, "one group at a time"},
			{"replay --wait -1s " + order, problem.Invalid, "--wait"},
			{"replay " + order + " " + first, problem.Refused, "--yes"},
			{"discard " + order, problem.Invalid, "--reason"},
			{"discard --reason x", problem.Invalid, "REF"},
			{"discard --reason x Q-ZZZZ " + order, problem.NotFound, "Q-ZZZZ"},
			{"restore " + order, problem.Refused, "held"},
			{"take", problem.Invalid, "theriac take REF"},
			{"take G-ZZZZ", problem.NotFound, "G-ZZZZ"},
			{"take \x1b[2J", problem.NotFound, `\x1b[2J`},
			{"take " + order, problem.Invalid, "theriac why " + order},
			{"take " + b.groupOf(order) + " " + b.groupOf(first), problem.Refused, "--yes"},
			{"take " + b.groupOf(order) + " --reason " + strings.Repeat("x", 2001), problem.Invalid, "2001 bytes"},
			{"release " + b.groupOf(order), problem.Refused, "nobody has"},
			{"snooze " + b.groupOf(order), problem.Invalid, "--for"},
			{"snooze " + b.groupOf(order) + " --for soon", problem.Invalid, "90s, 2h, 7d"},
			{"snooze " + b.groupOf(order) + " --for 0s", problem.Invalid, "more than nothing"},
			{"snooze " + b.groupOf(order) + " --for 53w", problem.Invalid, "366 days"},
			{"migrate", problem.Invalid, "status, up, down or print"},
			{"migrate sideways", problem.Invalid, "sideways"},
			{"migrate up now", problem.Invalid, "theriac migrate up"},
			{"version 2", problem.Invalid, "theriac version"},
			{"help frobnicate", problem.Invalid, "frobnicate"},
			{"completion tcsh", problem.Invalid, "tcsh"},
			{"--store mysql://u:hunter2@h/d", problem.Invalid, "postgres://USER@HOST"},
			{"ls --store hunter2", problem.Invalid, "not a URL"},
			{"ls --broker amqp://u:hunter2@h", problem.Invalid, "nats://"},
			{"ls --context nope", problem.NotFound, "nope.env"},
			{"-w", problem.Invalid, "terminal"},
		}
		for _, tt := range tests {
			r := b.pipe(strings.Fields(tt.args)...)
			if r.code != tt.kind.ExitCode() || !strings.Contains(r.err, tt.says) {
				b.Errorf("theriac %s: exit code %d, want %d (%s) with %q, said: %s", tt.args, r.code, tt.kind.ExitCode(), tt.kind, tt.says, r.err)
			}
			if r.out != "" || strings.Count(r.err, "\n") > 2 || strings.Contains(r.err, "hunter2") || strings.Contains(r.err, "goroutine") {
				b.Errorf("theriac %s: printed %q, and said more than a line and its hint, or a secret: %s", tt.args, r.out, r.err)
			}
			if line, _, _ := strings.Cut(r.err, "\n"); strings.HasSuffix(line, ": invalid") || strings.HasSuffix(line, ": not found") {
				b.Errorf("theriac %s: the line ends with the name of its sort: %s", tt.args, line)
			}
		}
		b.wantState(order, quarantine.StateHeld)
	})
}

// TestRefs finds one entry by everything that may name it.
func TestRefs(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		id := strings.TrimSpace(b.pipe("show", order, "--jq", ".entry.id").out)
		for _, word := range []string{
			order, strings.ToLower(order), order[2:], order[:4], "1284933119027", id,
			"https://ops.example.com/theriac/e/" + order, "http://localhost:8080/e/" + order + "?tab=why",
		} {
			r := b.pipe("why", word, "-o", "name")
			b.wantCode(r, problem.None)
			if strings.TrimSpace(r.out) != order {
				b.Errorf("%q found %q, want %q", word, r.out, order)
			}
		}
	})
}

func TestStatus_Words(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.wantSays(b.screen("--no-color"), "QUIET  nothing is held")
		b.golden("quiet.json", b.pipe("-o", "json").out)
		order, _, _ := b.seed()
		b.wantSays(b.pipe("--jq", ".word"), "CONTAINED")
		b.wantCode(b.pipe("discard", "group:"+b.groupOf(order), "--reason", "x", "--yes"), problem.None)
		b.wantCode(b.pipe("discard", "group:"+b.payments(), "--reason", "x", "--yes"), problem.None)
		r := b.screen("--no-color")
		b.wantSays(r, "QUIET", "discarded by ana@laptop (cli)")
		b.down = fmt.Errorf("%w at db:5432 (connection refused)", quarantine.ErrUnavailable)
		r = b.screen("--no-color")
		b.wantCode(r, problem.Unavailable)
		b.wantSays(r, "STORE DOWN  store unavailable at db:5432", "theriac doctor")
		b.golden("store-down.json", b.pipe("-o", "json").out)
	})
}

func (b *bench) payments() string {
	return strings.Fields(b.pipe("groups", "sub:payments", "-o", "name").out)[0]
}

func TestErrors_SayTheNextStep(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.down = fmt.Errorf("open: %w", errors.Join(quarantine.ErrUnavailable, errors.New("connection refused")))
	r := b.pipe("ls")
	b.wantCode(r, problem.Unavailable)
	want := "theriac: open: store unavailable; connection refused\nWorkers keep running from what they know. Try: theriac doctor\n"
	if r.err != want {
		t.Errorf("said %q, want %q", r.err, want)
	}
	b.down = fmt.Errorf("open: %w: at 9, this program knows only 1; use a newer program", quarantine.ErrSchema)
	if r := b.pipe("ls"); strings.Count(r.err, "\n") != 1 {
		t.Errorf("the store answers, and yet a second line says that it does not: %q", r.err)
	}
	if r := b.pipe("ls", "--context", "nope"); strings.Count(r.err, "\n") != 1 {
		t.Errorf("no entry was looked for, and yet a second line says how: %q", r.err)
	}
}

// TestErrors_SayEachThingOnce: parts that run together meet the same full disk.
func TestErrors_SayEachThingOnce(t *testing.T) {
	t.Parallel()
	full := errors.New("write x: no space left on device")
	err := errors.Join(full, full, fmt.Errorf("%w: look at the disk", full), errors.New("close y: broken"), full)
	const want = "write x: no space left on device: look at the disk; close y: broken"
	if got := oneLine(err); got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

// TestGroups_AWordThatCouldBeAReferenceIsSearched: "bad" is written in the letters of references.
func TestGroups_AWordThatCouldBeAReferenceIsSearched(t *testing.T) {
	inBubble(t, func(b *bench, _, _, _ string) {
		if r := b.pipe("groups", "bad"); r.code != 0 || r.out != "" {
			b.Errorf("code %d, out %q, said %q", r.code, r.out, r.err)
		}
		ref := strings.Fields(b.pipe("groups", "-o", "name").out)[0]
		if r := b.pipe("groups", strings.ToLower(ref[2:]), "-o", "name"); r.out != ref+"\n" {
			b.Errorf("without G- the group %s is not found: %q %q", ref, r.out, r.err)
		}
	})
}

func TestQuiet_DropsHints(t *testing.T) {
	inBubble(t, func(b *bench, order, _, _ string) {
		if r := b.screen("ls", "-q"); r.err != "" || r.out == "" {
			b.Errorf("said %q on stderr", r.err)
		}
		if r := b.screen("ls"); !strings.Contains(r.err, "3 of 3 shown") {
			b.Errorf("said %q on stderr", r.err)
		}
	})
}

func TestLs_Pages(t *testing.T) {
	inBubble(t, func(b *bench, order, first, second string) {
		var seen []string
		after := ""
		for range 5 {
			args := []string{"ls", "--limit", "1", "-o", "json", "--jq", `.entries[0].ref, .next`}
			if after != "" {
				args = append(args, "--after", after)
			}
			lines := strings.Split(b.pipe(args...).out, "\n")
			seen = append(seen, lines[0])
			if after = lines[1]; after == "" {
				break
			}
		}
		if got, want := strings.Join(seen, " "), second+" "+first+" "+order; got != want {
			b.Errorf("paged through %s, want %s", got, want)
		}
	})
}

func TestHelp_Topics(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for topic, says := range map[string]string{
		"3am": "theriac why", "query": "since:", "exit-codes": "130", "environment": "THERIAC_STORE", "formatting": "theriac/1",
	} {
		r := b.pipe("help", topic)
		b.wantCode(r, problem.None)
		b.wantSays(r, says)
	}
	b.wantSays(b.pipe("help", "3am"), "theriac crashes", "theriac suspects", "NAMING")
	r := b.pipe("--help")
	b.wantCode(r, problem.None)
	for _, name := range []string{"ls", "show", "why", "groups", "crashes", "suspects", "replay", "discard", "restore", "take", "snooze", "release", "migrate", "doctor", "version", "completion", "theriac help 3am"} {
		b.wantSays(r, "  "+name+" ")
	}
	if strings.Index(r.out, "theriac why Q-7F3K") > strings.Index(r.out, "Usage:") {
		t.Error("examples do not come first")
	}
}

func TestExitCodes_HelpListsAll(t *testing.T) {
	t.Parallel()
	for _, kind := range problem.Kinds() {
		if want := fmt.Sprintf("\n  %3d   ", kind.ExitCode()); !strings.Contains(helpExitCodes, want) {
			t.Errorf("help exit-codes does not list %d (%s)", kind.ExitCode(), kind)
		}
	}
}

func TestCompletion(t *testing.T) {
	inBubble(t, func(b *bench, order, first, second string) {
		b.wantSays(b.pipe("__complete", "why", ""), order+"\torders: nil pointer dereference", first, second)
		b.wantSays(b.pipe("__complete", "why", strings.ToLower(order[:3])), order)
		b.wantSays(b.pipe("__complete", "ls", "sub:o"), "sub:orders")
		b.wantSays(b.pipe("__complete", "ls", "st"), "state:")
		b.wantSays(b.pipe("__complete", "ls", "-o", ""), "jsonl")
		b.wantSays(b.pipe("__complete", "groups", "G"), b.groupOf(order))
		b.report(namedDeath(1))
		ref := quarantine.CrashRef(1)
		b.wantSays(b.pipe("__complete", "crashes", ""), ref+"\torders/node-3: nil pointer dereference")
		b.wantSays(b.pipe("__complete", "suspects", "--crash", strings.ToLower(ref[:3])), ref)
		b.wantSays(b.pipe("__complete", "crashes", "--sub", "o"), "orders")
		if r := b.pipe("__complete", "crashes", ref, ""); strings.Contains(r.out, ref) {
			b.Errorf("a second reference is offered: %s", r.out)
		}
		for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
			b.wantCode(b.pipe("completion", shell), problem.None)
		}
		b.down = quarantine.ErrUnavailable
		r := b.pipe("__complete", "why", "")
		if strings.Contains(r.out+r.err, "unavailable") || r.code != 0 {
			b.Errorf("completion without a store is not silent: %d %s%s", r.code, r.out, r.err)
		}
	})
}

func TestWatch_ShowsItAgainUntilCtrlC(t *testing.T) {
	inBubble(t, func(b *bench, _, _, _ string) {
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		timer := time.AfterFunc(5*time.Second, cancel)
		defer timer.Stop()
		r := b.within(ctx, where{terminal: true}, "-w", "--no-color")
		b.wantCode(r, problem.None)
		if n := strings.Count(r.out, "\x1b[H\x1b[2Jstore ok"); n != 3 {
			b.Errorf("shown %d times in 5 s, want 3:\n%s", n, r.out)
		}
	})
}

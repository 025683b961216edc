package cli

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"
	"unicode/utf8"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// hostileEvidence carries text wherever evidence has room for a stranger's words.
func hostileEvidence(text string) handlers.Evidence {
	ev := badCard(1)
	ev.Hint = text
	ev.Attempt.Errors = []handlers.ErrorLink{{Type: text, Text: text}}
	ev.Attempt.Panic, ev.Attempt.Stack, ev.Attempt.Handler = text, text, text
	ev.Attempt.Worker, ev.Attempt.Host, ev.Attempt.Build, ev.Attempt.TraceID = text, text, text, text
	ev.Attempt.Frames = []handlers.Frame{{Func: "example.com/shop/" + text, File: text, Line: 1}}
	return ev
}

// hostileDeath carries text wherever the report of a death has room for a stranger's words.
func hostileDeath(sub string, m handlers.Message, text string) handlers.Crash {
	c := namedDeath(1, flight(handlers.PartCulprit, sub, m, text), flight(handlers.PartBystander, text, m, text))
	c.Role, c.Incarnation, c.Host, c.Build, c.Exit, c.Kind, c.Tier, c.Reason = text, text, text, text, text, text, text, text
	c.Text, c.Stderr, c.StartedBy, c.Hint, c.Notes = "panic: "+text, text, text, text, []string{text, text}
	c.Stack = "goroutine 7 [running labels:{" + text + "\n" + text
	c.Frames = []handlers.Frame{{Func: "example.com/shop/" + text, File: text, Line: 1}}
	return c
}

// TestHostileBytes_Deaths looks at a hostile death in every way.
func TestHostileBytes_Deaths(t *testing.T) {
	t.Parallel()
	for _, item := range quarantinetest.HostileBytes() {
		t.Run(item.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				text := item.Bytes[:min(len(item.Bytes), 4<<10)]
				sub, m := "sub"+text, handlers.Message{ID: "id" + text, PublishedAt: published}
				other := handlers.Message{ID: "other" + text, PublishedAt: published}
				c := hostileDeath(sub, m, text)
				c.InFlight = append(c.InFlight, flight(handlers.PartSuspect, sub, other, text))
				b.report(c)
				ref := b.hold(sub, m, crashed(2))
				b.settle(sub, m, handlers.FateHeld)
				death := quarantine.CrashRef(1)
				for _, args := range [][]string{
					{}, {"crashes"}, {"crashes", "-o", "wide"}, {"crashes", "-o", "json"}, {"crashes", "-o", "jsonl"}, {"crashes", "--sub", text},
					{"crashes", death}, {"crashes", death, "-o", "wide"}, {"crashes", death, "-o", "json"}, {"crashes", death, "--jq", ".crash.stack"},
					{"crashes", death, "--template", "{{.crash.text}}{{.crash.stderr}}"},
					{"suspects"}, {"suspects", "--all"}, {"suspects", "-o", "wide"}, {"suspects", "-o", "name"}, {"suspects", "--all", "-o", "json"},
					{"why", ref}, {"__complete", "crashes", ""}, {"__complete", "suspects", "--crash", ""},
				} {
					for _, r := range []result{b.screen(append(args, "--no-color")...), b.pipe(args...)} {
						b.wantCode(r, problem.None)
						requireHarmless(b.T, args, r.out+r.err)
					}
				}
			})
		})
	}
}

// TestHostileBytes holds every item of the corpus and looks at it in every way: nothing may reach
// the screen that moves, hides or forges anything, and no line may be forged.
func TestHostileBytes(t *testing.T) {
	t.Parallel()
	for _, item := range quarantinetest.HostileBytes() {
		t.Run(item.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				text := item.Bytes[:min(len(item.Bytes), 4<<10)] // texts are capped where they are caught
				m := handlers.Message{
					ID: "id" + text, Data: []byte(item.Bytes), OrderingKey: text, PublishedAt: published,
					Attributes: map[string]string{text: text},
				}
				if item.Name == "all byte values" {
					m.Attributes = quarantinetest.HostileAttributes()
				}
				ref := b.hold("sub"+text, m, hostileEvidence(text))
				stranger := quarantine.Actor{Name: cmp.Or(strings.TrimSpace(text), "nobody"), Via: text}
				if _, err := b.store.GroupAct(b.Context(), quarantine.GroupAct{Group: b.groupOf(ref), Verb: quarantine.GroupTake,
					Decision: quarantine.Decision{Actor: stranger, Reason: text}}); err != nil {
					b.Fatal(err)
				}
				for _, act := range []quarantine.ControlAct{
					{Verb: quarantine.ControlPause, Subscription: "mail"}, {Verb: quarantine.ControlShed, Level: handlers.ShedNonCritical},
				} {
					act.Decision = quarantine.Decision{Actor: stranger, Reason: text}
					if _, err := b.store.ControlAct(b.Context(), act); err != nil {
						b.Fatal(err)
					}
				}
				for _, args := range [][]string{
					{"pause", "mail", "--dry-run"}, {"resume", "mail", "--dry-run"}, {"shed", "normal", "--dry-run", "-o", "json"}, {"__complete", "resume", ""},
					{}, {"ls"}, {"ls", "-o", "wide"}, {"ls", "-o", "tsv"}, {"groups"}, {"groups", "-o", "wide"}, {"groups", b.groupOf(ref)},
					{"groups", b.groupOf(ref), "-o", "json"}, {"take", b.groupOf(ref), "--dry-run"},
					{"why", ref}, {"show", ref}, {"show", ref, "--payload"}, {"show", ref, "--jq", ".entry"}, {"show", ref, "--jq", ".entry.title,.entry.message.id"},
					{"show", ref, "--template", "{{.entry.title}}{{.entry.message.id}}"}, {"ls", "-o", "json"}, {"ls", "-o", "jsonl"},
					{"replay", ref}, {"discard", ref, "--dry-run"}, {"__complete", "why", ""}, {"__complete", "ls", "sub:"},
				} {
					for _, r := range []result{b.screen(append(args, "--no-color")...), b.pipe(args...)} {
						if r.code != 0 && r.code != problem.StillRunning.ExitCode() {
							b.Errorf("%v: exit code %d: %.300s", args, r.code, r.err)
						}
						requireHarmless(b.T, args, r.out+r.err)
					}
				}
				requireExact(b, ref, m)
			})
		})
	}
}

func requireHarmless(t *testing.T, args []string, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%v: not UTF-8", args)
	}
	for _, r := range s {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) {
			t.Errorf("%v: %U reaches the screen", args, r)
			return
		}
	}
	expression := slices.ContainsFunc(args, func(a string) bool { return a == "--jq" || a == "--template" })
	for line := range strings.Lines(s) {
		if expression {
			break // who writes an expression on a text gets its line breaks
		}
		if strings.HasPrefix(line, "EVIL") || strings.HasPrefix(line, "level=ERROR") {
			t.Errorf("%v: a forged line: %.80s", args, line)
		}
	}
}

// requireExact checks that what is escaped for the eye is whole for programs.
func requireExact(b *bench, ref string, m handlers.Message) {
	b.Helper()
	if r := b.pipe("show", ref, "--raw"); r.out != string(m.Data) {
		b.Errorf("--raw wrote %d bytes, want the %d received", len(r.out), len(m.Data))
	}
	r := b.screen("show", ref, "--raw")
	b.wantCode(r, problem.Refused)
	if r.out != "" {
		b.Errorf("--raw wrote to a terminal")
	}
	var v struct {
		Entry entryJSON `json:"entry"`
	}
	if err := json.Unmarshal([]byte(b.pipe("show", ref, "-o", "json").out), &v); err != nil {
		b.Fatal(err)
	}
	got := v.Entry.Message.Attributes
	for _, raw := range v.Entry.Message.AttributesRaw {
		delete(got, strings.ToValidUTF8(string(raw.Key), "\ufffd"))
		got[string(raw.Key)] = string(raw.Value)
	}
	for key, value := range m.Attributes {
		if got[key] != value {
			b.Errorf("attribute %q is %q, want %q", key, got[key], value)
		}
	}
}

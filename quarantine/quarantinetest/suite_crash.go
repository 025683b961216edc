package quarantinetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func crashPromises() []promise {
	promises := []promise{
		{"AReportIsKeptWhole", func(b *bundle) {
			c := b.crash(b.suspects(2)...)
			added := b.addCrash(c)
			if added.Ref != quarantine.CrashRef(1) || added.Seq != 1 || time.Since(added.ReportedAt).Abs() > time.Minute ||
				added.ReportedAt.Location() != time.UTC {
				b.Errorf("added %s, number %d, at %s", added.Ref, added.Seq, added.ReportedAt)
			}
			want := added
			want.Crash = c
			want.Suspects = map[quarantine.SuspectState]int{quarantine.SuspectWaiting: 2}
			for _, key := range []quarantine.CrashKey{{ID: c.ID}, {ID: strings.ToUpper(c.ID)}, {Ref: added.Ref},
				{Ref: strings.ToLower(added.Ref[2:])}} {
				b.wantEqual(want, b.getCrash(key), fmt.Sprintf("the report by %+v", key))
			}
			want.Crash = quarantine.CrashSummary(c)
			b.wantEqual(want, added, "the report as it was added")
			b.wantEqual([]quarantine.CrashReport{want}, b.crashes(quarantine.CrashQuery{}).Reports, "the report in a list")
		}},
		{"ReportingTwiceChangesNothing", func(b *bundle) {
			c := b.crash(b.suspects(2)...)
			first := b.addCrash(c)
			b.settle(c.InFlight[0], handlers.FateCleared)
			c.Text = "another text"
			c.InFlight = append(c.InFlight, b.suspects(1)...)
			again := b.addCrash(c)
			first.Suspects = map[quarantine.SuspectState]int{quarantine.SuspectWaiting: 1, quarantine.SuspectCleared: 1}
			b.wantEqual(first, again, "the report")
			b.wantEqual(2, len(b.suspectList(quarantine.SuspectQuery{})), "suspects")
		}},
		{"ManyReportersMakeOneReport", func(b *bundle) {
			c := b.crash(b.suspects(3)...)
			var mu sync.Mutex
			got := make(map[string]int)
			b.together(6, func(_ int, s quarantine.Store) {
				r, err := s.AddCrash(b.ctx, c)
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				got[r.Ref]++
				mu.Unlock()
			})
			b.wantEqual(1, len(got), "references")
			b.wantEqual(1, len(b.crashes(quarantine.CrashQuery{}).Reports), "reports")
			b.wantEqual(3, len(b.suspectList(quarantine.SuspectQuery{})), "suspects")
		}},
		{"WithoutAnIdThereIsNoReport", func(b *bundle) {
			for _, id := range []string{"", "no UUID", "018f\x00"} {
				c := b.crash()
				c.ID = id
				_, err := b.Store.AddCrash(b.ctx, c)
				b.wantErr(err, quarantine.ErrInvalid, fmt.Sprintf("the id %q", id))
			}
		}},
		{"WhatIsNotThereIsNotFound", func(b *bundle) {
			b.addCrash(b.crash())
			for _, key := range []quarantine.CrashKey{{ID: "018f0000-0000-7000-8000-00000000ffff"}, {ID: "no\x00\xffUUID"}, {Ref: "C-ZZZZ"}, {Ref: "\x00"}} {
				_, err := b.Store.CrashGet(b.ctx, key)
				b.wantErr(err, quarantine.ErrNotFound, fmt.Sprintf("%q", key))
				if err != nil && strings.Contains(err.Error(), "entry") {
					b.Errorf("%q is not found as an entry would be: %v", key, err)
				}
			}
			_, err := b.Store.CrashGet(b.ctx, quarantine.CrashKey{})
			b.wantErr(err, quarantine.ErrInvalid, "no key")
		}},
		{"AnAmbiguousPrefixSaysSo", ambiguousCrash},
		{"AListIsNewestFirstInPages", func(b *bundle) {
			var want, got []string
			for range 7 {
				want = append([]string{b.addCrash(b.crash()).Ref}, want...)
			}
			q := quarantine.CrashQuery{Limit: 3}
			for pages := 1; ; pages++ {
				page := b.crashes(q)
				for _, r := range page.Reports {
					got = append(got, r.Ref)
				}
				if q.After = page.Next; q.After == 0 {
					b.wantEqual(3, pages, "pages")
					break
				}
			}
			b.wantEqual(want, got, "reports")
		}},
		{"AListIsNarrowed", narrowedCrashes},
		{"AnEntryNamesItsCrashReports", func(b *bundle) {
			m := b.message()
			first := b.addCrash(b.crash(inFlight(m, handlers.PartSuspect)))
			second := b.addCrash(b.crash(inFlight(m, handlers.PartCulprit)))
			b.addCrash(b.crash(inFlight(m, handlers.PartBystander)))
			b.addCrash(b.crash(b.suspects(1)...))
			held := b.hold(b.entry(m))[0]
			b.wantEqual([]string(nil), held.CrashReports, "as held")
			b.wantEqual([]string{second.Ref, first.Ref}, b.get(held.ID).CrashReports, "as loaded")
			b.wantEqual([]string(nil), b.get(b.holdOne().ID).CrashReports, "another entry")
		}},
		{"TheProcessOfAReportIsMarkedDead", deadOfReport},
	}
	for _, h := range HostileBytes() {
		promises = append(promises, promise{"Bytes_" + strings.ReplaceAll(h.Name, " ", "_"), func(b *bundle) { keepsCrashBytes(b, h.Bytes) }})
	}
	return promises
}

// crash returns a report with an id of its own.
func (b *bundle) crash(flights ...handlers.InFlight) handlers.Crash {
	died := time.Date(2022, 11, 18, 15, 41, 0, 987654321, time.UTC)
	return handlers.Crash{
		ID: fmt.Sprintf("018f0000-0000-7000-8000-%012x", b.ids.Add(1)), Role: "worker", Incarnation: "i-1", Host: "h-9",
		Build: "v1.2.3", PID: 4711, Started: died.Add(-time.Hour), Died: died, Exit: "exit code 2", Kind: "panic",
		Tier: "A", Reason: "the first goroutine carries a label", Text: "panic: boom", Stack: "goroutine 7 [running]:\n",
		StackCut: true, Frames: []handlers.Frame{{Func: "main.apply", File: "main.go", Line: 12}}, Stderr: "last words",
		StartedBy: "m-0", Hint: "roll back", Notes: []string{"one", "two"}, InFlight: flights,
	}
}

// suspects returns n messages that must run alone, and a bystander at the end.
func (b *bundle) suspects(n int) []handlers.InFlight {
	var all []handlers.InFlight
	for range n {
		all = append(all, inFlight(b.message(), handlers.PartSuspect))
	}
	return append(all, inFlight(b.message(), handlers.PartBystander))
}

func inFlight(m handlers.Message, p handlers.Part) handlers.InFlight {
	return handlers.InFlight{
		Part: p, Subscription: "billing", ID: m.ID, PublishedAt: m.PublishedAt,
		Started: m.PublishedAt.Add(time.Second), Attempt: 1, Deaths: 1, Why: "its label is live",
		TraceID: "0af7651916cd43dd8448eb211c80319c", SpanID: "b7ad6b7169203331",
	}
}

func (b *bundle) addCrash(c handlers.Crash) quarantine.CrashReport {
	b.Helper()
	r, err := b.Store.AddCrash(b.ctx, c)
	b.must(err)
	return r
}

func (b *bundle) getCrash(key quarantine.CrashKey) quarantine.CrashReport {
	b.Helper()
	r, err := b.Store.CrashGet(b.ctx, key)
	b.must(err)
	return r
}

func (b *bundle) crashes(q quarantine.CrashQuery) quarantine.CrashPage {
	b.Helper()
	page, err := b.Store.CrashList(b.ctx, q)
	b.must(err)
	return page
}

func ambiguousCrash(b *bundle) {
	first := make(map[byte]string)
	for {
		ref := b.addCrash(b.crash()).Ref
		before, twice := first[ref[2]]
		if first[ref[2]] = ref; !twice {
			continue
		}
		_, err := b.Store.CrashGet(b.ctx, quarantine.CrashKey{Ref: ref[:3]})
		ambiguous, ok := errors.AsType[*quarantine.AmbiguousError](err)
		if !ok || len(ambiguous.Matches) != 2 {
			b.Errorf("%s fits %s and %s: %v", ref[:3], before, ref, err)
		}
		_, err = b.Store.SuspectList(b.ctx, quarantine.SuspectQuery{Crash: ref[:3]})
		if _, ok := errors.AsType[*quarantine.AmbiguousError](err); !ok {
			b.Errorf("suspects of %s: %v", ref[:3], err)
		}
		return
	}
}

func narrowedCrashes(b *bundle) {
	m := b.message()
	one := b.crash(inFlight(m, handlers.PartSuspect))
	two := b.crash(inFlight(b.message(), handlers.PartSuspect), inFlight(m, handlers.PartBystander))
	two.Role, two.Host, two.Build = "ward\x00", "h\xff", "v2"
	first, second := b.addCrash(one), b.addCrash(two)
	for name, tt := range map[string]struct {
		q    quarantine.CrashQuery
		want []string
	}{
		"role":         {quarantine.CrashQuery{Role: "ward\x00"}, []string{second.Ref}},
		"host":         {quarantine.CrashQuery{Host: "h\xff"}, []string{second.Ref}},
		"build":        {quarantine.CrashQuery{Build: "v1.2.3"}, []string{first.Ref}},
		"message":      {quarantine.CrashQuery{MessageID: m.ID}, []string{first.Ref}},
		"subscription": {quarantine.CrashQuery{Subscription: "billing"}, []string{second.Ref, first.Ref}},
		"neither":      {quarantine.CrashQuery{Subscription: "mail", MessageID: m.ID}, nil},
		"both":         {quarantine.CrashQuery{Role: "worker", Build: "v2"}, nil},
		"since":        {quarantine.CrashQuery{Since: second.ReportedAt.Add(time.Hour)}, nil},
		"until":        {quarantine.CrashQuery{Until: first.ReportedAt}, nil},
		"far off":      {quarantine.CrashQuery{Since: time.Date(-9999, 1, 1, 0, 0, 0, 0, time.UTC)}, []string{second.Ref, first.Ref}},
	} {
		var got []string
		for _, r := range b.crashes(tt.q).Reports {
			got = append(got, r.Ref)
		}
		b.wantEqual(tt.want, got, name)
	}
}

// deadOfReport: a guardian's record is better evidence than a free lock.
func deadOfReport(b *bundle) {
	b.move(b.holdOne(), quarantine.StateReplaying)
	dead, other := b.join("dead"), b.joined("alive")
	e := b.claim(dead)
	c := b.crash()
	c.Host, c.PID, c.Died = "h-1", 42, time.Now().Add(time.Minute)
	b.addCrash(c)
	b.wantEqual(dead.Incarnation(), b.get(e.ID).Claim, "a worker whose lock is held keeps its claim")

	b.Kill(b.TB, dead)
	for name, change := range map[string]func(c *handlers.Crash){
		"another host":      func(c *handlers.Crash) { c.Host = "h-2" },
		"another process":   func(c *handlers.Crash) { c.PID = 43 },
		"died before it":    func(c *handlers.Crash) { c.Died = time.Now().Add(-time.Hour) },
		"began after it":    func(c *handlers.Crash) { c.Started = time.Now().Add(time.Hour) },
		"died long ago":     func(c *handlers.Crash) { c.Died = time.Time{} },
		"host with a space": func(c *handlers.Crash) { c.Host = "h-1 " },
	} {
		next := b.crash()
		next.Host, next.PID, next.Died = c.Host, c.PID, c.Died
		change(&next)
		b.addCrash(next)
		b.wantEqual(quarantine.StateReplaying, b.get(e.ID).State, name)
	}
	c.ID = b.crash().ID
	b.addCrash(c)
	got := b.get(e.ID)
	b.wantEqual([]any{quarantine.StateHeld, "", e.Version + 1}, []any{got.State, got.Claim, got.Version}, "its replay is held again")
	b.wantEqual(0, len(b.reap()), "dead at the next look")
	for _, w := range b.workers() {
		b.wantEqual(w.Incarnation == other.Incarnation(), w.Alive, "alive")
	}
}

// keepsCrashBytes puts s wherever the outside can put bytes.
func keepsCrashBytes(b *bundle, s string) {
	short := s[:min(len(s), 1024)]
	f := inFlight(b.message(), handlers.PartSuspect)
	f.Subscription, f.ID, f.Why, f.TraceID, f.SpanID, f.Handler = short, "id "+short, short, short, short, short
	c := b.crash(f)
	c.Role, c.Incarnation, c.Host, c.Build, c.Exit, c.Kind, c.Tier, c.Reason = short, short, short, short, short, short, short, short
	c.Text, c.Stack, c.Stderr, c.StartedBy, c.Hint = short, s[:min(len(s), 64<<10)], s[:min(len(s), 16<<10)], short, short
	c.Notes, c.Frames = []string{short}, []handlers.Frame{{Func: short, File: short, Line: 1}}
	c.InFlight[0].Part = handlers.PartCulprit
	added := b.addCrash(c)
	b.wantEqual(c, b.getCrash(quarantine.CrashKey{Ref: added.Ref}).Crash, "the report")
	q := quarantine.CrashQuery{Role: short, Host: short, Build: short, Subscription: short, MessageID: f.ID}
	b.wantEqual(1, len(b.crashes(q).Reports), "reports found")
	got := b.suspectList(quarantine.SuspectQuery{Crash: added.Ref, Subscription: short, MessageID: f.ID})
	if len(got) != 1 || got[0].Subscription != short || got[0].MessageID != f.ID || got[0].Why != short {
		b.Fatalf("suspects %+v", got)
	}
	if !b.marks(0)[f.ID].Suspect {
		b.Error("nobody is told of the suspect")
	}
	b.settle(f, handlers.FateHeld)
	if b.marks(0)[f.ID].Suspect {
		b.Error("nobody is told that it is none any more")
	}
}

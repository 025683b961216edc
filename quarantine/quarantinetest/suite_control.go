package quarantinetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func controlPromises() []promise {
	return []promise{
		{"NothingIsInForceAtFirst", func(b *bundle) {
			c := b.controls()
			if c.Version != 0 || len(c.InForce) != 0 || time.Since(c.At).Abs() > time.Minute || c.Shed().Level != handlers.ShedNothing {
				b.Errorf("controls %+v", c)
			}
		}},
		{"ActsSayWhoWhyAndUntilWhen", controlsInOrder},
		{"AnotherOrderTakesThePlaceOfTheFirst", func(b *bundle) {
			b.control(pauseOf("billing", time.Hour))
			act := pauseOf("billing", 0)
			act.Decision.Actor.Name = "bo"
			b.control(act)
			b.control(shedTo(handlers.ShedNonCritical, time.Hour))
			c := b.control(shedTo(handlers.ShedAllButCritical, time.Hour))
			pause, _ := c.Pause("billing")
			if len(c.InForce) != 2 || pause.Ordered.Actor.Name != "bo" || !pause.Until.IsZero() || pause.Version != 2 ||
				c.Shed().Level != handlers.ShedAllButCritical || c.Version != 4 {
				b.Errorf("in force: %+v", c)
			}
		}},
		{"WhatHasExpiredIsNotInForceAndCannotBeEnded", expiredControls},
		{"WhereThereIsNothingToEndItIsRefused", func(b *bundle) {
			b.control(pauseOf("billing", 0))
			for _, act := range []quarantine.ControlAct{resumeOf("mail"), shedTo(handlers.ShedNothing, 0)} {
				_, err := b.Store.ControlAct(b.ctx, act)
				b.wantErr(err, quarantine.ErrRefused, string(act.Verb))
			}
			b.wantEqual(int64(1), b.controls().Version, "version")
		}},
		{"AnActEndsTheControlThatItNames", func(b *bundle) {
			end := shedTo(handlers.ShedNothing, 0)
			b.control(shedTo(handlers.ShedNonCritical, 0))
			b.control(shedTo(handlers.ShedAllButCritical, 0))
			end.Ends, end.Request = 1, "slack:act:1"
			_, err := b.Store.ControlAct(b.ctx, end)
			b.wantErr(err, quarantine.ErrRefused, "the one before")
			b.wantEqual(handlers.ShedAllButCritical, b.controls().Shed().Level, "level")
			end.Ends = 2
			b.control(end)
			_, err = b.Other.ControlAct(b.ctx, end)
			b.wantErr(err, quarantine.ErrDuplicate, "the same request")
			end.Request = ""
			_, err = b.Store.ControlAct(b.ctx, end)
			b.wantErr(err, quarantine.ErrRefused, "what is over")
		}},
		{"OfManyAtOnceEachHappens", manyControls},
		{"ARequestIsCarriedOutOnce", func(b *bundle) {
			act := pauseOf("billing", 0)
			act.Request = "slack:act:1"
			b.control(act)
			_, err := b.Other.ControlAct(b.ctx, act)
			b.wantErr(err, quarantine.ErrDuplicate, "the same request")
			act.Verb = quarantine.ControlResume
			_, err = b.Store.ControlAct(b.ctx, act)
			b.wantErr(err, quarantine.ErrDuplicate, "another act with the same request")
			b.wantEqual(int64(1), b.controls().Version, "version")
		}},
		{"WhatIsWrongIsRefusedAndChangesNothing", wrongControls},
		{"AnyBytesOfPeopleAreKept", func(b *bundle) {
			for _, h := range HostileBytes() {
				text := h.Bytes[:min(len(h.Bytes), 4096)]
				act := pauseOf("billing", 0)
				act.Decision.Actor.Name, act.Decision.Reason = "a"+text, text
				got, _ := b.control(act).Pause("billing")
				b.wantEqual(act.Decision.Actor, got.Ordered.Actor, "actor "+h.Name)
				b.wantEqual(text, got.Ordered.Reason, "reason "+h.Name)
			}
		}},
		{"ASubscriptionMayBeNamedLikeAGroup", func(b *bundle) {
			g := b.holdOne().Group
			b.control(pauseOf(g, 0))
			b.wantEqual(0, len(b.groupAudit(g, 0, 0)), "rows of the group")
		}},
		{"AWorkerConfirmsAndEverybodySeesIt", confirmedControls},
	}
}

func pauseOf(sub string, lasts time.Duration) quarantine.ControlAct {
	return quarantine.ControlAct{Verb: quarantine.ControlPause, Subscription: sub, For: lasts, Decision: quarantine.Decision{
		Actor: quarantine.Actor{Name: "ana", Via: "cli", Claimed: true}, Reason: "INC-42"}}
}

func resumeOf(sub string) quarantine.ControlAct {
	act := pauseOf(sub, 0)
	act.Verb = quarantine.ControlResume
	return act
}

func shedTo(level handlers.ShedLevel, lasts time.Duration) quarantine.ControlAct {
	act := pauseOf("", lasts)
	act.Verb, act.Level = quarantine.ControlShed, level
	return act
}

// control acts and returns what is in force then.
func (b *bundle) control(a quarantine.ControlAct) quarantine.Controls {
	b.Helper()
	c, err := b.Store.ControlAct(b.ctx, a)
	b.must(err)
	return c
}

// controls reads what is in force, by the other handle.
func (b *bundle) controls() quarantine.Controls {
	b.Helper()
	c, err := b.Other.Controls(b.ctx)
	b.must(err)
	return c
}

func controlsInOrder(b *bundle) {
	acts := []quarantine.ControlAct{
		pauseOf("mail", 0), shedTo(handlers.ShedNonCritical, 10*time.Minute), pauseOf("billing", time.Hour),
		resumeOf("mail"), shedTo(handlers.ShedNothing, 0),
	}
	inForce := [][]string{{"mail"}, {"", "mail"}, {"", "billing", "mail"}, {"", "billing"}, {"billing"}}
	var want []quarantine.AuditRow
	for i, act := range acts {
		c := b.control(act)
		b.wantEqual(int64(i+1), c.Version, "version")
		read := b.controls()
		b.wantEqual(c.InForce, read.InForce, "what is read")
		var names []string
		for _, one := range c.InForce {
			names = append(names, one.Subscription)
		}
		b.wantEqual(inForce[i], names, "in force after "+string(act.Verb))
		row := act.Audit(c)
		want = append(want, row)
		set, ok := act.Set(c)
		if !ok {
			continue
		}
		since := set.Ordered.At
		if time.Since(since).Abs() > time.Minute || since.Location() != time.UTC {
			b.Errorf("ordered at %s", since)
		}
		wanted := quarantine.Control{Subscription: act.Subscription, Level: act.Level, Version: c.Version,
			Ordered: quarantine.Decision{Actor: act.Decision.Actor, Reason: "INC-42", At: since}}
		if act.For > 0 {
			wanted.Until = since.Add(act.For)
		}
		b.wantEqual(wanted, set, "control")
	}
	rows, err := b.Store.Audit(b.ctx, "", 10)
	b.must(err)
	slices.Reverse(rows)
	for i := range rows {
		rows[i].N = 0
	}
	b.wantEqual(want, rows, "the audit")
}

func expiredControls(b *bundle) {
	c := b.control(pauseOf("billing", 20*time.Millisecond))
	pause, ok := c.Pause("billing")
	if !ok {
		b.Fatalf("in force: %+v", c)
	}
	for c.At.Before(pause.Until) {
		if _, in := c.Pause("billing"); !in {
			b.Fatalf("at %s the pause until %s is over", c.At, pause.Until)
		}
		b.must(b.ctx.Err())
		c = b.controls()
	}
	if len(c.InForce) != 0 || c.Version != 1 {
		b.Errorf("after the end: %+v", c)
	}
	_, err := b.Store.ControlAct(b.ctx, resumeOf("billing"))
	b.wantErr(err, quarantine.ErrRefused, "the end of what has expired")
	c = b.control(pauseOf("billing", 0))
	b.wantEqual(1, len(c.InForce), "controls in force")
	b.wantEqual(int64(2), c.Version, "version")
}

func manyControls(b *bundle) {
	const n = 12
	var mu sync.Mutex
	var versions []int64
	b.together(n, func(i int, s quarantine.Store) {
		c, err := s.ControlAct(b.ctx, pauseOf(fmt.Sprintf("sub-%02d", i), 0))
		if err != nil {
			b.Error(err)
		}
		mu.Lock()
		versions = append(versions, c.Version)
		mu.Unlock()
	})
	slices.Sort(versions)
	for i, v := range versions {
		if v != int64(i+1) {
			b.Fatalf("versions %v, want each of 1 to %d once", versions, n)
		}
	}
	if c := b.controls(); c.Version != n || len(c.InForce) != n {
		b.Errorf("in force: %+v", c)
	}
}

func wrongControls(b *bundle) {
	change := func(f func(*quarantine.ControlAct)) quarantine.ControlAct {
		act := pauseOf("billing", 0)
		f(&act)
		return act
	}
	for _, act := range []quarantine.ControlAct{
		{},
		change(func(a *quarantine.ControlAct) { a.Verb = "stop" }),
		change(func(a *quarantine.ControlAct) { a.Subscription = "" }),
		change(func(a *quarantine.ControlAct) { a.Subscription = "a\x00b" }),
		change(func(a *quarantine.ControlAct) { a.Subscription = "a\xffb" }),
		change(func(a *quarantine.ControlAct) { a.Subscription = strings.Repeat("x", 600) }),
		change(func(a *quarantine.ControlAct) { a.Level = handlers.ShedNonCritical }),
		change(func(a *quarantine.ControlAct) { a.Verb, a.Level = quarantine.ControlShed, handlers.ShedNonCritical }),
		shedTo("", 0),
		shedTo("everything", 0),
		change(func(a *quarantine.ControlAct) { a.Decision.Actor.Name = " " }),
		change(func(a *quarantine.ControlAct) { a.For = -time.Second }),
		change(func(a *quarantine.ControlAct) { a.For = quarantine.ControlMax + time.Second }),
		change(func(a *quarantine.ControlAct) { a.Request = strings.Repeat("x", 201) }),
	} {
		_, err := b.Store.ControlAct(b.ctx, act)
		b.wantErr(err, quarantine.ErrInvalid, fmt.Sprintf("%+v", act))
	}
	if c := b.controls(); c.Version != 0 || len(c.InForce) != 0 {
		b.Errorf("in force: %+v", c)
	}
	rows, err := b.Store.Audit(b.ctx, "", 10)
	b.must(err)
	b.wantEqual(0, len(rows), "audit rows")
}

func confirmedControls(b *bundle) {
	one, two := b.joined("w-1"), b.join("w-2")
	seen := func() map[string]quarantine.Worker {
		workers, err := b.Other.Workers(b.ctx)
		b.must(err)
		by := map[string]quarantine.Worker{}
		for _, w := range workers {
			by[w.Name] = w
		}
		return by
	}
	if w := seen()["w-1"]; w.Controls != 0 || w.Obeyed != nil {
		b.Errorf("a new worker has confirmed %d: %v", w.Controls, w.Obeyed)
	}
	b.must(two.Confirm(b.ctx, 0, nil))
	for version := range int64(3) {
		obeyed := map[string]handlers.Obeyed{
			"billing":  {Flow: handlers.FlowPaused, NonCritical: handlers.FlowRunning, CriticalOnly: handlers.FlowPaused, InFlight: int(version), Backlog: -1},
			"ma\xffil": {Flow: handlers.FlowDropping, NonCritical: handlers.FlowDropping, CriticalOnly: handlers.FlowDropping, Backlog: 1 << 40},
		}
		b.must(one.Confirm(b.ctx, version+1, obeyed))
		w := seen()["w-1"]
		b.wantEqual(version+1, w.Controls, "the version")
		b.wantEqual(obeyed, w.Obeyed, "what it makes of it")
	}
	if w := seen()["w-2"]; w.Controls != 0 || len(w.Obeyed) != 0 {
		b.Errorf("the other worker has confirmed %d: %v", w.Controls, w.Obeyed)
	}
	b.must(one.Heartbeat(b.ctx))
	b.wantEqual(int64(3), seen()["w-1"].Controls, "the version after a heartbeat")
	b.must(two.Leave(b.ctx))
	b.wantErr(two.Confirm(b.ctx, 1, nil), quarantine.ErrNoWorker, "a confirmation after leaving")
}

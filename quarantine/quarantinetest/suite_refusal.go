package quarantinetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/theriac/theriac/quarantine"
)

func refusalPromises() []promise {
	return []promise{
		{"ARefusalSaysWhoWhatAndWhy", func(b *bundle) {
			e := b.holdOne()
			b.refuse(refusal("eve", "discard", e.Ref))
			b.refuse(refusal("eve", "take", e.Group))
			rows := b.refusals(0)
			if len(rows) != 2 || rows[0].N <= rows[1].N || time.Since(rows[0].Decision.At).Abs() > time.Minute {
				b.Fatalf("refusals %+v, want two, the newest first", rows)
			}
			want := quarantine.AuditRow{N: rows[1].N, Ref: e.Ref, Denied: "discard", Decision: refusal("eve", "discard", e.Ref).Decision}
			want.Decision.At = rows[1].Decision.At
			b.wantEqual(want, rows[1], "the first")
			b.wantEqual(rows[:1], b.refusals(1), "the newest")
		}},
		{"ARefusalIsNoChange", func(b *bundle) {
			e := b.holdOne()
			before := b.groups(quarantine.Query{})[0]
			b.refuse(refusal("eve", "take", e.Group))
			b.refuse(refusal("eve", "discard", e.Ref))
			b.wantEqual(before, b.groups(quarantine.Query{})[0], "the group")
			b.wantEqual(0, len(b.groupAudit("fp-1", 0, 0)), "rows of the group")
			for _, of := range []string{"", e.ID} {
				rows, err := b.Store.Audit(b.ctx, of, 100)
				b.must(err)
				b.wantEqual(0, len(rows), "changes")
			}
		}},
		{"TheSameIsKeptOnceADay", func(b *bundle) {
			for range 3 {
				b.refuse(refusal("eve", "discard", "Q-7F3K"))
				b.must(b.Other.AuditRefusal(b.ctx, refusal("eve", "discard", "Q-7F3K")))
			}
			b.refuse(refusal("eve", "replay", "Q-7F3K"))
			b.refuse(refusal("eve", "discard", "Q-8D1R"))
			b.refuse(refusal("bo", "discard", "Q-7F3K"))
			// The suite may run over midnight.
			if n := len(b.refusals(0)); n < 4 || n > 5 {
				b.Errorf("%d refusals, want 4", n)
			}
		}},
		{"OfADaySoManyAreKept", func(b *bundle) {
			day := time.Now().UTC().Format(time.DateOnly)
			for i := range quarantine.RefusalsMax + 10 {
				b.refuse(refusal("eve", "discard", fmt.Sprint("Q-", i)))
			}
			if n := len(b.refusals(1000)); n != quarantine.RefusalsMax && day == time.Now().UTC().Format(time.DateOnly) {
				b.Errorf("%d refusals, want %d", n, quarantine.RefusalsMax)
			}
			newest := b.refusals(1)[0].Ref
			b.refuse(refusal("bo", "discard", "Q-1"))
			if got := b.refusals(1)[0].Ref; got != newest && day == time.Now().UTC().Format(time.DateOnly) {
				b.Errorf("the newest is of %s, want that of another person left out", got)
			}
			b.holdOne()
			b.act(b.groups(quarantine.Query{})[0], quarantine.GroupTake) // decisions go on
		}},
		{"OfManyAtOnceOneIsKept", func(b *bundle) {
			b.together(8, func(_ int, s quarantine.Store) {
				if err := s.AuditRefusal(b.ctx, refusal("eve", "discard", "Q-7F3K")); err != nil {
					b.Error(err)
				}
			})
			if n := len(b.refusals(0)); n < 1 || n > 2 {
				b.Errorf("%d refusals, want 1", n)
			}
		}},
		{"WhatIsWrongIsRefused", func(b *bundle) {
			for _, r := range []quarantine.Refusal{
				refusal("", "discard", ""), refusal(" ", "discard", ""), refusal("eve", "", ""), refusal("eve", "Do it", ""),
				refusal("eve", strings.Repeat("x", 21), ""), refusal("eve", "discard", "\x00"), refusal("eve", "discard", "\xff"),
				refusal("eve", "discard", strings.Repeat("x", 513)),
			} {
				b.wantErr(b.Store.AuditRefusal(b.ctx, r), quarantine.ErrInvalid, fmt.Sprintf("%q by %q", r.Deed, r.Decision.Actor.Name))
			}
			b.wantEqual(0, len(b.refusals(0)), "refusals")
		}},
		{"AnyBytesOfPeopleAreKept", func(b *bundle) {
			for _, h := range HostileBytes() {
				text := h.Bytes[:min(len(h.Bytes), 4096)]
				if strings.TrimSpace(text) == "" {
					continue
				}
				r := refusal(text, "discard", "")
				r.Decision.Reason = text
				b.refuse(r)
				if got := b.refusals(1)[0].Decision; got.Actor.Name != text || got.Reason != text {
					b.Errorf("%s was not kept", h.Name)
				}
			}
		}},
	}
}

func refusal(who, deed, ref string) quarantine.Refusal {
	return quarantine.Refusal{Deed: deed, Ref: ref, Decision: quarantine.Decision{
		Actor: quarantine.Actor{Name: who, Via: "slack"}, Reason: "a viewer; it takes the rights of operator"}}
}

func (b *bundle) refuse(r quarantine.Refusal) {
	b.Helper()
	b.must(b.Store.AuditRefusal(b.ctx, r))
}

func (b *bundle) refusals(limit int) []quarantine.AuditRow {
	b.Helper()
	rows, err := b.Store.Refusals(b.ctx, limit)
	b.must(err)
	return rows
}

package quarantinetest

import (
	"context"
	"errors"
	"strings"

	"github.com/theriac/theriac/quarantine"
)

func getPromises() []promise {
	return []promise{
		{"ByIdByReferenceByIdentityAndByMessage", func(b *bundle) {
			m := b.message()
			n := b.entry(m)
			want := b.hold(n, b.entry(b.message()))[0]
			for name, key := range map[string]quarantine.EntryKey{
				"id":               {ID: want.ID},
				"reference":        {Ref: want.Ref},
				"lower case":       {Ref: strings.ToLower(want.Ref)},
				"without its Q":    {Ref: strings.TrimPrefix(want.Ref, "Q-")},
				"with white space": {Ref: " " + want.Ref + "\n"},
				"identity":         {Identity: n.Identity},
				"message":          {MessageID: m.ID},
				"the first wins":   {ID: want.ID, Ref: "Q-ZZZZ", MessageID: "no such"},
			} {
				got, err := b.Store.EntryGet(b.ctx, key, quarantine.GetOptions{})
				if err != nil || got.ID != want.ID {
					b.Errorf("%s: got %q, %v, want %q", name, got.ID, err, want.ID)
				}
				if got.Message.Data != nil {
					b.Errorf("%s: the payload came without being asked for", name)
				}
			}
		}},
		{"WhatIsNotThereIsNotFound", func(b *bundle) {
			b.holdOne()
			for name, key := range map[string]quarantine.EntryKey{
				"id":          {ID: "018f0000-0000-7000-8000-ffffffffffff"},
				"no id":       {ID: "'; DROP TABLE entry; --\x00"},
				"reference":   {Ref: "Q-ZZZZZZ"},
				"no ref":      {Ref: "Q-\x00%_'"},
				"only Q-":     {Ref: "Q-"},
				"long":        {Ref: strings.Repeat("A", 10_000)},
				"identity":    {Identity: [32]byte{1}},
				"message":     {MessageID: "no such"},
				"bad message": {MessageID: "\xff\x00"},
			} {
				_, err := b.Store.EntryGet(b.ctx, key, quarantine.GetOptions{Payload: true})
				b.wantErr(err, quarantine.ErrNotFound, name)
			}
		}},
		{"AnEmptyKeyIsInvalid", func(b *bundle) {
			_, err := b.Store.EntryGet(b.ctx, quarantine.EntryKey{}, quarantine.GetOptions{})
			b.wantErr(err, quarantine.ErrInvalid, "empty key")
		}},
		{"AUniquePrefixIsEnoughAndAnAmbiguousOneListsWhatFits", prefixes},
		{"AMessageIdOfTwoEntriesIsAmbiguous", func(b *bundle) {
			m := b.message()
			first := b.hold(b.entry(m))[0]
			m.PublishedAt = m.PublishedAt.AddDate(1, 0, 0)
			second := b.hold(b.entry(m))[0]
			_, err := b.Store.EntryGet(b.ctx, quarantine.EntryKey{MessageID: m.ID}, quarantine.GetOptions{})
			ambiguous, ok := errors.AsType[*quarantine.AmbiguousError](err)
			if !ok || len(ambiguous.Matches) != 2 ||
				!strings.Contains(err.Error(), first.Ref) || !strings.Contains(err.Error(), second.Ref) {
				b.Errorf("got %v, want an *AmbiguousError that lists %s and %s", err, first.Ref, second.Ref)
			}
		}},
		{"ACancelledCallIsUnavailable", func(b *bundle) {
			ctx, cancel := context.WithCancel(b.ctx)
			cancel()
			_, err := b.Store.EntryGet(ctx, quarantine.EntryKey{Ref: "Q-1"}, quarantine.GetOptions{})
			b.wantErr(err, quarantine.ErrUnavailable, "EntryGet")
			b.wantErr(err, context.Canceled, "EntryGet")
			_, err = b.Store.HoldEntries(ctx, []quarantine.NewEntry{b.entry(b.message())})
			b.wantErr(err, quarantine.ErrUnavailable, "HoldEntries")
			if n := b.list(quarantine.Query{}).Total; n != 0 {
				b.Errorf("%d entries of a cancelled call are stored", n)
			}
		}},
	}
}

// prefixes holds so many entries that some references begin alike, and checks
// every prefix of every reference against the plain meaning of the promise.
func prefixes(b *bundle) {
	var batch []quarantine.NewEntry
	for range 60 {
		batch = append(batch, b.entry(b.message()))
	}
	all := refs(b.hold(batch...))
	for _, ref := range all[:20] {
		for n := len("Q-") + 1; n <= len(ref); n++ {
			var fit []string
			for _, other := range all {
				if strings.HasPrefix(other, ref[:n]) {
					fit = append(fit, other)
				}
			}
			got, err := b.Store.EntryGet(b.ctx, quarantine.EntryKey{Ref: ref[:n]}, quarantine.GetOptions{})
			ambiguous, isAmbiguous := errors.AsType[*quarantine.AmbiguousError](err)
			switch {
			case len(fit) == 1 && (err != nil || got.Ref != ref):
				b.Errorf("%q: got %q, %v, want %s", ref[:n], got.Ref, err, ref)
			case len(fit) > 1 && (!isAmbiguous || len(ambiguous.Matches) != min(len(fit), 10)):
				b.Errorf("%q: got %v, want an *AmbiguousError that lists %v", ref[:n], err, fit)
			}
		}
	}
}

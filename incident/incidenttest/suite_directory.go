package incidenttest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/incident"
)

func directoryPromises() []promise {
	return []promise{
		{"Settings_DefaultsBeforeTheFirstSave", settingsDefault},
		{"Settings_VersionsAndConflict", settingsVersions},
		{"Settings_OneOfManyWins", settingsRace},
		{"Person_ByIDSlackIDAndMail", personFound},
		{"Person_IsReplaced", personReplaced},
		{"Person_SlackIDAndMailAreOnePersons", personUnique},
		{"Person_WithoutSlackIDOrMail", personBare},
		{"Token_ByHash", tokenFound},
		{"Token_IsReplacedAndStaysRevoked", tokenReplaced},
		{"Token_OneHashIsOneTokens", tokenUnique},
	}
}

func settingsDefault(b *bundle) {
	got, err := b.Store.Settings(b.ctx)
	b.must(err)
	b.wantEqual(incident.DefaultSettings(), got, "settings")
	b.wantEqual(int64(0), got.Version, "version")
}

func settingsVersions(b *bundle) {
	by := incident.Actor{Kind: incident.ByPerson, ID: "ana", Name: "Ana"}
	mine := incident.DefaultSettings()
	mine.ChannelPrefix, mine.Runbooks = "one", map[string]string{"billing": "call"}
	saved, err := b.Store.SaveSettings(b.ctx, by, mine)
	b.must(err)
	want := mine
	want.Version = 1
	b.wantEqual(want, saved, "saved")
	_, err = b.Store.SaveSettings(b.ctx, by, mine)
	b.wantErr(err, incident.ErrConflict, "save what was changed")
	conflict, ok := errors.AsType[*incident.ConflictError](err)
	if !ok || conflict.Version != 1 || conflict.By.ID != "ana" || conflict.At.Before(b.now) {
		b.Errorf("the conflict says %+v", conflict)
	}
	got, err := b.Other.Settings(b.ctx)
	b.must(err)
	b.wantEqual(want, got, "in force")
	got.ChannelPrefix = "two"
	got, err = b.Store.SaveSettings(b.ctx, by, got)
	b.must(err)
	if got.Version != 2 || got.ChannelPrefix != "two" {
		b.Errorf("the second: %+v", got)
	}
	got.Version = 3
	_, err = b.Store.SaveSettings(b.ctx, by, got)
	b.wantErr(err, incident.ErrConflict, "save on what never was")
}

func settingsRace(b *bundle) {
	var won atomic.Int64
	b.together(8, func(i int, s incident.Stores) {
		mine := incident.DefaultSettings()
		mine.ChannelPrefix = fmt.Sprint("by-", i)
		_, err := s.SaveSettings(b.ctx, incident.Actor{}, mine)
		if err == nil {
			won.Add(1)
		} else if !errors.Is(err, incident.ErrConflict) {
			b.Error(err)
		}
	})
	b.wantEqual(int64(1), won.Load(), "saves")
}

func (b *bundle) person(ref string) incident.Person {
	b.Helper()
	p, err := b.Store.Person(b.ctx, ref)
	b.must(err)
	return p
}

func personFound(b *bundle) {
	ana := incident.Person{ID: "ana", Name: "Ana", Email: "Ana@Example.com", SlackID: "U1", Role: incident.Admin,
		Zone: "Europe/Berlin", PagerKeyEnv: "ANA_KEY", Gone: b.now}
	ben := incident.Person{ID: "ben", Name: "Ben", Email: "ben@example.com", SlackID: "U2", Role: incident.Viewer}
	b.must(b.Store.SavePerson(b.ctx, ben))
	b.must(b.Store.SavePerson(b.ctx, ana))
	for _, ref := range []string{"ana", "U1", "ana@example.com", "ANA@EXAMPLE.COM"} {
		b.wantEqual(ana, b.person(ref), ref)
	}
	for _, ref := range []string{"", "Ana", "u1", "eve", "@example.com", "a%"} {
		_, err := b.Store.Person(b.ctx, ref)
		b.wantErr(err, incident.ErrNotFound, "person "+ref)
	}
	all, err := b.Store.People(b.ctx)
	b.must(err)
	b.wantEqual([]incident.Person{ana, ben}, all, "people")
	b.must(b.Store.SavePerson(b.ctx, incident.Person{ID: "U1"})) // an id comes first
	b.wantEqual("U1", b.person("U1").ID, "person")
	b.wantErr(b.Store.SavePerson(b.ctx, incident.Person{Name: "nobody"}), incident.ErrInvalid, "without an id")
}

func personReplaced(b *bundle) {
	b.must(b.Store.SavePerson(b.ctx, incident.Person{ID: "ana", Email: "ana@example.com", SlackID: "U1", Role: incident.Viewer}))
	now := incident.Person{ID: "ana", Email: "ana@example.org", SlackID: "U1", Role: incident.Admin}
	b.must(b.Store.SavePerson(b.ctx, now))
	b.wantEqual(now, b.person("U1"), "person")
	_, err := b.Store.Person(b.ctx, "ana@example.com")
	b.wantErr(err, incident.ErrNotFound, "by the old address")
}

func personUnique(b *bundle) {
	b.must(b.Store.SavePerson(b.ctx, incident.Person{ID: "ana", Email: "ana@example.com", SlackID: "U1"}))
	for _, p := range []incident.Person{{ID: "eve", Email: "ANA@example.com"}, {ID: "eve", SlackID: "U1"}} {
		b.wantErr(b.Store.SavePerson(b.ctx, p), incident.ErrConflict, "what is another's")
	}
	_, err := b.Store.Person(b.ctx, "eve")
	b.wantErr(err, incident.ErrNotFound, "the refused one")
}

func personBare(b *bundle) {
	b.must(b.Store.SavePerson(b.ctx, incident.Person{ID: "ana"}))
	b.must(b.Store.SavePerson(b.ctx, incident.Person{ID: "ben"}))
	_, err := b.Store.Person(b.ctx, "")
	b.wantErr(err, incident.ErrNotFound, "nobody")
	none, err := b.Store.Tokens(b.ctx)
	b.must(err)
	b.wantEqual(0, len(none), "tokens")
}

func token(id string, hash byte, created time.Time) incident.Token {
	return incident.Token{ID: id, Name: "ci", Hash: [32]byte{hash, 0, 255}, Role: incident.Responder, Created: created}
}

func tokenFound(b *bundle) {
	first, second := token("t-2", 1, b.now), token("t-1", 2, b.now)
	first.Expires, first.LastUsed = b.now.Add(time.Hour), b.now
	b.must(b.Store.SaveToken(b.ctx, first))
	b.must(b.Store.SaveToken(b.ctx, second))
	got, err := b.Store.TokenByHash(b.ctx, first.Hash)
	b.must(err)
	b.wantEqual(first, got, "token")
	_, err = b.Store.TokenByHash(b.ctx, [32]byte{9})
	b.wantErr(err, incident.ErrNotFound, "a hash that nobody has")
	all, err := b.Store.Tokens(b.ctx)
	b.must(err)
	b.wantEqual([]incident.Token{second, first}, all, "tokens, by id")
	for _, bad := range []incident.Token{{Hash: [32]byte{1}}, {ID: "x"}} {
		b.wantErr(b.Store.SaveToken(b.ctx, bad), incident.ErrInvalid, "half a token")
	}
}

func tokenReplaced(b *bundle) {
	t := token("t-1", 1, b.now)
	b.must(b.Store.SaveToken(b.ctx, t))
	used := t
	t.Revoked = b.now
	b.must(b.Store.SaveToken(b.ctx, t))
	used.LastUsed = b.now.Add(time.Second)
	b.must(b.Store.SaveToken(b.ctx, used)) // by who had loaded it before it was revoked
	got, err := b.Store.TokenByHash(b.ctx, t.Hash)
	b.must(err)
	used.Revoked = b.now
	b.wantEqual(used, got, "token")
	rotated := token("t-1", 3, b.now)
	b.must(b.Store.SaveToken(b.ctx, rotated))
	_, err = b.Store.TokenByHash(b.ctx, t.Hash)
	b.wantErr(err, incident.ErrNotFound, "the old hash")
}

func tokenUnique(b *bundle) {
	b.must(b.Store.SaveToken(b.ctx, token("t-1", 1, b.now)))
	b.wantErr(b.Store.SaveToken(b.ctx, token("t-2", 1, b.now)), incident.ErrConflict, "a hash that another has")
}

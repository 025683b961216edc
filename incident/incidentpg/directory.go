package incidentpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/pgkit"
)

// settingsRow are the settings in force.
type settingsRow struct {
	Version  int64     `db:"version"`
	Document []byte    `db:"document"`
	SavedBy  []byte    `db:"saved_by"`
	SavedAt  time.Time `db:"saved_at"`
}

// Settings implements [incident.Directory].
func (s *Store) Settings(ctx context.Context) (incident.Settings, error) {
	const doing = "get the settings"
	row, err := find[settingsRow](ctx, s, doing, "settings", sqlSettingsGet)
	if errors.Is(err, incident.ErrNotFound) {
		return incident.DefaultSettings(), nil
	} else if err != nil {
		return incident.Settings{}, err
	}
	settings, err := decode[incident.Settings](doing, row.Document)
	settings.Version = row.Version
	return settings, err
}

// SaveSettings implements [incident.Directory].
func (s *Store) SaveSettings(ctx context.Context, by incident.Actor, settings incident.Settings) (incident.Settings, error) {
	const doing = "save the settings"
	settings.Version++
	document, err := encode(settings)
	if err != nil {
		return incident.Settings{}, fmt.Errorf("%s: %w", doing, err)
	}
	actor, err := encode(by)
	if err != nil {
		return incident.Settings{}, fmt.Errorf("%s: %w", doing, err)
	}
	n, err := s.exec(ctx, doing, sqlSettingsAdd, settings.Version-1, document, actor)
	if err == nil && n == 0 || errors.Is(err, incident.ErrConflict) {
		err = s.settingsConflict(ctx, doing, settings.Version-1)
	}
	if err != nil {
		return incident.Settings{}, err
	}
	return decode[incident.Settings](doing, document)
}

// settingsConflict says who was first.
func (s *Store) settingsConflict(ctx context.Context, doing string, expected int64) error {
	row, err := find[settingsRow](ctx, s, doing, "settings", sqlSettingsGet)
	if err != nil && !errors.Is(err, incident.ErrNotFound) {
		return err
	}
	conflict := &incident.ConflictError{Ref: "settings", Version: row.Version, At: pgkit.TimeOf(&row.SavedAt),
		What: fmt.Sprintf("they are at version %d, not %d any more", row.Version, expected)}
	if row.Version > 0 {
		if conflict.By, err = decode[incident.Actor](doing, row.SavedBy); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", doing, conflict)
}

// documentRow is a person.
type documentRow struct {
	Document []byte `db:"document"`
}

func (r documentRow) person() (incident.Person, error) {
	return decode[incident.Person]("a person", r.Document)
}

// Person implements [incident.Directory]. An id wins over a Slack id, and that over a
// mail address, in which case does not matter.
func (s *Store) Person(ctx context.Context, ref string) (incident.Person, error) {
	row, err := find[documentRow](ctx, s, "get a person", ref, sqlPersonGet, pgkit.Blob(ref), pgkit.Blob(incident.FoldText(ref)))
	if err != nil {
		return incident.Person{}, err
	}
	return row.person()
}

// People implements [incident.Directory]; they are sorted by id.
func (s *Store) People(ctx context.Context) ([]incident.Person, error) {
	rows, err := list[documentRow](ctx, s, "list people", sqlPersonList)
	if err != nil {
		return nil, err
	}
	return each(rows, documentRow.person)
}

// SavePerson implements [incident.Directory].
func (s *Store) SavePerson(ctx context.Context, p incident.Person) error {
	const doing = "save a person"
	if p.ID == "" {
		return fmt.Errorf("%s: %w", doing, &incident.FieldError{Field: "id", Problem: "a person must have one"})
	}
	document, err := encode(p)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	_, err = s.exec(ctx, doing, sqlPersonPut, pgkit.Blob(p.ID), pgkit.Blob(p.SlackID), pgkit.Blob(incident.FoldText(p.Email)), document)
	if errors.Is(err, incident.ErrConflict) {
		err = fmt.Errorf("%s: %w", doing, &incident.ConflictError{Ref: p.ID, What: "another person has this Slack id or mail address"})
	}
	return err
}

// tokenRow is a token as it is read.
type tokenRow struct {
	Hash      []byte     `db:"hash"`
	RevokedAt *time.Time `db:"revoked_at"`
	Document  []byte     `db:"document"`
}

func (r tokenRow) token() (incident.Token, error) {
	t, err := decode[incident.Token]("a token", r.Document)
	copy(t.Hash[:], r.Hash)
	t.Revoked = pgkit.TimeOf(r.RevokedAt)
	return t, err
}

// SaveToken implements [incident.Directory].
func (s *Store) SaveToken(ctx context.Context, t incident.Token) error {
	const doing = "save a token"
	if t.ID == "" || t.Hash == [32]byte{} {
		return fmt.Errorf("%s: %w", doing, &incident.FieldError{Field: "id", Problem: "a token must have an id and a hash"})
	}
	for _, at := range []*time.Time{&t.Created, &t.Expires, &t.LastUsed} {
		*at = at.Truncate(time.Microsecond) // as all columns keep them
	}
	document, err := encode(t)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	_, err = s.exec(ctx, doing, sqlTokenPut, pgkit.Blob(t.ID), t.Hash[:], nullable(t.Revoked), document)
	if errors.Is(err, incident.ErrConflict) {
		err = fmt.Errorf("%s: %w", doing, &incident.ConflictError{Ref: t.ID, What: "another token has this hash"})
	}
	return err
}

// TokenByHash implements [incident.Directory].
func (s *Store) TokenByHash(ctx context.Context, hash [32]byte) (incident.Token, error) {
	row, err := find[tokenRow](ctx, s, "get a token", "token", sqlTokenByHash, hash[:])
	if err != nil {
		return incident.Token{}, err
	}
	return row.token()
}

// Tokens implements [incident.Directory]; they are sorted by id.
func (s *Store) Tokens(ctx context.Context) ([]incident.Token, error) {
	rows, err := list[tokenRow](ctx, s, "list tokens", sqlTokenList)
	if err != nil {
		return nil, err
	}
	return each(rows, tokenRow.token)
}

// each returns what all rows stand for; nil for none.
func each[R, T any](rows []R, of func(R) (T, error)) ([]T, error) {
	var all []T
	for _, r := range rows {
		v, err := of(r)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

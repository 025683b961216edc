package incidentlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/litekit"
)

// settingsRow is the row of settings_get.sql.
type settingsRow struct {
	Version int64  `db:"version"`
	By      []byte `db:"saved_by"`
	At      int64  `db:"saved_at"`
	Doc     []byte `db:"doc"`
}

// Settings implements [incident.Directory].
func (s *Store) Settings(ctx context.Context) (incident.Settings, error) {
	var row settingsRow
	err := s.read(ctx, "read the settings", func(x *tx) (err error) {
		row, err = x.settings()
		return err
	})
	if err != nil {
		return incident.Settings{}, err
	}
	if row.Version == 0 {
		return incident.DefaultSettings(), nil
	}
	return row.decode()
}

// settings returns those in force, the zero row before the first save.
func (x *tx) settings() (settingsRow, error) {
	row, err := litekit.One[settingsRow](x, sqlSettingsGet)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return row, err
}

func (r settingsRow) decode() (set incident.Settings, err error) {
	if err := json.Unmarshal(r.Doc, &set); err != nil {
		return incident.Settings{}, fmt.Errorf("the settings in version %d: %w", r.Version, err)
	}
	set.Version = r.Version
	return set, nil
}

// SaveSettings implements [incident.Directory].
func (s *Store) SaveSettings(ctx context.Context, by incident.Actor, set incident.Settings) (incident.Settings, error) {
	expected := set.Version
	set.Version++
	doc, err := json.Marshal(set)
	if err != nil {
		return incident.Settings{}, fmt.Errorf("save the settings: %w: %w", incident.ErrInvalid, err)
	}
	who, err := json.Marshal(by)
	if err != nil {
		return incident.Settings{}, fmt.Errorf("save the settings: %w", err)
	}
	err = s.write(ctx, "save the settings", func(x *tx) error {
		have, err := x.settings()
		if err != nil {
			return err
		}
		if have.Version != expected {
			return have.conflict(expected)
		}
		_, err = x.Exec(sqlSettingsAdd, set.Version, who, litekit.Micros(x.Now), doc)
		return err
	})
	if err != nil {
		return incident.Settings{}, err
	}
	return settingsRow{Version: set.Version, Doc: doc}.decode()
}

// conflict says who saved them last.
func (r settingsRow) conflict(expected int64) error {
	conflict := &incident.ConflictError{Ref: "settings", Version: r.Version, At: litekit.TimeOf(r.At),
		What: fmt.Sprintf("they are at version %d, not %d any more", r.Version, expected)}
	if len(r.By) > 0 {
		if err := json.Unmarshal(r.By, &conflict.By); err != nil {
			return err
		}
	}
	return conflict
}

// Person implements [incident.Directory].
func (s *Store) Person(ctx context.Context, ref string) (incident.Person, error) {
	var doc []byte
	err := s.read(ctx, "get a person", func(x *tx) (err error) {
		doc, err = litekit.Value[[]byte](x, sqlPersonGet, ref, incident.FoldText(ref))
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("person %.80q: %w", ref, incident.ErrNotFound)
		}
		return err
	})
	if err != nil {
		return incident.Person{}, err
	}
	return decodePerson(doc)
}

func decodePerson(doc []byte) (p incident.Person, err error) {
	if err := json.Unmarshal(doc, &p); err != nil {
		return incident.Person{}, fmt.Errorf("a person: %w", err)
	}
	return p, nil
}

// People implements [incident.Directory].
func (s *Store) People(ctx context.Context) ([]incident.Person, error) {
	var docs [][]byte
	err := s.read(ctx, "list people", func(x *tx) (err error) {
		docs, err = litekit.Values[[]byte](x, sqlPersonList)
		return err
	})
	if err != nil {
		return nil, err
	}
	var people []incident.Person
	for _, doc := range docs {
		p, err := decodePerson(doc)
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	return people, nil
}

// SavePerson implements [incident.Directory].
func (s *Store) SavePerson(ctx context.Context, p incident.Person) error {
	if p.ID == "" {
		return &incident.FieldError{Field: "id", Problem: "a person must have one"}
	}
	doc, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("save a person: %w: %w", incident.ErrInvalid, err)
	}
	email := incident.FoldText(p.Email)
	return s.write(ctx, "save a person", func(x *tx) error {
		rival, err := litekit.Value[bool](x, sqlPersonRival, p.ID, p.SlackID, email)
		if err != nil {
			return err
		}
		if rival {
			return &incident.ConflictError{Ref: p.ID, What: "another person has this Slack id or mail address"}
		}
		_, err = x.Exec(sqlPersonPut, p.ID, p.SlackID, email, doc)
		return err
	})
}

// tokenRow is a token as token_get.sql returns it.
type tokenRow struct {
	ID      string `db:"id"`
	Hash    []byte `db:"hash"`
	Name    string `db:"name"`
	Role    string `db:"role"`
	Created int64  `db:"created_at"`
	Expires int64  `db:"expires_at"`
	Used    int64  `db:"used_at"`
	Revoked int64  `db:"revoked_at"`
}

func (r tokenRow) token() incident.Token {
	return incident.Token{ID: r.ID, Name: r.Name, Hash: [32]byte(r.Hash), Role: incident.Role(r.Role), Created: litekit.TimeOf(r.Created),
		Expires: litekit.TimeOf(r.Expires), LastUsed: litekit.TimeOf(r.Used), Revoked: litekit.TimeOf(r.Revoked)}
}

// SaveToken implements [incident.Directory].
func (s *Store) SaveToken(ctx context.Context, t incident.Token) error {
	if t.ID == "" || t.Hash == [32]byte{} {
		return &incident.FieldError{Field: "id", Problem: "a token must have an id and a hash"}
	}
	return s.write(ctx, "save a token", func(x *tx) error {
		rival, err := litekit.Value[bool](x, sqlTokenRival, t.ID, t.Hash[:])
		if err != nil {
			return err
		}
		if rival {
			return &incident.ConflictError{Ref: t.ID, What: "another token has this hash"}
		}
		_, err = x.Exec(sqlTokenPut, t.ID, t.Hash[:], t.Name, string(t.Role), litekit.Micros(t.Created), litekit.Micros(t.Expires),
			litekit.Micros(t.LastUsed), litekit.Micros(t.Revoked))
		return err
	})
}

// TokenByHash implements [incident.Directory].
func (s *Store) TokenByHash(ctx context.Context, hash [32]byte) (incident.Token, error) {
	var row tokenRow
	err := s.read(ctx, "find a token", func(x *tx) (err error) {
		row, err = litekit.One[tokenRow](x, sqlTokenGet, hash[:])
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("a token with this hash: %w", incident.ErrNotFound)
		}
		return err
	})
	if err != nil {
		return incident.Token{}, err
	}
	return row.token(), nil
}

// Tokens implements [incident.Directory].
func (s *Store) Tokens(ctx context.Context) (all []incident.Token, err error) {
	err = s.read(ctx, "list tokens", func(x *tx) error {
		rows, err := litekit.Collect[tokenRow](x, sqlTokenList)
		for _, r := range rows {
			all = append(all, r.token())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

package incident

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Config says how a Service runs. Zero fields but Stores get defaults.
type Config struct {
	// Stores keeps everything. Required.
	Stores Stores
	// Now is the clock of verbs. Default: time.Now
	Now func() time.Time
	// NewID makes ids. Default: UUIDv7
	NewID func() string
	// SettingsAge is how old the settings may be that a verb goes by. Default 10 s.
	SettingsAge time.Duration
	// Logger hears of what went on without its result being told. Default: nobody.
	Logger *slog.Logger
}

// Service does verbs: it loads, runs one, moves on what moves on by itself, and saves. It keeps no
// state but the settings, for a moment, so any number of processes may have one. It is safe for
// concurrent use.
type Service struct {
	cfg   Config
	rules atomic.Pointer[loadedSettings]
}

// loadedSettings are settings and when they were loaded.
type loadedSettings struct {
	settings *Settings
	at       time.Time
}

// attempts is how often a verb is run again after somebody else was first.
const attempts = 5

// NewService returns a Service over cfg.Stores. Without them it returns an error that is [ErrInvalid].
func NewService(cfg Config) (*Service, error) {
	if cfg.Stores == nil {
		return nil, fmt.Errorf("incident: Config.Stores is missing: %w", ErrInvalid)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if cfg.SettingsAge <= 0 {
		cfg.SettingsAge = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg}, nil
}

// Stores returns where everything is kept. Reads go there directly.
func (s *Service) Stores() Stores { return s.cfg.Stores }

// Declare makes an Active incident. If another incident holds one of its keys, that one is returned
// and created is false: the same request came before.
func (s *Service) Declare(ctx context.Context, by Actor, p NewParams, opts ...Option) (inc Incident, created bool, err error) {
	return s.create(ctx, by, p, Declare, opts)
}

// Report makes an incident in Triage, as Declare does.
func (s *Service) Report(ctx context.Context, by Actor, p NewParams, opts ...Option) (inc Incident, created bool, err error) {
	return s.create(ctx, by, p, Report, opts)
}

// Import makes a retrospective incident, as Declare does.
func (s *Service) Import(ctx context.Context, by Actor, p ImportParams, opts ...Option) (inc Incident, created bool, err error) {
	return s.create(ctx, by, p.NewParams, func(act Act, n NewParams) (Incident, []Event, error) {
		return Import(act, ImportParams{NewParams: n, Times: p.Times})
	}, opts)
}

// create runs one of the three verbs that make an incident.
func (s *Service) create(
	ctx context.Context, by Actor, p NewParams, verb func(Act, NewParams) (Incident, []Event, error), opts []Option,
) (Incident, bool, error) {
	act, o, err := s.act(ctx, by, opts)
	if err != nil {
		return Incident{}, false, err
	}
	inc, evs, err := verb(act, p)
	if err != nil {
		return Incident{}, false, err
	}
	o.mark(evs)
	inc.NudgeAt = inc.NudgeDueAt(act.Rules)
	created, err := s.cfg.Stores.Create(ctx, inc, evs)
	var exists *ExistsError
	if errors.As(err, &exists) {
		inc, err = s.cfg.Stores.Get(ctx, exists.IncidentID)
		return inc, false, err
	}
	return created, err == nil, err
}

// Do loads an incident by id or reference, runs the verb and saves. If somebody else was first it
// loads again and runs the verb on what stands then, up to 5 times; every guard is checked each time.
// A verb that returns no events saves nothing. A key that was seen before (WithKey) is an error that
// wraps [ErrDuplicate], beside the incident as it stands.
func (s *Service) Do(ctx context.Context, ref string, by Actor, verb Verb, opts ...Option) (Incident, error) {
	var inc Incident
	var taken []string
	err := s.retry(ctx, func() error {
		act, o, err := s.act(ctx, by, opts)
		if err != nil {
			return err
		}
		if inc, err = s.cfg.Stores.Get(ctx, ref); err != nil {
			return err
		}
		if err := o.check(&inc); err != nil {
			return s.withAuthor(ctx, &inc, err)
		}
		change, err := s.run(ctx, &inc, act, o, verb)
		if err != nil || len(change.Events) == 0 {
			return err
		}
		inc.letGo(taken)
		saved, err := s.cfg.Stores.Save(ctx, change)
		if err == nil && change.Incident == nil {
			inc.Seq = saved[0].Seq
			return nil
		}
		if err == nil {
			inc = saved[0]
			return nil
		}
		if key, ok := inc.tookBack(err); ok {
			// It was reopened, and what it stood for has another incident by now.
			taken = append(taken, key)
			return &raceError{err: err}
		}
		return s.lost(ctx, inc.ID, o, err)
	})
	if errors.Is(err, ErrDuplicate) {
		if stands, getErr := s.cfg.Stores.Get(ctx, ref); getErr == nil {
			inc = stands
		}
	}
	return inc, err
}

// Merge ends one incident in favour of another, both in one transaction.
func (s *Service) Merge(ctx context.Context, ref, into string, by Actor, reason string, opts ...Option) (source, target Incident, err error) {
	err = s.retry(ctx, func() error {
		act, o, err := s.act(ctx, by, opts)
		if err != nil {
			return err
		}
		if source, err = s.cfg.Stores.Get(ctx, ref); err != nil {
			return err
		}
		if target, err = s.cfg.Stores.Get(ctx, into); err != nil {
			return err
		}
		if err := o.check(&source); err != nil {
			return s.withAuthor(ctx, &source, err)
		}
		var absorbed []Event
		from, err := s.run(ctx, &source, act, o, func(inc *Incident, act Act) (evs []Event, err error) {
			evs, absorbed, err = inc.MergeInto(act, &target, reason)
			return evs, err
		})
		if err != nil {
			return err
		}
		target.NudgeAt = target.NudgeDueAt(act.Rules)
		saved, err := s.cfg.Stores.Save(ctx, from,
			Change{Incident: &target, Expected: target.Version, Events: absorbed})
		if err == nil {
			source, target = saved[0], saved[1]
		}
		return s.lost(ctx, source.ID, o, err)
	})
	return source, target, err
}

// lost turns what Save returned into what its caller hears, nil where nothing failed: a lost race is tried
// again, unless the caller decided by a version, who hears what others made of it meanwhile.
func (s *Service) lost(ctx context.Context, id string, o options, err error) error {
	err = o.final(err)
	if o.version == 0 || !errors.Is(err, ErrConflict) || errors.Is(err, ErrDuplicate) {
		return err
	}
	inc, getErr := s.cfg.Stores.Get(ctx, id)
	if getErr != nil || o.check(&inc) == nil {
		return err
	}
	return s.withAuthor(ctx, &inc, o.check(&inc))
}

// recentEvents is how far back it is looked for who changed a document last. What people write in a
// channel comes after it and is no change.
const recentEvents = 200

// withAuthor adds to a conflict who changed the document last, where that can be read: whoever wanted to
// change it, too, has to talk to them.
func (s *Service) withAuthor(ctx context.Context, inc *Incident, conflict error) error {
	var e *ConflictError
	if !errors.As(conflict, &e) || e.By != (Actor{}) {
		return conflict
	}
	page, err := s.cfg.Stores.Events(ctx, EventFilter{IncidentID: inc.ID, AfterSeq: max(inc.Seq-recentEvents, 0), Limit: recentEvents})
	if err != nil {
		return conflict // it is one all the same
	}
	for _, ev := range slices.Backward(page.Events) {
		if !ev.RecordedAt.After(inc.Times.Updated) {
			e.By = ev.Actor
			break
		}
	}
	return conflict
}

// Note adds events to an incident without a change of its document: nothing can conflict with it.
func (s *Service) Note(ctx context.Context, inc *Incident, evs ...Event) error {
	_, err := s.cfg.Stores.Save(ctx, Change{IncidentID: inc.ID, Events: evs})
	return err
}

// Act returns what a verb needs, for those who run verbs outside of Do.
func (s *Service) Act(ctx context.Context, by Actor, opts ...Option) (Act, error) {
	act, _, err := s.act(ctx, by, opts)
	return act, err
}

// Settings returns the settings in force, at most [Config].SettingsAge old. Where the store cannot be
// read those known last go on.
func (s *Service) Settings(ctx context.Context) (*Settings, error) {
	now := s.cfg.Now()
	known := s.rules.Load()
	if known != nil && now.Sub(known.at) < s.cfg.SettingsAge && now.Sub(known.at) >= 0 {
		return known.settings, nil
	}
	fresh, err := s.cfg.Stores.Settings(ctx)
	switch {
	case err == nil:
		s.rules.Store(&loadedSettings{settings: &fresh, at: now})
		return &fresh, nil
	case known != nil:
		s.cfg.Logger.WarnContext(ctx, "settings cannot be read; the last known ones go on", "err", err)
		return known.settings, nil
	default:
		return nil, err
	}
}

// run runs a verb on a loaded document and then moves on what moves on by itself.
func (s *Service) run(ctx context.Context, inc *Incident, act Act, o options, verb Verb) (Change, error) {
	expected := inc.Version
	evs, err := verb(inc, act)
	if err != nil || len(evs) == 0 {
		return Change{}, err
	}
	o.mark(evs)
	if onlyActivity(evs) && s.stands(ctx, inc) {
		// The document is as it was, so this can neither lose a race nor make anybody else lose one: what
		// people write in a channel must not hold up those who act.
		return Change{IncidentID: inc.ID, Events: evs}, nil
	}
	moved, err := inc.Advance(act)
	if err != nil {
		return Change{}, err
	}
	inc.NudgeAt = inc.NudgeDueAt(act.Rules)
	return Change{Incident: inc, Expected: expected, Events: append(evs, moved...)}, nil
}

// stands reports that the store has the document just so.
func (s *Service) stands(ctx context.Context, inc *Incident) bool {
	stored, err := s.cfg.Stores.Get(ctx, inc.ID)
	if err != nil {
		return false
	}
	before, errBefore := EncodeIncident(&stored)
	after, errAfter := EncodeIncident(inc)
	return errBefore == nil && errAfter == nil && bytes.Equal(before, after)
}

// onlyActivity reports that nothing happened but that somebody was active.
func onlyActivity(evs []Event) bool {
	return !slices.ContainsFunc(evs, func(e Event) bool { return e.Type != EvActivity })
}

// act puts together what a verb needs.
func (s *Service) act(ctx context.Context, by Actor, opts []Option) (Act, options, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	rules, err := s.Settings(ctx)
	if err != nil {
		return Act{}, o, err
	}
	return Act{
		By: by, At: s.cfg.Now().UTC(), Rules: rules, Cause: o.cause, Traceparent: o.traceparent, Key: o.key, NewID: s.cfg.NewID,
	}, o, nil
}

// retry runs try until it did not lose a race, with a little jitter in between so that those who race
// do not meet again. One that lost each of them is ErrContended.
func (s *Service) retry(ctx context.Context, try func() error) error {
	var err error
	for n := range attempts {
		if err = try(); !errors.Is(err, errRace) {
			return err
		}
		pause := time.NewTimer(time.Duration(rand.Int64N(int64(5*time.Millisecond) << n)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
	return fmt.Errorf("gave up after %d attempts, %w: %w", attempts, ErrContended, errors.Unwrap(err))
}

// raceError is a lost race that is worth another try.
type raceError struct{ err error }

// errRace is what every raceError is.
var errRace = errors.New("lost a race")

// Error returns what was lost.
func (e *raceError) Error() string { return e.err.Error() }

// Unwrap returns the conflict.
func (e *raceError) Unwrap() error { return e.err }

// Is makes it an errRace.
func (e *raceError) Is(target error) bool { return target == errRace }

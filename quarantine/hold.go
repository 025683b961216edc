package quarantine

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/theriac/theriac/handlers"
)

// Quarantine holds m durably and returns the reference of its entry. On nil the
// message may be acknowledged; on an error it must not. The same message gives
// the same entry.
//
// It goes down a ladder until something durable stands: the full row; a row with
// the message and no evidence that the store could refuse; a synced file in the
// spool, with a reference such as "spooled:1f3a9c2e77b0"; an error, wrapping
// [ErrUnavailable] where another moment may do better.
func (s *Service) Quarantine(ctx context.Context, sub string, m handlers.Message, ev handlers.Evidence) (string, error) {
	e, err := s.newEntry(sub, m, ev)
	if err != nil {
		return "", fmt.Errorf("quarantine message %s of %s: %w", clean(m.ID, 128), clean(sub, 128), err)
	}
	ref, err := s.holds.do(ctx, e)
	if err != nil {
		return "", fmt.Errorf("quarantine message %s of %s: %w", clean(m.ID, 128), clean(sub, 128), err)
	}
	s.known.raise(sub, m.ID, handlers.StandingDecided)
	return ref, nil
}

// newEntry makes the entry of a message. What is derived from outside bytes may
// fail; the message still gets its entry.
func (s *Service) newEntry(sub string, m handlers.Message, ev handlers.Evidence) (NewEntry, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return NewEntry{}, fmt.Errorf("make an id: %w", err)
	}
	return s.entryOf(received{
		ID: id.String(), Subscription: sub, Message: m, Evidence: ev,
		AttemptRecorded: s.known.recordedLast(sub, m.ID, ev.Attempt.Started.UnixNano()),
	}), nil
}

// received is all that the service was given for an entry: everything else in
// it is derived, so this is also what the spool keeps.
type received struct {
	ID, Subscription string
	Message          handlers.Message
	Evidence         handlers.Evidence
	AttemptRecorded  bool
}

// entryOf derives an entry.
func (s *Service) entryOf(r received) NewEntry {
	identity := r.Message.Identity()
	ev := r.Evidence
	n := NewEntry{
		Identity: Identity(r.Subscription, identity), Attempt: ev.Attempt, AttemptRecorded: r.AttemptRecorded,
		Entry: Entry{
			ID: r.ID, Subscription: r.Subscription, Message: r.Message,
			Size: int64(len(r.Message.Data)), SHA256: identity.SHA256,
			Reason: ev.Reason, Confidence: ev.Confidence, Totals: ev.Totals,
			Errors: ev.Attempt.Errors, Build: ev.Attempt.Build, Hint: ev.Hint,
		},
	}
	err := safely("derive the evidence", func() error {
		n.Entry.Fingerprint, n.Basis = Fingerprint(r.Subscription, ev, s.ours)
		n.Entry.Title = title(ev)
		n.Entry.Where = where(ev.Attempt, s.ours)
		return nil
	})
	if err != nil {
		s.log.Error("quarantine: evidence could not be derived, the message is held without", "error", err)
		return degraded(n)
	}
	return n
}

// degraded is n with the message and nothing else that a store could refuse:
// texts of the service's own, an attempt of numbers and times.
func degraded(n NewEntry) NewEntry {
	e := &n.Entry
	e.Degraded = true
	e.Title, e.Where, e.Hint, e.Build = "evidence could not be stored", "", "", ""
	e.Errors = nil
	n.Basis = []string{"subscription " + clean(e.Subscription, 256), "evidence could not be stored"}
	e.Fingerprint = digest(n.Basis)
	n.Attempt = bareAttempt(n.Attempt)
	return n
}

// bareAttempt is what is left of an attempt without any text.
func bareAttempt(a handlers.Attempt) handlers.Attempt {
	return handlers.Attempt{
		Started: a.Started, Ended: a.Ended, Outcome: a.Outcome, Class: a.Class,
		DeliveryAttempt: a.DeliveryAttempt, Replay: a.Replay,
	}
}

func entrySize(n NewEntry) int { return n.Entry.Message.Size() + len(n.Attempt.Stack) }

// holdEntries calls the store, within the deadline and safe from its panics, and
// returns the references.
func (s *Service) holdEntries(ctx context.Context, entries []NewEntry) ([]string, error) {
	results, err := within(ctx, s.cfg.WriteTimeout, "hold entries", func(ctx context.Context) ([]HoldResult, error) {
		return s.store.HoldEntries(ctx, entries)
	})
	if err != nil {
		return nil, err
	}
	refs := make([]string, len(results))
	for i, r := range results {
		refs[i] = r.Entry.Ref
	}
	return refs, nil
}

// holdLadder is how entries become durable.
func (s *Service) holdLadder() ladder[NewEntry, string] {
	return ladder[NewEntry, string]{
		doing: "hold entries", log: s.log, away: &s.away,
		write: s.holdEntries, bare: degraded, last: s.spoolEntries,
	}
}

// spoolEntries is the last step: a synced file each, and an error where there is
// no spool or it cannot take it.
func (s *Service) spoolEntries(batch []*job[NewEntry, string], cause error) {
	if s.spool == nil {
		for _, j := range batch {
			j.settle("", cause)
		}
		return
	}
	records := make([]record, len(batch))
	for i, j := range batch {
		records[i] = entryRecord(j.in)
	}
	errs := s.spool.put(records)
	for i, j := range batch {
		if errs[i] != nil {
			j.settle("", fmt.Errorf("%w; the spool could not take it either: %w", cause, errs[i]))
			continue
		}
		s.log.Warn("quarantine: spooled, the store could not take it", "ref", spoolRef(j.in.Identity), "error", cause)
		j.settle(spoolRef(j.in.Identity), nil)
	}
}

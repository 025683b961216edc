package quarantine

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
)

// SuspectState is where a suspect stands. The same states stand in the schemas
// of both stores and in docs/states.md; a test compares them.
type SuspectState string

// The states of a suspect.
const (
	// SuspectWaiting: it must run alone before it may run beside others again.
	SuspectWaiting SuspectState = "waiting"
	// SuspectDone: it succeeded alone.
	SuspectDone SuspectState = "done"
	// SuspectCleared: it survived alone, or nothing speaks against it any more.
	SuspectCleared SuspectState = "cleared"
	// SuspectHeld: it is in quarantine.
	SuspectHeld SuspectState = "held"
)

// SuspectStates returns all states of a suspect, in order.
func SuspectStates() []SuspectState {
	return []SuspectState{SuspectWaiting, SuspectDone, SuspectCleared, SuspectHeld}
}

// CanBecome reports whether a suspect in state s may go to state to. What became
// of it is final.
func (s SuspectState) CanBecome(to SuspectState) bool {
	return s == SuspectWaiting && to != SuspectWaiting && slices.Contains(SuspectStates(), to)
}

// SuspectAfter is the state of a suspect that met a fate.
func SuspectAfter(f handlers.Fate) SuspectState {
	switch f {
	case handlers.FateDone:
		return SuspectDone
	case handlers.FateCleared:
		return SuspectCleared
	case handlers.FateHeld:
		return SuspectHeld
	default:
		return ""
	}
}

// Suspect is one message of one death that had to run alone. Texts in it come
// from outside and are hostile wherever they are shown.
type Suspect struct {
	// Seq is its number in the store; lists are ordered by it.
	Seq int64
	// Crash is the reference of the report ("C-4M2P"), ReportedAt when that was
	// stored, by the store's clock.
	Crash      string
	ReportedAt time.Time
	// Subscription, MessageID and PublishedAt (in microseconds) say which message;
	// IDCut that only the beginning of its id is known, or that and a hash.
	Subscription, MessageID string
	IDCut                   bool
	PublishedAt             time.Time
	// Part is its part in the death, Why the reason in words, Deaths what this death
	// added to its count of crashes.
	Part   handlers.Part
	Why    string
	Deaths int
	// State is where it stands, SettledAt since when, zero while it waits.
	State     SuspectState
	SettledAt time.Time
	// Identity is the message's, once it is settled; zero until then.
	Identity [32]byte
}

// SuspectQuery selects suspects. Zero fields select all. Fields are joined by
// and.
type SuspectQuery struct {
	// Crash is a report's reference or a unique prefix of one.
	Crash                   string
	Subscription, MessageID string
	// States selects any of the listed ones; empty means all.
	States []SuspectState
	// Limit bounds the answer, default 30, at most 1000. After continues it behind
	// the suspect of that number.
	Limit int
	After int64
}

// PageSize is the limit of an answer: the default where none is asked for, and
// never above 1000.
func (q SuspectQuery) PageSize() int { return Query{Limit: q.Limit}.PageSize() }

// SuspectFate is what became of one message.
type SuspectFate struct {
	Subscription, MessageID string
	PublishedAt             time.Time
	// Identity is [Identity] of the message.
	Identity [32]byte
	Fate     handlers.Fate
}

// Key is the key of the suspects that the fate is about.
func (f SuspectFate) Key() [32]byte {
	return SuspectKey(f.Subscription, f.MessageID, f.PublishedAt)
}

// SuspectsOf returns a waiting suspect for each message of a report that must
// run alone, each once, in the order of the report. The store gives the rest.
func SuspectsOf(c handlers.Crash) []Suspect {
	var all []Suspect
	seen := map[[32]byte]bool{}
	for _, f := range c.InFlight {
		key := SuspectKey(f.Subscription, f.ID, f.PublishedAt)
		if !f.Part.Alone() || seen[key] {
			continue
		}
		seen[key] = true
		all = append(all, Suspect{
			Subscription: f.Subscription, MessageID: f.ID, IDCut: f.IDCut,
			PublishedAt: f.PublishedAt.UTC().Truncate(time.Microsecond),
			Part:        f.Part, Why: f.Why, Deaths: f.Deaths, State: SuspectWaiting,
		})
	}
	return all
}

// SuspectKey stands for a message of which the payload is not known: a digest
// over subscription, broker's id and publish time in microseconds. It is never
// the [Identity] of a message.
func SuspectKey(subscription, messageID string, publishedAt time.Time) [32]byte {
	var b []byte
	for _, s := range []string{"suspect", subscription, messageID} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(publishedAt.UnixMicro())))
}

// CheckFates returns an error wrapping [ErrInvalid] for a batch that no store can
// take: one with a fate that does not exist, or without an identity.
func CheckFates(batch []SuspectFate) error {
	for _, f := range batch {
		if SuspectAfter(f.Fate) == "" {
			return fmt.Errorf("message %q: no such fate %q: %w", clean(f.MessageID, 128), clean(string(f.Fate), 32), ErrInvalid)
		}
		if f.Identity == [32]byte{} {
			return fmt.Errorf("message %q: its fate has no identity: %w", clean(f.MessageID, 128), ErrInvalid)
		}
	}
	return nil
}

// Key is the key of the suspect; see [SuspectKey].
func (f Suspect) Key() [32]byte { return SuspectKey(f.Subscription, f.MessageID, f.PublishedAt) }

// SuspectSubscription is a subscription as it stands in the marks of suspects. A
// name that came from the memory of a dead process may hold any bytes; one that
// this program serves is the same in both.
func SuspectSubscription(name string) string { return DisplayText(name, 1024) }

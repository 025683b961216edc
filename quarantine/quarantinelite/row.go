package quarantinelite

import (
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// entryRow is an entry as entry_list.sql returns it.
type entryRow struct {
	Seq             int64  `db:"seq"`
	ID              string `db:"id"`
	Ref             string `db:"ref"`
	Identity        []byte `db:"identity"`
	GroupSeq        int64  `db:"group_seq"`
	GroupRef        string `db:"group_ref"`
	Fingerprint     string `db:"fingerprint"`
	Subscription    string `db:"subscription"`
	MessageID       []byte `db:"message_id"`
	OrderingKey     []byte `db:"ordering_key"`
	Attributes      []byte `db:"attributes"`
	PublishedAt     int64  `db:"published_at"`
	DeliveryAttempt int    `db:"delivery_attempt"`
	Size            int64  `db:"size"`
	SHA256          []byte `db:"sha256"`
	Degraded        bool   `db:"degraded"`
	Reason          string `db:"reason"`
	Confidence      string `db:"confidence"`
	Evidence        []byte `db:"evidence"`
	Failures        int    `db:"failures"`
	Crashes         int    `db:"crashes"`
	HeldAt          int64  `db:"held_at"`
	ChangedAt       int64  `db:"changed_at"`
	State           string `db:"state"`
	Version         int64  `db:"version"`
	DecidedBy       []byte `db:"decided_by"`
	DecidedVia      string `db:"decided_via"`
	DecidedClaimed  bool   `db:"decided_claimed"`
	DecidedAt       int64  `db:"decided_at"`
	DecidedReason   []byte `db:"decided_reason"`
	Replays         int    `db:"replays"`
	Claim           string `db:"claim"`
	Alone           bool   `db:"alone"`
}

// entry is what the row stands for, without payload and attempts.
func (r *entryRow) entry() (quarantine.Entry, error) {
	attributes, err := quarantine.DecodeAttributes(r.Attributes)
	if err != nil {
		return quarantine.Entry{}, fmt.Errorf("entry %s: %w", r.Ref, err)
	}
	e := quarantine.Entry{
		ID: r.ID, Ref: r.Ref, Seq: r.Seq, Subscription: r.Subscription,
		Message: handlers.Message{
			ID: string(r.MessageID), Attributes: attributes, OrderingKey: string(r.OrderingKey),
			PublishedAt: time.UnixMicro(r.PublishedAt).UTC(), DeliveryAttempt: r.DeliveryAttempt,
		},
		Size: r.Size, SHA256: [32]byte(r.SHA256), Degraded: r.Degraded,
		Reason: handlers.Reason(r.Reason), Confidence: handlers.Confidence(r.Confidence),
		Fingerprint: r.Fingerprint, Group: r.GroupRef,
		Totals: handlers.Totals{Failures: r.Failures, Crashes: r.Crashes},
		HeldAt: litekit.TimeOf(r.HeldAt), ChangedAt: litekit.TimeOf(r.ChangedAt),
		State: quarantine.State(r.State), Version: r.Version,
		Decided: decision(r.DecidedBy, r.DecidedVia, r.DecidedClaimed, r.DecidedAt, r.DecidedReason),
		Replays: r.Replays, Claim: r.Claim, Alone: r.Alone,
	}
	if err := quarantine.DecodeEvidence(r.Evidence, &e); err != nil {
		return quarantine.Entry{}, fmt.Errorf("entry %s: %w", r.Ref, err)
	}
	return e, nil
}

// decision is what five columns say of who decided, when and why.
func decision(by []byte, via string, claimed bool, at int64, reason []byte) quarantine.Decision {
	return quarantine.Decision{
		Actor: quarantine.Actor{Name: string(by), Via: via, Claimed: claimed},
		At:    litekit.TimeOf(at), Reason: string(reason),
	}
}

// entries returns the rows that a filter selects.
func (x *tx) entries(f *litekit.Filter) ([]entryRow, error) {
	return litekit.Collect[entryRow](x, f.Apply(sqlEntryList), f.Args()...)
}

// shown returns what the rows stand for.
func shown(rows []entryRow) ([]quarantine.Entry, error) {
	var entries []quarantine.Entry
	for i := range rows {
		e, err := rows[i].entry()
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

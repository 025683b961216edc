package quarantine

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/theriac/theriac/handlers"
)

// CrashStore is the part of a store that keeps deaths, and those who may have
// caused them.
type CrashStore interface {
	// AddCrash stores a report, and a waiting suspect for each message in it that
	// must run alone, in one transaction, and returns it as [CrashSummary] leaves it.
	// A report whose ID is stored already changes nothing and is returned as it
	// stands. A registered worker that the report is about (see [DiedWith]) is marked
	// dead with nothing left running, and what it was replaying is held again, as
	// ReapWorkers does. An ID that is no UUID is an error wrapping [ErrInvalid].
	AddCrash(ctx context.Context, c handlers.Crash) (CrashReport, error)

	// CrashGet returns one report, whole. It returns an error wrapping
	// [ErrNotFound], or *[AmbiguousError] when a prefix fits several references.
	CrashGet(ctx context.Context, key CrashKey) (CrashReport, error)

	// CrashList returns the reports that match, newest first, each as
	// [CrashSummary] leaves it.
	CrashList(ctx context.Context, q CrashQuery) (CrashPage, error)

	// SettleSuspects says what became of suspects, in one transaction, all or none:
	// each waiting row of the message takes the fate. With [handlers.FateDone] the
	// message is settled for good, whether it was a suspect or not: Decided answers
	// true from then on.
	SettleSuspects(ctx context.Context, batch []SuspectFate) error

	// SuspectList returns the suspects that match, in the order in which they were
	// reported, the culprit of a report first.
	SuspectList(ctx context.Context, q SuspectQuery) ([]Suspect, error)

	// Decided reports whether the message with this identity has an entry, or
	// succeeded alone.
	Decided(ctx context.Context, identity [32]byte) (bool, error)
}

// CrashReport is a stored death.
type CrashReport struct {
	handlers.Crash
	// Ref is the short reference shown to people ("C-4M2P"), Seq the number that it
	// is made of, from 1.
	Ref string
	Seq int64
	// ReportedAt is when it was stored, by the store's clock.
	ReportedAt time.Time
	// Suspects is how many of its messages had to run alone, by what became of
	// them; states without one are absent.
	Suspects map[SuspectState]int
}

// CrashKey names one report by the first field that is not empty.
type CrashKey struct {
	// ID is the report's UUID.
	ID string
	// Ref is a reference or a unique prefix of one, in any case, with or without
	// "C-". An exact match wins over longer references.
	Ref string
}

// CrashQuery selects reports. Zero fields select all. Fields are joined by and.
type CrashQuery struct {
	// Role, Host and Build say which processes.
	Role, Host, Build string
	// Subscription and MessageID select the reports in which such a message had to
	// run alone.
	Subscription, MessageID string
	// Since and Until bound ReportedAt: Since <= ReportedAt < Until.
	Since, Until time.Time
	// Limit bounds the page, default 30, at most 1000. After continues a listing
	// below the report of that number.
	Limit int
	After int64
}

// PageSize is the limit of a page: the default where none is asked for, and
// never above 1000.
func (q CrashQuery) PageSize() int { return Query{Limit: q.Limit}.PageSize() }

// CrashPage is one page of reports.
type CrashPage struct {
	Reports []CrashReport
	// Next continues the listing as CrashQuery.After, 0 at its end.
	Next int64
}

// summarySuspects is how many messages of a report a listing names.
const summarySuspects = 16

// CrashSummary is c as a listing shows it: without stack, frames, standard error
// and notes, and with the first 16 of the messages that must run alone.
func CrashSummary(c handlers.Crash) handlers.Crash {
	var alone []handlers.InFlight
	for _, f := range c.InFlight {
		if f.Part.Alone() && len(alone) < summarySuspects {
			alone = append(alone, f)
		}
	}
	c.Stack, c.StackCut, c.Frames, c.Stderr, c.Notes, c.InFlight = "", false, nil, "", nil, alone
	return c
}

// StoredCrash is c as every store keeps it: its ID in the usual form of a UUID,
// texts and lists cut at their limits, times in UTC. An ID that is no UUID is an
// error wrapping [ErrInvalid].
func StoredCrash(c handlers.Crash) (handlers.Crash, error) {
	id, err := uuid.Parse(c.ID)
	if err != nil {
		return handlers.Crash{}, fmt.Errorf("the crash report's id %q is no UUID: %w", clean(c.ID, 64), ErrInvalid)
	}
	c.ID = id.String()
	return DecodeCrash(EncodeCrash(c))
}

// clockSkew is how far the clocks of a guardian and of the store may be apart
// when it is asked whether a worker registered after its process had begun.
const clockSkew = time.Minute

// DiedWith reports whether a registered worker is the process of a report, if
// its lock is free: the process of that host and number which registered while
// that of the report lived.
func DiedWith(w Worker, c handlers.Crash) bool {
	return w.PID == c.PID && w.Host == c.Host && !w.Started.After(c.Died) && !w.Started.Before(c.Started.Add(-clockSkew))
}

// CanonicalID is the id of a report in the usual form of a UUID. What is none
// stays as it is: no report has it.
func CanonicalID(id string) string {
	u, err := uuid.Parse(id)
	if err != nil {
		return id
	}
	return u.String()
}

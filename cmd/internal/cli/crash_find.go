package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

const (
	crashPrefix = "C-"
	// maxEntries is how many of the entries that are held for one death a list looks up.
	maxEntries = 3
)

// findCrash finds the report that a word names: a reference or a unique prefix of one, its id, or
// the address of its web page.
func findCrash(ctx context.Context, room *quarantine.Service, word string) (quarantine.CrashReport, error) {
	word = lastOfURL(word)
	key := quarantine.CrashKey{Ref: word}
	if uuid.Validate(word) == nil {
		key = quarantine.CrashKey{ID: word}
	} else if _, ok := quarantine.NormalizeRef(crashPrefix, word); !ok {
		if upper := strings.ToUpper(word); strings.HasPrefix(upper, "Q-") {
			return quarantine.CrashReport{}, problem.Errorf(problem.Invalid, "%q is an entry; its deaths are told by: theriac why %s", word, word)
		}
		return quarantine.CrashReport{}, &noCrashError{word}
	}
	r, err := room.CrashGet(ctx, key)
	if errors.Is(err, quarantine.ErrNotFound) {
		return r, &noCrashError{word}
	}
	return r, err
}

// noCrashError says that a word names no report of a death.
type noCrashError struct{ word string }

// Error says what a word may be.
func (e *noCrashError) Error() string {
	return fmt.Sprintf("no death %q: want a reference such as C-4M2P", e.word)
}

// Unwrap returns [quarantine.ErrNotFound].
func (e *noCrashError) Unwrap() error { return quarantine.ErrNotFound }

// crash is a report as a list shows it: without its long texts, with what is held for it.
type crash struct {
	quarantine.CrashReport
	where   string
	entries []string
}

// dossier is a report, whole, with what became of its messages.
type dossier struct {
	crash
	fates map[[32]byte]suspect
}

// suspect is a suspect with the entry that is held for it, or "".
type suspect struct {
	quarantine.Suspect
	entry string
}

// ledger looks up what belongs to deaths, each thing once.
type ledger struct {
	room    *quarantine.Service
	entries map[[32]byte]string
}

func newLedger(room *quarantine.Service) ledger {
	return ledger{room, map[[32]byte]string{}}
}

// entry is the reference of the entry that a suspect is held as, or "".
func (l ledger) entry(ctx context.Context, f quarantine.Suspect) (string, error) {
	if f.State != quarantine.SuspectHeld {
		return "", nil
	}
	if ref, ok := l.entries[f.Identity]; ok {
		return ref, nil
	}
	e, err := l.room.EntryGet(ctx, quarantine.EntryKey{Identity: f.Identity}, quarantine.GetOptions{})
	if err != nil && !errors.Is(err, quarantine.ErrNotFound) {
		return "", err
	}
	l.entries[f.Identity] = e.Ref
	return e.Ref, nil
}

// row looks up what a list shows beside a summary.
func (l ledger) row(ctx context.Context, r quarantine.CrashReport) (crash, error) {
	whole, err := l.room.CrashGet(ctx, quarantine.CrashKey{ID: r.ID})
	if err != nil {
		return crash{}, err
	}
	row := crash{CrashReport: r, where: quarantine.DeathWhere(whole.Crash)}
	if r.Suspects[quarantine.SuspectHeld] == 0 {
		return row, nil
	}
	held, err := l.suspects(ctx, quarantine.SuspectQuery{
		Crash: r.Ref, States: []quarantine.SuspectState{quarantine.SuspectHeld}, Limit: maxEntries,
	})
	row.entries = entriesOf(held)
	return row, err
}

// suspects lists suspects with their entries.
func (l ledger) suspects(ctx context.Context, q quarantine.SuspectQuery) ([]suspect, error) {
	list, err := l.room.SuspectList(ctx, q)
	if err != nil {
		return nil, err
	}
	all := make([]suspect, len(list))
	for i, f := range list {
		if all[i].entry, err = l.entry(ctx, f); err != nil {
			return nil, err
		}
		all[i].Suspect = f
	}
	return all, nil
}

// dossier gathers what became of all messages of a report.
func (l ledger) dossier(ctx context.Context, r quarantine.CrashReport) (dossier, error) {
	d := dossier{crash{r, quarantine.DeathWhere(r.Crash), nil}, map[[32]byte]suspect{}}
	q := quarantine.SuspectQuery{Crash: r.Ref, Limit: maxLimit}
	for {
		list, err := l.suspects(ctx, q)
		if err != nil {
			return d, err
		}
		for _, f := range list {
			d.fates[f.Key()] = f
		}
		d.entries = append(d.entries, entriesOf(list)...)
		if len(list) < maxLimit {
			return d, nil
		}
		q.After = list[len(list)-1].Seq
	}
}

func entriesOf(list []suspect) []string {
	var refs []string
	for _, f := range list {
		if f.entry != "" {
			refs = append(refs, f.entry)
		}
	}
	return refs
}

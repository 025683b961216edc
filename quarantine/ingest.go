package quarantine

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/handlers"
)

// postponeMax bounds how long a record that the store did not take is left.
const postponeMax = 30 * time.Second

// ingester brings spooled records to the store.
type ingester struct {
	s     *Service
	limit int                  // records in the next batch: fewer after trouble
	later map[string]postponed // by file name
}

// postponed is a record that waits, for twice as long each time.
type postponed struct {
	until time.Time
	wait  time.Duration
}

// ingestLoop stores what was spooled, whenever the store is there.
func (s *Service) ingestLoop(ctx context.Context) error {
	in := &ingester{s: s, limit: s.cfg.BatchMax, later: map[string]postponed{}}
	t := trouble{log: s.log, doing: "read the spool"}
	for {
		t.note(in.round(ctx))
		if err := pause(ctx, s.cfg.PollEvery); err != nil {
			return err
		}
	}
}

// round stores batches until the spool is empty or the store is in trouble. A
// batch that the store did not take in time is tried smaller in the next round,
// down to the one record that it may hang on, which then waits while the others
// go on. Its error is about the directory.
func (in *ingester) round(ctx context.Context) error {
	names, err := in.s.spool.list()
	if err != nil {
		return err
	}
	for len(names) > 0 && ctx.Err() == nil {
		var batch []spooled
		batch, names = in.next(names)
		if len(batch) == 0 {
			continue
		}
		if !in.store(ctx, batch) {
			return nil
		}
	}
	return nil
}

// spooled is a record with its file.
type spooled struct {
	name string
	record
}

// next reads the next batch, of records of one kind.
func (in *ingester) next(names []string) (batch []spooled, rest []string) {
	bytes := 0
	for i, name := range names {
		if time.Now().Before(in.later[name].until) {
			continue
		}
		r, err := in.s.spool.read(name)
		if err != nil {
			in.unreadable(name, err)
			continue
		}
		bytes += r.entry.Message.Size()
		if len(batch) > 0 && (r.kind != batch[0].kind || len(batch) >= in.limit || bytes > batchBytes) {
			return batch, names[i:]
		}
		batch = append(batch, spooled{name, r})
	}
	return batch, nil
}

// unreadable keeps a damaged file aside, and leaves any other for later.
func (in *ingester) unreadable(name string, err error) {
	if !errors.Is(err, errRecord) {
		in.postpone(name)
		in.s.log.Error("quarantine: a spooled record cannot be read now", "file", name, "error", err)
		return
	}
	in.s.log.Error("quarantine: a spooled record is damaged; it is kept aside with the suffix "+badSuffix, "file", name, "error", err)
	if err := in.s.spool.setAside(name); err != nil {
		in.postpone(name)
		in.s.log.Error("quarantine: and it cannot be set aside", "file", name, "error", err)
	}
}

// store writes one batch and deletes the files of what was committed. It
// reports whether the round should go on.
func (in *ingester) store(ctx context.Context, batch []spooled) bool {
	var errs []error
	if batch[0].kind == kindEntry {
		errs = in.s.storeEntries(ctx, batch)
	} else {
		errs = in.s.storeAttempts(ctx, batch)
	}
	var stored []string
	on := true
	for i, err := range errs {
		switch {
		case err == nil:
			stored = append(stored, batch[i].name)
			delete(in.later, batch[i].name)
		case errors.Is(err, ErrUnavailable):
			on = false
		default: // refused even without its evidence: the file is what is left of it
			in.postpone(batch[i].name)
			in.s.log.Error("quarantine: the store refuses a spooled record; it stays in the spool", "file", batch[i].name, "error", err)
		}
	}
	if len(stored) > 0 {
		in.s.log.Info("quarantine: spooled records are stored", "records", len(stored))
		if err := in.s.spool.remove(stored); err != nil {
			in.s.log.Error("quarantine: stored records stay in the spool and are stored again", "error", err)
		}
	}
	in.adapt(batch, on)
	return on
}

// adapt chooses the size of the next batch.
func (in *ingester) adapt(batch []spooled, ok bool) {
	switch {
	case ok:
		in.limit = min(in.limit*4, in.s.cfg.BatchMax)
	case len(batch) == 1:
		in.postpone(batch[0].name)
	default:
		in.limit = max(1, len(batch)/4)
	}
}

func (in *ingester) postpone(name string) {
	p := in.later[name]
	p.wait = min(max(2*p.wait, in.s.cfg.PollEvery), postponeMax)
	p.until = time.Now().Add(p.wait)
	in.later[name] = p
}

// storeEntries goes down the ladder, whose last step leaves the file.
func (s *Service) storeEntries(ctx context.Context, batch []spooled) []error {
	l := s.holdLadder()
	l.last = settleAll[NewEntry, string]
	in := make([]NewEntry, len(batch))
	for i, r := range batch {
		in[i] = s.entryOf(r.entry)
	}
	return climb(ctx, l, in)
}

func (s *Service) storeAttempts(ctx context.Context, batch []spooled) []error {
	l := s.attemptLadder()
	l.last = settleAll[AttemptRecord, handlers.Totals]
	in := make([]AttemptRecord, len(batch))
	for i, r := range batch {
		in[i] = r.attempt
	}
	return climb(ctx, l, in)
}

func settleAll[T, R any](batch []*job[T, R], cause error) {
	for _, j := range batch {
		var none R
		j.settle(none, cause)
	}
}

// climb sends records through a ladder and returns the error of each.
func climb[T, R any](ctx context.Context, l ladder[T, R], in []T) []error {
	jobs := make([]*job[T, R], len(in))
	for i := range in {
		jobs[i] = &job[T, R]{in: in[i], err: errUnwritten}
	}
	l.step(ctx, jobs)
	errs := make([]error, len(jobs))
	for i, j := range jobs {
		errs[i] = j.err
	}
	return errs
}

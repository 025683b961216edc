package ward

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/handlers"
)

// death is a crash record on its way to the quarantine. It is removed when its
// death was told and all of its suspects are settled.
type death struct {
	crashrecord.Record
	report handlers.Crash
	told   chan struct{} // closed once it was told, or could not be for a while
	isTold bool          // both the docket and OnCrash took it
	waits  int           // suspects that are not settled
	gone   bool
}

// tellPatience is how long what becomes of suspects waits for a quarantine that
// cannot be told of the death.
const tellPatience = 5 * time.Second

func (w *Ward) directory() crashrecord.Directory {
	return crashrecord.Directory{Path: w.role.DeathsDir()}
}

// readRecords takes in what processes left that are dead: of the role, and of
// those whose deaths it tells beside its own. One that cannot be read is left
// where it is.
func (w *Ward) readRecords() error {
	if w.role.DeathsDir() == "" {
		return nil
	}
	list, err := w.directory().List()
	if err != nil {
		return err
	}
	for _, id := range list.Records {
		w.foundRecord(id)
	}
	return nil
}

// foundRecord takes in one record, if it is for this role, and returns a channel that is closed once it
// was reported, nil if it will not be.
func (w *Ward) foundRecord(id string) <-chan struct{} {
	if id == "" || w.role.DeathsDir() == "" {
		return nil
	}
	w.finding.Lock()
	defer w.finding.Unlock()
	if known := w.known(id); known != nil {
		return known.told
	}
	if w.isDone(id) {
		return nil
	}
	r, damage, err := w.directory().Read(id)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !w.role.TakesIn(string(r.Role)):
		return nil
	case err != nil:
		w.giveUp(id)
		w.log.Error("a crash record cannot be read; it is left where it is, and nobody is charged with it", "record", id, "error", err)
		return nil
	case damage.Any():
		w.log.Warn("a crash record is damaged; what can be believed is used", "record", id, "damage", damage)
	}
	one := &death{Record: r, report: reportOf(r), told: make(chan struct{})}
	if !r.Alone && !r.Ended { // what a worker runs in its ward it settles itself
		one.waits = len(one.suspects())
	}
	w.mu.Lock()
	w.records = append(w.records, one)
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
	return one.told
}

// known returns a record that was taken in and is not done with, or nil.
func (w *Ward) known(id string) *death {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.IndexFunc(w.records, func(r *death) bool { return r.ID == id }); i >= 0 {
		return w.records[i]
	}
	return nil
}

// giveUp notes that a record is not to be looked at again.
func (w *Ward) giveUp(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[id] = true
}

// isDone reports whether a record is only there because it could not be removed,
// or not be read.
func (w *Ward) isDone(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.done[id]
}

// suspects are the attempts of those who must run alone.
func (r *death) suspects() []crashrecord.Attempt {
	var all []crashrecord.Attempt
	if r.Culprit != nil {
		all = append(all, *r.Culprit)
	}
	return slices.Concat(all, r.Suspects, r.TimedOut)
}

// Suspects implements [consumer.Guard].
func (w *Ward) Suspects(sub string) consumer.Suspects {
	w.mu.Lock()
	defer w.mu.Unlock()
	var left consumer.Suspects
	for _, c := range w.role.Culprits(sub) {
		left.Culprits = append(left.Culprits, consumer.Culprit{ID: c.ID, At: c.At})
	}
	for _, r := range w.records {
		if r.Alone || r.Ended {
			continue
		}
		for i, a := range r.suspects() {
			if string(a.Subscription) == sub {
				left.Messages = append(left.Messages, w.suspect(r, a, r.Culprit != nil && i == 0))
			}
		}
		for _, a := range r.Bystanders {
			if m, ok := r.message(a); ok && string(a.Subscription) == sub && len(m.AckToken) > 0 {
				left.Bystanders = append(left.Bystanders, string(m.AckToken))
			}
		}
	}
	return left
}

// suspect puts one message of a record into the consumer's words.
func (w *Ward) suspect(r *death, a crashrecord.Attempt, culprit bool) consumer.Suspect {
	s := consumer.Suspect{
		Message:  handlers.Message{ID: string(a.ID), PublishedAt: a.Published},
		Began:    a.Started,
		Died:     r.Died,
		Reported: r.told,
		Settled:  func() { w.settled(r) },
	}
	if m, ok := r.message(a); ok {
		s.Token = string(m.AckToken)
		s.Message.ID = string(m.ID)
		if attributes, err := crashrecord.UnpackAttributes(m.Attributes); err == nil && m.Whole() {
			s.HasCopy = true
			s.Message.Data, s.Message.Attributes, s.Message.OrderingKey = m.Data, attributes, string(m.OrderingKey)
		}
	}
	if culprit && a.Deaths > 0 {
		s.Named = w.namedDeath(r, a)
	}
	return s
}

// namedDeath is the attempt that killed a worker.
func (w *Ward) namedDeath(r *death, a crashrecord.Attempt) *handlers.Attempt {
	text := r.report.Text
	if text == "" {
		text = r.report.Kind + ": " + r.report.Exit
	}
	return &handlers.Attempt{
		Started: a.Started, Ended: r.Died, Outcome: handlers.OutcomeCrashed, Class: handlers.ClassFailed,
		Panic:  headOf(text, maxReportText),
		Errors: []handlers.ErrorLink{{Type: "crash: " + r.report.Kind, Text: headOf(r.report.Exit, maxReportText)}},
		Stack:  r.report.Stack, StackCut: r.report.StackCut, Frames: r.report.Frames,
		Handler: string(a.Handler), Worker: r.report.Incarnation, Host: r.report.Host, Build: r.report.Build,
	}
}

// message returns the copy of an attempt's message.
func (r *death) message(a crashrecord.Attempt) (crashrecord.Message, bool) {
	for _, m := range r.Messages {
		if m.Slot == string(a.Slot) {
			return m, true
		}
	}
	return crashrecord.Message{}, false
}

// settled notes that one suspect of a record needs no more attention.
func (w *Ward) settled(r *death) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.waits--
	w.dropLocked(r)
}

// dropLocked removes a record that is done with.
func (w *Ward) dropLocked(r *death) {
	if r.gone || !r.isTold || r.waits > 0 {
		return
	}
	r.gone = true
	w.records = slices.DeleteFunc(w.records, func(o *death) bool { return o == r })
	if err := w.directory().Remove(r.ID); err != nil {
		w.done[r.ID] = true
		w.log.Error("a crash record that is done with cannot be removed; its suspects run alone again after the next death", "record", r.ID, "error", err)
	}
}

// Run tells the docket, and whoever else listens, of deaths, until ctx ends.
// What cannot be told is told again.
func (w *Ward) Run(ctx context.Context) error {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		for _, r := range w.untold() {
			w.tell(ctx, r)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.news:
		case <-tick.C:
			w.lookAgain()
		}
	}
}

// lookAgain takes in what was left meanwhile: nobody tells a worker of a ward that
// was ended, or of the death of another role.
func (w *Ward) lookAgain() {
	if err := w.readRecords(); err != nil {
		w.log.Warn("cannot look for what other processes left", "error", err)
	}
}

func (w *Ward) untold() []*death {
	w.mu.Lock()
	defer w.mu.Unlock()
	var untold []*death
	for _, r := range w.records {
		if !r.isTold {
			untold = append(untold, r)
		}
	}
	return untold
}

// tell reports one death.
func (w *Ward) tell(ctx context.Context, r *death) {
	ctx, cancel := context.WithTimeout(ctx, tellPatience)
	defer cancel()
	var err error
	if w.cfg.Docket != nil && !r.Ended {
		err = w.cfg.Docket.ReportCrash(ctx, r.report)
	}
	r.openOnce()
	listener := w.cfg.OnCrash
	if r.Ended {
		listener = w.cfg.OnEnded
	}
	if listener != nil {
		err = errors.Join(err, listener(ctx, r.report))
	}
	if err != nil {
		w.log.Warn("a death could not be reported yet; its record is kept", "record", r.ID, "error", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r.isTold = true
	w.dropLocked(r)
}

// openOnce lets those go on who waited for the report. Only Run's goroutine
// calls it.
func (r *death) openOnce() {
	select {
	case <-r.told:
	default:
		close(r.told)
	}
}

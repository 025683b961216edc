package consumer

import (
	"context"

	"github.com/theriac/theriac/handlers"
)

// job is a message in this process, from its delivery or the claim of its
// replay until it is settled. One goroutine at a time works on it.
type job struct {
	consumer *Consumer
	// Exactly one of delivery and replay is set.
	delivery *Delivery
	replay   *handlers.Replay
	// settled is closed at the end, where somebody waits for it; else nil.
	settled chan struct{}

	// failing: failures are recorded, so a success must be recorded too.
	failing bool
	// local counts failures in this process, for backoff when the store is away.
	local int
	// lone is set for a job that may have to run alone; most never have one.
	lone *lone
	// probe is the place in the breaker's door that the next attempt holds.
	probe probe
	// first is the memory of the first attempt, since most messages need no other.
	first attempt
}

// lone is what a job has that may have to run alone.
type lone struct {
	// wanted: its next attempt runs in a ward.
	wanted bool
	// refused: there is no ward, so it runs here.
	refused bool
	// now: admit let it through, to run in a ward.
	now bool
	// suspected: it stands as suspect somewhere, and whoever suspects it is told what
	// became of it.
	suspected bool
	// crashes are the deaths that are counted, as far as is known here.
	crashes int
	// suspect is what an earlier death left of it, nil if nothing.
	suspect *suspect
	// reports are closed when the deaths that it is suspected for were reported.
	reports []<-chan struct{}
	// answer takes the one attempt of a job in a ward; nil elsewhere.
	answer chan<- aloneAnswer
}

// alone returns what the job has that may have to run alone.
func (j *job) alone() *lone {
	if j.lone == nil {
		j.lone = new(lone)
	}
	return j.lone
}

// becomes notes that the job's message is one that an earlier death left.
func (l *lone) becomes(s *suspect) {
	l.wanted, l.suspect = true, s
	l.suspectedFor(s.Reported)
}

// suspectedFor notes a death of which the quarantine is being told.
func (l *lone) suspectedFor(reported <-chan struct{}) {
	l.suspected = true
	if reported != nil {
		l.reports = append(l.reports, reported)
	}
}

// blamed is what an earlier death says against the job's message, nil if nothing.
func (j *job) blamed() *Blamed {
	if j.lone == nil || j.lone.suspect == nil {
		return nil
	}
	s := j.lone.suspect
	return &Blamed{Began: s.Began, Died: s.Died, Named: s.blamed}
}

// mustStay reports whether the message is not handed back while this process goes
// on: an earlier one left it here, and other deliveries of it wait for what becomes
// of it.
func (j *job) mustStay() bool {
	return j.lone != nil && j.lone.suspect != nil && j.lone.suspected
}

// takeWard reports, once, that admit let the job through to run in a ward.
func (j *job) takeWard() bool {
	if j.lone == nil || !j.lone.now {
		return false
	}
	j.lone.now = false
	return true
}

// attempt makes the next attempt.
func (j *job) attempt() *attempt {
	a := &j.first
	if a.job != nil {
		a = new(attempt)
	}
	a.job = j
	return a
}

// values carries what handlers find in their context.
func (j *job) values() context.Context {
	if j.replay != nil {
		return handlers.WithReplay(j.consumer.base, *j.replay)
	}
	return j.consumer.base
}

// message is the message itself; nobody changes it.
func (j *job) message() *handlers.Message {
	if j.replay != nil {
		return &j.replay.Message
	}
	return &j.delivery.Message
}

// done is called once, when the message is settled.
func (j *job) done() {
	if j.settled != nil {
		close(j.settled)
	}
	j.consumer.leave()
}

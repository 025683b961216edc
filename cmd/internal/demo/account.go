package demo

import (
	"slices"
	"time"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/quarantine"
)

// report is what a demo found out, as --json prints it. Every number is counted from what is on
// disk: the journal of the handlers and the quarantine. The sum is
//
//	published = done + quarantined + discarded + lost + unfinished
//
// where replayed is the part of done that was held before, and unfinished is 0 unless the demo was
// interrupted.
type report struct {
	output.Head
	// Published is how many messages the broker took.
	Published int `json:"published"`
	// Done have their handler's effect, Quarantined are held, Discarded will never run.
	Done        int `json:"done"`
	Quarantined int `json:"quarantined"`
	Discarded   int `json:"discarded"`
	// Replayed were held, ran again and are done.
	Replayed int `json:"replayed"`
	// Lost were published and came to no end.
	Lost int `json:"lost"`
	// Duplicates are effects that happened once too often.
	Duplicates int `json:"duplicates"`
	// WallMS is how long this run took.
	WallMS int64 `json:"wall_ms"`

	// AddsUp: the sum holds, nothing is lost or doubled, and exactly what was made to fail is held.
	AddsUp bool `json:"adds_up"`
	// Innocent are good messages that are held.
	Innocent int `json:"innocent"`
	// Unfinished had not ended when the demo was interrupted; they go on with the next run.
	Unfinished int `json:"unfinished"`
	// Repeated are deliveries whose work had been done before, recognised by their handler.
	Repeated int `json:"repeated"`

	Engine  string `json:"engine"`
	DataDir string `json:"data_dir,omitempty"` // absent when temporary
	// Metrics is where they are for as long as the demo stays, absent afterwards.
	Metrics string `json:"metrics,omitempty"`
	// Slack is the page of the workspace in which people are told, for as long as the demo stays.
	Slack string `json:"slack,omitempty"`
	// told is what its channel says.
	told          []string
	Subscriptions []subscriptionReport `json:"subscriptions"`
	Entries       []entryReport        `json:"entries"`
}

// subscriptionReport is one line of the table.
type subscriptionReport struct {
	Name        string `json:"name"`
	Criticality string `json:"criticality"`
	Published   int    `json:"published"`
	Done        int    `json:"done"`
	Quarantined int    `json:"quarantined"`
	Discarded   int    `json:"discarded"`
}

// entryReport is one entry of the quarantine.
type entryReport struct {
	Ref          string `json:"ref"`
	Way          string `json:"way"` // how the message was made to fail, "" for a good one
	Subscription string `json:"subscription"`
	Event        string `json:"event"`
	State        string `json:"state"`
	Reason       string `json:"reason"`
	Title        string `json:"title"`
	Where        string `json:"where"`
	Failures     int    `json:"failures"`
	// HeldMS is the time from its publishing to its being held.
	HeldMS int64  `json:"held_ms"`
	story  string // for people
}

// facts are everything that a report is counted from.
type facts struct {
	messages    []planned
	records     []record
	entries     []quarantine.Entry
	repeated    int
	interrupted bool
	wall        time.Duration
}

// account counts. It is pure. Each number is counted from its own evidence, so that the sum can
// fail: a message that is done and held as well makes it too large.
func account(f facts) report {
	c := newCount(f)
	for _, p := range f.messages {
		c.add(p)
	}
	return c.report()
}

// count is an account in the making.
type count struct {
	facts
	published, effects map[string]int // by event
	entries            map[string][]quarantine.Entry
	subs               map[string]*subscriptionReport
	mistakes           int // messages that were made to fail and are not held for it
	total              report
}

func newCount(f facts) *count {
	c := &count{
		facts: f, published: map[string]int{}, effects: map[string]int{},
		entries: map[string][]quarantine.Entry{}, subs: map[string]*subscriptionReport{},
		total: report{Head: output.NewHead(), Repeated: f.repeated, WallMS: f.wall.Milliseconds(), Entries: []entryReport{}},
	}
	for _, r := range f.records {
		switch r.Kind {
		case kindPublished:
			c.published[r.Event]++
		case kindEffect:
			c.effects[r.Event]++
		}
	}
	for _, e := range f.entries {
		id := e.Message.Attributes[idAttribute]
		c.entries[id] = append(c.entries[id], e)
	}
	for _, name := range subscriptionNames() {
		c.subs[name] = &subscriptionReport{Name: name}
	}
	return c
}

// add counts one message of the plan, if there is any trace of it.
func (c *count) add(p planned) {
	effects, entries := c.effects[p.id], c.entries[p.id]
	if c.published[p.id]+effects+len(entries) == 0 {
		return
	}
	sub := c.subs[p.subscription]
	sub.Published++
	if effects > 0 {
		sub.Done++
		c.total.Duplicates += effects - 1
	}
	standing := furthest(entries)
	switch standing.State {
	case quarantine.StateHeld, quarantine.StateReplaying:
		sub.Quarantined++
	case quarantine.StateDiscarded:
		sub.Discarded++
	case quarantine.StateReplayed:
		c.total.Replayed++
	}
	held := standing.State != "" && standing.State != quarantine.StateReplayed
	switch {
	case effects > 0 || held:
	case c.interrupted:
		c.total.Unfinished++
	default:
		c.total.Lost++
	}
	if p.way == nil && len(entries) > 0 {
		c.total.Innocent++
	}
	if p.way != nil && standing.Reason != p.way.reason {
		c.mistakes++
	}
	for _, e := range entries {
		c.total.Entries = append(c.total.Entries, newEntryReport(e, p))
	}
}

// furthest returns the entry of a message. A broker without deduplication may have taken a message
// twice, and each copy is held; then it is the one that came furthest.
func furthest(entries []quarantine.Entry) quarantine.Entry {
	if len(entries) == 0 {
		return quarantine.Entry{}
	}
	return slices.MaxFunc(entries, func(a, b quarantine.Entry) int { return rank(a.State) - rank(b.State) })
}

func (c *count) report() report {
	r := c.total
	for _, name := range subscriptionNames() {
		sub := *c.subs[name]
		r.Subscriptions = append(r.Subscriptions, sub)
		r.Published += sub.Published
		r.Done += sub.Done
		r.Quarantined += sub.Quarantined
		r.Discarded += sub.Discarded
	}
	slices.SortStableFunc(r.Entries, func(a, b entryReport) int { return order(a.Way) - order(b.Way) })
	r.AddsUp = r.Published == len(c.messages) && r.Published == r.Done+r.Quarantined+r.Discarded &&
		r.Lost+r.Unfinished+r.Duplicates+r.Innocent+c.mistakes == 0
	return r
}

// order is the place of a way in the report: good messages that are held come first.
func order(name string) int {
	return slices.IndexFunc(ways(), func(w way) bool { return w.name == name })
}

func rank(s quarantine.State) int { return slices.Index(quarantine.States(), s) }

func newEntryReport(e quarantine.Entry, p planned) entryReport {
	r := entryReport{
		Ref: e.Ref, Subscription: e.Subscription, Event: p.id, State: string(e.State), Reason: string(e.Reason),
		Title: e.Title, Where: e.Where, Failures: max(e.Totals.Failures, 1), HeldMS: e.HeldAt.Sub(e.Message.PublishedAt).Milliseconds(),
	}
	if p.way != nil {
		r.Way, r.story = p.way.name, p.way.story
	}
	return r
}

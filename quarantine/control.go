package quarantine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/theriac/theriac/handlers"
)

// ControlMax is how far ahead the end of a control may lie.
const ControlMax = 366 * 24 * time.Hour

// nameMax bounds the name of a subscription that is paused, in bytes.
const nameMax = 512

// ControlStore is the part of a store that keeps what people order of the flow of
// messages. What is in force is small: at most one level and one pause for each
// subscription.
type ControlStore interface {
	// ControlAct changes what is in force, writes an audit row, and returns all that
	// is in force then. Its version is one above that before, and of two at once both
	// happen, one after the other. It returns an error wrapping [ErrRefused] where
	// there is nothing to end, and one wrapping [ErrDuplicate] for a request that was
	// carried out before.
	ControlAct(ctx context.Context, a ControlAct) (Controls, error)

	// Controls returns what is in force now. What has expired is not.
	Controls(ctx context.Context) (Controls, error)
}

// Control is one order of a person that is in force.
type Control struct {
	// Subscription is what is paused; "" for the level of the whole service.
	Subscription string
	// Level is how much of the service is shed; "" for a pause.
	Level handlers.ShedLevel
	// Ordered says who, why and since when.
	Ordered Decision
	// Until is when it expires, by the store's clock; zero means not before somebody
	// ends it.
	Until time.Time
	// Version is that of all controls since this one.
	Version int64
}

// Holds reports whether the control is in force at a moment of the store's clock.
func (c Control) Holds(now time.Time) bool { return c.Until.IsZero() || c.Until.After(now) }

// Controls is what is in force.
type Controls struct {
	// Version rises by one with each act, and with nothing else; 0 means that there
	// never was one.
	Version int64
	// At is when that was read, by the store's clock.
	At time.Time
	// InForce are the controls, the level first, then the pauses by subscription.
	InForce []Control
}

// NewControls returns those of all that are in force at the moment at, in order.
func NewControls(version int64, at time.Time, all []Control) Controls {
	c := Controls{Version: version, At: at}
	for _, one := range all {
		if one.Holds(at) {
			c.InForce = append(c.InForce, one)
		}
	}
	slices.SortFunc(c.InForce, func(a, b Control) int { return cmp.Compare(a.Subscription, b.Subscription) })
	return c
}

// Shed is the level of the service; its Level is [handlers.ShedNothing] where nothing
// is shed.
func (c Controls) Shed() Control {
	if one, ok := c.of(""); ok {
		return one
	}
	return Control{Level: handlers.ShedNothing}
}

// Pause returns the pause of a subscription, and whether there is one.
func (c Controls) Pause(sub string) (Control, bool) {
	if sub == "" {
		return Control{}, false
	}
	return c.of(sub)
}

func (c Controls) of(sub string) (Control, bool) {
	i := slices.IndexFunc(c.InForce, func(one Control) bool { return one.Subscription == sub })
	if i < 0 {
		return Control{}, false
	}
	return c.InForce[i], true
}

// ControlVerb is what a person does to the flow of messages.
type ControlVerb string

// The verbs.
const (
	// ControlPause stops a subscription from pulling, in place of an earlier pause.
	ControlPause ControlVerb = "pause"
	// ControlResume ends a pause.
	ControlResume ControlVerb = "resume"
	// ControlShed sets the level of the service; [handlers.ShedNothing] ends it.
	ControlShed ControlVerb = "shed"
)

// ControlAct is one act of a person on the flow of messages.
type ControlAct struct {
	Verb ControlVerb
	// Subscription is what is paused or resumed.
	Subscription string
	// Level is what a shed sets.
	Level handlers.ShedLevel
	// For is how long it lasts, by the store's clock, at most [ControlMax]; 0 means
	// until somebody ends it.
	For time.Duration
	// Ends is the version of the control that is to go, 0 for whichever there is. It is
	// refused where that one is over, also where another one took its place.
	Ends int64
	// Decision says who and why; its At is given by the store.
	Decision Decision
	// Request, if not empty, is unique to this act: a second act with the same is not
	// carried out. At most 200 bytes.
	Request string
}

// ends reports whether the act ends a control, and sets none.
func (a ControlAct) ends() bool {
	return a.Verb == ControlResume || a.Verb == ControlShed && a.Level == handlers.ShedNothing
}

// Apply returns what is in force after the act, or the error that
// [ControlStore.ControlAct] promises. now is the store's clock.
func (a ControlAct) Apply(before Controls, now time.Time) (Controls, error) {
	if err := a.validate(); err != nil {
		return Controls{}, err
	}
	old, there := before.of(a.Subscription)
	switch {
	case a.Ends != 0 && old.Version != a.Ends:
		return Controls{}, said(ErrRefused, "the order that was to end is over")
	case there || !a.ends():
	case a.Verb == ControlShed:
		return Controls{}, said(ErrRefused, "nothing is shed: there is nothing to end")
	default:
		return Controls{}, said(ErrRefused, "%s is not paused: there is nothing to resume", clean(a.Subscription, 128))
	}
	version := before.Version + 1
	after := slices.DeleteFunc(slices.Clone(before.InForce), func(c Control) bool { return c.Subscription == a.Subscription })
	if !a.ends() {
		set := Control{Subscription: a.Subscription, Level: a.Level, Ordered: a.Decision, Version: version}
		set.Ordered.At = now
		if a.For > 0 {
			set.Until = now.Add(a.For).UTC().Truncate(time.Microsecond)
		}
		after = append(after, set)
	}
	return NewControls(version, now, after), nil
}

// Set returns the control that the act made, as it is among those after it; it
// reports false for an act that ended one.
func (a ControlAct) Set(after Controls) (Control, bool) { return after.of(a.Subscription) }

// Audit returns the row of an act after which these controls were in force.
func (a ControlAct) Audit(after Controls) AuditRow {
	row := AuditRow{Ref: a.Subscription, Control: a.Verb, Version: after.Version, Decision: a.Decision}
	if a.Verb == ControlShed {
		row.Ref = string(a.Level)
	}
	row.Decision.At = after.At
	if set, ok := a.Set(after); ok {
		row.Until = set.Until
	}
	return row
}

func (a ControlAct) validate() error {
	pauses := a.Verb == ControlPause || a.Verb == ControlResume
	switch {
	case !pauses && a.Verb != ControlShed:
		return said(ErrInvalid, "%q is no control", clean(string(a.Verb), 64))
	case pauses && a.Subscription == "":
		return said(ErrInvalid, "say which subscription")
	case pauses && a.Level != "", !pauses && a.Subscription != "":
		return said(ErrInvalid, "a subscription is paused, a service is shed: say one of them")
	case len(a.Subscription) > nameMax || !utf8.ValidString(a.Subscription) || strings.ContainsRune(a.Subscription, 0):
		return said(ErrInvalid, "%s is no name of a subscription", clean(a.Subscription, 64))
	case a.Verb == ControlShed && !slices.Contains(handlers.ShedLevels(), a.Level):
		return said(ErrInvalid, "%q is no level, want one of %v", clean(string(a.Level), 64), handlers.ShedLevels())
	case strings.TrimSpace(a.Decision.Actor.Name) == "":
		return said(ErrInvalid, "say who decides")
	case a.For < 0 || a.For > ControlMax:
		return said(ErrInvalid, "a control lasts at most %d days", ControlMax/(24*time.Hour))
	}
	return CheckRequest(a.Request)
}

// EncodeObeyed encodes what a worker made of the controls, by subscription.
func EncodeObeyed(obeyed map[string]handlers.Obeyed) []byte {
	names := make([]string, 0, len(obeyed))
	for name := range obeyed {
		names = append(names, name)
	}
	slices.Sort(names)
	e := newEncoder()
	e.uint(uint64(len(names)))
	for _, name := range names {
		o := obeyed[name]
		e.text(name)
		for _, flow := range []handlers.Flow{o.Flow, o.NonCritical, o.CriticalOnly} {
			e.text(head(string(flow), 32))
		}
		e.int(int64(o.InFlight))
		e.int(o.Backlog)
	}
	// Readers of before stop here.
	for _, name := range names {
		b := obeyed[name].Breaker
		e.time(b.OpenSince)
		e.bool(b.Kills)
	}
	return e.b
}

// DecodeObeyed is the inverse of [EncodeObeyed]. No bytes are nothing, and nothing is
// nil.
func DecodeObeyed(b []byte) (map[string]handlers.Obeyed, error) {
	if len(b) == 0 {
		return nil, nil
	}
	d := newDecoder(b)
	var obeyed map[string]handlers.Obeyed
	var names []string
	for range d.count() {
		name := d.text()
		names = append(names, name)
		o := handlers.Obeyed{Flow: handlers.Flow(d.text()), NonCritical: handlers.Flow(d.text()), CriticalOnly: handlers.Flow(d.text())}
		o.InFlight, o.Backlog = int(d.int()), d.int()
		if obeyed == nil {
			obeyed = make(map[string]handlers.Obeyed)
		}
		obeyed[name] = o
	}
	if len(d.b) > 0 { // writers of before say nothing of breakers
		for _, name := range names {
			o := obeyed[name]
			o.Breaker = handlers.Breaker{OpenSince: d.time(), Kills: d.bool()}
			obeyed[name] = o
		}
	}
	if d.err != nil {
		return nil, fmt.Errorf("decode what was obeyed: %w", d.err)
	}
	return obeyed, nil
}

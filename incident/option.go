package incident

import "errors"

// Option says more about an act.
type Option func(*options)

// options is what the Options said.
type options struct {
	version                 int64
	cause, traceparent, key string
}

// IfVersion makes the act fail with *[ConflictError] unless the incident has this version: the caller
// decided by what they saw.
func IfVersion(v int64) Option { return func(o *options) { o.version = v } }

// CausedBy names the event or message behind the act, and its W3C traceparent.
func CausedBy(id, traceparent string) Option {
	return func(o *options) { o.cause, o.traceparent = id, traceparent }
}

// WithKey makes the act happen once in the incident's life.
func WithKey(key string) Option { return func(o *options) { o.key = key } }

// mark writes onto events what the options say of them: the key onto the first, where the verb gave
// it none itself.
func (o options) mark(evs []Event) {
	if o.key != "" && len(evs) > 0 && evs[0].Key == "" {
		evs[0].Key = o.key
	}
}

// check compares the version that the caller saw.
func (o options) check(inc *Incident) error {
	if o.version == 0 || o.version == inc.Version {
		return nil
	}
	return &ConflictError{
		Ref: inc.Ref(), What: "it has changed since you looked", Version: inc.Version, At: inc.Times.Updated,
	}
}

// final decides whether an error of Save is worth another try: a lost race is, unless the caller
// decided by a version.
func (o options) final(err error) error {
	if o.version == 0 && errors.Is(err, ErrConflict) && !errors.Is(err, ErrDuplicate) {
		return &raceError{err: err}
	}
	return err
}

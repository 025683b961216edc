package handlers

import "time"

// maxLinks bounds a walk along an error chain. Errors come from outside, and a
// chain can be a cycle.
const maxLinks = 256

// Class says what err asks for: the strongest answer among all errors of its
// chain (see [ErrorClass] for the order), ClassFailed where none is marked, and
// ClassNone for nil. At most 256 links are looked at, so a cyclic chain ends.
func Class(err error) ErrorClass {
	c, _ := classify(err)
	return c
}

// Delay returns the delay that err names. It is meaningful for the classes
// ClassRetryAfter and ClassAgain and 0 for all others.
func Delay(err error) time.Duration {
	_, d := classify(err)
	return d
}

// IsPermanent reports whether retrying cannot mend err.
func IsPermanent(err error) bool { return Class(err) >= ClassPermanent }

func classify(err error) (ErrorClass, time.Duration) {
	if err == nil {
		return ClassNone, 0
	}
	class, delay := ClassFailed, time.Duration(0)
	walk(err, func(e error) {
		a, ok := e.(answer)
		if !ok {
			return
		}
		if c, d := a.answer(); c > class {
			class, delay = c, d
		}
	})
	return class, delay
}

// walk visits err and everything it wraps, breadth first, at most maxLinks
// errors. It never calls Error, Is or As, which belong to the handler.
func walk(err error, visit func(error)) {
	queue := []error{err}
	for seen := 0; len(queue) > 0 && seen < maxLinks; seen++ {
		e := queue[0]
		queue = queue[1:]
		if e == nil {
			continue
		}
		visit(e)
		switch u := e.(type) { //nolint:errorlint // walks the chain by hand, bounded
		case interface{ Unwrap() error }:
			queue = append(queue, u.Unwrap())
		case interface{ Unwrap() []error }:
			queue = append(queue, u.Unwrap()...)
		}
	}
}

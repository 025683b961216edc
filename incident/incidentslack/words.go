package incidentslack

import (
	"errors"

	"github.com/theriac/theriac/incident"
)

const wordsMax = 600

// words returns what a person is told of an error, as mrkdwn, and whether that is the end of it: false
// for what may go better the next time.
func words(err error) (string, bool) {
	var (
		ours       *sayError
		transition *incident.TransitionError
		conflict   *incident.ConflictError
		gate       *incident.GateError
		field      *incident.FieldError
		exists     *incident.ExistsError
	)
	switch {
	case err == nil:
		return "", true
	case errors.Is(err, incident.ErrUnavailable), errors.Is(err, incident.ErrSchema):
		return "", false
	case errors.As(err, &ours):
		return ours.text, true
	case errors.As(err, &transition), errors.As(err, &conflict), errors.As(err, &gate), errors.As(err, &field), errors.As(err, &exists):
		return "Nothing was done: " + escape(err.Error(), wordsMax) + ".", true
	case errors.Is(err, incident.ErrConflict):
		return "Nothing was done: too many people changed it at the same moment. Try again.", true
	case errors.Is(err, incident.ErrNotAllowed):
		return "Nothing was done: you may not do this here.", true
	case errors.Is(err, incident.ErrNotFound), errors.Is(err, incident.ErrRefused), errors.Is(err, incident.ErrTooLarge), errors.Is(err, incident.ErrInvalid):
		return "Nothing was done: " + escape(err.Error(), wordsMax) + ".", true
	default:
		return "", false
	}
}

package incidentlite

import (
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/litekit"
)

func kinds() litekit.Kinds {
	return litekit.Kinds{Unavailable: incident.ErrUnavailable, Refused: incident.ErrInvalid, Schema: incident.ErrSchema}
}

// classify says what an error means for the caller and what was being done.
func classify(doing string, err error) error { return kinds().Classify(doing, err) }

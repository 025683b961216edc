package quarantinelite

import (
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

func kinds() litekit.Kinds {
	return litekit.Kinds{Unavailable: quarantine.ErrUnavailable, Refused: quarantine.ErrRefusedData, Schema: quarantine.ErrSchema}
}

// classify says what an error means for the caller and what was being done.
func classify(doing string, err error) error { return kinds().Classify(doing, err) }

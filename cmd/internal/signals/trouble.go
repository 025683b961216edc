package signals

import (
	"log/slog"
	"sync"
	"time"
)

// toldEvery is how often trouble of the SDK is told. A collector that is away would fill the log.
const toldEvery = time.Minute

// trouble is the SDK's error handler. It tells now and then, and how much it left out.
type trouble struct {
	log *slog.Logger

	mu   sync.Mutex
	told time.Time
	left int
}

// Handle implements otel.ErrorHandler.
func (t *trouble) Handle(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if !t.told.IsZero() && now.Sub(t.told) < toldEvery {
		t.left++
		return
	}
	t.log.Warn("telemetry cannot be exported; work goes on", "error", err, "left_out", t.left)
	t.told, t.left = now, 0
}

package incidentd

import (
	"context"
	"sync"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
)

const (
	// slackAskEvery is how often a web process asks Slack whether it is there, slackAskPatience how long it waits.
	slackAskEvery    = 30 * time.Second
	slackAskPatience = 5 * time.Second
)

// What is known of Slack.
const (
	slackNotSet  = "not_set" // there is no way in or out
	slackUnknown = "unknown" // it was not asked yet
	slackOK      = "ok"
	slackRefuses = "refuses" // it answers, and the token is no good: people have to mend that
	slackAway    = "away"
)

// slackState is what Slack said last, for /v1/health. It is safe for concurrent use; the zero value knows
// nothing.
type slackState struct {
	mu sync.Mutex
	// word is one of the above, since when it was so, asked when it was asked last.
	word         string
	since, asked time.Time
}

// note keeps what was learned at a moment.
func (s *slackState) note(word string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.word != word {
		s.word, s.since = word, at
	}
	s.asked = at
}

// shown is how it is told.
func (s *slackState) shown() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.word == "" {
		return map[string]any{"state": slackUnknown}
	}
	return map[string]any{"state": s.word, "since": s.since.UTC(), "asked": s.asked.UTC()}
}

// watch asks at once and then every 30 s until ctx ends, and returns nil.
func (s *slackState) watch(ctx context.Context, ask func(ctx context.Context) error) error {
	ticker := time.NewTicker(slackAskEvery)
	defer ticker.Stop()
	for {
		asking, cancel := context.WithTimeout(ctx, slackAskPatience)
		err := ask(asking)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		s.note(slackWord(err), time.Now())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func slackWord(err error) string {
	switch {
	case err == nil:
		return slackOK
	case slackkit.IsPermanent(err):
		return slackRefuses
	default:
		return slackAway
	}
}

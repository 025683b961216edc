package quarantine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

func TestErrors_SayTheirKind(t *testing.T) {
	t.Parallel()
	e := quarantine.Entry{Ref: "Q-7F3K", State: quarantine.StateDiscarded, Version: 4, Decided: quarantine.Decision{Actor: ana}}
	for _, tt := range []struct {
		err  error
		want problem.Kind
		text string
	}{
		{quarantine.ErrNotFound, problem.NotFound, "not found"},
		{quarantine.ErrUnavailable, problem.Unavailable, "unavailable"},
		{quarantine.ErrRefusedData, problem.Internal, "refused"},
		{quarantine.ErrSchema, problem.Unavailable, "schema"},
		{quarantine.ErrNoWorker, problem.StillRunning, "no living worker"},
		{quarantine.ErrInvalid, problem.Invalid, "invalid"},
		{quarantine.ErrRefused, problem.Refused, "refused"},
		{quarantine.ErrClaimLost, problem.Conflict, "claim"},
		{&quarantine.ConflictError{Entry: e}, problem.Conflict, "ana@laptop made it discarded"},
		{&quarantine.ConflictError{Entry: quarantine.Entry{Ref: "Q-7F3K"}}, problem.Conflict, "Q-7F3K changed meanwhile"},
		{&quarantine.StateError{Ref: "Q-7F3K", From: "held", To: "replayed"}, problem.Refused, "Q-7F3K is held"},
		{&quarantine.AmbiguousError{Prefix: "Q-7", Matches: []string{"Q-7A", "Q-7B"}}, problem.Invalid, "Q-7A Q-7B"},
		{&quarantine.PanicError{Doing: "hold entries", Value: "boom"}, problem.Internal, "hold entries panicked: boom"},
	} {
		wrapped := fmt.Errorf("replay: %w", tt.err)
		if got := problem.Of(wrapped); got != tt.want || !strings.Contains(tt.err.Error(), tt.text) {
			t.Errorf("%v is %q, want %q saying %q", tt.err, got, tt.want, tt.text)
		}
	}
}

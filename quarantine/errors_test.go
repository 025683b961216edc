package quarantine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/theriac/theriac/quarantine"
)

func TestErrors_SayTheirKind(t *testing.T) {
	t.Parallel()
	e := quarantine.Entry{Ref: "Q-7F3K", State: quarantine.StateDiscarded, Version: 4, Decided: quarantine.Decision{Actor: ana}}
	for _, tt := range []struct {
		err  error
		want string
		text string
	}{
		{quarantine.ErrNotFound, "not found", "not found"},
		{quarantine.ErrUnavailable, "unavailable", "unavailable"},
		{quarantine.ErrRefusedData, "internal", "refused"},
		{quarantine.ErrSchema, "unavailable", "schema"},
		{quarantine.ErrNoWorker, "still running", "no living worker"},
		{quarantine.ErrInvalid, "invalid", "invalid"},
		{quarantine.ErrRefused, "refused", "refused"},
		{quarantine.ErrClaimLost, "conflict", "claim"},
		{&quarantine.ConflictError{Entry: e}, "conflict", "ana@laptop made it discarded"},
		{&quarantine.ConflictError{Entry: quarantine.Entry{Ref: "Q-7F3K"}}, "conflict", "Q-7F3K changed meanwhile"},
		{&quarantine.StateError{Ref: "Q-7F3K", From: "held", To: "replayed"}, "refused", "Q-7F3K is held and"},
		{&quarantine.StateError{Ref: "Q-7F3K", From: "discarded", To: "held", Decided: e.Decided}, "refused", "is discarded (by ana@laptop at "},
		{&quarantine.AmbiguousError{Prefix: "Q-7", Matches: []string{"Q-7A", "Q-7B"}}, "invalid", "Q-7A Q-7B"},
		{&quarantine.PanicError{Doing: "hold entries", Value: "boom"}, "internal", "hold entries panicked: boom"},
	} {
		wrapped := fmt.Errorf("replay: %w", tt.err)
		if got := kind(wrapped); got != tt.want || !strings.Contains(tt.err.Error(), tt.text) {
			t.Errorf("%v is %q, want %q saying %q", tt.err, got, tt.want, tt.text)
		}
	}
}

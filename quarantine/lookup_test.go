package quarantine_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/theriac/theriac/quarantine"
)

func TestPickRef(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 11 {
		many = append(many, fmt.Sprintf("Q-7%02d", i))
	}
	for _, tt := range []struct {
		prefix  string
		matches []string
		want    string
	}{
		{"Q-7F3K", []string{"Q-7F3K", "Q-7F3KA"}, "Q-7F3K"},
		{"Q-7F", []string{"Q-7F3K"}, "Q-7F3K"},
	} {
		if got, err := quarantine.PickRef(tt.prefix, tt.matches); err != nil || got != tt.want {
			t.Errorf("PickRef(%q) = %q, %v, want %q", tt.prefix, got, err, tt.want)
		}
	}
	if _, err := quarantine.PickRef("Q-9", nil); !errors.Is(err, quarantine.ErrNotFound) {
		t.Errorf("no match: %v, want ErrNotFound", err)
	}
	_, err := quarantine.PickRef("Q-7", many)
	if ae, ok := errors.AsType[*quarantine.AmbiguousError](err); !ok || len(ae.Matches) != 10 {
		t.Errorf("eleven matches: %v, want an *AmbiguousError that lists ten", err)
	}
}

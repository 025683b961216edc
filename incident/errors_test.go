package incident_test

import (
	"errors"
	"testing"

	"github.com/theriac/theriac/incident"
)

// TestErrors_SayWhatToDo holds the texts that people act on, and the kind that surfaces turn into a
// status.
func TestErrors_SayWhatToDo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.in(incident.Documenting)
	_, err := inc.AttachEntry(s.act(ana), incident.Entry{Ref: "Q-7F3K"})
	s.must(err)
	_, gate := inc.Close(s.act(ana))
	_, transition := inc.Pause(s.act(ana), "x")
	_, final := s.in(incident.Declined).Reopen(s.act(ana), "x")
	_, conflict := inc.HandOver(s.act(ana), "lead", "ben", "cy", "")
	_, field := inc.SkipTask(s.act(ana), "write", "")
	for want, c := range map[string]struct {
		err  error
		kind string
	}{
		"INC-42 cannot close: entry Q-7F3K is undecided (theriac replay Q-7F3K, or discard); task write is open; task debrief is open; field cause is empty": {gate, "conflict"},
		"INC-42 is documenting: cannot pause; allowed now: close, opt-out, reopen":                                                                           {transition, "conflict"},
		"INC-43 is declined: cannot reopen; allowed now: nothing":                                                                                            {final, "conflict"},
		"INC-42: nobody is lead":                      {conflict, "conflict"},
		"reason: must not be empty":                   {field, "invalid"},
		`INC-7 holds the key "slack:view:V1" already`: {&incident.ExistsError{Ref: "INC-7", Key: "slack:view:V1"}, "conflict"},
	} {
		if c.err == nil || c.err.Error() != want {
			t.Errorf("got %v, want %s", c.err, want)
		}
		var problem interface{ ProblemKind() string }
		if !errors.As(c.err, &problem) || problem.ProblemKind() != c.kind {
			t.Errorf("%s is not of the kind %q", want, c.kind)
		}
	}
}

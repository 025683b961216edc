package incidentweb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

// TestProblemOf: every error that a caller can act on says what they need, in a form that does not
// change; the status is that of the one table.
func TestProblemOf(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 18, 3, 2, 0, 0, time.UTC)
	ana := incident.Actor{Kind: incident.ByPerson, ID: "ana", Name: "Ana", Role: incident.Admin}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"Transition", &incident.TransitionError{Ref: "INC-1", Verb: "pause", From: incident.Closed, To: incident.Paused, Allowed: []string{"reopen"}},
			`{"status":409,"code":"transition","from":"closed","to":"paused","verb":"pause","allowed":["reopen"]}`},
		{"TransitionFromAnEnd", &incident.TransitionError{Ref: "INC-1", Verb: "pause", From: incident.Merged},
			`{"status":409,"code":"transition","from":"merged","verb":"pause","allowed":[]}`},
		{"Conflict", &incident.ConflictError{Ref: "INC-1", What: "the lead is ben", Version: 7, By: ana, At: at},
			`{"status":409,"code":"conflict","version":7,"by":{"kind":"person","id":"ana","name":"Ana"},"at":"2026-11-18T03:02:00Z"}`},
		{"ConflictOfNobody", fmt.Errorf("save: %w", incident.ErrConflict), `{"status":409,"code":"conflict"}`},
		{"Exists", &incident.ExistsError{IncidentID: "018f", Ref: "INC-2", Key: "idem:secret:key"},
			`{"status":409,"code":"exists","incident":"INC-2","incident_id":"018f"}`},
		{"Gate", &incident.GateError{Ref: "INC-1", Entries: []incident.Entry{{Ref: "Q-1", Title: "nil"}},
			Tasks: []incident.Task{{ID: "pm", Text: "write"}}, Fields: []string{"cause"}},
			`{"status":409,"code":"gate","open":[{"kind":"entry","id":"Q-1","text":"nil"},{"kind":"task","id":"pm","text":"write"},{"kind":"field","id":"cause"}]}`},
		{"Field", &incident.FieldError{Field: "name", Problem: "must not be empty"},
			`{"status":400,"code":"invalid","field":"name","fields":[{"field":"name","problem":"must not be empty"}]}`},
		{"Fields", errors.Join(&incident.FieldError{Field: "a", Problem: "x"}, fmt.Errorf("b: %w", &incident.FieldError{Field: "b", Problem: "y"})),
			`{"status":400,"code":"invalid","field":"a","fields":[{"field":"a","problem":"x"},{"field":"b","problem":"y"}]}`},
		{"TooLarge", fmt.Errorf("INC-1: %w", incident.ErrTooLarge), `{"status":400,"code":"incident_too_large"}`},
		{"NotFound", incident.ErrNotFound, `{"status":404,"code":"not_found"}`},
		{"NotAllowed", incident.ErrNotAllowed, `{"status":403,"code":"not_allowed"}`},
		{"Refused", incident.ErrRefused, `{"status":422,"code":"refused"}`},
		{"Unavailable", fmt.Errorf("%w: dial tcp: secret", incident.ErrUnavailable), `{"status":503,"code":"unavailable"}`},
		{"Schema", incident.ErrSchema, `{"status":503,"code":"unavailable"}`},
		{"Deadline", context.DeadlineExceeded, `{"status":503,"code":"unavailable"}`},
		{"Canceled", context.Canceled, `{"status":499,"code":"interrupted"}`},
		{"Unknown", errors.New("secret"), `{"status":500,"code":"internal"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := problemOf(tt.err)
			w := httptest.NewRecorder()
			p.Write(w)
			var got, want map[string]any
			if err := errors.Join(json.Unmarshal(w.Body.Bytes(), &got), json.Unmarshal([]byte(tt.want), &want)); err != nil {
				t.Fatal(err)
			}
			if detail := fmt.Sprint(got["detail"]); detail == "" || detail == "secret" || p.Status >= 500 && detail == tt.err.Error() {
				t.Errorf("the detail is %q", detail)
			}
			if got["type"] != "urn:theriac:problem:"+p.Code {
				t.Errorf("the type is %v", got["type"])
			}
			for _, name := range []string{"type", "title", "detail"} {
				delete(got, name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if p.Status != problem.Of(tt.err).HTTPStatus() {
				t.Errorf("status %d, and the table says %d", p.Status, problem.Of(tt.err).HTTPStatus())
			}
		})
	}
}

package problem_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/internal/problem"
)

// roomError is an error as a room writes it, without importing problem.
type roomError struct{ kind string }

func (e *roomError) Error() string       { return "room error" }
func (e *roomError) ProblemKind() string { return e.kind }

// TestKinds_ToCodes pins the numbers: scripts rely on exit codes, monitors on statuses.
func TestKinds_ToCodes(t *testing.T) {
	t.Parallel()
	want := map[problem.Kind][2]int{
		"":              {0, 200},
		"internal":      {1, 500},
		"invalid":       {2, 400},
		"refused":       {2, 422},
		"not found":     {3, 404},
		"not allowed":   {4, 403},
		"conflict":      {5, 409},
		"partly done":   {6, 207},
		"unavailable":   {7, 503},
		"still running": {8, 202},
		"bad answer":    {9, 200},
		"held":          {10, 200},
		"interrupted":   {130, 499},
	}
	got := map[problem.Kind][2]int{}
	for _, kind := range problem.Kinds() {
		got[kind] = [2]int{kind.ExitCode(), kind.HTTPStatus()}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

// TestCodes_ToKinds walks the documented exit codes the other way: each must be reachable, and
// only the two ways of being turned down share one.
func TestCodes_ToKinds(t *testing.T) {
	t.Parallel()
	byCode := map[int][]problem.Kind{}
	for _, kind := range problem.Kinds() {
		byCode[kind.ExitCode()] = append(byCode[kind.ExitCode()], kind)
	}
	for _, code := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130} {
		want := 1
		if code == 2 {
			want = 2
		}
		if len(byCode[code]) != want {
			t.Errorf("exit code %d means %q, want %d kinds", code, byCode[code], want)
		}
		delete(byCode, code)
	}
	if len(byCode) > 0 {
		t.Errorf("undocumented exit codes: %v", byCode)
	}
}

func TestOf_EveryKindSurvivesWrapping(t *testing.T) {
	t.Parallel()
	kinds := slices.DeleteFunc(problem.Kinds(), func(k problem.Kind) bool { return k == problem.None })
	for _, kind := range kinds {
		room := error(&roomError{kind: string(kind)})
		for name, err := range map[string]error{
			"room":    room,
			"wrapped": fmt.Errorf("show Q-7F3K: %w", room),
			"joined":  errors.Join(errors.New("plain"), room),
			"ours":    problem.Errorf(kind, "show %s", "Q-7F3K"),
			"outer":   problem.Errorf(kind, "retried: %w", &roomError{kind: "internal"}),
		} {
			if got := problem.Of(err); got != kind {
				t.Errorf("%s: Of = %q, want %q", name, got, kind)
			}
		}
	}
}

func TestOf_ErrorsThatSayNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want problem.Kind
	}{
		{"Nil", nil, problem.None},
		{"Plain", errors.New("plain"), problem.Internal},
		{"UnknownKind", &roomError{kind: "sideways"}, problem.Internal},
		{"EmptyKind", &roomError{}, problem.Internal},
		{"Canceled", fmt.Errorf("list: %w", context.Canceled), problem.Interrupted},
		{"Deadline", fmt.Errorf("list: %w", context.DeadlineExceeded), problem.Unavailable},
		{"KindBeforeCanceled", errors.Join(context.Canceled, &roomError{kind: "conflict"}), problem.Conflict},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := problem.Of(tt.err); got != tt.want {
				t.Errorf("Of = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestKind_UnknownCountsAsInternal(t *testing.T) {
	t.Parallel()
	unknown := problem.Kind("sideways")
	if unknown.ExitCode() != 1 || unknown.HTTPStatus() != 500 {
		t.Errorf("an unknown kind is %d and %d, want 1 and 500", unknown.ExitCode(), unknown.HTTPStatus())
	}
}

func TestErrorf_TextAndChain(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	err := problem.Errorf(problem.Unavailable, "store at %s: %w", "db:5432", cause)
	if got, want := err.Error(), "store at db:5432: connection refused"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost from the chain")
	}
}

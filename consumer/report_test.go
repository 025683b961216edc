package consumer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
)

func TestParseFrames(t *testing.T) {
	t.Parallel()
	const stack = `goroutine 7 [running]:
runtime/debug.Stack()
	/usr/local/go/src/runtime/debug/stack.go:26 +0x5e
panic({0x52b2a0?, 0x6a91d0?})
	/usr/local/go/src/runtime/panic.go:783 +0x132
example.com/app/billing.(*Ledger[...]).Apply.func1(...)
	/src/app/billing/handler.go:118
example.com/app/billing.Handle({0x1, 0x2}, {{0xc000, 0x4}})
	/src/app/billing/handler.go:40 +0x1d
github.com/theriac/theriac/consumer.supervised(0x3, 0x11, 0xc0001, 0xc0002)
	/src/consumer/supervise.go:46 +0x1d
github.com/theriac/theriac/consumer.(*Consumer).call(0x1)
	/src/consumer/supervise.go:36 +0x1d
created by main.main in goroutine 1
	/src/main.go:3 +0x1
`
	want := []handlers.Frame{
		{Func: "example.com/app/billing.(*Ledger[...]).Apply.func1", File: "handler.go", Line: 118},
		{Func: "example.com/app/billing.Handle", File: "handler.go", Line: 40},
	}
	if diff := cmp.Diff(want, parseFrames(stack)); diff != "" {
		t.Error(diff)
	}
}

// FuzzParseFrames: stacks hold names and paths from anywhere.
func FuzzParseFrames(f *testing.F) {
	f.Add("goroutine 1 [running]:\nmain.f(0x1)\n\t/a/b.go:12 +0x1d\n")
	f.Add("panic({0x1})\n\t:\nx\n\t\n\t:9\n")
	f.Fuzz(func(t *testing.T, stack string) {
		frames := parseFrames(stack)
		if len(frames) > maxFrames {
			t.Errorf("%d frames", len(frames))
		}
		for _, fr := range frames {
			if len(fr.Func) > maxText+20 || len(fr.File) > maxText+20 || strings.ContainsRune(fr.File, '\n') {
				t.Errorf("frame %+v", fr)
			}
		}
	})
}

func TestErrorReport_IsBounded(t *testing.T) {
	t.Parallel()
	err := errors.New(strings.Repeat("x", 1<<16))
	for i := range 60 {
		err = fmt.Errorf("%d: %w", i, errors.Join(err, handlers.Permanent(errors.New("side"))))
	}
	r := errorReport(err)
	if len(r.errors) != maxLinks {
		t.Errorf("%d links", len(r.errors))
	}
	for _, link := range r.errors {
		if len(link.Text) > maxText+20 {
			t.Errorf("a text of %d bytes", len(link.Text))
		}
		if strings.Contains(link.Type, "AnswerError") {
			t.Error("a mark stands among the errors")
		}
	}
}

type kind int

func TestPanicText(t *testing.T) {
	t.Parallel()
	round := []any{nil}
	round[0] = round
	type node struct {
		Name string
		Next *node
	}
	for _, tt := range []struct {
		value any
		want  string
	}{
		{"boom", "boom"},
		{errors.New("boom"), "boom"},
		{7 * time.Second, "7s"},
		{kind(3), "3"},
		{node{Name: "a"}, "{a <nil>}"},
		{&node{Name: "a"}, "&{a <nil>}"},
		{[2]int{1, 2}, "[1 2]"},
		{round, "<[]interface {}>"},
		{&round, "<*[]interface {}>"},
		{struct{ any }{round}, "<struct { interface {} }>"},
		{map[string]int{}, "<map[string]int>"},
	} {
		if got := panicText(tt.value); got != tt.want {
			t.Errorf("panicText of a %T is %q, want %q", tt.value, got, tt.want)
		}
	}
}

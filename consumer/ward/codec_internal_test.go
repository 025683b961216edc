package ward

import (
	"bytes"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
)

func someMessage() handlers.Message {
	return handlers.Message{
		ID: "m-1\x00\xff", Data: []byte("data\x00"), Attributes: map[string]string{"a": "1", "": "\xff"}, OrderingKey: "key",
		PublishedAt: died, DeliveryAttempt: 3,
	}
}

func someAnswer() answer {
	return answer{
		Attempt: handlers.Attempt{
			Started: died, Ended: died.Add(time.Second), Outcome: handlers.OutcomeFailed, Class: handlers.ClassFailed,
			Errors: []handlers.ErrorLink{{Type: "t", Text: "\xff"}}, Panic: "p", Stack: "s", StackCut: true,
			Frames: []handlers.Frame{{Func: "f", File: "f.go", Line: 1}}, Handler: "h", Worker: "w", Host: "h", Build: "b", TraceID: "t",
		},
		Delay: time.Minute,
	}
}

func TestCodec_RoundTrip(t *testing.T) {
	t.Parallel()
	body, err := encode(request{Subscription: "orders", Message: newMessage(someMessage()), Replay: &replay{Entry: "e", Version: 2}})
	if err != nil {
		t.Fatal(err)
	}
	var req request
	if err := decode(body, &req); err != nil || req.Subscription != "orders" || req.Replay.Version != 2 {
		t.Errorf("%+v, %v", req, err)
	}
	if m, err := req.Message.open(); err != nil || !cmp.Equal(m, someMessage()) {
		t.Errorf("%v\n%s", err, cmp.Diff(someMessage(), m))
	}
	if body, err = encode(someAnswer()); err != nil {
		t.Fatal(err)
	}
	if a, err := decodeAnswer(body); err != nil || !cmp.Equal(a, someAnswer()) {
		t.Errorf("%v\n%s", err, cmp.Diff(someAnswer(), a))
	}
}

// damagedAnswers are answers of wards that were dying, by what is wrong with them.
func damagedAnswers(tb testing.TB) map[string][]byte {
	tb.Helper()
	must := func(v any) []byte {
		body, err := encode(v)
		if err != nil {
			tb.Fatal(err)
		}
		return body
	}
	whole := must(someAnswer())
	unknown, crashed, large, another := someAnswer(), someAnswer(), someAnswer(), map[string]string{"Attempt": "x"}
	unknown.Attempt.Outcome, crashed.Attempt.Outcome = 99, handlers.OutcomeCrashed
	large.Attempt.Stack = string(bytes.Repeat([]byte("x"), 10<<20))
	return map[string][]byte{
		"nothing": nil, "garbage": bytes.Repeat([]byte{0xf8, 0x7f}, 500), "cut": whole[:len(whole)/2],
		"sealed garbage": seal(bytes.Repeat([]byte{0xf8, 0x7f}, 500)), "sealed, and cut": seal(whole[:len(whole)/2]),
		"a crash that it survived":       must(crashed),
		"an outcome that does not exist": must(unknown), "10 MB": must(large), "another type": must(another),
	}
}

func TestDecodeAnswer_Damaged(t *testing.T) {
	t.Parallel()
	whole, err := encode(someAnswer())
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 1 << (at % 8)
		if a, err := decodeAnswer(flipped); err == nil {
			t.Errorf("with a flipped bit in byte %d it is taken for %+v", at, a)
		}
		if a, err := decodeAnswer(whole[:at]); err == nil {
			t.Errorf("cut after %d bytes it is taken for %+v", at, a)
		}
	}
	for name, body := range damagedAnswers(t) {
		if a, err := decodeAnswer(body); err == nil {
			t.Errorf("%s is taken for %+v", name, a)
		}
	}
}

// TestCodec_HasNoMaps: a map that announces a billion elements and has none would cost the memory of a
// billion.
func TestCodec_HasNoMaps(t *testing.T) {
	t.Parallel()
	var look func(v reflect.Type, path string)
	look = func(v reflect.Type, path string) {
		switch v.Kind() {
		case reflect.Map, reflect.Interface:
			t.Errorf("%s is a %s", path, v)
		case reflect.Pointer, reflect.Slice:
			look(v.Elem(), path)
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Field(i); f.IsExported() {
					look(f.Type, path+"."+f.Name)
				}
			}
		}
	}
	look(reflect.TypeFor[request](), "request")
	look(reflect.TypeFor[answer](), "answer")
}

// bounded fails if f allocates much more than its input is long.
func bounded(t *testing.T, input int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(64*input+16<<20) {
		t.Errorf("%d bytes are allocated for %d", grown, input)
	}
}

// FuzzDecodeAnswer: whatever a dying ward says, its worker lives.
func FuzzDecodeAnswer(f *testing.F) {
	for _, body := range damagedAnswers(f) {
		if len(body) < 64<<10 {
			f.Add(body)
		}
	}
	whole, err := encode(someAnswer())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[:len(whole)-sealBytes])
	f.Fuzz(func(t *testing.T, body []byte) {
		bounded(t, len(body), func() {
			_, _ = decodeAnswer(body)
			a, err := decodeAnswer(seal(body)) // no input would have the right checksum by chance
			if _, unknown := handlers.ParseOutcome(a.Attempt.Outcome.String()); err == nil && unknown != nil {
				t.Errorf("outcome %d", a.Attempt.Outcome)
			}
		})
	})
}

// FuzzDecodeRequest is the same for a ward and its worker.
func FuzzDecodeRequest(f *testing.F) {
	whole, err := encode(request{Subscription: "orders", Message: newMessage(someMessage()), Replay: &replay{Entry: "e"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[:len(whole)-sealBytes])
	f.Add(whole[:len(whole)-sealBytes-3])
	f.Fuzz(func(t *testing.T, body []byte) {
		bounded(t, len(body), func() {
			var req request
			if decode(seal(body), &req) == nil {
				_, _ = req.Message.open()
			}
		})
	})
}

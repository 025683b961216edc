package guardian

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/internal/runner"
)

func TestLine_RoundTripAndCuts(t *testing.T) {
	t.Parallel()
	want, err := newLineFrame(lineRun, 7, runHead{Subscription: "orders", Fresh: true, Limit: 5}, bytes.Repeat([]byte{0, 0xff}, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := want.write(&buf); err != nil {
		t.Fatal(err)
	}
	whole := buf.Bytes()
	got, err := readLine(bytes.NewReader(whole))
	if err != nil || !cmp.Equal(got, want, cmp.AllowUnexported(lineFrame{})) {
		t.Errorf("read %d, %d and %d bytes, %v", got.kind, len(got.head), len(got.body), err)
	}
	for _, n := range []int{0, 1, lineHeader - 1, lineHeader, lineHeader + 3, len(whole) / 2, len(whole) - 1} {
		if _, err := readLine(bytes.NewReader(whole[:n])); err == nil {
			t.Errorf("a frame cut after %d bytes was read", n)
		}
	}
}

// FuzzReadLine: whatever a child says, its guardian neither panics nor allocates what was only announced.
func FuzzReadLine(f *testing.F) {
	frame, err := newLineFrame(lineAnswer, 1, answerHead{OK: true}, []byte("body"))
	if err != nil {
		f.Fatal(err)
	}
	var buf bytes.Buffer
	if err := frame.write(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add([]byte{lineVersion, byte(lineRun), 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 'x'})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			frame, err := readLine(r)
			if err != nil {
				return
			}
			if cap(frame.head)+cap(frame.body) > 4*len(data)+(4<<20) {
				t.Fatalf("%d bytes are held for %d", cap(frame.head)+cap(frame.body), len(data))
			}
			if _, err := frame.answer(); err == nil && frame.kind > lineDied {
				t.Fatalf("kind %d is an answer", frame.kind)
			}
			var again bytes.Buffer
			if err := frame.write(&again); err != nil {
				t.Fatal(err)
			}
			back, err := readLine(io.Reader(&again))
			if err != nil || !bytes.Equal(back.body, frame.body) || !bytes.Equal(back.head, frame.head) || back.run != frame.run {
				t.Fatalf("written again it reads as %v, %v", back, err)
			}
		}
	})
}

// TestAllowance: whoever sends more than may be held waits until something is let go of, or for ever ends.
func TestAllowance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAllowance(100, 2)
		var taken []int
		var taking runner.Group
		taking.Go(func() {
			for n := 60; a.take(n); n /= 2 {
				taken = append(taken, n)
			}
		})
		for _, step := range []struct{ bytes, frames, want int }{
			{0, 0, 2},  // 60 and 30 are held: no third frame
			{0, 1, 2},  // a place, but 10 bytes only, and 15 are wanted
			{5, 0, 3},  // now they fit
			{0, 9, 3},  // no byte is left
			{10, 0, 5}, // 7 and 3 bytes
		} {
			a.give(step.bytes, step.frames)
			synctest.Wait()
			if len(taken) != step.want {
				t.Errorf("after %d bytes and %d places: %v are taken", step.bytes, step.frames, taken)
			}
		}
		a.close()
		taking.Wait()
	})
}

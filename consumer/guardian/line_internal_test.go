package guardian

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
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

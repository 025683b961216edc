package relay

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const testLimit = 1 << 10

func frame(kind byte, payload string) []byte {
	b := append(beginFrame(nil), payload...)
	sealFrame(b, kind)
	return b
}

// changed returns a copy of a frame's bytes with a header that was sealed by somebody else.
func changed(b []byte, change func(b []byte)) []byte {
	b = bytes.Clone(b)
	change(b)
	binary.LittleEndian.PutUint32(b[16:], checksum(b[:16]))
	return b
}

type counts struct{ Cut, Corrupt, TooLarge, Unknown, Skipped uint64 }

func (d *damage) counts() counts {
	return counts{d.cut.Load(), d.corrupt.Load(), d.tooLarge.Load(), d.unknown.Load(), d.skippedBytes.Load()}
}

// readFrames returns the payloads of a stream, and fails if it does not end with io.EOF.
func readFrames(t testing.TB, in io.Reader) ([]string, counts) {
	t.Helper()
	var d damage
	r := frameReader{in: bufio.NewReader(in), limit: testLimit, kind: kindRequest, damage: &d}
	var got []string
	for {
		payload, err := r.next()
		if errors.Is(err, io.EOF) {
			return got, d.counts()
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(payload))
	}
}

func TestFrames_Streams(t *testing.T) {
	t.Parallel()
	one, two := frame(kindRequest, "one"), frame(kindRequest, "two")
	text := []byte("panic: this went to the wrong descriptor\n")
	huge := changed(one, func(b []byte) { binary.LittleEndian.PutUint32(b[8:], 100<<20) })
	tests := []struct {
		name   string
		stream [][]byte
		want   []string
		counts counts
	}{
		{"nothing", nil, nil, counts{}},
		{"two", [][]byte{one, two}, []string{"one", "two"}, counts{}},
		{"empty payload", [][]byte{frame(kindRequest, ""), one}, []string{"", "one"}, counts{}},
		{"garbage around", [][]byte{text, one, text, two, text}, []string{"one", "two"}, counts{Skipped: 3 * uint64(len(text))}},
		{"beginnings in the garbage", [][]byte{[]byte("\xf1\xf1T\xf1TR\xf1TRLx"), one}, []string{"one"}, counts{Skipped: 11}},
		{"changed payload", [][]byte{one[:22], []byte("X"), two}, []string{"two"}, counts{Corrupt: 1}},
		{"changed length", [][]byte{one[:8], {4}, one[9:], two}, []string{"two"}, counts{Skipped: 23}},
		{"100 MB claimed", [][]byte{huge, two}, []string{"two"}, counts{TooLarge: 1, Skipped: 3}},
		{"other version", [][]byte{changed(one, func(b []byte) { b[4] = 2 }), two}, []string{"two"}, counts{Unknown: 1}},
		{"other kind", [][]byte{frame(kindSpooled, "one"), two}, []string{"two"}, counts{Unknown: 1}},
		{"largest", [][]byte{frame(kindRequest, strings.Repeat("x", testLimit)), two}, []string{strings.Repeat("x", testLimit), "two"}, counts{}},
		{"one too many", [][]byte{frame(kindRequest, strings.Repeat("x", testLimit+1)), two}, []string{"two"}, counts{TooLarge: 1, Skipped: testLimit + 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stream := bytes.Join(tt.stream, nil)
			for name, in := range map[string]io.Reader{
				"at once": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
			} {
				got, counted := readFrames(t, in)
				if diff := cmp.Diff(tt.want, got) + cmp.Diff(tt.counts, counted); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestFrames_CutAtEveryByte(t *testing.T) {
	t.Parallel()
	payloads := []string{"first", "", "the third"}
	var stream []byte
	var ends []int
	for _, p := range payloads {
		stream = append(stream, frame(kindRequest, p)...)
		ends = append(ends, len(stream))
	}
	for cut := range len(stream) + 1 {
		var want []string
		end := 0
		for i := range ends {
			if ends[i] <= cut {
				want, end = append(want, payloads[i]), ends[i]
			}
		}
		var wantCounts counts
		if cut > end {
			wantCounts.Cut = 1
		}
		got, counted := readFrames(t, bytes.NewReader(stream[:cut]))
		if diff := cmp.Diff(want, got) + cmp.Diff(wantCounts, counted); diff != "" {
			t.Errorf("cut at %d (-want +got):\n%s", cut, diff)
		}
	}
}

func TestFrames_ReaderFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, n := range []int{5, 22} {
		var d damage
		in := io.MultiReader(bytes.NewReader(frame(kindRequest, "one")[:n]), iotest.ErrReader(broken))
		r := frameReader{in: bufio.NewReader(in), limit: testLimit, kind: kindRequest, damage: &d}
		if _, err := r.next(); !errors.Is(err, broken) || d.cut.Load() != 1 {
			t.Errorf("after %d bytes: %v, %+v", n, err, d.counts())
		}
	}
}

// TestFrames_ClaimedLengthAllocatesNothing reads 1,000 headers that claim 4 GiB each.
func TestFrames_ClaimedLengthAllocatesNothing(t *testing.T) {
	claim := changed(frame(kindRequest, ""), func(b []byte) { binary.LittleEndian.PutUint32(b[8:], 1<<32-1) })
	stream := bytes.Repeat(claim, 1000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, counted := readFrames(t, bytes.NewReader(stream))
	runtime.ReadMemStats(&after)
	if counted.TooLarge != 1000 {
		t.Errorf("%+v", counted)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// FuzzFrames surrounds arbitrary bytes with frames: those before are always read, and what is read
// of the bytes themselves never exceeds the bound.
func FuzzFrames(f *testing.F) {
	one := frame(kindRequest, "one")
	f.Add([]byte("garbage"))
	f.Add(one)
	f.Add(one[:21])
	f.Add(changed(one, func(b []byte) { binary.LittleEndian.PutUint32(b[8:], 100<<20) }))
	f.Fuzz(func(t *testing.T, middle []byte) {
		got, counted := readFrames(t, bytes.NewReader(bytes.Join([][]byte{one, middle, one}, nil)))
		if len(got) == 0 || got[0] != "one" {
			t.Fatalf("the first frame was lost: %q", got)
		}
		total := uint64(0)
		for _, payload := range got {
			if len(payload) > testLimit {
				t.Errorf("a payload of %d bytes", len(payload))
			}
			total += uint64(frameHeaderSize + len(payload))
		}
		if total+counted.Skipped > uint64(2*len(one)+len(middle)) {
			t.Errorf("%d bytes used and %d skipped of %d", total, counted.Skipped, 2*len(one)+len(middle))
		}
	})
}

// FuzzSpooled opens arbitrary files: what is taken is exactly what would be written.
func FuzzSpooled(f *testing.F) {
	f.Add(spooledFrame(1, []byte("record")))
	f.Add(spooledFrame(-1, nil))
	f.Add(frame(kindSpooled, "short"))
	f.Add(frame(kindRequest, "other kind"))
	f.Fuzz(func(t *testing.T, file []byte) {
		received, record, err := parseSpooled(file)
		if err == nil && !bytes.Equal(changed(spooledFrame(received, record), func(b []byte) { copy(b[6:8], file[6:8]) }), file) {
			t.Errorf("%x was taken for %d %x", file, received, record)
		}
	})
}

// FuzzRequest parses arbitrary records: what is taken can be built, and comes back unchanged when
// it is relayed once more.
func FuzzRequest(f *testing.F) {
	for _, target := range []string{"http://h/", "https://u:p@[::1]:8080/a%2Fb?c#d"} {
		req, err := http.NewRequestWithContext(f.Context(), http.MethodPost, target, strings.NewReader("body"))
		if err != nil {
			f.Fatal(err)
		}
		req.Header.Add("A", "1")
		req.Header.Add("A", "2")
		record, err := appendRequest(nil, req, testLimit)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(record)
	}
	f.Add([]byte("\x04POST\x08http://h\x00\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, record []byte) {
		parsed, err := parseRequest(record)
		if err != nil {
			return
		}
		req, err := parsed.build(t.Context())
		if err != nil {
			t.Fatalf("%q: %v", record, err)
		}
		again, err := appendRequest(nil, req, 64<<20)
		if errors.Is(err, ErrTooLarge) {
			return // an escaped URL is longer
		}
		if err != nil {
			t.Fatalf("%q: %v", record, err)
		}
		second, err := parseRequest(again)
		if err != nil {
			t.Fatalf("%q became %q: %v", record, again, err)
		}
		if diff := cmp.Diff(parsed.header, second.header) + cmp.Diff(string(parsed.body), string(second.body)); diff != "" ||
			parsed.method != second.method || parsed.lane() != second.lane() {
			t.Errorf("%q became %q\n%s", record, again, diff)
		}
	})
}

// TestAppendBody_Reads reads bodies in every way that io.Reader allows.
func TestAppendBody_Reads(t *testing.T) {
	t.Parallel()
	body := make([]byte, 3000)
	for i := range body {
		body[i] = byte(rand.IntN(256))
	}
	for name, wrap := range map[string]func(r io.Reader) io.Reader{
		"plain": func(r io.Reader) io.Reader { return r }, "one byte": iotest.OneByteReader,
		"half": iotest.HalfReader, "data with EOF": iotest.DataErrReader,
	} {
		for _, limit := range []int{3003, 3002} {
			got, err := appendBody([]byte("abc"), wrap(bytes.NewReader(body)), limit)
			if fits := limit == 3003; fits && (err != nil || !bytes.Equal(got[3:], body)) || !fits && !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s, limit %d: %d bytes, %v", name, limit, len(got), err)
			}
		}
	}
}

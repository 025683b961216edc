package crashtrace_test

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
)

// FuzzRead gives Read any bytes: whatever they are it stays within its limits, does not depend on
// how they arrive, and is not more damning when they are cut.
func FuzzRead(f *testing.F) {
	f.Add([]byte(plain), uint16(200))
	f.Add([]byte("SIGABRT: abort\nPC=0x1 m=0 sigcode=18446744073709551610\n\n"+plain), uint16(99))
	f.Add([]byte("\nruntime stack:\nruntime.throw(0x1)\n\t/a.go:1 +0x1\nruntime.newstack()\n\t/a.go:1\n\n"+plain), uint16(80))
	limits := crashtrace.Limits{PreambleBytes: 300, DumpBytes: 2000, BlockBytes: 500, Goroutines: 8}
	f.Fuzz(func(t *testing.T, data []byte, at uint16) {
		calls := 0
		got, err := crashtrace.Read(bytes.NewReader(data), limits, func(crashtrace.Trace) { calls++ })
		if err != nil || calls > 1 || calls == 1 && got.First.ID == 0 || got.Bytes > int64(len(data)) {
			t.Fatalf("error %v, onFirst called %d times, first %d, %d of %d bytes", err, calls, got.First.ID, got.Bytes, len(data))
		}
		checkLimits(t, got, limits)
		if !utf8.ValidString(got.Reason) || !utf8.ValidString(got.First.Status) || strings.ContainsAny(got.Reason, "\x00\x1b\r\n") {
			t.Errorf("reason %q, status %q", got.Reason, got.First.Status)
		}
		slow, err := crashtrace.Read(iotest.OneByteReader(bytes.NewReader(data)), limits, nil)
		if diff := cmp.Diff(got, slow); err != nil || diff != "" {
			t.Errorf("byte for byte: error %v, trace (-at once +slowly):\n%s", err, diff)
		}
		whole := read(t, string(data))
		checkPrefix(t, whole, read(t, string(data[:min(int(at), len(data))])))
	})
}

// documented is the header line as the runtime's source prints it.
var documented = regexp.MustCompile(`^goroutine (\d+)(?: gp=\S+ m=\S+(?: mp=\S+)?)? \[(.*)\]:$`)

// FuzzHeader gives Read any header line: a label is believed only in the documented form, and
// nothing that another label holds hides or forges ours.
func FuzzHeader(f *testing.F) {
	f.Add(`goroutine 12 gp=0xc0000 m=3 mp=0xc0008 [running, locked to thread labels:{"a\"]:": "b", "theriac": "12.4711"}]:`, "zone", "eu")
	f.Add(`goroutine 12 [chan receive, 5 minutes labels:{"theriac": "12.4711"}]:`, `"theriac": "1.1"`, "x\"}]:\ngoroutine 1 [running]:")
	f.Fuzz(func(t *testing.T, line, key, value string) {
		if !strings.ContainsRune(line, '\n') {
			checkHeader(t, line)
		}
		if key == crashtrace.LabelKey || len(key)+len(value) > 4<<10 {
			return
		}
		pairs := []string{quotedPair(key, value), quotedPair(crashtrace.LabelKey, "12.4711")}
		for range 2 {
			got := read(t, "goroutine 9 [running labels:{"+strings.Join(pairs, ", ")+"}]:\n").First
			if want := []crashtrace.Label{{Slot: 12, Generation: 4711}}; got.ID != 9 || !slices.Equal(got.Labels, want) {
				t.Errorf("beside the label %q: %q the goroutine is %+v", key, value, got)
			}
			slices.Reverse(pairs)
		}
	})
}

func checkHeader(t *testing.T, line string) {
	t.Helper()
	got := read(t, line+"\n").First
	if got.Status == "" && len(got.Labels) == 0 {
		return
	}
	match := documented.FindStringSubmatch(line)
	if match == nil || match[1] != strconv.FormatUint(got.ID, 10) {
		t.Errorf("%q is not in the documented form, and was read as %+v", line, got)
		return
	}
	for _, l := range got.Labels {
		if !strings.Contains(match[2], quotedPair(crashtrace.LabelKey, l.String())) {
			t.Errorf("%q does not have the label %v", line, l)
		}
	}
}

// quotedPair quotes a label as the runtime does: all but printable ASCII is escaped.
func quotedPair(key, value string) string {
	return strconv.QuoteToASCII(key) + ": " + strconv.QuoteToASCII(value)
}

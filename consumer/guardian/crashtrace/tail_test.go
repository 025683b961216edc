package crashtrace_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
	"github.com/theriac/theriac/internal/runner"
)

func TestTail_Lines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	for name, tc := range map[string]struct {
		writes      []string
		fatal, last string
	}{
		"nothing":          {},
		"blank lines":      {writes: []string{"\n \n\t\n"}},
		"log.Fatal":        {writes: []string{"2026/01/02 starting\n", "2026/01/02 giving up\n\n"}, last: "2026/01/02 giving up"},
		"unfinished":       {writes: []string{"one\ntw", "o"}, last: "two"},
		"fatal error":      {writes: []string{"hello\nfatal err", "or: boom\n\ngoroutine 1 [running]:\n"}, fatal: "fatal error: boom", last: "goroutine 1 [running]:"},
		"unfinished fatal": {writes: []string{"fatal error: boom"}, fatal: "fatal error: boom", last: "fatal error: boom"},
		"last one wins":    {writes: []string{"panic: one\n", "panic: two\nend\n"}, fatal: "panic: two", last: "end"},
		"not in front":     {writes: []string{"so panic: one\n\tpanic: two\n"}, last: "panic: two"},
		"long ago":         {writes: []string{"fatal error: boom\n", strings.Repeat("goroutine\n", 20_000)}, fatal: "fatal error: boom", last: "goroutine"},
		"escapes":          {writes: []string{"panic: \x1b[31mred\xff\x07\r\n"}, fatal: `panic: \x1b[31mred\xff\a\r`, last: `panic: \x1b[31mred\xff\a`},
		"long line":        {writes: []string{long, long + "\n"}, last: long[:512]},
		"long escapes":     {writes: []string{strings.Repeat("\x1b", 2000)}, last: strings.Repeat(`\x1b`, 128)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tail crashtrace.Tail
			for _, text := range tc.writes {
				if n, err := tail.Write([]byte(text)); n != len(text) || err != nil {
					t.Fatalf("Write = %d, %v", n, err)
				}
			}
			if tail.Fatal() != tc.fatal || tail.Last() != tc.last {
				t.Errorf("Fatal %q, Last %q\nwant  %q, want %q", tail.Fatal(), tail.Last(), tc.fatal, tc.last)
			}
		})
	}
}

// TestTail_Bytes writes in pieces of many sizes and compares with the end of everything.
func TestTail_Bytes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 7, 1000, crashtrace.TailBytes - 1, crashtrace.TailBytes, crashtrace.TailBytes + 1, 3*crashtrace.TailBytes + 5} {
		var tail crashtrace.Tail
		var all []byte
		for i := 0; len(all) < 3*crashtrace.TailBytes; i++ {
			piece := bytes.Repeat([]byte{byte('a' + i%26)}, size)
			all = append(all, piece...)
			_, _ = fmt.Fprintf(&tail, "%s", piece)
			if want := all[max(len(all)-crashtrace.TailBytes, 0):]; i%97 == 0 && !bytes.Equal(tail.Bytes(), want) {
				t.Fatalf("pieces of %d: after %d bytes the tail is wrong", size, len(all))
			}
		}
		if !bytes.Equal(tail.Bytes(), all[len(all)-crashtrace.TailBytes:]) {
			t.Errorf("pieces of %d: the tail is not the end of what was written", size)
		}
	}
}

// TestTail_FloodWithoutNewline is not parallel: it counts what the whole process allocates.
func TestTail_FloodWithoutNewline(t *testing.T) {
	var tail crashtrace.Tail
	flood := bytes.Repeat([]byte("\x1b[31mx"), 10_000)
	// The first write takes what the tail needs; after it nothing more is taken.
	allocations := testing.AllocsPerRun(200, func() { _, _ = tail.Write(flood) })
	if got := len(tail.Bytes()); got != crashtrace.TailBytes {
		t.Errorf("%d bytes are kept", got)
	}
	if !strings.HasPrefix(tail.Last(), `\x1b[31mx`) || len(tail.Last()) > 512 {
		t.Errorf("Last = %q", tail.Last())
	}
	if allocations > 0 {
		t.Errorf("%v allocations for each write", allocations)
	}
}

func TestTail_Concurrent(t *testing.T) {
	t.Parallel()
	var tail crashtrace.Tail
	var group runner.Group
	for range 4 {
		group.Go(func() {
			for range 500 {
				_, _ = fmt.Fprintf(&tail, "fatal error: boom\n%0200d\n", 1)
			}
		})
	}
	for range 500 {
		if fatal := tail.Fatal(); fatal != "" && fatal != "fatal error: boom" {
			t.Errorf("Fatal = %q", fatal)
		}
		_, _ = tail.Bytes(), tail.Last()
	}
	group.Wait()
	if len(tail.Bytes()) != crashtrace.TailBytes || tail.Fatal() != "fatal error: boom" {
		t.Errorf("%d bytes, Fatal %q", len(tail.Bytes()), tail.Fatal())
	}
}

package crashtrace_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
)

// plain is a trace with all that a header can have.
const plain = "panic: boom\n\tsecond line\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x4c3ec2]\n\n" +
	`goroutine 12 gp=0xc0000 m=3 mp=0xc0008 [running, locked to thread labels:{"a\"]:": "b", "theriac": "12.4711"}]:` + "\n" +
	"main.(*T).work(0x1, {0x2?, ...})\n\t/a b/c.go:7 +0x1d fp=0x1 sp=0x2 pc=0x3\n" +
	"main.inlined(...)\n\t/c.go:9\ncreated by main.main in goroutine 1\n\t/c.go:1 +0x1\n\n" +
	"goroutine 0 gp=0x1 m=0 mp=0x2 [idle]:\nruntime.futex()\n\t/f.s:1\n\n" +
	"goroutine 1 [select (no cases), 5 minutes]:\nmain.main()\n\t/c.go:2 +0x1\n\n" +
	"goroutine 13 [runnable labels:{\"theriac\": \"0.1\"}]:\nruntime.mallocgc(0x1)\n\t/m.go:2 +0x1\n"

func plainTrace() crashtrace.Trace {
	dump := plain
	_, block, _ := strings.Cut(dump, "\n\n")
	block, _, _ = strings.Cut(block, "\n\n")
	return crashtrace.Trace{
		Kind: crashtrace.KindPanic, Reason: "panic: boom",
		Signal: crashtrace.Signal{Name: "SIGSEGV", Code: 1, Address: 16, Addressed: true},
		First: crashtrace.Goroutine{
			ID: 12, Status: "running, locked to thread", Running: true, Labels: []crashtrace.Label{{Slot: 12, Generation: 4711}},
			Frames: []crashtrace.Frame{{Func: "main.(*T).work", File: "/a b/c.go", Line: 7}, {Func: "main.inlined", File: "/c.go", Line: 9}},
		},
		Block: block + "\n\n",
		Goroutines: []crashtrace.Goroutine{
			{ID: 1, Status: "select (no cases), 5 minutes"},
			{ID: 13, Status: "runnable", Running: true, Allocating: true, Labels: []crashtrace.Label{{Slot: 0, Generation: 1}}},
		},
		Dump: []byte(dump), Complete: true, Bytes: int64(len(dump)),
	}
}

func TestRead_Whole(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]io.Reader{
		"at once":       strings.NewReader(plain),
		"byte for byte": iotest.OneByteReader(strings.NewReader(plain)),
		"data with EOF": iotest.DataErrReader(strings.NewReader(plain)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var firsts []crashtrace.Trace
			got, err := crashtrace.Read(input, crashtrace.Limits{}, func(trace crashtrace.Trace) { firsts = append(firsts, trace) })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plainTrace(), got); diff != "" {
				t.Errorf("Trace (-want +got):\n%s", diff)
			}
			if len(firsts) != 1 {
				t.Fatalf("onFirst was called %d times", len(firsts))
			}
			got.Goroutines, got.Dump, got.Complete, got.Bytes = nil, nil, false, 0
			firsts[0].Bytes = 0
			if diff := cmp.Diff(got, firsts[0]); diff != "" {
				t.Errorf("what onFirst was told is not final (-Read +onFirst):\n%s", diff)
			}
		})
	}
}

// TestRead_TellsBeforeItReadsOn: the next worker starts while the dump is still being written.
func TestRead_TellsBeforeItReadsOn(t *testing.T) {
	t.Parallel()
	end := strings.Index(plain, "goroutine 0 ")
	told := false
	rest := strings.NewReader(plain[end:])
	input := io.MultiReader(strings.NewReader(plain[:end]), readerFunc(func(p []byte) (int, error) {
		if !told {
			t.Fatal("more was read before onFirst was told of the first block")
		}
		return rest.Read(p)
	}))
	if _, err := crashtrace.Read(input, crashtrace.Limits{}, func(crashtrace.Trace) { told = true }); err != nil {
		t.Fatal(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestRead_BrokenOff: the caller's time box closes the reader.
func TestRead_BrokenOff(t *testing.T) {
	t.Parallel()
	timeUp := errors.New("time is up")
	for name, tc := range map[string]struct {
		upTo  string
		first uint64
		told  bool
	}{
		"in the preamble":    {upTo: "second"},
		"in the header":      {upTo: "[running"},
		"in the first block": {upTo: "main.inlined", first: 12},
		"in the rest":        {upTo: "goroutine 13", first: 12, told: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := false
			input := io.MultiReader(strings.NewReader(plain[:strings.Index(plain, tc.upTo)]), iotest.ErrReader(timeUp))
			got, err := crashtrace.Read(input, crashtrace.Limits{}, func(crashtrace.Trace) { told = true })
			if !errors.Is(err, timeUp) || got.Complete || got.First.ID != tc.first || told != tc.told {
				t.Errorf("error %v, complete %t, first %d, told %t", err, got.Complete, got.First.ID, told)
			}
			if !strings.HasPrefix(plain, string(got.Dump)) || len(got.Dump) == 0 {
				t.Errorf("kept %q", got.Dump)
			}
		})
	}
}

func TestRead_Headers(t *testing.T) {
	t.Parallel()
	ours := []crashtrace.Label{{Slot: 12, Generation: 4711}}
	for line, want := range map[string]crashtrace.Goroutine{
		`goroutine 7 [running]:`:                                                 {ID: 7, Status: "running", Running: true},
		`goroutine 7 gp=0x1 m=nil [runnable]:`:                                   {ID: 7, Status: "runnable", Running: true},
		`goroutine 7 gp=0x1 m=3 mp=0x2 [running (scan)]:`:                        {ID: 7, Status: "running (scan)", Running: true},
		`goroutine 7 [chan receive (durable), synctest bubble 3]:`:               {ID: 7, Status: "chan receive (durable), synctest bubble 3"},
		`goroutine 7 [leaked (leaked)]:`:                                         {ID: 7, Status: "leaked (leaked)"},
		`goroutine 7 [running labels:{"theriac": "12.4711"}]:`:                   {ID: 7, Status: "running", Running: true, Labels: ours},
		`goroutine 7 [running labels:{"a": "}]:", "theriac": "12.4711"}]:`:       {ID: 7, Status: "running", Running: true, Labels: ours},
		`goroutine 7 [running labels:{"a": "\"theriac\": \"1.1\"", "b": "\\"}]:`: {ID: 7, Status: "running", Running: true},
		`goroutine 7 [running labels:{"theriac": "1.1", "theriac": "12.4711"}]:`: {ID: 7, Status: "running", Running: true, Labels: []crashtrace.Label{{Slot: 1, Generation: 1}, ours[0]}},
		`goroutine 7 [running labels:{"theriac": "12.04711"}]:`:                  {ID: 7, Status: "running", Running: true},
		`goroutine 7 [running labels:{"theriac2": "12.4711"}]:`:                  {ID: 7, Status: "running", Running: true},
		`goroutine 7 [running labels:{"a": "labels:{\"theriac\": \"1.1\"}]:"}]:`: {ID: 7, Status: "running", Running: true},
		`goroutine 18446744073709551615 [running]:`:                              {ID: 1<<64 - 1, Status: "running", Running: true},
		// Not in the documented form: a goroutine, but of which nothing is believed.
		`goroutine 7 [running labels:{"theriac": "12.4711"}]`:    {ID: 7},
		`goroutine 7 [running labels:{"theriac": "12.4711"}]: `:  {ID: 7},
		`goroutine 7 [running labels:{"theriac": "12.4711"]:`:    {ID: 7},
		`goroutine 7 [running labels:{"theriac":"12.4711"}]:`:    {ID: 7},
		`goroutine 7 [running labels:{"theriac": "12.4711"},]:`:  {ID: 7},
		`goroutine 7 [running labels:{"theriac": "12.4711", }]:`: {ID: 7},
		`goroutine 7 [running labels:{"theriac": 12.4711}]:`:     {ID: 7},
		`goroutine 7 [running labels:{}]:`:                       {ID: 7},
		`goroutine 7 [run[ning]:`:                                {ID: 7},
		`goroutine 7 [running] labels:{"theriac": "12.4711"}]:`:  {ID: 7},
		`goroutine 7 gp=0x1 what=4 [running]:`:                   {ID: 7},
		`goroutine 7 gp=0x1`:                                     {ID: 7},
		"goroutine 7 [running]:\r":                               {ID: 7},
		"goroutine 7 [" + strings.Repeat("x", 200) + "]:":        {ID: 7},
		// No headers, or not of a goroutine.
		"\tgoroutine 7 [running]:":                  {},
		" goroutine 7 [running]:":                   {},
		"Goroutine 7 [running]:":                    {},
		"goroutine  7 [running]:":                   {},
		"goroutine -7 [running]:":                   {},
		"goroutine 07 [running]:":                   {},
		"goroutine 7:[running]:":                    {},
		"goroutine 7":                               {},
		"goroutine 7 is dead":                       {},
		"goroutine 18446744073709551616 [running]:": {},
		"goroutine 0 [idle]:":                       {},
		"goroutine 0 gp=0x1 m=0 mp=0x2 [running]:":  {},
		"goroutine 7 gp=0x1 m=0 mp=0x2 [idle]:":     {},
		"runtime stack:":                            {},
		"panic: goroutine 7 [running]:":             {},
		"":                                          {},
	} {
		got := read(t, line+"\n").First
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
}

func read(t testing.TB, text string) crashtrace.Trace {
	t.Helper()
	trace, err := crashtrace.Read(strings.NewReader(text), crashtrace.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// TestRead_UnknownKinds: what the reader does not know is nobody's own fault.
func TestRead_UnknownKinds(t *testing.T) {
	t.Parallel()
	const labelled = "goroutine 7 [running labels:{\"theriac\": \"1.1\"}]:\n"
	const call = "\n\t/a.go:1 +0x1\n"
	for name, tc := range map[string]struct {
		text string
		want crashtrace.Kind
	}{
		"empty":                   {"", crashtrace.KindUnknown},
		"no goroutine":            {"panic: boom\n\n", crashtrace.KindUnknown},
		"no frames":               {"panic: boom\n\n" + labelled, crashtrace.KindUnknown},
		"no reason":               {"\n" + labelled + "main.f()" + call, crashtrace.KindUnknown},
		"another reason":          {"woe: boom\n\n" + labelled + "main.f()" + call, crashtrace.KindUnknown},
		"panic, not running":      {"panic: boom\n\ngoroutine 7 [select]:\nmain.f()" + call, crashtrace.KindUnknown},
		"panic on a thread":       {"panic: boom\n\nruntime stack:\nruntime.f()" + call + "\n" + labelled + "main.f()" + call, crashtrace.KindUnknown},
		"fatal while panicking":   {"panic: boom\n\n" + labelled + "runtime.throw()" + call + "main.f()" + call, crashtrace.KindFatal},
		"map while panicking":     {"panic: boom\n[signal SIGSEGV: x code=0x1 addr=0x0 pc=0x1]\n\n" + labelled + "internal/runtime/maps.fatal()" + call, crashtrace.KindMapAccess},
		"panic over a bus error":  {"panic: boom\n[signal SIGBUS: x code=0x2 addr=0x10 pc=0x1]\n\n" + labelled + "main.f()" + call, crashtrace.KindBus},
		"throw alone":             {"\n" + labelled + "runtime.throw()" + call, crashtrace.KindFatal},
		"throw of somebody":       {"\n" + labelled + "runtime.throw()" + call + "runtime.unheardOf()" + call, crashtrace.KindFatal},
		"sync fatal of others":    {"\n" + labelled + "sync.fatal()" + call + "sync.(*WaitGroup).Add()" + call, crashtrace.KindFatal},
		"sync fatal alone":        {"\n" + labelled + "internal/sync.fatal()" + call, crashtrace.KindFatal},
		"sync throw":              {"\n" + labelled + "internal/sync.throw()" + call, crashtrace.KindFatal},
		"fault of another signal": {"[signal SIGFPE: x code=0x1 addr=0x0 pc=0x1]\n\n" + labelled + "runtime.throw()" + call + "runtime.sigpanic()" + call, crashtrace.KindFatal},
		"another signal":          {"SIGSYS: bad system call\nPC=0x1 m=0 sigcode=1\n\n" + labelled + "main.f()" + call, crashtrace.KindSignal},
		"signal without code":     {"SIGABRT: abort\n\n" + labelled + "main.f()" + call, crashtrace.KindSignal},
		"signal by sigqueue":      {"SIGABRT: abort\nPC=0x1 m=0 sigcode=18446744073709551615\n\n" + labelled + "main.f()" + call, crashtrace.KindSignal},
		"signal on goroutine 0":   {"SIGABRT: abort\nPC=0x1 m=0 sigcode=18446744073709551610\n\ngoroutine 0 gp=0x1 m=0 mp=0x2 [idle]:\nruntime.futex()" + call + "\n" + labelled + "main.f()" + call, crashtrace.KindSignal},
		"overflow of a thread":    {"\nruntime stack:\nruntime.throw()" + call + "runtime.newstack()" + call + "\ngoroutine 7 [select]:\nmain.f()" + call, crashtrace.KindFatal},
		"lookalike package":       {"\n" + labelled + "example.org/internal/sync.fatal()" + call + "example.org/unlock()" + call, crashtrace.KindUnknown},
	} {
		if got := read(t, tc.text); got.Kind != tc.want || got.Kind.OwnFault() {
			t.Errorf("%s: kind %q, own fault %t, want %q", name, got.Kind, got.Kind.OwnFault(), tc.want)
		}
	}
}

func TestRead_Limits(t *testing.T) {
	t.Parallel()
	limits := crashtrace.Limits{PreambleBytes: 100, DumpBytes: 1000, BlockBytes: 200, Goroutines: 5}
	const header = "goroutine 7 [running]:\n"
	for name, tc := range map[string]struct {
		text     string
		others   int
		complete bool
	}{
		"preamble":        {"panic: " + strings.Repeat("x", 1000) + "\n\n" + header + "main.f()\n", 0, true},
		"first block":     {header + strings.Repeat("main.f()\n", 50), 0, true},
		"dump":            {header + strings.Repeat("main.f()\n", 5000), 0, false},
		"one line":        {header + strings.Repeat("x", 5000), 0, false},
		"one long header": {"goroutine 7 [" + strings.Repeat("x", 200<<10), 0, false},
		"goroutines":      {strings.Repeat(header, 20), 5, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := crashtrace.Read(strings.NewReader(tc.text), limits, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Truncated || got.Complete != tc.complete || got.First.ID != 7 || len(got.Goroutines) != tc.others {
				t.Errorf("truncated %t, complete %t, first %d, %d others", got.Truncated, got.Complete, got.First.ID, len(got.Goroutines))
			}
			checkLimits(t, got, limits)
		})
	}
}

// checkLimits holds a trace against its limits, which must be set.
func checkLimits(t testing.TB, got crashtrace.Trace, limits crashtrace.Limits) {
	t.Helper()
	const seam = 64
	if len(got.Dump) > limits.PreambleBytes+limits.DumpBytes+seam || len(got.Block) > limits.BlockBytes ||
		len(got.Goroutines) > limits.Goroutines || len(got.Reason) > 1<<10 || len(got.First.Frames) > 256 {
		t.Errorf("beyond the limits: dump %d, block %d, goroutines %d, reason %d, frames %d",
			len(got.Dump), len(got.Block), len(got.Goroutines), len(got.Reason), len(got.First.Frames))
	}
}

// TestRead_BoundedMemory is not parallel: it counts what the whole process allocates.
func TestRead_BoundedMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		unit  string
		bytes int64
	}{
		"5 million lines":    {"\t\n", 10 << 20},
		"5 million in front": {"x\n", 10 << 20},
		"one line of 100 MB": {strings.Repeat("x", 1<<10), 100 << 20},
		"garbage":            {"\x00\xff\x1b[31m\r\n\t\"goroutine ", 20 << 20},
		"headers":            {"goroutine 7 [running labels:{\"theriac\": \"1.1\"}]:\n", 100 << 20},
		"thread blocks":      {"runtime stack:\nruntime.throw()\n\t/a.go:1\n\n", 20 << 20},
		"calls":              {"main.f()\n", 100 << 20},
	} {
		endless := &repeated{units: bytes.Repeat([]byte(tc.unit), 1<<10)}
		before := held()
		input := io.MultiReader(strings.NewReader("panic: "), io.LimitReader(endless, tc.bytes), strings.NewReader("\n\n"+plain))
		got, err := crashtrace.Read(input, crashtrace.Limits{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if peak := max(endless.peak, held()); peak > before+16<<20 {
			t.Errorf("%s: %d MB more are held for %d MB", name, (peak-before)>>20, got.Bytes>>20)
		}
		if name != "headers" && (got.First.ID != 12 || !got.Complete) {
			t.Errorf("%s: the trace behind it was lost: first %d, complete %t", name, got.First.ID, got.Complete)
		}
		runtime.KeepAlive(got)
	}
}

// repeated is an endless stream that watches how much memory is held while it is read.
type repeated struct {
	units []byte
	at    int
	bytes int
	peak  uint64
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.units[r.at:])
	r.at = (r.at + n) % len(r.units)
	const watchEvery = 2 << 20
	if before := r.bytes; (before+n)/watchEvery > before/watchEvery {
		r.peak = max(r.peak, held())
	}
	r.bytes += n
	return n, nil
}

// held is how much memory is in use.
func held() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// checkPrefix: a trace that was cut is never more damning than the whole, and names nobody else.
func checkPrefix(t testing.TB, whole, cut crashtrace.Trace) {
	t.Helper()
	if cut.Kind.OwnFault() && cut.Kind != whole.Kind {
		t.Errorf("cut after %d bytes: %q instead of %q", cut.Bytes, cut.Kind, whole.Kind)
	}
	if cut.First.ID != 0 && (cut.First.ID != whole.First.ID || !slices.Equal(cut.First.Labels, whole.First.Labels)) {
		t.Errorf("cut after %d bytes: goroutine %d with %v is first", cut.Bytes, cut.First.ID, cut.First.Labels)
	}
	if len(cut.Goroutines) > len(whole.Goroutines) {
		t.Fatalf("cut after %d bytes: %d other goroutines instead of %d", cut.Bytes, len(cut.Goroutines), len(whole.Goroutines))
	}
	for i, g := range cut.Goroutines {
		if w := whole.Goroutines[i]; g.ID != w.ID || g.Status != w.Status || !slices.Equal(g.Labels, w.Labels) {
			t.Errorf("cut after %d bytes: goroutine %+v instead of %+v", cut.Bytes, g, w)
		}
	}
}

func checkEveryPrefix(t *testing.T, raw []byte) {
	t.Helper()
	whole := read(t, string(raw))
	for n := range raw {
		cut, err := crashtrace.Read(bytes.NewReader(raw[:n]), crashtrace.Limits{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if cut.Bytes != int64(n) || !bytes.Equal(cut.Dump, raw[:n]) {
			t.Errorf("cut after %d bytes: %d kept of %d", n, len(cut.Dump), cut.Bytes)
		}
		checkPrefix(t, whole, cut)
	}
}

func TestRead_CutAnywhere(t *testing.T) {
	t.Parallel()
	checkEveryPrefix(t, []byte(plain))
}

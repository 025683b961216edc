package guardian

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/consumer/guardian/verdict"
)

func TestContainerMemory(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing":           {nil, 0},
		"v2 in a container": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 256 << 20},
		"v2 without limit":  {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"v2 below a slice": {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
			"sys/fs/cgroup/a/memory.max": "1000000\n"}, 1000000},
		"v2 two limits": {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "2000000\n",
			"sys/fs/cgroup/a/memory.max": "3000000\n"}, 2000000},
		"v1 with the path of the host": {map[string]string{"proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/abc\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "1000000\n"}, 1000000},
		"v1 without limit": {map[string]string{"proc/self/cgroup": "4:memory:/\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"v1 with another controller": {map[string]string{"proc/self/cgroup": "4:hugetlb,memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "5000000\n"}, 5000000},
		"hostile": {map[string]string{"proc/self/cgroup": "garbage\n\x00::\n0::/../../../etc\n0::\n4:memory\n",
			"sys/fs/cgroup/memory.max": "-5\n", "etc/memory.max": "1\n"}, 0},
		"no number": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "\x00\xff12"}, 0},
	} {
		root := fstest.MapFS{}
		for path, text := range tc.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := containerMemory(root); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
	containerMemory(fileSystem()) // whatever this machine has
}

func TestMemoryLimitOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ set, container, want int64 }{
		{0, 0, 0}, {0, 100, 100}, {-1, 100, 0}, {50, 100, 50}, {500, 100, 500},
	} {
		got := memoryLimitOf(RoleConfig{MemoryLimit: tc.set}, tc.container)
		if got.bytes != tc.want || got.common != (tc.set == 0) && got.bytes != 0 {
			t.Errorf("MemoryLimit %d in a container of %d: %+v, want %d", tc.set, tc.container, got, tc.want)
		}
	}
	worker := RoleConfig{Slots: 1, MemoryLimit: 7}
	for _, tc := range []struct {
		role RoleConfig
		ward bool
		want confinement
	}{
		{RoleConfig{}, false, confinement{memory: 100}},
		{worker, false, confinement{memory: 7, oomScore: 500}},
		{worker, true, confinement{memory: 7, oomScore: 800, noCore: true}},
	} {
		if got := confinementOf(tc.role, tc.ward, 100); got != tc.want {
			t.Errorf("%+v, ward %t: %+v, want %+v", tc.role, tc.ward, got, tc.want)
		}
	}
}

func TestParseStatm(t *testing.T) {
	t.Parallel()
	got, ok := parseStatm([]byte("765 416 388 5 0 123 0\n"), 4096)
	if want := (memoryUse{resident: 416 << 12, shared: 388 << 12, data: 123 << 12}); !ok || got != want {
		t.Errorf("%+v %t, want %+v", got, ok, want)
	}
	for _, text := range []string{"", "\n", "1 2 3", "a b c d e f g", "1 -2 3 4 5 6 7", "1 9223372036854775807 3 4 5 6 7", "1 2 3 4 5 99999999999999999999 7"} {
		if got, ok := parseStatm([]byte(text), 4096); ok {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func FuzzParseStatm(f *testing.F) {
	f.Add([]byte("765 416 388 5 0 123 0\n"))
	f.Add([]byte("0 0 0 0 0 0 0\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, ok := parseStatm(text, 65536)
		if m.resident < 0 || m.shared < 0 || m.data < 0 || m.shared > m.resident || !ok && m != (memoryUse{}) {
			t.Errorf("%q: %+v %t", text, m, ok)
		}
	})
}

// kernel pretends to be /proc: a file in the place of each child's statm.
type kernel struct {
	t   *testing.T
	dir string
	*watch
}

func newKernel(t *testing.T, container int64) *kernel {
	return &kernel{t: t, dir: t.TempDir(), watch: newWatch(container)}
}

// child adds one under watch; its memory is in pages of a megabyte.
func (k *kernel) child(name string, limit int64) *child {
	c := &child{role: &role{cfg: RoleConfig{Name: name, MemoryLimit: limit}}}
	k.has(name, "0 0 0 0 0 0 0")
	file, err := os.Open(filepath.Join(k.dir, name))
	if err != nil {
		k.t.Fatal(err)
	}
	k.children[c] = &watched{memory: &memoryOf{file: file, pageSize: 1 << 20}, limit: memoryLimitOf(c.role.cfg, k.container)}
	k.t.Cleanup(func() { k.remove(c) })
	return c
}

func (k *kernel) has(name, text string) {
	if err := os.WriteFile(filepath.Join(k.dir, name), []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kernel) alarmed() (names []string) {
	for _, a := range k.look() {
		names = append(names, a.child.role.cfg.Name+" "+strconv.FormatInt(a.of>>20, 10))
	}
	return names
}

func TestWatch_OwnLimit(t *testing.T) {
	t.Parallel()
	k := newKernel(t, 0)
	worker := k.child("worker", 100<<20)
	k.child("web", 200<<20)
	for _, step := range []struct {
		statm string
		want  []string
	}{
		{"100 84 10 0 0 90 0", nil},
		{"", nil}, {"garbage in place of numbers or so", nil}, {"\x00", nil},
		{"100 85 10 0 0 90 0", []string{"worker 85"}},
		{"100 99 10 0 0 90 0", nil}, // once
	} {
		k.has("worker", step.statm)
		if got := k.alarmed(); !cmp.Equal(got, step.want) {
			t.Errorf("statm %q: %q, want %q", step.statm, got, step.want)
		}
	}
	want := []string{"resident memory reached 99 MB, 99% of the limit of 100 MB"}
	if got := k.remove(worker); !cmp.Equal(got, want) {
		t.Errorf("notes %q, want %q", got, want)
	}
	if got := k.remove(worker); got != nil {
		t.Errorf("removed twice: %q", got)
	}
}

func TestWatch_ContainersLimitIsForAll(t *testing.T) {
	t.Parallel()
	k := newKernel(t, 1000<<20)
	k.child("web", 0)
	worker := k.child("worker", 0)
	k.child("other", 2000<<20) // has its own
	k.has("other", "0 900 0 0 0 0 0")
	for _, step := range []struct {
		web, worker string
		want        []string
	}{
		{"0 400 50 0 0 0 0", "0 450 50 0 0 0 0", nil},                    // 800: the 50 of both are the same
		{"0 400 50 0 0 0 0", "0 500 50 0 0 0 0", []string{"worker 850"}}, // the larger one
		{"0 400 50 0 0 0 0", "0 600 50 0 0 0 0", nil},                    // it is on its way
		{"0 860 50 0 0 0 0", "", []string{"web 860"}},                    // now the other by itself
		{"0 999 50 0 0 0 0", "0 999 50 0 0 0 0", nil},
	} {
		k.has("web", step.web)
		k.has("worker", step.worker)
		if got := k.alarmed(); !cmp.Equal(got, step.want) {
			t.Errorf("web %q, worker %q: %q, want %q", step.web, step.worker, got, step.want)
		}
	}
	k.remove(worker)
}

func TestWatch_AProcessThatVanished(t *testing.T) {
	t.Parallel()
	w := newWatch(0)
	c := &child{pid: 1 << 30, role: &role{cfg: RoleConfig{MemoryLimit: 1 << 30}}}
	if err := w.add(c); err == nil {
		t.Error("a process that is not there is watched")
	}
	c.pid = os.Getpid()
	if err := w.add(c); err != nil {
		t.Fatal(err)
	}
	if got := w.look(); got != nil {
		t.Errorf("alarms %v", got)
	}
	if seen := w.children[c]; seen.last.resident < 1<<20 || seen.last.data == 0 {
		t.Errorf("this process has %+v", seen.last)
	}
	_ = w.children[c].memory.file.Close()
	if got := w.look(); got != nil {
		t.Errorf("alarms after the file was closed: %v", got)
	}
	w.remove(c)
}

func TestEndedBy(t *testing.T) {
	t.Parallel()
	header := crashtrace.Goroutine{ID: 1}
	for _, tc := range []struct {
		asked verdict.Ended
		trace crashtrace.Trace
		want  verdict.Ended
	}{
		{verdict.EndedMemory, crashtrace.Trace{}, verdict.EndedMemory},
		{verdict.EndedMemory, crashtrace.Trace{First: header, Kind: crashtrace.KindQuit}, verdict.EndedMemory},
		{verdict.EndedHang, crashtrace.Trace{First: header, Kind: crashtrace.KindSignal, Signal: crashtrace.Signal{Name: "SIGTRAP"}}, verdict.EndedHang},
		{verdict.EndedHang, crashtrace.Trace{First: header, Kind: crashtrace.KindSignal, Signal: crashtrace.Signal{Name: "SIGILL"}}, verdict.EndedNot},
		{verdict.EndedMemory, crashtrace.Trace{First: header, Kind: crashtrace.KindPanic}, verdict.EndedNot},
		{verdict.EndedMemory, crashtrace.Trace{First: header, Kind: crashtrace.KindOutOfMemory}, verdict.EndedNot},
		{verdict.EndedRecycle, crashtrace.Trace{First: header, Kind: crashtrace.KindPanic}, verdict.EndedRecycle},
		{verdict.EndedNot, crashtrace.Trace{First: header, Kind: crashtrace.KindQuit}, verdict.EndedNot},
	} {
		e := evidence{ended: tc.asked, trace: &tc.trace}
		if got := e.endedBy(); got != tc.want {
			t.Errorf("asked for %d, died of %v: %d, want %d", tc.asked, tc.trace.Kind, got, tc.want)
		}
	}
}

func TestReportMemory(t *testing.T) {
	t.Parallel()
	table, err := inflight.Create(inflight.Config{Dir: t.TempDir(), Slots: 1, Incarnation: "worker-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	mapping, err := inflight.Open(table.File())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	close(done)
	reportMemory(mapping, done)
	status, err := table.Status()
	if err != nil || status.ResidentBytes < 1<<20 || status.ResidentBytes > 1<<40 {
		t.Errorf("this process says that it has %d bytes (%v)", status.ResidentBytes, err)
	}
}

func BenchmarkWatch_Look(b *testing.B) {
	w := newWatch(1 << 40)
	for range 10 {
		if err := w.add(&child{pid: os.Getpid(), role: &role{}}); err != nil {
			b.Fatal(err)
		}
	}
	begun := time.Now()
	for b.Loop() {
		w.look()
	}
	b.ReportMetric(float64(time.Since(begun).Nanoseconds())/float64(b.N)/10, "ns/child")
}

package inflight_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

func TestConfig_Defaults(t *testing.T) {
	t.Parallel()
	if got := (inflight.Config{}).WithDefaults(); got != (inflight.Config{Slots: 256}) {
		t.Errorf("defaults = %+v", got)
	}
	full := inflight.Config{Dir: "d", Slots: 1, Incarnation: "i", Build: "b"}
	for i, v := 0, reflect.ValueOf(full); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("give field %s a value here", v.Type().Field(i).Name)
		}
	}
	if got := full.WithDefaults(); got != full {
		t.Errorf("WithDefaults changed %+v to %+v", full, got)
	}
}

func TestConfig_ValidateNamesEveryProblem(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 129)
	for _, slots := range []int{-1, 0, inflight.MaxSlots + 1, math.MaxInt} {
		err := inflight.Config{Slots: slots, Incarnation: long, Build: long}.Validate()
		if err == nil {
			t.Fatalf("%d slots were accepted", slots)
		}
		for _, field := range []string{"Slots", "Incarnation", "Build"} {
			if !strings.Contains(err.Error(), "Config."+field) {
				t.Errorf("%d slots: %s is not in %v", slots, field, err)
			}
		}
	}
	if _, err := inflight.Create(inflight.Config{Slots: -1}); err == nil {
		t.Error("Create accepted a bad config")
	}
}

func TestCreate_ArenaIsBounded(t *testing.T) {
	t.Parallel()
	for slots, arena := range map[int]int64{
		1: 64 << 10, 256: 16 << 20, 1000: 64_000 << 10, 1024: 64 << 20, 1025: 1025 * 60 << 10, 4096: 64 << 20,
	} {
		table, _ := pair(t, inflight.Config{Slots: slots})
		info, err := table.File().Stat()
		if err != nil {
			t.Fatal(err)
		}
		rest := info.Size() - arena
		if least := int64(slots*768 + 36<<10); rest < least || rest > least+2*4096 {
			t.Errorf("%d slots: %d bytes, that is %d beside the arena, want %d and at most two pages", slots, info.Size(), rest, least)
		}
	}
}

func TestCreate_FileIsTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table, _ := pair(t, inflight.Config{Dir: dir, Slots: 1})
	if want := filepath.Join(dir, inflight.FileName); table.Path() != want {
		t.Errorf("Path = %q, want %q", table.Path(), want)
	}
	info, err := os.Stat(table.Path())
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode = %v", info.Mode())
	}
	if _, err := inflight.Create(inflight.Config{Dir: dir}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second table in the folder: %v", err)
	}
	if _, err := os.Stat(table.Path()); err != nil {
		t.Errorf("the second table took the first away: %v", err)
	}
}

func TestLoad_ReadsWhatAGuardianLeft(t *testing.T) {
	t.Parallel()
	created, mapping := pair(t, inflight.Config{Dir: t.TempDir(), Slots: 3, Incarnation: "worker-7", Build: "v1.2.3"})
	region := subscribe(t, mapping)
	region.End(1, region.Begin(1, benchmarkMessage(100)))
	region.Begin(0, benchmarkMessage(100))
	region.Return(2, region.Begin(2, benchmarkMessage(100_000)), 2)
	want := created.Read()

	left, err := inflight.Load(created.Path())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, left.Read()); diff != "" || len(want.Slots) != 2 || len(want.Past) != 1 {
		t.Errorf("%d slots, %d past, (-created +loaded):\n%s", len(want.Slots), len(want.Past), diff)
	}
	noError(t, left.Close(), left.Remove(), left.Remove())
	if _, err := os.Stat(created.Path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
	if _, err := inflight.Load(created.Path()); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, inflight.ErrDamaged) {
		t.Errorf("Load of nothing = %v", err)
	}
}

func TestMapping_TellsTheGuardian(t *testing.T) {
	t.Parallel()
	table, err := inflight.Create(inflight.Config{Slots: 1, Incarnation: strings.Repeat("i", 64), Build: strings.Repeat("b", 128)})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	before, err := table.Status()
	if err != nil {
		t.Fatal(err)
	}
	want := inflight.Status{
		Incarnation: strings.Repeat("i", 64), Build: strings.Repeat("b", 128),
		Capacity: 1, Created: before.Created, Size: before.Size,
	}
	if diff := cmp.Diff(want, before); diff != "" || time.Since(before.Created) > time.Hour {
		t.Errorf("before the worker (-want +got):\n%s", diff)
	}
	if before.Contains(0) {
		t.Error("a table that nobody mapped contains an address")
	}

	mapping, err := inflight.Open(table.File())
	if err != nil {
		t.Fatal(err)
	}
	defer mapping.Close()
	for i, step := range []func(){
		func() {}, mapping.MarkReady, mapping.Heartbeat, mapping.MarkStopping, mapping.MarkClean,
	} {
		step()
		s := table.Read().Status
		for j, at := range []time.Time{s.Started, s.Ready, s.Heartbeat, s.Stopping, s.Clean} {
			if at.IsZero() != (j > i) {
				t.Errorf("step %d: time %d is %v", i, j, at)
			}
		}
	}
	mapping.SetResident(12345)
	s, err := table.Status()
	if err != nil || s.PID != os.Getpid() || s.ResidentBytes != 12345 {
		t.Errorf("status = %+v, %v", s, err)
	}
	for address, want := range map[uint64]bool{
		0: false, s.Address - 1: false, s.Address: true, s.Address + s.Size - 1: true, s.Address + s.Size: false, math.MaxUint64: false,
	} {
		if s.Contains(address) != want {
			t.Errorf("Contains(%x) = %t with %x bytes at %x", address, !want, s.Size, s.Address)
		}
	}
}

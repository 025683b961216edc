package inflight_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// killsVariable says how many children are killed. The normal test kills 40; a drill wants 1,000.
const killsVariable = "THERIAC_INFLIGHT_KILLS"

const spinSlots = 8

// lateSpan is the first byte of ids that were not there at the beginning.
const lateSpan = 0xff

// spin is a worker that does nothing but begin, return and end messages of all sizes, until it is
// killed or its parent is gone.
func spin() {
	table := os.NewFile(3, "table")
	mapping, err := inflight.Open(table)
	must(err)
	must(table.Close())
	region, err := mapping.Subscribe("orders", mapping.Slots())
	must(err)
	mapping.MarkReady()
	var workers sync.WaitGroup
	for slot := range mapping.Slots() {
		workers.Go(func() { spinSlot(region, slot) })
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is gone
	os.Exit(0)
}

func spinSlot(region *inflight.Region, slot int) {
	random, noise := rand.New(rand.NewPCG(rand.Uint64(), uint64(slot))), noise()
	for {
		begin := message(random, noise, random.IntN(1<<random.IntN(17)))
		generation := region.Begin(slot, begin)
		if random.IntN(2) == 0 {
			// Some have a span that is made later.
			begin.TraceID[0], begin.SpanID[0] = lateSpan, lateSpan
			region.Trace(slot, generation, begin.TraceID, begin.SpanID)
		}
		if random.IntN(2) == 0 {
			runtime.Gosched() // some handlers take a while
		}
		region.Return(slot, generation, outcomeOf(begin))
		region.End(slot, generation)
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestTable_SurvivesKills kills workers at random instants and reads what they left: every message
// that was in flight is whole, and nothing is blamed before its handler was called.
func TestTable_SurvivesKills(t *testing.T) {
	t.Parallel()
	kills := 40
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s=%q: want the number of kills", killsVariable, text)
		}
	}
	seen := map[inflight.State]int{}
	noise := noise()
	for i := range kills {
		dir := ""
		if i%2 == 1 {
			dir = t.TempDir()
		}
		s := killed(t, dir)
		checkWhole(t, s, noise)
		if s.Damage != "" || s.DamagedPast != 0 || s.Status.Ready.IsZero() || s.Status.PID == 0 {
			t.Errorf("damage %q, %d entries of the past damaged, status %+v", s.Damage, s.DamagedPast, s.Status)
		}
		for _, slot := range s.Slots {
			seen[slot.State]++
		}
	}
	t.Logf("%d kills left slots in these states: %v", kills, seen)
	if seen[inflight.Busy] == 0 || seen[inflight.Writing] == 0 {
		t.Errorf("the kills met no slot that was busy, or none that was written: %v", seen)
	}
}

// killed starts a worker, kills it after a random number of messages, and reads its table.
func killed(t *testing.T, dir string) inflight.Snapshot {
	t.Helper()
	table, err := inflight.Create(inflight.Config{Dir: dir, Slots: spinSlots})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { noError(t, table.Close(), table.Remove()) }()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childRole+"=spin")
	child.ExtraFiles = []*os.File{table.File()}
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for target := 1 + rand.Uint64N(2000); progress(table.Read()) < target; {
		runtime.Gosched()
	}
	noError(t, child.Process.Kill())
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Fatalf("the worker was not killed: %v", err)
	}
	return table.Read()
}

// progress is the newest generation that a snapshot knows.
func progress(s inflight.Snapshot) (newest uint64) {
	for _, slot := range s.Slots {
		newest = max(newest, slot.Name.Generation)
	}
	for _, past := range s.Past {
		newest = max(newest, past.Name.Generation)
	}
	return newest
}

// checkWhole compares every slot with the message that its id stands for.
func checkWhole(t *testing.T, s inflight.Snapshot, noise []byte) {
	t.Helper()
	for _, slot := range s.Slots {
		want := inflight.Slot{Name: slot.Name, State: slot.State}
		if slot.State != inflight.Writing {
			b := messageOf(slot.ID, noise)
			if slot.TraceID[0] == lateSpan {
				b.TraceID[0], b.SpanID[0] = lateSpan, lateSpan
			}
			want = slotOf(b, slot.Name, slot.Missing)
			want.State = slot.State
			if slot.State == inflight.Settling {
				want.Outcome = outcomeOf(b)
			}
			if fits := len(b.Data) < 64<<10-400; fits && slot.Missing != inflight.NotMissing {
				t.Errorf("%s: %d bytes are missing: %s", slot.Name, len(b.Data), slot.Missing)
			}
		}
		if diff := cmp.Diff(want, slot, sameBytes()); diff != "" {
			t.Errorf("slot %s (-want +got):\n%.2000s", slot.Name, diff)
		}
	}
}

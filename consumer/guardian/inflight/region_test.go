package inflight_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

const hostile = "\x00\xff\xfe\"\n\r\x1b[2J\u202e goroutine 1 [running]:"

func many(n int) map[string]string {
	attributes := map[string]string{}
	for i := range n {
		attributes[fmt.Sprint(hostile, i)] = strings.Repeat("v\x00", i)
	}
	return attributes
}

func TestBegin_EveryFieldIsReadBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 3, 2, 1, 987654321, time.UTC)
	full := inflight.Begin{
		ID: "id", OrderingKey: "key", AckToken: "$JS.ACK.orders.7", Data: []byte("data"),
		Attributes: map[string]string{"a": "1"}, Attempt: 3,
		Started: now, Deadline: now.Add(time.Second), Published: now.Add(-time.Hour),
		TraceID: [16]byte{1, 15: 16}, SpanID: [8]byte{1, 7: 8}, Flags: inflight.InWard | inflight.Ordered,
	}
	with := func(change func(*inflight.Begin)) inflight.Begin {
		b := full
		change(&b)
		return b
	}
	for _, tt := range []struct {
		name    string
		begin   inflight.Begin
		missing inflight.Missing
	}{
		{"all fields", full, inflight.NotMissing},
		{"nothing", inflight.Begin{}, inflight.NotMissing},
		{"hostile bytes", with(func(b *inflight.Begin) {
			b.ID, b.OrderingKey, b.AckToken, b.Data = hostile, hostile, hostile, []byte(hostile)
		}), inflight.NotMissing},
		{"100 attributes", with(func(b *inflight.Begin) { b.Attributes = many(100) }), inflight.NotMissing},
		{"an attribute with neither key nor value", with(func(b *inflight.Begin) {
			b.Attributes = map[string]string{"": ""}
		}), inflight.NotMissing},
		{"id of exactly a slot", with(func(b *inflight.Begin) { b.ID = strings.Repeat("i", 164) }), inflight.NotMissing},
		{"id longer than a slot", with(func(b *inflight.Begin) { b.ID = strings.Repeat("\x00i", 100) }), inflight.NotMissing},
		{"data of 10 MB", with(func(b *inflight.Begin) { b.Data = make([]byte, 10_000_000) }), inflight.TooLarge},
		{"attributes of more than a stride", with(func(b *inflight.Begin) { b.Attributes = many(400) }), inflight.TooLarge},
		{"times that nanoseconds cannot hold", with(func(b *inflight.Begin) {
			b.Started, b.Deadline = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-4, 1, 1, 0, 0, 0, 0, time.UTC)
		}), inflight.NotMissing},
		{"flags and attempts that do not exist", with(func(b *inflight.Begin) { b.Flags, b.Attempt = ^inflight.Flags(0), -1 }), inflight.NotMissing},
		{"ordering key and ack token too large", with(func(b *inflight.Begin) {
			b.OrderingKey, b.AckToken = strings.Repeat("k", 40_000), strings.Repeat("t", 40_000)
		}), inflight.HeadTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			table, mapping := pair(t, inflight.Config{Slots: 2})
			region := subscribe(t, mapping)
			generation := region.Begin(1, &tt.begin)
			want := slotOf(&tt.begin, region.Name(1, generation), tt.missing)
			for name, read := range map[string]func() inflight.Snapshot{"guardian": table.Read, "worker": mapping.Read} {
				got := read()
				if diff := cmp.Diff([]inflight.Slot{want}, got.Slots, sameBytes()); diff != "" || got.Damage != "" {
					t.Errorf("%s: damage %q, slots (-want +got):\n%s", name, got.Damage, diff)
				}
			}
		})
	}
}

// slotOf is how a busy message must be read back, but for empty data, which comes back as nil.
func slotOf(b *inflight.Begin, name inflight.Name, missing inflight.Missing) inflight.Slot {
	s := inflight.Slot{
		Name: name, State: inflight.Busy, Subscription: "orders",
		ID: b.ID, Attempt: max(b.Attempt, 0), Started: kept(b.Started), Deadline: kept(b.Deadline), Published: kept(b.Published),
		TraceID: b.TraceID, SpanID: b.SpanID, Flags: b.Flags & (inflight.InWard | inflight.Ordered),
		OrderingHash: inflight.OrderingHash(b.OrderingKey), DataBytes: uint32(len(b.Data)),
		OrderingKey: b.OrderingKey, AckToken: b.AckToken, Missing: missing,
	}
	switch missing {
	case inflight.NotMissing:
		s.Message = &inflight.Message{Data: b.Data}
		if len(b.Attributes) > 0 {
			s.Message.Attributes = b.Attributes
		}
	case inflight.HeadTooLarge:
		s.OrderingKey, s.AckToken = "", ""
	}
	return s
}

func kept(t time.Time) time.Time {
	if t.Year() < 1678 || t.Year() > 2261 {
		return time.Time{}
	}
	return t
}

func TestBegin_ALongIDWithoutRoomIsCutAndHashed(t *testing.T) {
	t.Parallel()
	table, mapping := pair(t, inflight.Config{Slots: 1})
	region := subscribe(t, mapping)
	id := strings.Repeat("x", 165)
	region.Begin(0, &inflight.Begin{ID: id, AckToken: strings.Repeat("t", 70_000)})
	sum := sha256.Sum256([]byte(id))
	slot := table.Read().Slots[0]
	if want := id[:148] + hex.EncodeToString(sum[:8]); slot.ID != want || !slot.IDCut {
		t.Errorf("id = %q, cut = %t, want %q", slot.ID, slot.IDCut, want)
	}
}

func TestSlot_LifeIsSeenByTheReader(t *testing.T) {
	t.Parallel()
	table, mapping := pair(t, inflight.Config{Slots: 4})
	if _, err := mapping.Subscribe("first", 1); err != nil {
		t.Fatal(err)
	}
	region, err := mapping.Subscribe("second", 3)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	generation := region.Begin(2, &inflight.Begin{ID: strings.Repeat("long", 20), Started: began})
	name := region.Name(2, generation)
	if name != (inflight.Name{Slot: 3, Generation: 1}) {
		t.Fatalf("name = %v", name)
	}
	if slot, live := table.Read().Live(name); !live || slot.Subscription != "second" {
		t.Errorf("busy: live = %t, slot = %+v", live, slot)
	}
	if _, live := table.Read().Live(inflight.Name{Slot: 3, Generation: 2}); live {
		t.Error("another generation of a busy slot is live")
	}
	if region.Return(2, generation+1, 1) || region.End(2, generation+1) {
		t.Error("a generation that was never begun was returned or ended")
	}
	if !region.Return(2, generation, 200) || region.Return(2, generation, 1) {
		t.Error("Return must do its work once")
	}
	if slot, live := table.Read().Live(name); live || slot.State != inflight.Settling || slot.Outcome != 63 {
		t.Errorf("settling: live = %t, slot = %+v", live, slot)
	}
	if !region.End(2, generation) || region.End(2, generation) || region.Return(2, generation, 1) {
		t.Error("End must do its work once, and nothing follows it")
	}
	s := table.Read()
	past, ok := s.Ran(name)
	if want := strings.Repeat("long", 10); !ok || past.ID != want || !past.IDCut || past.Outcome != 63 || past.Subscription != "second" || !past.Started.Equal(began) {
		t.Errorf("Ran = %+v, %t", past, ok)
	}
	if len(s.Slots) != 0 {
		t.Errorf("slots after End: %+v", s.Slots)
	}
}

func TestHistory_KeepsTheLastEightOfEachSlot(t *testing.T) {
	t.Parallel()
	table, mapping := pair(t, inflight.Config{Slots: 2})
	region := subscribe(t, mapping)
	for i := range 20 {
		region.End(0, region.Begin(0, &inflight.Begin{ID: fmt.Sprint(i + 1)}))
	}
	s := table.Read()
	for generation := range uint64(22) {
		past, ok := s.Ran(region.Name(0, generation))
		if want := generation > 12 && generation <= 20; ok != want || ok && past.ID != fmt.Sprint(generation) {
			t.Errorf("generation %d: %+v, %t", generation, past, ok)
		}
	}
}

func TestTrace_OnlyWhileItsGenerationIsBusy(t *testing.T) {
	t.Parallel()
	table, mapping := pair(t, inflight.Config{Slots: 1})
	region := subscribe(t, mapping)
	traceID, spanID := [16]byte{1, 15: 2}, [8]byte{3, 7: 4}
	first := region.Begin(0, &inflight.Begin{ID: "first", Data: []byte("d")})
	if !region.Trace(0, first, traceID, spanID) {
		t.Error("the busy slot took no span")
	}
	got := table.Read().Slots
	if len(got) != 1 || got[0].State != inflight.Busy || got[0].Damage != "" || got[0].TraceID != traceID || got[0].SpanID != spanID || got[0].ID != "first" {
		t.Errorf("the slot holds %+v", got)
	}
	region.Return(0, first, 1)
	if region.Trace(0, first, [16]byte{9}, spanID) {
		t.Error("a handler that is over got another span")
	}
	region.End(0, first)
	second := region.Begin(0, &inflight.Begin{ID: "second"})
	if region.Trace(0, first, traceID, spanID) || !region.Trace(0, second, [16]byte{5}, [8]byte{}) {
		t.Error("the generation does not decide")
	}
	if got := table.Read().Slots; len(got) != 1 || got[0].ID != "second" || got[0].TraceID != [16]byte{5} {
		t.Errorf("the slot holds %+v", got)
	}
}

func TestRegion_ASlotOutsideOfItPanics(t *testing.T) {
	t.Parallel()
	_, mapping := pair(t, inflight.Config{Slots: 4})
	region, err := mapping.Subscribe("orders", 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, slot := range []int{-1, 2, math.MaxInt} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("slot %d was taken", slot)
				}
			}()
			region.Begin(slot, &inflight.Begin{})
		}()
	}
}

func TestSubscribe_Refuses(t *testing.T) {
	t.Parallel()
	_, mapping := pair(t, inflight.Config{Slots: 200})
	for _, tt := range []struct {
		name  string
		slots int
		full  bool
	}{
		{"", 1, false}, {strings.Repeat("n", 233), 1, false}, {"orders", 0, false}, {"orders", -1, false}, {"orders", 201, true},
	} {
		if _, err := mapping.Subscribe(tt.name, tt.slots); err == nil || errors.Is(err, inflight.ErrFull) != tt.full {
			t.Errorf("%.10q, %d slots: %v", tt.name, tt.slots, err)
		}
	}
	for range inflight.MaxSubscriptions {
		if _, err := mapping.Subscribe(strings.Repeat("n", 232), 1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := mapping.Subscribe("one more", 1); !errors.Is(err, inflight.ErrFull) {
		t.Errorf("one subscription too many: %v", err)
	}
}

// Not parallel: it counts allocations.
func TestBegin_AllocatesNothing(t *testing.T) {
	_, mapping := pair(t, inflight.Config{Slots: 1})
	region := subscribe(t, mapping)
	for _, size := range []int{0, 1 << 10, 60 << 10, 10 << 20} {
		begin := benchmarkMessage(size)
		begin.ID = strings.Repeat("a long id ", 20)
		allocations := testing.AllocsPerRun(100, func() {
			generation := region.Begin(0, begin)
			region.Return(0, generation, 1)
			region.End(0, generation)
		})
		if allocations != 0 {
			t.Errorf("%d bytes: %v allocations", size, allocations)
		}
	}
}

func TestSubscribeHandler_KeepsWhatThereIsRoomFor(t *testing.T) {
	t.Parallel()
	table, mapping := pair(t, inflight.Config{Slots: 4})
	long := strings.Repeat("h", 2*inflight.MaxSubscriptionName)
	full := strings.Repeat("s", inflight.MaxSubscriptionName)
	for i, tc := range []struct{ name, handler, want string }{
		{"orders", "billing.Confirm", "billing.Confirm"},
		{"orders", "", ""},
		{"orders", long, long[:inflight.MaxSubscriptionName-len("orders")]},
		{full, "billing.Confirm", ""},
	} {
		region, err := mapping.SubscribeHandler(tc.name, tc.handler, 1)
		if err != nil {
			t.Fatal(err)
		}
		generation := region.Begin(0, &inflight.Begin{ID: "m"})
		slot, live := table.Read().Live(region.Name(0, generation))
		if !live || slot.Subscription != tc.name || slot.Handler != tc.want {
			t.Errorf("%d: subscription %q, handler %q; want %q, %q", i, slot.Subscription, slot.Handler, tc.name, tc.want)
		}
	}
}

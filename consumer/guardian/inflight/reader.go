package inflight

import (
	"fmt"
	"io"
	"math"
	"unsafe"
)

// readAttempts is how often a part of the table that changes is read again.
const readAttempts = 4

// reader reads a table through a source that copies, so that nothing that was checked can change
// afterwards.
type reader struct {
	from     io.ReaderAt
	geometry geometry
}

func (r reader) snapshot() Snapshot {
	var s Snapshot
	var err error
	if s.Status, err = r.status(); err != nil {
		s.Damage = err.Error()
	}
	cells, errCells := readAll[slotCell](r, r.geometry.cells(), r.geometry.slots)
	histories, errHistories := readAll[history](r, r.geometry.histories(), r.geometry.slots)
	regions, errRegions := r.regions()
	for _, err := range []error{errCells, errHistories, errRegions} {
		if err != nil && s.Damage == "" {
			s.Damage = err.Error()
		}
	}
	for i := range cells {
		if slot := r.slot(i, &cells[i], regions); slot.State != Free || slot.Damage != "" {
			s.Slots = append(s.Slots, slot)
		}
	}
	for i := range histories {
		r.past(&s, i, &histories[i])
	}
	for i := range s.Past {
		s.Past[i].Subscription = owner(regions, s.Past[i].Name.Slot)
	}
	return s
}

// readAll reads n values from an offset. What the file does not have is zero, and an error.
func readAll[T any](r reader, at, n int) ([]T, error) {
	values := make([]T, n)
	whole := unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), n*int(unsafe.Sizeof(values[0])))
	if got, err := r.from.ReadAt(whole, int64(at)); got < len(whole) {
		clear(whole[got:])
		return values, fmt.Errorf("%w: %d bytes at %d: %w", ErrDamaged, len(whole)-got, at+got, err)
	}
	return values, nil
}

func (r reader) status() (Status, error) {
	headers, err := readAll[headerPage](r, 0, 1)
	if err != nil {
		return Status{}, err
	}
	h := &headers[0]
	if problem := h.check(); problem != "" {
		return Status{}, fmt.Errorf("%w: header: %s", ErrDamaged, problem)
	}
	if int(h.slots) != r.geometry.slots {
		return Status{}, fmt.Errorf("%w: header: it is that of another table", ErrDamaged)
	}
	return Status{
		Incarnation: string(h.incarnation[:h.incarnationLength]),
		Build:       string(h.build[:h.buildLength]),
		Capacity:    int(h.slots),
		Created:     fromNanos(h.created),
		PID:         int(min(h.pid, math.MaxInt32)),
		Address:     h.address, Size: uint64(r.geometry.size()),
		ResidentBytes: h.resident,
		Started:       fromNanos(h.started),
		Ready:         fromNanos(h.ready),
		Heartbeat:     fromNanos(h.heartbeat),
		Stopping:      fromNanos(h.stopping),
		Clean:         fromNanos(h.clean),
	}, nil
}

// region is the reader's view of a Region.
type region struct {
	name, handler string
	first, slots  uint32
}

func (g region) holds(slot int) bool {
	return uint32(slot) >= g.first && uint32(slot)-g.first < g.slots
}

// owner returns the subscription that holds a slot.
func owner(regions []region, slot int) string {
	for _, g := range regions {
		if g.holds(slot) {
			return g.name
		}
	}
	return ""
}

// regions returns the regions by index. One that is damaged holds no slot.
func (r reader) regions() ([]region, error) {
	cells, err := readAll[subscriptionCell](r, r.geometry.subscriptions(), MaxSubscriptions)
	regions := make([]region, len(cells))
	for i := range cells {
		c := &cells[i]
		if c.used == 1 && int(c.nameLength)+int(c.handlerLength) <= MaxSubscriptionName && c.crc == c.sum() {
			end := c.nameLength + c.handlerLength
			regions[i] = region{string(c.name[:c.nameLength]), string(c.name[c.nameLength:end]), c.first, c.slots}
		}
	}
	return regions, err
}

// slot reads one slot. A slot in use may change between its own bytes and those of its record, which
// the state word shows.
func (r reader) slot(i int, c *slotCell, regions []region) Slot {
	for range readAttempts {
		slot := r.slotOnce(i, c, regions)
		if slot.State == Free && slot.Damage == "" {
			return slot
		}
		again, err := readAll[slotCell](r, r.geometry.cells()+i*int(unsafe.Sizeof(*c)), 1)
		if err != nil || again[0].state == c.state {
			return slot
		}
		c = &again[0]
	}
	return damagedSlot(i, c.state, Changing)
}

func (r reader) slotOnce(i int, c *slotCell, regions []region) Slot {
	w := c.state
	slot := Slot{Name: Name{Slot: i, Generation: w.generation()}, State: w.state()}
	if slot.State == Free {
		return slot
	}
	if slot.Name.Generation == 0 {
		return damagedSlot(i, w, "its generation is impossible")
	}
	if slot.State == Writing {
		return slot
	}
	if problem := c.check(i); problem != "" {
		return damagedSlot(i, w, problem)
	}
	if c.subscription >= uint32(len(regions)) || !regions[c.subscription].holds(i) {
		return damagedSlot(i, w, "no subscription holds it")
	}
	slot.Subscription, slot.Handler = regions[c.subscription].name, regions[c.subscription].handler
	c.describe(&slot)
	r.copy(i, c, &slot)
	return slot
}

func damagedSlot(i int, w stateWord, problem string) Slot {
	return Slot{Name: Name{Slot: i, Generation: w.generation()}, State: w.state(), Damage: problem}
}

// check reports what is wrong with a slot that is busy or settling, "" for nothing.
func (c *slotCell) check(slot int) string {
	switch {
	case c.idLength > maxSlotID:
		return "its id is longer than it can be"
	case c.crc != c.sum(slot):
		return "its checksum is wrong"
	case c.generationLow != uint16(c.state.generation()):
		return "its fields are those of another generation"
	}
	return ""
}

// describe copies the fields of a slot that is sound.
func (c *slotCell) describe(s *Slot) {
	flags := Flags(c.flags)
	s.Outcome = c.state.outcome()
	s.ID = string(c.id[:c.idLength])
	s.IDCut = flags&flagIDCut != 0
	s.Attempt = int(min(c.attempt, math.MaxInt32))
	s.Started, s.Deadline, s.Published = fromNanos(c.started), fromNanos(c.deadline), fromNanos(c.published)
	s.TraceID, s.SpanID = c.traceID, c.spanID
	s.Flags = flags & ownFlags
	s.OrderingHash = c.orderingHash
	s.DataBytes = c.dataLength
}

// copy reads the slot's record.
func (r reader) copy(i int, c *slotCell, s *Slot) {
	kept := Flags(c.flags)
	switch {
	case kept&flagHead == 0:
		s.Missing = HeadTooLarge
		return
	case kept&flagMessage == 0:
		s.Missing = TooLarge
	}
	rec, ok := r.record(i, c)
	if !ok {
		s.Missing = CopyDamaged
		return
	}
	s.ID, s.IDCut = rec.id, false
	s.OrderingKey, s.AckToken, s.Message = rec.orderingKey, rec.ackToken, rec.message
}

// record reads and checks what the arena has of a slot.
func (r reader) record(i int, c *slotCell) (record, bool) {
	at := r.geometry.record(i)
	head, err := readAll[[2]uint64](r, at, 1)
	generation, length := head[0][0], head[0][1]
	if err != nil || generation != c.state.generation() || length < recordHeader || length > uint64(r.geometry.stride()) {
		return record{}, false
	}
	whole, err := readAll[byte](r, at, int(length))
	if err != nil || checksum(whole) != c.recordCRC {
		return record{}, false
	}
	return decodeRecord(whole[recordHeader:], Flags(c.flags))
}

// past adds what one slot ran. An entry that is being written is empty, so one that was read across
// that instant is read again.
func (r reader) past(s *Snapshot, i int, h *history) {
	for g := range h {
		c := &h[g]
		for range readAttempts {
			if c.generation == 0 || c.sound(g) {
				break
			}
			at := r.geometry.histories() + i*int(unsafe.Sizeof(*h)) + g*int(unsafe.Sizeof(*c))
			if again, err := readAll[historyCell](r, at, 1); err == nil {
				c = &again[0]
			}
		}
		switch {
		case c.generation == 0:
		case !c.sound(g):
			s.DamagedPast++
		default:
			s.Past = append(s.Past, c.entry(i))
		}
	}
}

// sound reports whether the entry is a whole one and stands where it belongs.
func (h *historyCell) sound(g int) bool {
	return h.generation%historyDepth == uint64(g) && h.generation>>generationBits == 0 &&
		h.generationLow == uint8(h.generation) && h.crc == h.sum()
}

func (h *historyCell) entry(slot int) Past {
	n := min(h.idLength, maxHistoryID)
	return Past{
		Name:    Name{Slot: slot, Generation: h.generation},
		ID:      string(h.id[:n]),
		IDCut:   h.idLength > n,
		Started: fromNanos(h.started),
		Outcome: h.outcome,
	}
}

package inflight

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// A record in the arena:
//
//	 0  generation
//	 8  length of the record, itself included
//	16  head: id, ordering key, ack token
//	    message: number of attributes, key and value of each, data
//
// Each string is its length in 4 bytes and its bytes. Which parts are there is said by the slot's
// flags. A part that does not fit is left out, and so is what follows it.
const recordHeader = 16

// encodeRecord writes b into its part of the arena and returns the length and which parts it kept.
func encodeRecord(to []byte, generation uint64, b *Begin, names *attributeNames) (length int, kept Flags) {
	e := encoder{to: to, at: recordHeader}
	e.put(b.ID)
	e.put(b.OrderingKey)
	e.put(b.AckToken)
	length = recordHeader
	if !e.full {
		length, kept = e.at, flagHead
		e.putMessage(b, names)
	}
	if !e.full {
		length, kept = e.at, flagHead|flagMessage
	}
	binary.NativeEndian.PutUint64(to, generation)
	binary.NativeEndian.PutUint64(to[8:], uint64(length))
	return length, kept
}

// encoder appends to a fixed buffer until something does not fit.
type encoder struct {
	to   []byte
	at   int
	full bool
}

func (e *encoder) putMessage(b *Begin, names *attributeNames) {
	// Most messages that do not fit are seen before anything is copied.
	if len(b.Data) > len(e.to) {
		e.full = true
		return
	}
	e.number(len(b.Attributes))
	if len(b.Attributes) > 0 && !e.putNamed(b.Attributes, names.usual()) {
		e.putAttributes(b.Attributes, names)
	}
	e.put(unsafe.String(unsafe.SliceData(b.Data), len(b.Data)))
}

// putAttributes is a function of its own, since the state of a loop over a map is large and stacks
// of new goroutines are small.
func (e *encoder) putAttributes(attributes map[string]string, names *attributeNames) {
	for key, value := range attributes {
		e.put(key)
		e.put(value)
	}
	names.missed(attributes)
}

// putNamed writes the attributes if they have exactly these names, which are distinct.
func (e *encoder) putNamed(attributes map[string]string, names []string) bool {
	if len(names) != len(attributes) {
		return false
	}
	before := *e
	for _, name := range names {
		value, ok := attributes[name]
		if !ok {
			*e = before
			return false
		}
		e.put(name)
		e.put(value)
	}
	return true
}

func (e *encoder) put(s string) {
	e.number(len(s))
	if e.full || len(s) > len(e.to)-e.at {
		e.full = true
		return
	}
	e.at += copy(e.to[e.at:], s)
}

func (e *encoder) number(n int) {
	if e.full || len(e.to)-e.at < 4 {
		e.full = true
		return
	}
	binary.NativeEndian.PutUint32(e.to[e.at:], uint32(n))
	e.at += 4
}

// Message is the copy of a message.
type Message struct {
	// Data is the payload, nil when empty.
	Data []byte
	// Attributes are its attributes, nil when there are none.
	Attributes map[string]string
}

// record is what a slot's part of the arena holds.
type record struct {
	id, orderingKey, ackToken string
	message                   *Message
}

// decodeRecord is the inverse of encodeRecord over bytes that may be anything. It reports whether all
// of them made sense. The message's data is part of from.
func decodeRecord(from []byte, kept Flags) (r record, ok bool) {
	d := decoder{from: from}
	if kept&flagHead != 0 {
		r.id, r.orderingKey, r.ackToken = string(d.bytes()), string(d.bytes()), string(d.bytes())
	}
	if kept&flagMessage != 0 {
		r.message = d.message()
	}
	if d.bad || len(d.from) > 0 {
		return record{}, false
	}
	return r, true
}

// decoder takes from the front of its bytes until something does not make sense.
type decoder struct {
	from []byte
	bad  bool
}

func (d *decoder) message() *Message {
	m := new(Message)
	n := d.number()
	// Every attribute has two lengths, so more than this is a lie, and no map is made for it.
	if n > len(d.from)/8 {
		d.bad = true
		return m
	}
	if n > 0 {
		m.Attributes = make(map[string]string, n)
	}
	for range n {
		key := string(d.bytes())
		m.Attributes[key] = string(d.bytes())
	}
	if data := d.bytes(); len(data) > 0 {
		m.Data = data
	}
	return m
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if d.bad || n > len(d.from) {
		d.bad = true
		return nil
	}
	taken := d.from[:n:n]
	d.from = d.from[n:]
	return taken
}

func (d *decoder) number() int {
	if d.bad || len(d.from) < 4 {
		d.bad = true
		return 0
	}
	n := binary.NativeEndian.Uint32(d.from)
	d.from = d.from[4:]
	if n > math.MaxInt32 { // an int may have 32 bits
		d.bad = true
		return 0
	}
	return int(n)
}

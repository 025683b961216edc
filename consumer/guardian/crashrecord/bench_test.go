package crashrecord_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
)

// inFlight is a death with so many messages of 1 KB in flight, and its dump.
func inFlight(n int) crashrecord.Record {
	r := full()
	r.Messages, r.Bystanders = nil, nil
	r.Dump = bytes.Repeat([]byte("x"), 256<<10)
	for i := range n {
		slot := fmt.Sprintf("%d.1", i)
		r.Messages = append(r.Messages, crashrecord.Message{Slot: slot, ID: make([]byte, 43), Data: make([]byte, 1<<10), AckToken: make([]byte, 60)})
		r.Bystanders = append(r.Bystanders, crashrecord.Attempt{Slot: crashrecord.Text(slot), Subscription: "orders",
			ID: crashrecord.Text(make([]byte, 43)), Started: died, Published: died})
	}
	return r
}

// BenchmarkDirectory_Write is the wait between a death and the next worker's
// start; most of it is the disk's.
func BenchmarkDirectory_Write(b *testing.B) {
	d := crashrecord.Directory{Path: b.TempDir()}
	r := inFlight(256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Write(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncode is the part of it that is ours.
func BenchmarkEncode(b *testing.B) {
	r := inFlight(256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := crashrecord.Encode(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	data := encode(b, inFlight(256))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := crashrecord.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

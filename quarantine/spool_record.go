package quarantine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/theriac/theriac/handlers"
)

// A spool file is one record:
//
//	"THSP"  version (1 byte)  kind (1 byte)  CRC32C (4)  length of the body (8)  body
//
// Numbers are big-endian. The sum is over version, kind and body. The body is
// written with the room's codec. A file that is shorter or longer than it says,
// or whose sum is wrong, is no record.
const (
	spoolMagic   = "THSP"
	spoolVersion = 1
	spoolHeader  = len(spoolMagic) + 2 + 4 + 8
)

type recordKind byte

const (
	kindEntry   recordKind = 1
	kindAttempt recordKind = 2
)

// record is what a spool file holds: what was received, never what is derived
// from it.
type record struct {
	kind     recordKind
	identity [32]byte      // of an entry
	entry    received      // of an entry
	attempt  AttemptRecord // of an attempt
}

// errRecord is the cause of every error of parseRecord.
var errRecord = errors.New("not a spool record")

// entryRecord is the record of an entry.
func entryRecord(n NewEntry) record {
	e := n.Entry
	return record{kind: kindEntry, identity: n.Identity, entry: received{
		ID: e.ID, Subscription: e.Subscription, Message: e.Message, AttemptRecorded: n.AttemptRecorded,
		Evidence: handlers.Evidence{
			Reason: e.Reason, Confidence: e.Confidence, Attempt: n.Attempt, Totals: e.Totals, Hint: e.Hint,
		},
	}}
}

// encode returns the bytes of the file.
func (r record) encode() []byte {
	w := newEncoder()
	switch r.kind {
	case kindEntry:
		r.entry.encode(w)
	case kindAttempt:
		w.text(r.attempt.Subscription)
		w.text(r.attempt.MessageID)
		w.text(string(r.attempt.Identity[:]))
		w.text(string(EncodeAttempt(r.attempt.Attempt)))
	}
	return frame(r.kind, w.b)
}

// frame puts the header before a body.
func frame(kind recordKind, body []byte) []byte {
	file := make([]byte, 0, spoolHeader+len(body))
	file = append(file, spoolMagic...)
	file = append(file, spoolVersion, byte(kind))
	file = binary.BigEndian.AppendUint32(file, spoolSum(file[4:6], body))
	file = binary.BigEndian.AppendUint64(file, uint64(len(body)))
	return append(file, body...)
}

// spoolSum is the CRC32C of version, kind and body.
func spoolSum(head, body []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(head, table), table, body)
}

func (e received) encode(w *encoder) {
	m, ev := e.Message, e.Evidence
	w.text(e.ID)
	w.text(e.Subscription)
	w.bool(e.AttemptRecorded)
	w.text(m.ID)
	w.text(string(m.Data))
	w.text(string(EncodeAttributes(m.Attributes)))
	w.text(m.OrderingKey)
	w.time(m.PublishedAt)
	w.int(int64(m.DeliveryAttempt))
	w.text(string(ev.Reason))
	w.text(string(ev.Confidence))
	w.text(string(EncodeAttempt(ev.Attempt)))
	w.int(int64(ev.Totals.Failures))
	w.int(int64(ev.Totals.Crashes))
	w.text(ev.Hint)
}

// parseRecord reads the bytes of a file. It never panics and allocates no more
// than a few times their length.
func parseRecord(file []byte) (record, error) {
	if len(file) < spoolHeader || string(file[:4]) != spoolMagic {
		return record{}, fmt.Errorf("%w: no header", errRecord)
	}
	if file[4] != spoolVersion {
		return record{}, fmt.Errorf("%w: version %d, this program reads %d", errRecord, file[4], spoolVersion)
	}
	body := file[spoolHeader:]
	if n := binary.BigEndian.Uint64(file[10:18]); n != uint64(len(body)) {
		return record{}, fmt.Errorf("%w: %d bytes where %d were written", errRecord, len(body), n)
	}
	if spoolSum(file[4:6], body) != binary.BigEndian.Uint32(file[6:10]) {
		return record{}, fmt.Errorf("%w: wrong checksum", errRecord)
	}
	r := record{kind: recordKind(file[5])}
	var err error
	switch r.kind {
	case kindEntry:
		r.entry, err = parseReceived(newDecoder(body))
		r.identity = Identity(r.entry.Subscription, r.entry.Message.Identity())
	case kindAttempt:
		r.attempt, err = parseAttemptRecord(newDecoder(body))
	default:
		err = fmt.Errorf("unknown kind %d", r.kind)
	}
	if err != nil {
		return record{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	return r, nil
}

func parseReceived(d *decoder) (received, error) {
	e := received{ID: d.text(), Subscription: d.text(), AttemptRecorded: d.bool()}
	m, ev := &e.Message, &e.Evidence
	m.ID = d.text()
	m.Data = []byte(d.text())
	attributes := d.text()
	m.OrderingKey, m.PublishedAt, m.DeliveryAttempt = d.text(), d.time(), int(d.int())
	ev.Reason, ev.Confidence = handlers.Reason(d.text()), handlers.Confidence(d.text())
	attempt := d.text()
	ev.Totals.Failures, ev.Totals.Crashes = int(d.int()), int(d.int())
	ev.Hint = d.text()
	if d.err != nil {
		return received{}, d.err
	}
	var err error
	if m.Attributes, err = DecodeAttributes([]byte(attributes)); err != nil {
		return received{}, err
	}
	ev.Attempt, err = DecodeAttempt([]byte(attempt))
	return e, err
}

func parseAttemptRecord(d *decoder) (AttemptRecord, error) {
	r := AttemptRecord{Subscription: d.text(), MessageID: d.text()}
	identity, attempt := d.text(), d.text()
	if d.err != nil {
		return AttemptRecord{}, d.err
	}
	if len(identity) != len(r.Identity) {
		return AttemptRecord{}, errEncoding
	}
	r.Identity = [32]byte([]byte(identity))
	var err error
	r.Attempt, err = DecodeAttempt([]byte(attempt))
	return r, err
}

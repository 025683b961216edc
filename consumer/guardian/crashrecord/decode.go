package crashrecord

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Decode reads what [Encode] wrote. It believes nothing whose checksum does not
// fit; the package comment says what is an error and what is Damage. The record
// aliases data.
func Decode(data []byte) (Record, Damage, error) {
	if err := parseHeader(data); err != nil {
		return Record{}, Damage{}, err
	}
	d := decoder{rest: data[headerSize:]}
	for d.next() {
	}
	if !d.hasMetadata {
		return Record{}, Damage{}, fmt.Errorf("%w: its metadata cannot be read", ErrDamaged)
	}
	// What is missing on purpose is known to the end only once all is read.
	for _, p := range d.thinned {
		d.record.leaveOut(p)
	}
	return d.record, d.damage, nil
}

type decoder struct {
	rest        []byte
	record      Record
	damage      Damage
	hasMetadata bool
	thinned     []Part
}

// next reads one section and reports whether there may be another.
func (d *decoder) next() bool {
	s, ok := parseHead(d.rest)
	if !ok || uint64(s.length) > uint64(len(d.rest)-sectionSize) {
		d.damage.Cut = true
		return false
	}
	end := sectionSize + int(s.length)
	content := d.rest[sectionSize:end:end]
	d.rest = d.rest[end:]
	sound := checksum(content) == s.checksum
	if s.kind == kindEnd || s.kind == kindThinned {
		d.end(s.kind, content, sound)
		return false
	}
	if !sound || !d.take(s.kind, content) {
		d.damage.Parts = append(d.damage.Parts, s.kind.part())
	}
	return true
}

// end takes the last section. Bytes behind it belong to no record.
func (d *decoder) end(k kind, content []byte, sound bool) {
	switch {
	case !sound, len(d.rest) > 0, k == kindEnd && len(content) > 0:
		d.damage.Parts = append(d.damage.Parts, PartUnknown)
	case k == kindThinned:
		d.thinned = parseThinned(content)
	}
}

// parseThinned returns the parts named in the content of a kindThinned.
func parseThinned(content []byte) []Part {
	var parts []Part
	for name := range bytes.SplitSeq(content, []byte(",")) {
		if p := Part(name); p == PartMessages || p == PartDump {
			parts = append(parts, p)
		}
	}
	return parts
}

// take keeps the content of a sound section; false if it makes no sense, or
// occurs where there is one already.
func (d *decoder) take(k kind, content []byte) bool {
	switch k {
	case kindMetadata:
		return d.takeMetadata(content)
	case kindFirstBlock:
		return takeBytes(&d.record.FirstBlock, content)
	case kindStderr:
		return takeBytes(&d.record.StderrTail, content)
	case kindDump:
		return takeBytes(&d.record.Dump, content)
	case kindMessage:
		m, ok := parseMessage(content)
		if !ok || len(d.record.Messages) >= MaxMessages {
			return false
		}
		d.record.Messages = append(d.record.Messages, m)
		return true
	default:
		return false
	}
}

func (d *decoder) takeMetadata(content []byte) bool {
	if d.hasMetadata || len(content) > maxMetadata {
		return false
	}
	var m Metadata
	if json.Unmarshal(content, &m) != nil || !isID(m.ID) {
		return false
	}
	d.record.Metadata, d.hasMetadata = m, true
	return true
}

func takeBytes(to *[]byte, content []byte) bool {
	if *to != nil {
		return false
	}
	*to = content
	return true
}

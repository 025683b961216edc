package crashrecord

import (
	"encoding/binary"
	"hash/crc32"
)

// The file begins with magic and version; a change that old readers would
// misread raises the version, new kinds of section do not.
const (
	magic      = "TRCRASH\n"
	version    = 1
	headerSize = len(magic) + 4 + 4
)

// kind is the kind of a section.
type kind uint32

const (
	kindMetadata kind = 1 + iota
	kindFirstBlock
	kindStderr
	kindMessage
	kindDump
	// kindEnd ends a record. kindThinned does so too, and its content names the
	// parts that were there once, with commas between.
	kindEnd
	kindThinned
)

// part returns what is missing when a section of that kind is.
func (k kind) part() Part {
	switch k {
	case kindFirstBlock:
		return PartFirstBlock
	case kindStderr:
		return PartStderr
	case kindMessage:
		return PartMessages
	case kindDump:
		return PartDump
	default:
		return PartUnknown
	}
}

const sectionSize = 16

// section is the head of a section.
type section struct {
	kind     kind
	length   uint32
	checksum uint32 // of the content
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func appendHeader(b []byte) []byte {
	start := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:]))
}

// appendHead appends the head of a section with that content.
func appendHead(b []byte, k kind, content []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(k))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
	b = binary.LittleEndian.AppendUint32(b, checksum(content))
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:]))
}

// parseHead reads the head of a section; false if it is cut or damaged, and
// then nothing is known of what follows.
func parseHead(b []byte) (section, bool) {
	if len(b) < sectionSize || checksum(b[:12]) != binary.LittleEndian.Uint32(b[12:]) {
		return section{}, false
	}
	return section{
		kind:     kind(binary.LittleEndian.Uint32(b)),
		length:   binary.LittleEndian.Uint32(b[4:]),
		checksum: binary.LittleEndian.Uint32(b[8:]),
	}, true
}

// parseHeader checks the beginning of a file.
func parseHeader(b []byte) error {
	if len(b) < headerSize || string(b[:len(magic)]) != magic ||
		checksum(b[:headerSize-4]) != binary.LittleEndian.Uint32(b[headerSize-4:]) {
		return ErrDamaged
	}
	if binary.LittleEndian.Uint32(b[len(magic):]) != version {
		return ErrVersion
	}
	return nil
}

// A message is its flags, and then its byte strings, each with its length.

func appendMessage(b []byte, m *Message) []byte {
	b = binary.LittleEndian.AppendUint32(b, m.Flags)
	for _, s := range [...][]byte{[]byte(m.Slot), m.ID, m.OrderingKey, m.Data, m.Attributes, m.AckToken} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return b
}

// size is how many bytes appendMessage appends.
func (m *Message) size() int {
	return 7*4 + len(m.Slot) + len(m.ID) + len(m.OrderingKey) + len(m.Data) + len(m.Attributes) + len(m.AckToken)
}

// parseMessage reads what appendMessage wrote. The result aliases b.
func parseMessage(b []byte) (Message, bool) {
	if len(b) < 4 {
		return Message{}, false
	}
	m := Message{Flags: binary.LittleEndian.Uint32(b)}
	b = b[4:]
	var slot []byte
	for _, field := range [...]*[]byte{&slot, &m.ID, &m.OrderingKey, &m.Data, &m.Attributes, &m.AckToken} {
		if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
			return Message{}, false
		}
		end := 4 + int(binary.LittleEndian.Uint32(b))
		*field = b[4:end:end]
		b = b[end:]
	}
	m.Slot = string(slot)
	return m, len(b) == 0
}

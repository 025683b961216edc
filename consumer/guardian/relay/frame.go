package relay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"sync/atomic"
)

// A frame is a header of 20 bytes, little endian, and a payload:
//
//	0   magic      4 B, its first byte is not ASCII, so that text is no header
//	4   version    1 B
//	5   kind       1 B
//	6   zero       2 B
//	8   length     4 B, of the payload
//	12  CRC32C     4 B, of the payload
//	16  CRC32C     4 B, of the 16 bytes before
//
// The header has a checksum of its own, so its length can be believed before the payload is read.
const (
	frameMagic      = "\xf1TRL"
	frameVersion    = 1
	frameHeaderSize = 20
)

// The kinds of frames. A frame of another kind than the reader asks for is not understood.
const (
	kindRequest = 1 // a request record, from the worker
	kindSpooled = 2 // when it was received, then the request record: one file of the spool
)

// errNoFrame says that bytes that should be one whole frame are none.
var errNoFrame = errors.New("not one whole frame")

// checksum is CRC32C. MakeTable returns the same table on every call.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// beginFrame leaves room for a header at the end of dst, to which the payload is then appended.
func beginFrame(dst []byte) []byte { return append(dst, make([]byte, frameHeaderSize)...) }

// sealFrame writes the header of a frame that fills the whole slice.
func sealFrame(frame []byte, kind byte) {
	payload := frame[frameHeaderSize:]
	copy(frame, frameMagic)
	frame[4], frame[5], frame[6], frame[7] = frameVersion, kind, 0, 0
	binary.LittleEndian.PutUint32(frame[8:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(frame[12:], checksum(payload))
	binary.LittleEndian.PutUint32(frame[16:], checksum(frame[:16]))
}

type frameHeader struct {
	version, kind byte
	length        uint32
	checksum      uint32
}

// parseHeader reads the first 20 bytes of b. It reports false for anything that no sealFrame wrote.
func parseHeader(b []byte) (frameHeader, bool) {
	if string(b[:4]) != frameMagic || binary.LittleEndian.Uint32(b[16:]) != checksum(b[:16]) {
		return frameHeader{}, false
	}
	return frameHeader{
		version: b[4], kind: b[5],
		length:   binary.LittleEndian.Uint32(b[8:]),
		checksum: binary.LittleEndian.Uint32(b[12:]),
	}, true
}

// damage counts what was in a stream and could not be used.
type damage struct {
	cut, corrupt, tooLarge, unknown, skippedBytes atomic.Uint64
}

// frameReader finds whole frames in a hostile stream. It allocates at most limit bytes a frame, and
// looks for the next header after anything that is no frame.
type frameReader struct {
	in     *bufio.Reader
	limit  int
	kind   byte
	damage *damage
}

// next returns the payload of the next whole frame, which the caller may keep. It returns io.EOF at
// the end of the stream, also when that cut a frame, and other errors of the reader as they are.
func (r *frameReader) next() ([]byte, error) {
	for {
		header, err := r.header()
		if err != nil {
			return nil, err
		}
		if uint64(header.length) > uint64(r.limit) {
			r.damage.tooLarge.Add(1)
			continue // its length is not trusted: what follows is searched for the next header
		}
		payload := make([]byte, header.length)
		if _, err := io.ReadFull(r.in, payload); err != nil {
			r.damage.cut.Add(1)
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			return nil, err
		}
		switch {
		case checksum(payload) != header.checksum:
			r.damage.corrupt.Add(1)
		case header.version != frameVersion || header.kind != r.kind:
			r.damage.unknown.Add(1)
		default:
			return payload, nil
		}
	}
}

// header consumes bytes up to and including the next valid header.
func (r *frameReader) header() (frameHeader, error) {
	for {
		head, err := r.in.Peek(frameHeaderSize)
		if err == nil {
			if header, ok := parseHeader(head); ok {
				r.skip(frameHeaderSize)
				return header, nil
			}
		} else if len(head) == 0 {
			return frameHeader{}, err
		} else if isBeginning(head) {
			r.damage.cut.Add(1)
			r.skip(len(head))
			return frameHeader{}, err
		}
		garbage := toNextBeginning(head)
		r.damage.skippedBytes.Add(uint64(garbage))
		r.skip(garbage)
	}
}

// skip drops n bytes that Peek has shown, which cannot fail.
func (r *frameReader) skip(n int) { _, _ = r.in.Discard(n) }

// isBeginning reports whether a frame could begin with b.
func isBeginning(b []byte) bool {
	return strings.HasPrefix(frameMagic, string(b[:min(len(b), len(frameMagic))]))
}

// toNextBeginning returns how many bytes of b, at least one, cannot be the beginning of a frame.
func toNextBeginning(b []byte) int {
	for i := 1; i < len(b); i++ {
		if isBeginning(b[i:]) {
			return i
		}
	}
	return len(b)
}

// openFrame returns the payload of a slice that is exactly one frame.
func openFrame(frame []byte, kind byte) ([]byte, error) {
	if len(frame) < frameHeaderSize {
		return nil, errNoFrame
	}
	header, ok := parseHeader(frame)
	payload := frame[frameHeaderSize:]
	if !ok || header.version != frameVersion || header.kind != kind ||
		uint64(header.length) != uint64(len(payload)) || header.checksum != checksum(payload) {
		return nil, errNoFrame
	}
	return payload, nil
}

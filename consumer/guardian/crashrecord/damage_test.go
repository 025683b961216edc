package crashrecord_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
)

func checksum(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(nil, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// TestDecode_CutAtEveryByte: what stands before the cut is exact, the cut is
// reported, and only the end of the record is lost.
func TestDecode_CutAtEveryByte(t *testing.T) {
	t.Parallel()
	whole := encode(t, full())
	want := decode(t, whole)
	kept := -1
	for n := range whole {
		got, damage, err := crashrecord.Decode(whole[:n])
		if err != nil {
			if kept >= 0 {
				t.Fatalf("cut at %d: %v, though less was readable", n, err)
			}
			continue
		}
		if !damage.Cut || len(damage.Parts) > 0 {
			t.Fatalf("cut at %d: damage %+v", n, damage)
		}
		checkPrefix(t, want, got)
		if now := parts(got); now < kept {
			t.Fatalf("cut at %d: %d parts, after %d of less", n, now, kept)
		} else {
			kept = now
		}
	}
	// Before the last byte only the end is missing.
	if kept != parts(want) {
		t.Errorf("%d parts kept in the end, want %d", kept, parts(want))
	}
}

// TestDecode_FlipEveryBit: a damaged record is an error or says what it lost;
// what it returns is exact.
func TestDecode_FlipEveryBit(t *testing.T) {
	t.Parallel()
	whole := encode(t, full())
	want := decode(t, whole)
	data := bytes.Clone(whole)
	for i := range data {
		for bit := range 8 {
			data[i] ^= 1 << bit
			got, damage, err := crashrecord.Decode(data)
			data[i] ^= 1 << bit
			if err != nil {
				continue
			}
			if !damage.Any() {
				t.Fatalf("bit %d of byte %d: nobody noticed", bit, i)
			}
			checkPrefix(t, want, got)
		}
	}
	if !bytes.Equal(data, whole) {
		t.Fatal("the test does not put back what it flipped")
	}
}

// checkPrefix: every part of got is that of want, which was decoded too, or
// missing. There are many to check, so it does without cmp.
func checkPrefix(t *testing.T, want, got crashrecord.Record) {
	t.Helper()
	if !reflect.DeepEqual(want.Metadata, got.Metadata) {
		t.Fatalf("metadata %+v, want %+v", got.Metadata, want.Metadata)
	}
	for _, pair := range [][2][]byte{{want.FirstBlock, got.FirstBlock}, {want.StderrTail, got.StderrTail}, {want.Dump, got.Dump}} {
		if pair[1] != nil && !bytes.Equal(pair[0], pair[1]) {
			t.Fatalf("got %q, want %q", pair[1], pair[0])
		}
	}
	for _, m := range got.Messages {
		same := func(w crashrecord.Message) bool { return reflect.DeepEqual(w, m) }
		if !slices.ContainsFunc(want.Messages, same) {
			t.Fatalf("message %+v is made up", m)
		}
	}
}

func parts(r crashrecord.Record) int {
	n := len(r.Messages)
	for _, b := range [][]byte{r.FirstBlock, r.StderrTail, r.Dump} {
		if b != nil {
			n++
		}
	}
	return n
}

// TestDecode_NamesTheDamagedSection flips one byte inside the content of each
// part.
func TestDecode_NamesTheDamagedSection(t *testing.T) {
	t.Parallel()
	r := full()
	r.FirstBlock, r.StderrTail, r.Dump = []byte("FIRSTBLOCK"), []byte("STDERRTAIL"), []byte("WHOLEDUMP")
	r.Messages[0].Data = []byte("MESSAGEDATA")
	for content, part := range map[string]crashrecord.Part{
		"FIRSTBLOCK": crashrecord.PartFirstBlock, "STDERRTAIL": crashrecord.PartStderr,
		"WHOLEDUMP": crashrecord.PartDump, "MESSAGEDATA": crashrecord.PartMessages,
	} {
		data := encode(t, r)
		data[bytes.Index(data, []byte(content))] ^= 1
		got, damage, err := crashrecord.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(crashrecord.Damage{Parts: []crashrecord.Part{part}}, damage); diff != "" {
			t.Errorf("%s (-want +got):\n%s", content, diff)
		}
		if parts(got) != parts(r)-1 {
			t.Errorf("%s: %d parts left, want all but one of %d", content, parts(got), parts(r))
		}
	}
}

// section returns a sound section of any kind and claimed length.
func section(kind, length uint32, content string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = binary.LittleEndian.AppendUint32(b, length)
	b = append(b, checksum([]byte(content))...)
	b = append(b, checksum(b)...)
	return append(b, content...)
}

// TestDecode_HostileSections appends sections with sound checksums.
func TestDecode_HostileSections(t *testing.T) {
	t.Parallel()
	const metadata, firstBlock, message, dump, end, thinned = 1, 2, 4, 5, 6, 7
	whole := encode(t, full())
	open := whole[:len(whole)-16] // without its end
	tests := []struct {
		name string
		tail []byte
		want crashrecord.Damage
	}{
		{"a length beyond the file", section(dump, 1<<31, "x"), crashrecord.Damage{Cut: true}},
		{"second metadata", slices.Concat(section(metadata, 2, "{}"), section(end, 0, "")), crashrecord.Damage{Parts: []crashrecord.Part{crashrecord.PartUnknown}}},
		{"second first block", slices.Concat(section(firstBlock, 1, "x"), section(end, 0, "")), crashrecord.Damage{Parts: []crashrecord.Part{crashrecord.PartFirstBlock}}},
		{"a message whose lengths lie", slices.Concat(section(message, 8, "\x00\x00\x00\x00\xff\xff\xff\xff"), section(end, 0, "")), crashrecord.Damage{Parts: []crashrecord.Part{crashrecord.PartMessages}}},
		{"an empty message", slices.Concat(section(message, 0, ""), section(end, 0, "")), crashrecord.Damage{Parts: []crashrecord.Part{crashrecord.PartMessages}}},
		{"a kind of a later build", slices.Concat(section(99, 1, "x"), section(end, 0, "")), crashrecord.Damage{Parts: []crashrecord.Part{crashrecord.PartUnknown}}},
		{"bytes behind the end", slices.Concat(section(end, 0, ""), []byte("x")), crashrecord.Damage{Parts: []crashrecord.Part{crashrecord.PartUnknown}}},
		{"thinned of nonsense", section(thinned, 3, "a,b"), crashrecord.Damage{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, damage, err := crashrecord.Decode(slices.Concat(open, test.tail))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, damage); diff != "" {
				t.Errorf("damage (-want +got):\n%s", diff)
			}
			checkPrefix(t, decode(t, whole), got)
		})
	}
}

func FuzzDecode(f *testing.F) {
	whole := encode(f, full())
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(slices.Concat(whole[:len(whole)-16], section(4, 8, "\x00\x00\x00\x00\xff\xff\xff\xff"), section(7, 4, "dump")))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, damage, err := crashrecord.Decode(data)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if _, err := crashrecord.Encode(&again, r); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		got, second, err := crashrecord.Decode(again.Bytes())
		if err != nil || second.Any() {
			t.Fatalf("%v, %+v", err, second)
		}
		if diff := diff(r, got); diff != "" && !damage.Any() {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// FuzzSections lets the fuzzer reach behind the checksums.
func FuzzSections(f *testing.F) {
	f.Add(uint32(1), []byte(`{"culprit":{"id":{"base64":"/w=="}}}`))
	f.Add(uint32(4), []byte("\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Add(uint32(7), []byte("messages,dump"))
	whole := encode(f, full())
	open := whole[:len(whole)-16]
	f.Fuzz(func(t *testing.T, kind uint32, content []byte) {
		tail := section(kind, uint32(len(content)), string(content))
		// With and without metadata before it.
		for _, before := range [][]byte{open, whole[:16]} {
			r, _, err := crashrecord.Decode(slices.Concat(before, tail))
			if err != nil {
				continue
			}
			if _, err := crashrecord.Encode(&bytes.Buffer{}, r); err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
		}
	})
}

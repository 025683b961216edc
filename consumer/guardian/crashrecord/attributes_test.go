package crashrecord_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/crashrecord"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	for _, attributes := range []map[string]string{
		nil,
		{"kind": "order"},
		{"": "", "nul\x00": "\xff\xfe", "long": string(make([]byte, 300))},
	} {
		packed := crashrecord.PackAttributes(attributes)
		got, err := crashrecord.UnpackAttributes(packed)
		if diff := cmp.Diff(attributes, got); diff != "" || err != nil {
			t.Errorf("unpacked (-want +got): %v\n%s", err, diff)
		}
		if !bytes.Equal(packed, crashrecord.PackAttributes(got)) {
			t.Error("packed again they are other bytes")
		}
	}
	packed := crashrecord.PackAttributes(map[string]string{"a": "1", "b": "2"})
	for n := 1; n < len(packed); n++ {
		if got, err := crashrecord.UnpackAttributes(packed[:n]); err == nil && len(got) != 1 {
			t.Errorf("cut after %d bytes: %v", n, got)
		} else if err != nil && !errors.Is(err, crashrecord.ErrAttributes) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}

func FuzzUnpackAttributes(f *testing.F) {
	f.Add(crashrecord.PackAttributes(map[string]string{"a": "1", "": "2"}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, packed []byte) {
		got, err := crashrecord.UnpackAttributes(packed)
		if err != nil {
			return
		}
		again, err := crashrecord.UnpackAttributes(crashrecord.PackAttributes(got))
		if diff := cmp.Diff(got, again); diff != "" && len(got) > 0 || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

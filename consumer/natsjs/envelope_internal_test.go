package natsjs

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

// carry packs and unpacks as a publisher and a source do.
func carry(attrs map[string]string, key string, data []byte) (unpacked, int) {
	value, payload := pack(attrs, key, data)
	var header nats.Header
	if value != "" {
		header = nats.Header{envelopeHeader: {value}}
	}
	return unpack(header, payload), len(value)
}

func checkCarried(t interface{ Errorf(string, ...any) }, attrs map[string]string, key string, data []byte) {
	got, inHeader := carry(attrs, key, data)
	if diff := cmp.Diff(attrs, got.attrs, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("attributes (-packed +unpacked):\n%s", diff)
	}
	if got.key != key || !bytes.Equal(got.data, data) {
		t.Errorf("key %q and %d bytes became %q and %d bytes", key, len(data), got.key, len(got.data))
	}
	if inHeader > 60<<10 {
		t.Errorf("the header has %d bytes; JetStream refuses more than 64 KiB", inHeader)
	}
}

func TestPack_CarriesEverything(t *testing.T) {
	t.Parallel()
	hundred := make(map[string]string)
	for i := range 100 {
		hundred[strings.Repeat("k", 250)+fmt.Sprint(i)] = strings.Repeat("v", 1024)
	}
	tests := []struct {
		name  string
		attrs map[string]string
		key   string
		data  []byte
	}{
		{"Nothing", nil, "", nil},
		{"DataOnly", nil, "", []byte("data")},
		{"KeyOnly", nil, "key", nil},
		{"EmptyKeyAndValue", map[string]string{"": ""}, "", []byte("data")},
		{"AnyBytes", map[string]string{"\x00\xff": "\r\n\x00:\xfe"}, "\x00", []byte{0, 0xff}},
		{"TheLargestOfPubSub_TravelsInThePayload", hundred, strings.Repeat("o", 1024), bytes.Repeat([]byte("d"), 1<<20)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkCarried(t, tt.attrs, tt.key, tt.data)
		})
	}
}

func TestPack_CarriesAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })
		checkCarried(t,
			rapid.MapOf(text, text).Draw(t, "attributes"),
			text.Draw(t, "key"),
			rapid.SliceOf(rapid.Byte()).Draw(t, "data"))
	})
}

func TestUnpack_ForeignMessages(t *testing.T) {
	t.Parallel()
	damaged := func(raw string) string { return base64.StdEncoding.EncodeToString([]byte(raw)) }
	tests := []struct {
		name   string
		header nats.Header
		want   map[string]string
	}{
		{"NoHeader", nil, nil},
		{"Plain", nats.Header{"Nats-Msg-Id": {"1"}, "X": {"a", "b"}}, map[string]string{"Nats-Msg-Id": "1", "X": "a,b"}},
		{"TraceHeadersInLowerCase", nats.Header{"Traceparent": {"00-1"}, "TraceState": {"s"}}, map[string]string{"traceparent": "00-1", "tracestate": "s"}},
		{"NotBase64", nats.Header{envelopeHeader: {"%"}}, map[string]string{envelopeHeader: "%"}},
		{"UnknownVersion", nats.Header{envelopeHeader: {damaged("\x09")}}, map[string]string{envelopeHeader: damaged("\x09")}},
		{"CutShort", nats.Header{envelopeHeader: {damaged("\x01\x05key")}}, map[string]string{envelopeHeader: damaged("\x01\x05key")}},
		{"CountBeyondReason", nats.Header{envelopeHeader: {damaged("\x01\x00\xff\xff\xff\xff\x0f")}}, map[string]string{envelopeHeader: damaged("\x01\x00\xff\xff\xff\xff\x0f")}},
		{"TrailingBytes", nats.Header{envelopeHeader: {damaged("\x01\x00\x00x")}}, map[string]string{envelopeHeader: damaged("\x01\x00\x00x")}},
		{"LongerThanThePayload", nats.Header{envelopeHeader: {damaged("\x02\x7f")}}, map[string]string{envelopeHeader: damaged("\x02\x7f")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := unpack(tt.header, []byte("payload"))
			if diff := cmp.Diff(tt.want, got.attrs); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if string(got.data) != "payload" || got.key != "" {
				t.Errorf("data %q, key %q", got.data, got.key)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	for _, attrs := range []map[string]string{nil, {"k": "v"}, {"": "", "\x00": "\xff"}} {
		value, payload := pack(attrs, "key", []byte("data"))
		f.Add(value, payload)
	}
	f.Add(base64.StdEncoding.EncodeToString([]byte{envelopeInPayload, 3}), []byte("\x01\x00\x00rest"))
	f.Fuzz(func(t *testing.T, value string, payload []byte) {
		got := unpack(nats.Header{envelopeHeader: {value}}, payload)
		if !bytes.HasSuffix(payload, got.data) {
			t.Errorf("the data is no part of the payload")
		}
		if got.attrs[envelopeHeader] == value && value != "" {
			return // could not be read, and is shown as it came
		}
		checkCarried(t, got.attrs, got.key, got.data)
	})
}

package natsjs

import (
	"strings"
	"testing"
	"time"
)

func TestParseAck(t *testing.T) {
	t.Parallel()
	want := ackMeta{sequence: 42, delivered: 3, stored: time.Unix(0, 1700000000123456789).UTC()}
	tests := []struct {
		name, reply string
		ok          bool
	}{
		{"ShortForm", "$JS.ACK.S.C.3.42.7.1700000000123456789.0", true},
		{"WithDomain", "$JS.ACK.hub.ACC.S.C.3.42.7.1700000000123456789.0", true},
		{"WithDomainAndToken", "$JS.ACK._.ACC.S.C.3.42.7.1700000000123456789.0.xyz", true},
		{"TooFewTokens", "$JS.ACK.S.C.3.42.7.1700000000123456789", false},
		{"TenTokens", "$JS.ACK.S.C.3.42.7.1700000000123456789.0.x", false},
		{"NotANumber", "$JS.ACK.S.C.3.x.7.1700000000123456789.0", false},
		{"Negative", "$JS.ACK.S.C.3.-42.7.1700000000123456789.0", false},
		{"OverflowingTime", "$JS.ACK.S.C.3.42.7.18446744073709551615.0", false},
		{"LineBreak", "$JS.ACK.S\r\nPUB.C.3.42.7.1700000000123456789.0", false},
		{"AnInbox", "_INBOX.abc", false},
		{"Empty", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := parseAck(tt.reply)
			if ok != tt.ok || ok && got != want {
				t.Errorf("parseAck(%q) = %+v, %v", tt.reply, got, ok)
			}
		})
	}
}

func FuzzParseAck(f *testing.F) {
	f.Add("$JS.ACK.S.C.3.42.7.1700000000123456789.0")
	f.Add("$JS.ACK._.ACC.S.C.3.42.7.1700000000123456789.0.xyz")
	f.Fuzz(func(t *testing.T, reply string) {
		meta, ok := parseAck(reply)
		if ok && (!strings.HasPrefix(reply, ackPrefix) || strings.ContainsAny(reply, " \r\n") || meta.delivered < 0) {
			t.Errorf("parseAck(%q) = %+v", reply, meta)
		}
	})
}

func TestMessageID(t *testing.T) {
	t.Parallel()
	if got := messageID(time.Unix(1700000000, 1), 42); got != "1700000000000000001.42" {
		t.Errorf("messageID = %q", got)
	}
}

package notify_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/notify"
)

// vector is the request that the reference libraries of Standard Webhooks publish.
func vector() (secret string, h http.Header, body []byte, now time.Time) {
	return "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", headers("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="), []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0)
}

func headers(id, timestamp, signature string) http.Header {
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", timestamp)
	h.Set("webhook-signature", signature)
	return h
}

func TestVerify_PublishedVector(t *testing.T) {
	t.Parallel()
	secret, h, body, now := vector()
	if err := notify.Verify([]string{secret}, h, body, now); err != nil {
		t.Error(err)
	}
}

func TestVerify_Window(t *testing.T) {
	t.Parallel()
	secret, h, body, now := vector()
	for offset, want := range map[time.Duration]bool{
		0: true, 299 * time.Second: true, -299 * time.Second: true, 300 * time.Second: true, -300 * time.Second: true,
		301 * time.Second: false, -301 * time.Second: false, 24 * time.Hour: false, -24 * time.Hour: false,
		1<<63 - 1: false, -1 << 63: false,
	} {
		err := notify.Verify([]string{secret}, h, body, now.Add(offset))
		if (err == nil) != want {
			t.Errorf("clock off by %v: %v, want verified: %t", offset, err, want)
		}
	}
}

func TestVerify_RefusesWhatWasChanged(t *testing.T) {
	t.Parallel()
	secret, good, body, now := vector()
	id, timestamp, signature := good.Get("webhook-id"), good.Get("webhook-timestamp"), good.Get("webhook-signature")
	twice := func(name string) http.Header {
		h := good.Clone()
		h.Add(name, h.Get(name))
		return h
	}
	without := func(name string) http.Header {
		h := good.Clone()
		h.Del(name)
		return h
	}
	other := "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
	tests := []struct {
		name    string
		secrets []string
		h       http.Header
		body    string
	}{
		{"NoSecrets", nil, good, string(body)},
		{"OtherSecret", []string{secretA}, good, string(body)},
		{"BadSecret", []string{"whsec_short"}, good, string(body)},
		{"GoodAndBadSecret", []string{secret, "whsec_short"}, good, string(body)},
		{"NoBody", []string{secret}, good, ""},
		{"MoreBody", []string{secret}, good, string(body) + " "},
		{"NoID", []string{secret}, without("webhook-id"), string(body)},
		{"NoTimestamp", []string{secret}, without("webhook-timestamp"), string(body)},
		{"NoSignature", []string{secret}, without("webhook-signature"), string(body)},
		{"TwoIDs", []string{secret}, twice("webhook-id"), string(body)},
		{"TwoTimestamps", []string{secret}, twice("webhook-timestamp"), string(body)},
		{"TwoSignatureHeaders", []string{secret}, twice("webhook-signature"), string(body)},
		{"OtherID", []string{secret}, headers(id+"x", timestamp, signature), string(body)},
		{"DottedID", []string{secret}, headers(id+".1", timestamp, signature), string(body)},
		{"HugeID", []string{secret}, headers(strings.Repeat("x", 1<<16), timestamp, signature), string(body)},
		{"OtherTimestamp", []string{secret}, headers(id, "1614265331", signature), string(body)},
		{"PlusTimestamp", []string{secret}, headers(id, "+1614265330", signature), string(body)},
		{"PaddedTimestamp", []string{secret}, headers(id, "01614265330", signature), string(body)},
		{"SpacedTimestamp", []string{secret}, headers(id, " 1614265330", signature), string(body)},
		{"NegativeTimestamp", []string{secret}, headers(id, "-1", signature), string(body)},
		{"HugeTimestamp", []string{secret}, headers(id, "99999999999999999999", signature), string(body)},
		{"LargestTimestamp", []string{secret}, headers(id, "9223372036854775807", signature), string(body)},
		{"OtherSignature", []string{secret}, headers(id, timestamp, other), string(body)},
		{"EmptySignature", []string{secret}, headers(id, timestamp, "v1,"), string(body)},
		{"PartOfSignature", []string{secret}, headers(id, timestamp, signature[:len(signature)-4]), string(body)},
		{"OtherVersion", []string{secret}, headers(id, timestamp, "v2"+signature[2:]), string(body)},
		{"AsymmetricVersion", []string{secret}, headers(id, timestamp, "v1a"+signature[2:]), string(body)},
		{"NoVersion", []string{secret}, headers(id, timestamp, signature[3:]), string(body)},
		{"UpperVersion", []string{secret}, headers(id, timestamp, "V"+signature[1:]), string(body)},
		{"TooMany", []string{secret}, headers(id, timestamp, strings.Repeat(other+" ", 16)+signature), string(body)},
		{"Huge", []string{secret}, headers(id, timestamp, strings.Repeat("x ", 1<<16)+signature), string(body)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := notify.Verify(tt.secrets, tt.h, []byte(tt.body), now)
			if !errors.Is(err, notify.ErrNotVerified) {
				t.Fatalf("got %v, want ErrNotVerified", err)
			}
			for _, hidden := range []string{secret[6:], signature[3:], "g0hM9SsE", strings.Repeat("x", 100)} {
				if strings.Contains(err.Error(), hidden) {
					t.Errorf("%v shows %q", err, hidden)
				}
			}
		})
	}
}

// TestVerify_EachBit flips every bit of id, timestamp, signature and body.
func TestVerify_EachBit(t *testing.T) {
	t.Parallel()
	secret, good, body, now := vector()
	parts := []string{good.Get("webhook-id"), good.Get("webhook-timestamp"), good.Get("webhook-signature"), string(body)}
	for part := range parts {
		for i := range parts[part] {
			for bit := range 8 {
				changed := []byte(parts[part])
				changed[i] ^= 1 << bit
				p := append([]string(nil), parts...)
				p[part] = string(changed)
				if err := notify.Verify([]string{secret}, headers(p[0], p[1], p[2]), []byte(p[3]), now); err == nil {
					t.Errorf("part %d, byte %d, bit %d was changed and is verified", part, i, bit)
				}
			}
		}
	}
}

func TestVerify_AmongOthers(t *testing.T) {
	t.Parallel()
	secret, h, body, now := vector()
	h.Set("webhook-signature", "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5B v1,not-base64 "+
		h.Get("webhook-signature")+" v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=")
	if err := notify.Verify([]string{secretA, secret}, h, body, now); err != nil {
		t.Error(err)
	}
}

func FuzzVerify(f *testing.F) {
	secret, good, body, now := vector()
	id, timestamp, signature := good.Get("webhook-id"), good.Get("webhook-timestamp"), good.Get("webhook-signature")
	f.Add(id, timestamp, signature, body, secret)
	f.Add(id, timestamp, signature+" "+signature, body, secret)
	f.Add(id+".1614265330", timestamp, signature, body, secretA)
	f.Add("", "9223372036854775807", "v1, v1,", []byte(nil), "whsec_")
	f.Add("a", "-0", "v1,"+strings.Repeat("A", 43)+"=", []byte("x"), "whsec_"+strings.Repeat("A", 32))
	f.Fuzz(func(t *testing.T, gotID, gotTimestamp, gotSignature string, gotBody []byte, gotSecret string) {
		err := notify.Verify([]string{secret}, headers(gotID, gotTimestamp, gotSignature), gotBody, now)
		if err == nil {
			// Nobody here can make another signature of the vector's secret.
			if gotID != id || gotTimestamp != timestamp || string(gotBody) != string(body) || !strings.Contains(gotSignature, signature) {
				t.Errorf("verified: id %q, timestamp %q, signature %q, body %q", gotID, gotTimestamp, gotSignature, gotBody)
			}
		} else if !errors.Is(err, notify.ErrNotVerified) || strings.Contains(err.Error(), secret[6:]) {
			t.Errorf("got %v", err)
		}
		clock := now
		if seconds, err := strconv.ParseInt(gotTimestamp, 10, 64); err == nil {
			clock = time.Unix(seconds, 0)
		}
		err = notify.Verify([]string{gotSecret}, headers(gotID, gotTimestamp, gotSignature), gotBody, clock)
		if err != nil && len(gotSecret) > 40 && strings.Contains(err.Error(), gotSecret) {
			t.Errorf("%v shows the secret", err)
		}
	})
}

package notify

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSign_PublishedVector is the vector in the reference libraries of standard-webhooks/standard-webhooks.
func TestSign_PublishedVector(t *testing.T) {
	t.Parallel()
	key, err := parseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := sign([][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
}

func TestParseSecret_ShowsNothing(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, secret, want string }{
		{"Empty", "", "does not begin with whsec_"},
		{"NoPrefix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not begin with whsec_"},
		{"AsymmetricKey", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not begin with whsec_"},
		{"NoBase64", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!!", "is not base64"},
		{"NoPadding", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwQQ", "is not base64"},
		{"Short", "whsec_" + strings.Repeat("QUFB", 7), "has 21 bytes: want 24 to 64"},
		{"Long", "whsec_" + strings.Repeat("QUFB", 22), "has 66 bytes: want 24 to 64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parseSecret(tt.secret)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "MfKQ9r8GKYqrTwjU") {
				t.Errorf("%v shows the secret", err)
			}
		})
	}
	for name, secret := range map[string]string{
		"24 bytes":               "whsec_" + strings.Repeat("QUFB", 8),
		"the line end of a file": "whsec_" + strings.Repeat("QUFB", 8) + "\n",
	} {
		if _, err := parseSecret(secret); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerify_SignedIDWithADot: under one signature the bytes "a.1.2.x" are two requests, of id "a" with the body
// "2.x", and of id "a.1" with the body "x". Only the first is read.
func TestVerify_SignedIDWithADot(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	key, err := parseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature := sign([][]byte{key}, "a", "1", []byte("2.x"))
	for _, tt := range []struct {
		id, timestamp, body string
		want                bool
	}{{"a", "1", "2.x", true}, {"a.1", "2", "x", false}} {
		h := http.Header{HeaderID: {tt.id}, HeaderTimestamp: {tt.timestamp}, HeaderSignature: {signature}}
		if err := Verify([]string{secret}, h, []byte(tt.body), time.Unix(1, 0)); (err == nil) != tt.want {
			t.Errorf("id %q: %v, want verified: %t", tt.id, err, tt.want)
		}
	}
}

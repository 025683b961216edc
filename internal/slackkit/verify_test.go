package slackkit_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

var at = time.Unix(1700000000, 0)

func verifier(t testing.TB, secrets ...string) *slackkit.Verifier {
	t.Helper()
	v, err := slackkit.NewVerifier(secrets, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestVerifier_VectorOfSlack uses the example in Slack's documentation.
func TestVerifier_VectorOfSlack_IsTaken(t *testing.T) {
	t.Parallel()
	v, err := slackkit.NewVerifier([]string{"8f742231b10e8888abcd99yyyzzz85a5"}, func() time.Time { return time.Unix(1531420618, 0) })
	if err != nil {
		t.Fatal(err)
	}
	body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", "1531420618")
	h.Set("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
	if err := v.Verify(h, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func TestVerifier_Requests(t *testing.T) {
	t.Parallel()
	const secret, old = "new-secret", "old-secret"
	body := []byte("payload=%7B%7D")
	for _, tt := range []struct {
		name   string
		header func() http.Header
		body   []byte
		want   error
	}{
		{"signed now", func() http.Header { return slackfake.Sign(secret, at, body) }, body, nil},
		{"signed with the old secret", func() http.Header { return slackfake.Sign(old, at, body) }, body, nil},
		{"signed with another secret", func() http.Header { return slackfake.Sign("guess", at, body) }, body, slackkit.ErrSignature},
		{"299 s old", func() http.Header { return slackfake.Sign(secret, at.Add(-299*time.Second), body) }, body, nil},
		{"299 s early", func() http.Header { return slackfake.Sign(secret, at.Add(299*time.Second), body) }, body, nil},
		{"301 s old", func() http.Header { return slackfake.Sign(secret, at.Add(-301*time.Second), body) }, body, slackkit.ErrExpired},
		{"301 s early", func() http.Header { return slackfake.Sign(secret, at.Add(301*time.Second), body) }, body, slackkit.ErrExpired},
		{"another body", func() http.Header { return slackfake.Sign(secret, at, body) }, []byte("payload=%7B%7d"), slackkit.ErrSignature},
		{"no headers", func() http.Header { return http.Header{} }, body, slackkit.ErrSignature},
		{"two signatures", func() http.Header {
			h := slackfake.Sign("guess", at, body)
			h.Add("X-Slack-Signature", slackfake.Sign(secret, at, body).Get("X-Slack-Signature"))
			return h
		}, body, slackkit.ErrSignature},
		{"two signatures, the first ours", func() http.Header {
			h := slackfake.Sign(secret, at, body)
			h.Add("X-Slack-Signature", slackfake.Sign("guess", at, body).Get("X-Slack-Signature"))
			return h
		}, body, slackkit.ErrSignature},
		{"another timestamp", func() http.Header {
			h := slackfake.Sign(secret, at, body)
			h.Set("X-Slack-Request-Timestamp", "1700000001")
			return h
		}, body, slackkit.ErrSignature},
		{"a timestamp with a sign", func() http.Header {
			h := slackfake.Sign(secret, at, body)
			h.Set("X-Slack-Request-Timestamp", "+1700000000")
			return h
		}, body, slackkit.ErrSignature},
		{"another version", func() http.Header {
			h := slackfake.Sign(secret, at, body)
			h.Set("X-Slack-Signature", "v1="+h.Get("X-Slack-Signature")[3:])
			return h
		}, body, slackkit.ErrSignature},
		{"half a signature", func() http.Header {
			h := slackfake.Sign(secret, at, body)
			h.Set("X-Slack-Signature", h.Get("X-Slack-Signature")[:40])
			return h
		}, body, slackkit.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := verifier(t, secret, old).Verify(tt.header(), tt.body); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestVerifier_EachByteFlipped_IsRefused(t *testing.T) {
	t.Parallel()
	body := []byte("payload=%7B%22type%22%3A%22block_actions%22%7D")
	v := verifier(t, "s")
	h := slackfake.Sign("s", at, body)
	for i := range body {
		changed := append([]byte(nil), body...)
		changed[i] ^= 1
		if v.Verify(h, changed) == nil {
			t.Fatalf("byte %d of the body was changed and nobody saw it", i)
		}
	}
	signature := h.Get("X-Slack-Signature")
	for i := 3; i < len(signature); i++ {
		changed := []byte(signature)
		changed[i] = "01"[b2i(changed[i] == '0')]
		h.Set("X-Slack-Signature", string(changed))
		if v.Verify(h, body) == nil {
			t.Fatalf("digit %d of the signature was changed and nobody saw it", i)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestNewVerifier_BadSecrets_AreRefused(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{nil, {}, {""}, {"a", " "}, {"a", "b", "c", "d", "e"}} {
		if _, err := slackkit.NewVerifier(secrets, nil); err == nil {
			t.Errorf("secrets %q were taken", secrets)
		}
	}
}

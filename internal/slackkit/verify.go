package slackkit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Reasons why a request is not taken for Slack's. They are for logs; whoever sent it is told neither.
var (
	ErrSignature = errors.New("the request is not signed with a secret of ours")
	ErrExpired   = errors.New("the request's timestamp is more than five minutes away from our clock")
)

// window is how old, or how early, a signed request may be.
const window = 5 * time.Minute

// Verifier checks that requests were signed by Slack. It is safe for concurrent use.
//
// It does not find repetitions: the same request passes again within the window. [Interactions] does.
type Verifier struct {
	secrets [][]byte
	now     func() time.Time
}

// NewVerifier takes the app's signing secret, and while it is being rotated the old one too; now is
// time.Now if nil.
func NewVerifier(secrets []string, now func() time.Time) (*Verifier, error) {
	if now == nil {
		now = time.Now
	}
	v := &Verifier{now: now}
	for _, secret := range secrets {
		if strings.TrimSpace(secret) == "" {
			return nil, errors.New("slackkit: a signing secret is empty")
		}
		v.secrets = append(v.secrets, []byte(secret))
	}
	if len(v.secrets) == 0 || len(v.secrets) > 4 {
		return nil, errors.New("slackkit: want one signing secret, or two while it is being rotated")
	}
	return v, nil
}

// Verify returns nil if the headers sign the raw body, [ErrExpired] if they do but too long ago, and
// [ErrSignature] for all else. The time it takes does not depend on how much of a signature is right.
func (v *Verifier) Verify(h http.Header, body []byte) error {
	_, err := v.verify(h, body)
	return err
}

// mac is a signature, which also names the request it signs.
type mac [sha256.Size]byte

func (v *Verifier) verify(h http.Header, body []byte) (mac, error) {
	signature, ok := single(h, "X-Slack-Signature")
	stamp, dated := single(h, "X-Slack-Request-Timestamp")
	var got mac
	hexed, versioned := strings.CutPrefix(signature, "v0=")
	if !ok || !dated || !versioned || len(hexed) != hex.EncodedLen(len(got)) || !digits(stamp) {
		return mac{}, ErrSignature
	}
	if _, err := hex.Decode(got[:], []byte(hexed)); err != nil {
		return mac{}, ErrSignature
	}
	signed := false
	for _, secret := range v.secrets {
		hash := hmac.New(sha256.New, secret)
		hash.Write([]byte("v0:" + stamp + ":"))
		hash.Write(body)
		signed = hmac.Equal(hash.Sum(nil), got[:]) || signed
	}
	if !signed {
		return mac{}, ErrSignature
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || v.now().Sub(time.Unix(seconds, 0)).Abs() > window {
		return mac{}, ErrExpired
	}
	return got, nil
}

// single returns a header that is there once.
func single(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}

func digits(s string) bool {
	if s == "" || len(s) > 12 {
		return false
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

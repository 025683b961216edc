package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

const (
	// Tolerance is how far the timestamp of a webhook may be from the receiver's clock.
	Tolerance = 5 * time.Minute

	secretPrefix   = "whsec_"
	signatureStart = "v1,"
	minSecret      = 24
	maxSecret      = 64
	maxSignatures  = 16   // that are looked at, of ours and others
	maxIDBytes     = 256  // of a webhook's id
	maxHeaderBytes = 4096 // of its signatures
)

// parseSecret returns the key in a whsec_ secret. Its errors do not show it.
func parseSecret(secret string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok {
		return nil, errors.New("does not begin with " + secretPrefix)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	switch {
	case err != nil:
		return nil, errors.New("is not base64 after " + secretPrefix)
	case len(key) < minSecret || len(key) > maxSecret:
		return nil, fmt.Errorf("has %d bytes: want %d to %d", len(key), minSecret, maxSecret)
	}
	return key, nil
}

// mac is the HMAC of what is signed: id, timestamp and body, joined by dots.
func mac(key []byte, id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return h.Sum(nil)
}

// sign returns the signature header: one signature for each key.
func sign(keys [][]byte, id, timestamp string, body []byte) string {
	var signatures []string
	for _, key := range keys {
		signatures = append(signatures, signatureStart+base64.StdEncoding.EncodeToString(mac(key, id, timestamp, body)))
	}
	return strings.Join(signatures, " ")
}

// Verify checks that a request was signed with one of secrets, not longer than [Tolerance] ago or ahead of
// now. It is for receivers: they call it with the bytes of the body as they came, before they parse them.
// Its errors wrap [ErrNotVerified] and show neither secrets nor signatures.
//
// A receiver bounds the body before that (alerts have less than 300 KiB), and drops what comes again with the
// same webhook-id, since Verify does not know what came before.
func Verify(secrets []string, h http.Header, body []byte, now time.Time) error {
	if err := verify(secrets, h, body, now); err != nil {
		return fmt.Errorf("%w: %w", ErrNotVerified, err)
	}
	return nil
}

func verify(secrets []string, h http.Header, body []byte, now time.Time) error {
	if len(secrets) == 0 {
		return errors.New("there is no secret to check it with")
	}
	id, timestamp, signatures, err := readHeaders(h)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return errors.New("its timestamp is too large")
	}
	// Compared as seconds: a difference of times would saturate.
	if at := now.Unix(); seconds < at-int64(Tolerance/time.Second) || seconds > at+int64(Tolerance/time.Second) {
		return fmt.Errorf("its timestamp is not within %v of this clock", Tolerance)
	}
	matched := false
	for i, secret := range secrets {
		key, err := parseSecret(secret)
		if err != nil {
			return fmt.Errorf("secret %d of %d %w", i+1, len(secrets), err)
		}
		want := mac(key, id, timestamp, body)
		for _, signature := range signatures {
			// No way out at the first match: which of the secrets it was is nobody's business.
			matched = hmac.Equal(signature, want) || matched
		}
	}
	if !matched {
		return errors.New("no signature is of one of the secrets")
	}
	return nil
}

// readHeaders returns what a webhook says of itself. Each header must be there exactly once: of two, another
// reader might take the other.
func readHeaders(h http.Header) (id, timestamp string, signatures [][]byte, err error) {
	var values [3]string
	for i, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		got := h.Values(name)
		if len(got) != 1 || got[0] == "" {
			return "", "", nil, fmt.Errorf("want one header %s, it has %d", strings.ToLower(name), len(got))
		}
		values[i] = got[0]
	}
	id, timestamp = values[0], values[1]
	switch {
	case len(id) > maxIDBytes || strings.Contains(id, "."):
		// A dot would let bytes move from the id to the timestamp under one signature.
		return "", "", nil, errors.New("its id is too long or has a dot")
	case !isDigits(timestamp) || timestamp != "0" && timestamp[0] == '0':
		return "", "", nil, errors.New("its timestamp is no number of seconds")
	case len(values[2]) > maxHeaderBytes:
		return "", "", nil, errors.New("its signatures are too long")
	}
	for _, one := range strings.Split(values[2], " ") {
		encoded, ours := strings.CutPrefix(one, signatureStart)
		if !ours {
			continue // of another version, for other readers
		}
		if signature, err := base64.StdEncoding.Strict().DecodeString(encoded); err == nil && len(signature) == sha256.Size {
			signatures = append(signatures, signature)
		}
	}
	if n := len(signatures); n == 0 || n > maxSignatures {
		return "", "", nil, fmt.Errorf("want 1 to %d signatures of version 1, it has %d", maxSignatures, n)
	}
	return id, timestamp, signatures, nil
}

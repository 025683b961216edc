package incidentweb

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// AckLink is a link by which somebody who was paged says that they have it. It is theirs: whoever has
// the link answers in their name, until it expires.
type AckLink struct {
	// Incident is an incident's id, Escalation that of one of its escalations, Person who was paged.
	Incident, Escalation, Person string
	// Expires is when it no longer works.
	Expires time.Time
}

// ackClaims are what a link says, in the order in which they are signed.
type ackClaims struct {
	Incident   string `json:"i"`
	Escalation string `json:"e"`
	Person     string `json:"p"`
	Expires    int64  `json:"x"`
}

// Path returns the link as it follows the address of the server: /ack/{escalation}?t=…, signed with
// key, which is the first of [Options].AckKeys.
func (l AckLink) Path(key []byte) string {
	claims, err := json.Marshal(ackClaims{l.Incident, l.Escalation, l.Person, l.Expires.Unix()})
	if err != nil { // texts and a number always have a JSON
		return ""
	}
	t := base64.RawURLEncoding.EncodeToString(claims)
	return "/ack/" + url.PathEscape(l.Escalation) + "?t=" + t + "." + base64.RawURLEncoding.EncodeToString(ackMAC(key, t))
}

// ackMAC signs a text for this purpose and no other.
func ackMAC(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("theriac ack link v1\n" + text))
	return mac.Sum(nil)
}

// readAckLink returns the link that a text is, if one of the keys signed it and it has not expired.
func readAckLink(keys [][]byte, escalation, t string, now time.Time) (AckLink, bool) {
	text, signature, _ := strings.Cut(t, ".")
	got, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(t) > 2048 {
		return AckLink{}, false
	}
	signed := false
	for _, key := range keys {
		signed = hmac.Equal(got, ackMAC(key, text)) || signed
	}
	if !signed {
		return AckLink{}, false
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	var claims ackClaims
	if err != nil || json.Unmarshal(data, &claims) != nil {
		return AckLink{}, false
	}
	link := AckLink{claims.Incident, claims.Escalation, claims.Person, time.Unix(claims.Expires, 0)}
	return link, link.Escalation == escalation && now.Before(link.Expires)
}

package quarantine

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/theriac/theriac/handlers"
)

// Identity is the unique key of a message on a subscription: a digest over the
// subscription, the broker's id, the publish time in microseconds and the
// payload's digest. Two deliveries with one identity are provably the same
// message; a broker that reuses ids produces different identities.
func Identity(subscription string, id handlers.Identity) [32]byte {
	h := sha256.New()
	writeField := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	writeField([]byte(subscription))
	writeField([]byte(id.ID))
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(id.PublishedAt.UnixMicro()))
	writeField(t[:])
	writeField(id.SHA256[:])
	return [32]byte(h.Sum(nil))
}

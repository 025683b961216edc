package natsjs

import (
	"strconv"
	"strings"
	"time"
)

// ackMeta is what the reply subject of a delivery says about it.
type ackMeta struct {
	sequence  uint64
	delivered int
	stored    time.Time
}

const ackPrefix = "$JS.ACK."

// parseAck reads a reply subject in either of the forms that servers use:
//
//	$JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<consumer seq>.<unix ns>.<pending>
//	$JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>.<seq>.<consumer seq>.<unix ns>.<pending>[.<token>]
func parseAck(reply string) (meta ackMeta, ok bool) {
	if !strings.HasPrefix(reply, ackPrefix) || strings.ContainsAny(reply, " \t\r\n") {
		return ackMeta{}, false
	}
	skip := 2 // stream and consumer
	switch dots := strings.Count(reply, "."); {
	case dots == 8:
	case dots >= 10:
		skip = 4 // domain and account stand before them
	default:
		return ackMeta{}, false
	}
	rest := reply[len(ackPrefix):]
	for range skip {
		_, rest, _ = strings.Cut(rest, ".")
	}
	var fields [4]uint64 // delivered, sequence, consumer sequence, time
	for i := range fields {
		var field string
		var err error
		field, rest, _ = strings.Cut(rest, ".")
		if fields[i], err = strconv.ParseUint(field, 10, 63); err != nil {
			return ackMeta{}, false
		}
	}
	return ackMeta{
		delivered: int(fields[0]),
		sequence:  fields[1],
		stored:    time.Unix(0, int64(fields[3])).UTC(),
	}, true
}

// messageID names a message for ever; see the package comment.
func messageID(streamCreated time.Time, sequence uint64) string {
	var buf [40]byte
	id := strconv.AppendInt(buf[:0], streamCreated.UnixNano(), 10)
	id = append(id, '.')
	return string(strconv.AppendUint(id, sequence, 10))
}

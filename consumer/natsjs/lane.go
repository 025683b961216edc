package natsjs

import (
	"strconv"

	"github.com/nats-io/nats.go"
)

// lanes is how many pull requests may be open. With one alone, the broker would
// idle while the next is on its way behind thousands of acks.
const lanes = 4

// lane has at most one open pull request. Its subscription tells its messages
// from those of the others.
type lane struct {
	inbox string
	sub   *nats.Subscription

	subject string   // to which the broker reports about the open request
	left    usage    // what it may still bring; a count of 0: none is open
	made    appetite // how it was sized
}

// forget drops what is known of open requests.
func (r *receiver) forget() {
	for i := range r.lanes {
		r.lanes[i].left = usage{}
	}
}

// promised is what open requests may still bring.
func (r *receiver) promised() (sum usage) {
	for i := range r.lanes {
		sum.count += r.lanes[i].left.count
		sum.bytes += r.lanes[i].left.bytes
	}
	return sum
}

// ask opens requests on idle lanes while there is room.
func (r *receiver) ask() error {
	if !r.conn.IsConnected() {
		return nil
	}
	for i := range r.lanes {
		l := &r.lanes[i]
		if l.left.count > 0 {
			continue
		}
		promised := r.promised()
		ask, ok := plan(situation{
			limit:    r.held.limit,
			inHand:   r.held.inUse(promised.count == 0),
			promised: promised,
			appetite: r.appetite,
			refused:  r.refused,
		})
		if !ok {
			return nil
		}
		if err := r.open(l, ask); err != nil {
			return err
		}
	}
	return nil
}

// open sends a pull request for what is asked.
func (r *receiver) open(l *lane, ask usage) error {
	if r.target.maxBatch > 0 {
		ask.count = min(ask.count, r.target.maxBatch)
	}
	if r.target.maxBytes > 0 {
		ask.bytes = min(ask.bytes, int64(r.target.maxBytes))
	}
	r.requests++
	l.subject = l.inbox + strconv.FormatInt(r.requests, 10)
	l.left, l.made = ask, r.appetite
	subject := "$JS.API.CONSUMER.MSG.NEXT." + r.src.cfg.Stream + "." + r.src.cfg.Consumer
	return closedOr(r.conn.PublishRequest(subject, l.subject, pullRequest(ask)))
}

// pullRequest is the body of a request.
func pullRequest(ask usage) []byte {
	body := append(make([]byte, 0, 128), `{"expires":`...)
	body = strconv.AppendInt(body, int64(requestExpiry), 10)
	body = append(body, `,"idle_heartbeat":`...)
	body = strconv.AppendInt(body, int64(heartbeat), 10)
	body = append(body, `,"batch":`...)
	body = strconv.AppendInt(body, int64(ask.count), 10)
	if ask.bytes > 0 {
		body = append(body, `,"max_bytes":`...)
		body = strconv.AppendInt(body, ask.bytes, 10)
	}
	return append(body, '}')
}

// laneOf returns the lane on which m came.
func (r *receiver) laneOf(m *nats.Msg) *lane {
	for i := range r.lanes {
		if r.lanes[i].sub == m.Sub {
			return &r.lanes[i]
		}
	}
	return nil
}

// brought counts a message of the open request. The broker counts subject and
// headers too, so it may end the request before our count of bytes is used up;
// it tells.
func (l *lane) brought(size int64) {
	l.left = usage{l.left.count - 1, max(0, l.left.bytes-size)}
	if l.left.count <= 0 {
		l.left = usage{}
	}
}

// refuse makes the next request bolder than the one that was refused.
func (r *receiver) refuse(made appetite) {
	if made == share {
		r.appetite = max(r.appetite, whole)
		return
	}
	r.appetite = wait
	r.refused = r.held.inUse(false).bytes
}

package natsjs

// usage is a number of messages and of their bytes.
type usage struct {
	count int
	bytes int64
}

func (u usage) minus(v usage) usage { return usage{u.count - v.count, u.bytes - v.bytes} }

// appetite is how a pull request may be sized. The broker refuses a request
// when its next message is larger than what the request has left, and does not
// say how large that message is; each refusal makes the next try bolder.
type appetite int

const (
	// share asks for half of the room, so that the other lanes can ask too and
	// the lanes end at different times.
	share appetite = iota
	// whole asks for all the room, with no other request open.
	whole
	// wait asks again when half of what was in hand at the refusal is gone.
	wait
)

// situation is what plan decides on.
type situation struct {
	limit    usage    // what may be in hand
	inHand   usage    // what is
	promised usage    // what open requests may still bring
	appetite appetite // how to ask
	refused  int64    // bytes in hand when a request for all the room was refused
}

// plan says what to ask for next, and whether to ask at all. With bytes 0 the
// request is for messages of any size.
func plan(s situation) (ask usage, ok bool) {
	room := s.limit.minus(s.inHand).minus(s.promised)
	idle := s.promised.count == 0 // no request is open
	switch {
	case s.appetite != share && !idle:
		return usage{}, false
	case s.appetite == wait && s.inHand.count == 0:
		return usage{count: 1}, true // larger than the limit: alone
	case s.appetite == wait && s.inHand.bytes > s.refused/2:
		return usage{}, false
	case room.count <= 0, room.bytes < max(1, s.limit.bytes/8):
		return usage{}, false
	case s.appetite != share:
		return room, true
	case !idle && room.count < s.limit.count/16:
		return usage{}, false // many small requests cost more than they bring
	default:
		return usage{count: (room.count + 1) / 2, bytes: (room.bytes + 1) / 2}, true
	}
}

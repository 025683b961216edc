package handlers

// Standing is what is known of a message before it runs.
type Standing uint8

// The standings.
const (
	// StandingNew: nothing is recorded; the common case.
	StandingNew Standing = iota
	// StandingFailing: earlier attempts failed somewhere; a success must be
	// recorded so that the counters start again at 0.
	StandingFailing
	// StandingSuspect: it was in a process that died of it, or may have; it runs
	// alone in a ward until it is cleared.
	StandingSuspect
	// StandingDecided: provably this message is held, replayed or discarded
	// already, or it succeeded alone in a ward; its redelivery is acknowledged on sight.
	StandingDecided
)

// Replay is a held entry that its subscription's worker is to run again. The
// worker that received it is its only claimant.
type Replay struct {
	// Entry is the entry's id, Ref its short reference ("Q-7F3K").
	Entry, Ref string
	// Version is the entry's version when it was claimed. A result that carries
	// another version is refused.
	Version int64
	// Number counts the replays of the entry, this one included, from 1.
	Number int
	// Actor is who asked for it.
	Actor string
	// Alone: it runs in a ward if there is one, since it killed its process or hung
	// before, or is the first of a group.
	Alone bool
	// Message is the original message: id, bytes, attributes, key and time.
	Message Message
}

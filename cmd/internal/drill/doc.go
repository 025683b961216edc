// Package drill is the game day as a command: it starts a service of its own, lets it die in every
// way that a message can kill it, and counts what that cost.
//
//	           web traffic ─────────────────► web ──┐
//	drill ─► good messages, then poison ─► worker ──┤ replicas, 1 or 3
//	  ▲                                     wards ──┘
//	  └── who began, who is done, who died ◄── socket
//
// For each row, which is a way of dying beside so many good messages on so many replicas, everything
// is made anew in a temporary directory: broker, store, replicas. Each replica is this same program
// again (package replica), looked after by a guardian of its own.
//
//  1. The good messages are published. Their handlers begin, and wait.
//  2. When all are in flight the poison is published, and does what it does.
//  3. When something died of it, or nothing did for a while, the good messages may go on.
//  4. When each message is done or held and the broker has no more, the drill counts.
//
// Nothing is taken from what the program under test believes: an effect is done when its handler
// asked the drill for it, a message is held when the store says so, a death is one when the guardian
// logged it, and a web request was served when the drill got its answer. What is published and is
// neither done nor held is lost; an effect that happens again is a duplicate. A message that runs
// again finds its effect and does nothing, so it counts twice only where two runs overlapped.
package drill

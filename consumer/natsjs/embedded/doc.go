// Package embedded starts a NATS server with JetStream on disk inside this
// process: the broker that needs no installation.
//
// It is meant to run in a process of its own. The program re-executes itself,
// calls [Start] and [Server.Run] there, and ends the context of Run when its
// parent is gone.
//
// # The data directory
//
//	broker.lock   flock'd for as long as the broker lives; holds its pid and port
//	broker.token  the secret that clients present, mode 0600, made once
//	broker.json   where the broker listens; read it with [Find]
//	jetstream/    the streams
//
// A directory belongs to one broker: a second one is refused with a
// [*HeldError]. The lock is the kernel's, so a killed broker leaves nothing to
// clean up: [Find] ignores the file of a dead one, and the next Start takes the
// same port again where it can, so that clients find their way back.
//
// # Who may connect
//
// The broker listens on loopback only. Other users of the machine reach
// loopback too, so clients must present the token; it stands in a file that
// only the owner can read, and neither in the URL nor in an argument or a log.
//
// # What is promised
//
// By default each publish and each acknowledgement is on disk, synced, before
// it is confirmed: nothing is lost when the power fails. [Config.SyncEvery]
// trades that for speed. A death of the process alone loses nothing either way.
//
// # When the disk fills up
//
// At [Config.StoreLimit] publishers are refused and consumers go on. When a
// write fails, the engine stops taking messages until it is started anew;
// [Server.Run] notices and returns an error, and Start refuses with a
// [*DiskFullError] until there is room. Whoever restarts the broker should back
// off between tries.
package embedded

// Command bench compares what this module costs per message with the raw
// Pub/Sub client, with a recover written by hand, and with Watermill.
//
// # What runs
//
// The program is three things, chosen by its first argument:
//
//	bench            the parent: starts the others, collects, prints
//	bench broker     internal/fakepubsub in a process of its own
//	bench worker     one consumer process: one stack, one measured window
//
// Broker and worker are told what to do on their standard input and end with it,
// so that none outlives the parent.
//
// # What is fair
//
// All stacks receive the same messages from the same broker through the same
// client with the same options, but for what gcppubsub sets in gRPC itself, its
// windows (raw-windows has them too); every round runs all stacks one after the other,
// and every ratio is taken within a round, so that what else the machine does
// weighs on all alike. The backlog is published before anything is measured and
// is longer than a window, so that nobody ever waits for a publisher.
package main

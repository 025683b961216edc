package handlers

import "time"

// Running is one message that a process is running now: what a store is told of
// it, in case the whole machine dies.
type Running struct {
	// Subscription and MessageID say which message, PublishedAt when the broker took
	// it.
	Subscription, MessageID string
	PublishedAt             time.Time
	// Started is when its handler was called, or was about to be.
	Started time.Time
}

package replica

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac/theriac/consumer"
)

// Subscription is the one stream of every drill.
const Subscription = "drill"

// Spec is what a replica runs on. The drill writes it into the replica's directory.
type Spec struct {
	// Number is which replica it is, from 1.
	Number int `json:"number"`
	// Socket is the drill's unix socket.
	Socket string `json:"socket"`
	// Broker is where messages come from.
	Broker Broker `json:"broker"`
	// Store is the URL of the quarantine's store. It may hold a password, so the file that it
	// stands in is for this user's eyes only.
	Store string `json:"store"`
	// DSN is where events of failures and deaths go.
	DSN string `json:"dsn"`
	// Traces is the URL of the collector of spans, "" for none.
	Traces string `json:"traces,omitempty"`
	// Timeout, Grace and MaxFailures are the subscription's.
	Timeout     time.Duration `json:"timeout"`
	Grace       time.Duration `json:"grace"`
	MaxFailures int           `json:"max_failures"`
	// Backoff is the wait after the first failure.
	Backoff time.Duration `json:"backoff"`
	// BreakerOpenFor is the breaker's wait before each probe, BreakerOff that there is none.
	BreakerOpenFor time.Duration `json:"breaker_open_for"`
	BreakerOff     bool          `json:"breaker_off,omitempty"`
	// Slots is how many handlers run at once, Wards how many wards the guardian keeps, MemoryLimit
	// the bound on the memory of each process in bytes, 0 for none.
	Slots       int   `json:"slots"`
	Wards       int   `json:"wards"`
	MemoryLimit int64 `json:"memory_limit"`
	// Build is what the replica calls its version.
	Build string `json:"build"`
}

// Broker names the stream: a JetStream consumer, or a subscription of Pub/Sub if Project is set.
type Broker struct {
	URL       string `json:"url,omitempty"`
	TokenFile string `json:"token_file,omitempty"`
	Stream    string `json:"stream,omitempty"`
	Consumer  string `json:"consumer,omitempty"`

	Project      string `json:"project,omitempty"`
	Plaintext    string `json:"plaintext,omitempty"` // host:port of a test server
	Subscription string `json:"subscription,omitempty"`
}

// system names the broker as the conventions for messaging do.
func (b Broker) system() string {
	if b.Project != "" {
		return "gcp_pubsub"
	}
	return "nats"
}

// policy keeps everything short: a drill waits for each of it.
func (s Spec) policy() consumer.Policy {
	return consumer.Policy{
		Timeout: s.Timeout, Grace: s.Grace, MaxFailures: s.MaxFailures,
		Backoff: consumer.Backoff{Initial: s.Backoff, Max: 4 * s.Backoff},
		Breaker: consumer.BreakerPolicy{OpenFor: s.BreakerOpenFor, Off: s.BreakerOff},
	}
}

const specName = "replica.json"

// Names within a replica's directory.
const (
	// LogName is the log of the guardian and its children, one JSON object a line.
	LogName = "replica.log"
	// StateName is the guardian's state directory.
	StateName = "guardian"
)

// Write puts the spec into a replica's directory, which exists.
func (s Spec) Write(dir string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the spec of replica %d: %w", s.Number, err)
	}
	return os.WriteFile(filepath.Join(dir, specName), text, 0o600)
}

func readSpec(dir string) (s Spec, err error) {
	text, err := os.ReadFile(filepath.Join(dir, specName))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err == nil && (s.Socket == "" || s.Slots < 1) {
		err = errors.New("it makes no sense")
	}
	if err != nil {
		return s, fmt.Errorf("%s cannot be read (%w): a replica is started by theriac drill", filepath.Join(dir, specName), err)
	}
	return s, nil
}

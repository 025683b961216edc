package gcppubsub

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	// ErrClosed is returned when the [Client] was closed.
	ErrClosed = errors.New("the Pub/Sub client is closed: connect again")

	// ErrBusy is wrapped when a second Receive on one subscription is called over
	// the same [Client].
	ErrBusy = errors.New("this Client receives from it already: use a Client of its own")

	// ErrUnfit is wrapped by errors about a topic or subscription that exists but
	// does not have what was asked for.
	ErrUnfit = errors.New("not fit for use")

	// ErrSettled is returned by a second Ack or Nack of a delivery, and by one
	// that comes after Receive had handed the message back.
	ErrSettled = errors.New("the delivery was settled before: if Receive has returned, the message was handed back")

	// ErrLeaseLost is wrapped when an exactly-once subscription refuses an ack or
	// nack because the lease had ended.
	ErrLeaseLost = errors.New("the lease had ended: the message will be delivered again")
)

// MissingError says that a subscription or topic does not exist.
type MissingError struct {
	// Kind is "subscription" or "topic".
	Kind string
	// Name is its full name.
	Name string
}

// Error says what is missing and how it is made.
func (e *MissingError) Error() string {
	part := strings.Split(e.Name, "/")
	project, id := "PROJECT", part[len(part)-1]
	if len(part) == 4 {
		project = part[1]
	}
	topic := ""
	if e.Kind == "subscription" {
		topic = " --topic=TOPIC"
	}
	return fmt.Sprintf("%s %s does not exist: create it with gcloud pubsub %ss create %s --project=%s%s, or correct its name",
		e.Kind, e.Name, e.Kind, id, project, topic)
}

// RefusedError says that the broker will not serve us, however often we ask.
type RefusedError struct {
	// Name is the full name of the subscription or topic.
	Name string
	// Err is what the client reported.
	Err error
}

// Error says what to do and quotes the broker.
func (e *RefusedError) Error() string {
	st := status.Convert(e.Err)
	advice := "correct the configuration"
	switch st.Code() {
	case codes.PermissionDenied:
		advice = "grant this program's service account roles/pubsub.subscriber to receive and roles/pubsub.publisher to publish"
	case codes.Unauthenticated:
		advice = "set GOOGLE_APPLICATION_CREDENTIALS or run gcloud auth application-default login"
	}
	return fmt.Sprintf("Pub/Sub refuses %s (%v): %s: %q", e.Name, st.Code(), advice, st.Message())
}

// Unwrap returns what the client reported.
func (e *RefusedError) Unwrap() error { return e.Err }

// StuckError says that Google's client did not end its Receive in time. Its
// goroutines may live on; restart the process.
type StuckError struct {
	// Subscription is the full name of the subscription.
	Subscription string
	// Waited is the time since the context had ended.
	Waited time.Duration
}

// Error names the subscription and the time.
func (e *StuckError) Error() string {
	return fmt.Sprintf("receiving from %s did not end within %v after it was told to: restart this process; its messages come back when their leases end",
		e.Subscription, e.Waited)
}

// lasting reports whether an error of a call will not mend by itself.
func lasting(err error) bool {
	switch status.Code(err) {
	case codes.NotFound, codes.PermissionDenied, codes.Unauthenticated, codes.InvalidArgument, codes.FailedPrecondition, codes.Unimplemented:
		return true
	default:
		return false
	}
}

// explain puts a lasting error of a call into our words.
func explain(kind, name string, err error) error {
	switch {
	case !lasting(err):
		return fmt.Errorf("%s %s: %w", kind, name, err)
	case status.Code(err) == codes.NotFound:
		return &MissingError{Kind: kind, Name: name}
	default:
		return &RefusedError{Name: name, Err: err}
	}
}

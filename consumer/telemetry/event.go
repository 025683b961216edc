package telemetry

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/getsentry/sentry-go"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/redact"
)

const (
	maxTag      = 200 // of Sentry
	maxSuspects = 20
	maxChain    = 10 // errors of a chain, since the message waits for all of them to be scrubbed
)

// attemptEvent is the event of a failed attempt.
func (s *Sentry) attemptEvent(sub string, m handlers.Message, a handlers.Attempt) *sentry.Event {
	event := s.event(sentry.LevelError, a.Ended)
	event.EventID = newEventID()
	event.Tags = tags(map[string]string{
		"subscription": sub, "message_id": m.ID, "handler": a.Handler, "attempt": number(max(a.DeliveryAttempt, 1)),
		"build": a.Build, "outcome": a.Outcome.String(), "trace_id": a.TraceID,
	})
	if a.Replay {
		event.Tags["replay"] = "true"
	}
	event.Exception = s.exceptions(a)
	if safe := s.messageContext(sub, m); len(safe) > 0 {
		event.Contexts["message"] = safe
	}
	event.Fingerprint = s.fingerprint(Failure{
		Subscription: sub, Outcome: a.Outcome.String(), ErrorTypes: errorTypes(a.Errors), Frames: a.Frames,
	})
	return event
}

// messageContext is what is safe of a message, nil if nothing is.
func (s *Sentry) messageContext(sub string, m handlers.Message) sentry.Context {
	safe := sentry.Context{}
	for _, f := range s.cfg.Redact.Payload(sub, m.Data, redact.Limit{}).Safe() {
		safe["payload "+f.Path] = f.Value
	}
	attributes, _ := s.cfg.Redact.Attributes(sub, m.Attributes)
	for _, a := range attributes {
		safe["attribute "+tag(a.Name)] = a.Value
	}
	if key := s.cfg.Redact.OrderingKey(sub, m.OrderingKey); key != "" && key != redact.Withheld {
		safe["ordering_key"] = key
	}
	return safe
}

// exceptions is the error chain, the outermost last, which has the stack.
func (s *Sentry) exceptions(a handlers.Attempt) []sentry.Exception {
	var chain []sentry.Exception
	for _, link := range slices.Backward(a.Errors[:min(len(a.Errors), maxChain)]) {
		chain = append(chain, sentry.Exception{Type: tag(link.Type), Value: s.texts.of(link.Type, link.Text)})
	}
	if len(chain) == 0 {
		chain = []sentry.Exception{{Type: a.Outcome.String()}}
	}
	outermost := &chain[len(chain)-1]
	if a.Panic != "" {
		outermost.Value = s.texts.of(kindOf(a), a.Panic)
	}
	outermost.Stacktrace = stackOf(a.Frames)
	outermost.Mechanism = mechanism("theriac", true)
	return chain
}

// kindOf is the Go type of the error or panic value that ended an attempt, or "".
func kindOf(a handlers.Attempt) string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Type
}

// crashEvent is the event of a death.
func (s *Sentry) crashEvent(c handlers.Crash) *sentry.Event {
	words := s.texts.death(c.Text)
	if words == "" {
		words = s.texts.words(c.Exit + ": " + c.Reason)
	}
	event := s.event(sentry.LevelFatal, c.Died)
	event.EventID = crashEventID(c.ID)
	if s.cfg.Options.Release == "" {
		event.Release = c.Build // which need not be the one that reports it
	}
	event.Exception = []sentry.Exception{{
		Type: tag(orElse(c.Kind, "death")), Value: words,
		Stacktrace: stackOf(c.Frames), Mechanism: mechanism("guardian", false),
	}}
	event.Tags = tags(map[string]string{
		"build": c.Build, "role": c.Role, "tier": c.Tier, "exit": c.Exit, "alone": strconv.FormatBool(c.Alone),
	})
	sub := s.blame(event, c)
	event.Fingerprint = s.fingerprint(Failure{Subscription: sub, Outcome: orElse(c.Kind, "death"), Frames: c.Frames})
	event.Contexts["death"] = sentry.Context{
		"reason": s.texts.words(c.Reason), "hint": s.texts.words(c.Hint), "lived": c.Died.Sub(c.Started).String(),
		"started_by": tag(c.StartedBy), "in_flight": len(c.InFlight),
	}
	if c.Stack != "" {
		event.Attachments = append(event.Attachments, attachment("stack.txt", s.texts.stack(c.Stack)))
	}
	if s.cfg.Stderr && c.Stderr != "" {
		event.Attachments = append(event.Attachments, attachment("stderr.txt", s.texts.words(c.Stderr)))
	}
	return event
}

// blame tags an event with the culprit, or with every suspect, and returns their
// subscription if they share one.
func (s *Sentry) blame(event *sentry.Event, c handlers.Crash) string {
	var blamed []handlers.InFlight
	for _, m := range c.InFlight {
		if m.Part.Alone() {
			blamed = append(blamed, m)
		}
	}
	if len(blamed) == 0 {
		return ""
	}
	sub := blamed[0].Subscription
	if first := blamed[0]; first.Part == handlers.PartCulprit || len(blamed) == 1 {
		event.Tags["message_id"], event.Tags["attempt"] = tag(first.ID), number(first.Attempt)
	} else {
		for i, m := range blamed[:min(len(blamed), maxSuspects)] {
			event.Tags["suspect."+number(i+1)] = tag(m.ID)
		}
	}
	suspects := sentry.Context{"count": len(blamed)}
	for i, m := range blamed {
		if m.Subscription != sub {
			sub = ""
		}
		if i < maxSuspects {
			suspects[number(i+1)] = fmt.Sprintf("%s of %s, attempt %d, %s %s", tag(m.ID), tag(m.Subscription), m.Attempt, m.Part, tag(m.Why))
		}
	}
	event.Contexts["suspects"] = suspects
	if sub != "" {
		event.Tags["subscription"] = tag(sub)
	}
	if sub != "" && blamed[0].Handler != "" {
		event.Tags["handler"] = tag(blamed[0].Handler)
	}
	return sub
}

func (s *Sentry) event(level sentry.Level, at time.Time) *sentry.Event {
	event := sentry.NewEvent()
	event.Level, event.Timestamp = level, at
	return event
}

// fingerprint asks the user, and falls back where that panics: grouping is not
// worth an event.
func (s *Sentry) fingerprint(f Failure) (parts []string) {
	defer func() {
		if recover() != nil {
			parts = Fingerprint(f)
		}
	}()
	return s.cfg.Fingerprint(f)
}

func attachment(name, text string) *sentry.Attachment {
	return &sentry.Attachment{Filename: name, ContentType: "text/plain", Payload: []byte(text)}
}

func mechanism(name string, handled bool) *sentry.Mechanism {
	return &sentry.Mechanism{Type: name, Handled: &handled}
}

func errorTypes(links []handlers.ErrorLink) []string {
	var types []string
	for _, l := range links {
		types = append(types, l.Type)
	}
	return types
}

// labels of a goroutine are the handler's too, and may hold anything.
var labels = regexp.MustCompile(`(?m)^(goroutine \d+ .*?) ?labels:\{.*\}`)

// withoutLabels removes labels from the headers of a trace.
func withoutLabels(stack string) string { return labels.ReplaceAllString(stack, "$1") }

// tags makes values fit for Sentry, and leaves out empty ones.
func tags(of map[string]string) map[string]string {
	for key, value := range of {
		if of[key] = tag(value); value == "" {
			delete(of, key)
		}
	}
	return of
}

// tag cuts a value, and replaces what does not print: ids come from outside.
func tag(value string) string {
	value = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, value)
	if runes := []rune(value); len(runes) > maxTag {
		return string(runes[:maxTag-1]) + "…"
	}
	return value
}

func number(n int) string { return strconv.Itoa(n) }

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

func newEventID() sentry.EventID {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return sentry.EventID(hex.EncodeToString(id[:]))
}

// crashEventID is the crash's own id where that is a UUID, and always the same for
// the same crash.
func crashEventID(id string) sentry.EventID {
	plain := strings.ToLower(strings.ReplaceAll(id, "-", ""))
	if raw, err := hex.DecodeString(plain); err == nil && len(raw) == 16 {
		return sentry.EventID(plain)
	}
	sum := sha256.Sum256([]byte("theriac crash " + id))
	return sentry.EventID(hex.EncodeToString(sum[:16]))
}

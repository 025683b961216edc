package cli

import (
	"encoding/hex"
	"time"
	"unicode/utf8"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// entryJSON is an entry in theriac/1. Texts that are not UTF-8 carry U+FFFD; the exact attributes
// are then in message.attributes_raw, the exact payload is what `show --raw` writes.
type entryJSON struct {
	Ref          string        `json:"ref"`
	ID           string        `json:"id"`
	Seq          int64         `json:"seq"`
	Subscription string        `json:"subscription"`
	State        string        `json:"state"`
	Version      int64         `json:"version"`
	Reason       string        `json:"reason"`
	Confidence   string        `json:"confidence"`
	Title        string        `json:"title"`
	Where        string        `json:"where"`
	Hint         string        `json:"hint,omitempty"`
	Build        string        `json:"build"`
	Group        string        `json:"group"`
	Fingerprint  string        `json:"fingerprint"`
	Failures     int           `json:"failures"`
	Crashes      int           `json:"crashes"`
	Replays      int           `json:"replays"`
	HeldAt       time.Time     `json:"held_at"`
	ChangedAt    time.Time     `json:"changed_at"`
	Degraded     bool          `json:"degraded"`
	Message      messageJSON   `json:"message"`
	Decided      *decisionJSON `json:"decided"`
	Errors       []linkJSON    `json:"errors"`
	Attempts     []attemptJSON `json:"attempts,omitempty"`
}

type messageJSON struct {
	ID            string             `json:"id"`
	OrderingKey   string             `json:"ordering_key,omitempty"`
	PublishedAt   time.Time          `json:"published_at"`
	Size          int64              `json:"size"`
	SHA256        string             `json:"sha256"`
	Attributes    map[string]string  `json:"attributes"`
	AttributesRaw []attributeRawJSON `json:"attributes_raw,omitempty"`
}

// attributeRawJSON is an attribute that is not UTF-8; its bytes become base64.
type attributeRawJSON struct {
	Key   []byte `json:"key_base64"`
	Value []byte `json:"value_base64"`
}

type decisionJSON struct {
	By      string    `json:"by"`
	Via     string    `json:"via"`
	Claimed bool      `json:"claimed"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason,omitempty"`
}

type linkJSON struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type attemptJSON struct {
	Started         time.Time  `json:"started"`
	Ended           time.Time  `json:"ended"`
	Outcome         string     `json:"outcome"`
	Class           string     `json:"class"`
	Errors          []linkJSON `json:"errors"`
	Panic           string     `json:"panic,omitempty"`
	Stack           string     `json:"stack,omitempty"`
	StackCut        bool       `json:"stack_cut,omitempty"`
	Handler         string     `json:"handler"`
	Worker          string     `json:"worker"`
	Host            string     `json:"host"`
	Build           string     `json:"build"`
	TraceID         string     `json:"trace_id,omitempty"`
	DeliveryAttempt int        `json:"delivery_attempt"`
	Replay          bool       `json:"replay"`
}

func newEntryJSON(e quarantine.Entry) entryJSON {
	j := entryJSON{
		Ref: e.Ref, ID: e.ID, Seq: e.Seq, Subscription: e.Subscription,
		State: string(e.State), Version: e.Version,
		Reason: string(e.Reason), Confidence: string(e.Confidence),
		Title: e.Title, Where: e.Where, Hint: e.Hint, Build: e.Build,
		Group: e.Group, Fingerprint: e.Fingerprint,
		Failures: e.Totals.Failures, Crashes: e.Totals.Crashes, Replays: e.Replays,
		HeldAt: e.HeldAt.UTC(), ChangedAt: e.ChangedAt.UTC(), Degraded: e.Degraded,
		Message: newMessageJSON(e), Decided: newDecisionJSON(e.Decided), Errors: newLinksJSON(e.Errors),
	}
	for _, a := range e.Attempts {
		j.Attempts = append(j.Attempts, newAttemptJSON(a))
	}
	return j
}

func newMessageJSON(e quarantine.Entry) messageJSON {
	m := e.Message
	j := messageJSON{
		ID: m.ID, OrderingKey: m.OrderingKey, PublishedAt: m.PublishedAt.UTC(),
		Size: e.Size, SHA256: hex.EncodeToString(e.SHA256[:]), Attributes: map[string]string{},
	}
	for _, key := range sortedKeys(m.Attributes) {
		value := m.Attributes[key]
		j.Attributes[key] = value
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			j.AttributesRaw = append(j.AttributesRaw, attributeRawJSON{[]byte(key), []byte(value)})
		}
	}
	return j
}

func newDecisionJSON(d quarantine.Decision) *decisionJSON {
	if d.Actor.Name == "" {
		return nil
	}
	return &decisionJSON{d.Actor.Name, d.Actor.Via, d.Actor.Claimed, d.At.UTC(), d.Reason}
}

func newLinksJSON(links []handlers.ErrorLink) []linkJSON {
	j := make([]linkJSON, len(links))
	for i, l := range links {
		j[i] = linkJSON(l)
	}
	return j
}

func newAttemptJSON(a handlers.Attempt) attemptJSON {
	return attemptJSON{
		Started: a.Started.UTC(), Ended: a.Ended.UTC(), Outcome: a.Outcome.String(), Class: a.Class.String(),
		Errors: newLinksJSON(a.Errors), Panic: a.Panic, Stack: a.Stack, StackCut: a.StackCut,
		Handler: a.Handler, Worker: a.Worker, Host: a.Host, Build: a.Build, TraceID: a.TraceID,
		DeliveryAttempt: a.DeliveryAttempt, Replay: a.Replay,
	}
}

// entryAnswerJSON is one entry as an object of its own: what show prints, and each line of jsonl.
type entryAnswerJSON struct {
	output.Head
	Entry entryJSON `json:"entry"`
}

func newEntryAnswer(e quarantine.Entry) entryAnswerJSON {
	return entryAnswerJSON{output.NewHead(), newEntryJSON(e)}
}

// entryColumns are the columns of lists of entries.
func entryColumns(now time.Time) []output.Column[quarantine.Entry] {
	type e = quarantine.Entry
	return []output.Column[e]{
		{Title: "ENTRY", Fixed: true, Human: func(e e) string { return e.Ref }},
		{Title: "SUBSCRIPTION", Human: func(e e) string { return e.Subscription }},
		{Title: "WHAT", Human: func(e e) string { return e.Title }},
		{Title: "WHERE", Human: func(e e) string { return e.Where }},
		{Title: "AGE", Human: func(e e) string { return age(e.HeldAt, now) }, Machine: func(e e) string { return stamp(e.HeldAt) }},
		{Title: "STATE", Human: func(e e) string { return string(e.State) }},
		{Title: "GROUP", Fixed: true, Human: func(e e) string { return e.Group }},
		{Title: "REASON", Wide: true, Human: func(e e) string { return string(e.Reason) }},
		{Title: "BUILD", Wide: true, Human: func(e e) string { return e.Build }},
		{Title: "REPLAYS", Wide: true, Right: true, Human: func(e e) string { return count(e.Replays) }},
		{Title: "BYTES", Wide: true, Right: true, Human: func(e e) string { return count(e.Size) }, Machine: func(e e) string { return plain(e.Size) }},
		{Title: "MESSAGE", Wide: true, Human: func(e e) string { return e.Message.ID }},
	}
}

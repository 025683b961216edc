package crashrecord

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Encode writes r to w in many small writes, so w should buffer. What is beyond
// the bounds of this package is cut; the result is what was missing, which is
// written down in the record as well.
func Encode(w io.Writer, r Record) ([]Part, error) {
	if !isID(r.ID) {
		return nil, fmt.Errorf("crash record has the id %q; make one with NewID", r.ID)
	}
	bounded(&r)
	metadata, err := encodeMetadata(&r)
	if err != nil {
		return nil, err
	}
	e := encoder{w: w}
	e.write(appendHeader(nil))
	e.section(kindMetadata, metadata)
	e.unlessEmpty(kindFirstBlock, r.FirstBlock)
	e.unlessEmpty(kindStderr, r.StderrTail)
	for i := range r.Messages {
		e.content = appendMessage(e.content[:0], &r.Messages[i])
		e.section(kindMessage, e.content)
	}
	e.unlessEmpty(kindDump, r.Dump)
	e.section(kindEnd, nil)
	return r.LeftOut, e.err
}

// encodeMetadata leaves out those that nobody blames if there are too many.
func encodeMetadata(r *Record) ([]byte, error) {
	metadata, err := json.Marshal(r.Metadata)
	if err == nil && len(metadata) > maxMetadata {
		r.TimedOut, r.Bystanders, r.Settling = nil, nil, nil
		r.leaveOut(PartBystanders)
		metadata, err = json.Marshal(r.Metadata)
	}
	if err != nil {
		return nil, fmt.Errorf("encode metadata of crash record %s: %w", r.ID, err)
	}
	if len(metadata) > maxMetadata {
		return nil, fmt.Errorf("metadata of crash record %s has %d bytes, more than %d: write down fewer suspects",
			r.ID, len(metadata), maxMetadata)
	}
	return metadata, nil
}

// encoder writes sections until one fails.
type encoder struct {
	w             io.Writer
	head, content []byte // reused
	err           error
}

func (e *encoder) section(k kind, content []byte) {
	e.head = appendHead(e.head[:0], k, content)
	e.write(e.head)
	e.write(content)
}

func (e *encoder) unlessEmpty(k kind, content []byte) {
	if len(content) > 0 {
		e.section(k, content)
	}
}

func (e *encoder) write(b []byte) {
	if e.err == nil && len(b) > 0 {
		_, e.err = e.w.Write(b)
	}
}

// bounded cuts r to the bounds and notes what it cut. What r points to stays as
// it was.
func bounded(r *Record) {
	r.LeftOut = slices.Clone(r.LeftOut)
	if len(r.FirstBlock) > MaxFirstBlock {
		r.FirstBlock = r.FirstBlock[:MaxFirstBlock]
		r.leaveOut(PartFirstBlock)
	}
	if len(r.StderrTail) > MaxStderr {
		r.StderrTail = r.StderrTail[len(r.StderrTail)-MaxStderr:]
		r.leaveOut(PartStderr)
	}
	if len(r.Dump) > MaxDump {
		r.Dump = r.Dump[:MaxDump]
		r.leaveOut(PartDump)
	}
	boundMessages(r)
	boundMetadata(&r.Metadata)
}

func boundMessages(r *Record) {
	room := maxMessageBytes
	kept := make([]Message, 0, min(len(r.Messages), MaxMessages))
	for _, m := range r.Messages {
		if m.size() > min(MaxMessage, room) {
			m = m.withoutPayload()
			r.leaveOut(PartPayloads)
		}
		if m.size() > min(MaxMessage, room) || len(kept) == MaxMessages {
			r.leaveOut(PartMessages)
			continue
		}
		room -= m.size()
		kept = append(kept, m)
	}
	r.Messages = kept
}

func (m Message) withoutPayload() Message {
	m.OrderingKey, m.Data, m.Attributes = nil, nil, nil
	m.Flags &^= FlagWhole
	return m
}

// boundMetadata cuts texts, and replaces times that JSON cannot hold. Both come
// from the worker's memory: neither a year 292277026596 nor an id of a megabyte
// may lose the record.
func boundMetadata(m *Metadata) {
	for _, text := range []*Text{
		&m.Incarnation, &m.Role, &m.Host, &m.Build, &m.Exit, &m.Kind, &m.Tier, &m.Reason, &m.StartedBy, &m.BreakerHint,
	} {
		*text = short(*text)
	}
	m.Notes = slices.Clone(m.Notes[:min(len(m.Notes), maxNotes)])
	for i := range m.Notes {
		m.Notes[i] = short(m.Notes[i])
	}
	m.Started, m.Died = bearable(m.Started), bearable(m.Died)
	if m.Culprit != nil {
		m.Culprit = &boundAttempts([]Attempt{*m.Culprit})[0]
	}
	for _, list := range []*[]Attempt{&m.Suspects, &m.TimedOut, &m.Bystanders, &m.Settling} {
		*list = boundAttempts(*list)
	}
}

func boundAttempts(attempts []Attempt) []Attempt {
	attempts = slices.Clone(attempts)
	for i := range attempts {
		a := &attempts[i]
		a.Started, a.Published = bearable(a.Started), bearable(a.Published)
		a.IDCut = a.IDCut || len(a.ID) > maxText
		for _, text := range []*Text{&a.Slot, &a.Subscription, &a.ID, &a.Handler, &a.TraceID, &a.SpanID, &a.Why, &a.Outcome} {
			*text = short(*text)
		}
	}
	return attempts
}

func short(t Text) Text { return t[:min(len(t), maxText)] }

func bearable(t time.Time) time.Time {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// leaveOut notes that a part is missing, once.
func (r *Record) leaveOut(p Part) {
	if !slices.Contains(r.LeftOut, p) {
		r.LeftOut = append(r.LeftOut, p)
	}
}

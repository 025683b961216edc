package incident_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

func fullEvent() incident.Event {
	at := time.Date(2022, 11, 18, 15, 40, 0, 123456000, time.UTC)
	return incident.Event{
		ID: "e-1", Type: incident.EvLevelDue, V: 1, IncidentID: "i-1", Number: 42, Seq: 7, OccurredAt: at, RecordedAt: at,
		Actor:      incident.Actor{Kind: incident.ByClock, ID: "due", Name: "<b>clock</b>"},
		Visibility: incident.Public, Mode: incident.ModeStandard, Cause: "c-1", Traceparent: "00-aa-bb-01",
		NotAfter: at.Add(time.Minute), Key: "level:x:1:1", Data: json.RawMessage(`{"escalation":"x"}`),
	}
}

func TestEnvelope_ComesBack(t *testing.T) {
	t.Parallel()
	e := fullEvent()
	out := incident.Envelope(e)
	want := map[string]string{
		"kind": "event", "id": "e-1", "type": "escalation.level_due", "v": "1", "incident_id": "i-1", "seq": "7",
		"visibility": "public", "mode": "standard", "cause": "c-1", "traceparent": "00-aa-bb-01",
		"not_after": "2022-11-18T15:41:00.123456Z", "key": "level:x:1:1",
	}
	if diff := cmp.Diff(want, out.Attributes); diff != "" || out.ID != "e-1" || out.Topic != "incident-events" {
		t.Errorf("%s on %s (-want +got)\n%s", out.ID, out.Topic, diff)
	}
	got, err := incident.ParseEnvelope(out.Data, out.Attributes)
	if diff := cmp.Diff(e, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestEnvelope_PrivateSaysItsIDAndNothingElse(t *testing.T) {
	t.Parallel()
	e := fullEvent()
	e.Visibility = incident.Private
	out := incident.Envelope(e)
	if string(out.Data) != `{"id":"e-1"}` {
		t.Errorf("data %s", out.Data)
	}
	if all := strings.Join(values(out.Attributes), " "); strings.Contains(all, "clock") || strings.Contains(all, "level:x") {
		t.Errorf("attributes %v", out.Attributes)
	}
	want := incident.Event{ID: e.ID, Type: e.Type, V: 1, IncidentID: e.IncidentID, Seq: e.Seq, Visibility: e.Visibility,
		Mode: e.Mode, Cause: e.Cause, Traceparent: e.Traceparent, NotAfter: e.NotAfter}
	got, err := incident.ParseEnvelope(out.Data, out.Attributes)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func values(m map[string]string) []string {
	var all []string
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

func TestEnvelope_LongTextsStandInTheJSONOnly(t *testing.T) {
	t.Parallel()
	e := fullEvent()
	e.Key = strings.Repeat("k", 2000)
	out := incident.Envelope(e)
	if _, ok := out.Attributes["key"]; ok {
		t.Error("no broker takes an attribute of 2,000 bytes")
	}
	if got, err := incident.ParseEnvelope(out.Data, out.Attributes); err != nil || got.Key != e.Key {
		t.Errorf("key of %d bytes, %v", len(got.Key), err)
	}
}

func TestParseEnvelope_KeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*incident.Event){
		func(e *incident.Event) { e.Type = "incident.teleported" },
		func(e *incident.Event) { e.V = 2 },
	} {
		e := fullEvent()
		change(&e)
		out := incident.Envelope(e)
		got, err := incident.ParseEnvelope(out.Data, out.Attributes)
		unknown, ok := errors.AsType[*incident.UnknownEventError](err)
		if !ok || unknown.Type != e.Type || unknown.V != e.V {
			t.Errorf("error %v", err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestParseEnvelope_RefusesWhatIsNoEventOrContradictsItself(t *testing.T) {
	t.Parallel()
	out := incident.Envelope(fullEvent())
	for name, value := range map[string]string{
		"kind": "slack.command", "id": "e-2", "type": "incident.closed", "v": "2", "incident_id": "", "seq": "-7",
		"visibility": "private", "cause": "c-2", "not_after": "tomorrow", "key": "\xff",
	} {
		attributes := maps.Clone(out.Attributes)
		attributes[name] = value
		if _, err := incident.ParseEnvelope(out.Data, attributes); !errors.Is(err, incident.ErrInvalid) {
			t.Errorf("%s=%q: %v, want ErrInvalid", name, value, err)
		}
	}
	for _, data := range []string{"", "null x", "[1]", `{"seq":"7"}`, strings.Repeat(" ", 2<<20) + "{}"} {
		if _, err := incident.ParseEnvelope([]byte(data), out.Attributes); !errors.Is(err, incident.ErrInvalid) {
			t.Errorf("%.20q: %v, want ErrInvalid", data, err)
		}
	}
}

func FuzzParseEnvelope(f *testing.F) {
	for _, v := range []incident.Visibility{incident.Public, incident.Private} {
		e := fullEvent()
		e.Visibility = v
		out := incident.Envelope(e)
		attributes, _ := json.Marshal(out.Attributes) // texts
		f.Add(out.Data, attributes)
	}
	f.Add([]byte(`{"id":"x","v":3}`), []byte(`{"kind":"event","id":"x","type":"t","v":"3","incident_id":"i","seq":"1"}`))
	f.Add([]byte(`{"data":{"a":[1]},"not_after":"9999-12-31T23:59:59-23:00"}`), []byte(`{"kind":"event"}`))
	f.Fuzz(func(t *testing.T, data, encoded []byte) {
		var attributes map[string]string
		if json.Unmarshal(encoded, &attributes) != nil {
			return
		}
		e, err := incident.ParseEnvelope(data, attributes)
		if _, unknown := errors.AsType[*incident.UnknownEventError](err); err != nil && !unknown {
			if !errors.Is(err, incident.ErrInvalid) {
				t.Fatalf("error %v is of no kind", err)
			}
			return
		}
		// What was understood means the same when it is sent on.
		out := incident.Envelope(e)
		again, err2 := incident.ParseEnvelope(out.Data, out.Attributes)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("first %v, then %v\n%+v", err, err2, e)
		}
		if e.ID != again.ID || e.Type != again.Type || e.IncidentID != again.IncidentID || e.Seq != again.Seq || e.V != again.V {
			t.Fatalf("%+v became %+v", e, again)
		}
	})
}

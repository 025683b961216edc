package incident_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

func TestParseRef(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]int64{"INC-42": 42, "inc-7": 7, "Inc-1": 1, "13": 13} {
		if n, ok := incident.ParseRef(ref); !ok || n != want {
			t.Errorf("%q is %d, %v", ref, n, ok)
		}
	}
	for _, ref := range []string{"", "INC-", "INC--1", "-1", "0", "+3", "INC-+3", "INC-1x", "018f0000-0000", "INC-99999999999999999999", "NIC-1"} {
		if n, ok := incident.ParseRef(ref); ok {
			t.Errorf("%q is %d", ref, n)
		}
	}
}

func TestHeld(t *testing.T) {
	t.Parallel()
	inc := incident.Incident{Status: incident.Triage, Keys: []incident.Key{
		{Text: "a", Open: true}, {Text: "b"}, {Text: "a"}, {Text: "c", Open: true}}}
	if diff := cmp.Diff([]incident.Key{{Text: "a"}, {Text: "b"}, {Text: "c", Open: true}}, inc.Held()); diff != "" {
		t.Errorf("while it is open (-want +got)\n%s", diff)
	}
	inc.Status = incident.Closed
	if diff := cmp.Diff([]incident.Key{{Text: "b"}, {Text: "a"}}, inc.Held()); diff != "" {
		t.Errorf("afterwards (-want +got)\n%s", diff)
	}
}

func TestFilter_Wanted(t *testing.T) {
	t.Parallel()
	f := incident.Filter{Statuses: []incident.Status{incident.Fixing, incident.Closed}, Stages: []incident.Stage{incident.StageActive}}
	if got, some := f.Wanted(); !some || !cmp.Equal(got, []incident.Status{incident.Fixing}) {
		t.Errorf("%v, %v", got, some)
	}
	if _, some := (incident.Filter{}).Wanted(); some {
		t.Error("a filter that asks for nothing selects")
	}
	f.Stages = []incident.Stage{"unknown"}
	if got, some := f.Wanted(); !some || len(got) != 0 {
		t.Errorf("%v, %v: want nothing at all", got, some)
	}
}

func TestInbound_ValidateRefusesWhatNoBrokerTakes(t *testing.T) {
	t.Parallel()
	good := incident.Inbound{ID: "x", Topic: incident.TopicSlack, Body: []byte("\x00\xff"), Attributes: map[string]string{"a": ""}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	many := map[string]string{}
	for range 65 {
		many["a"+strings.Repeat("x", len(many))] = ""
	}
	for name, bad := range map[string]incident.Inbound{
		"no id":          {Topic: "t"},
		"no topic":       {ID: "x"},
		"long id":        {ID: strings.Repeat("x", 1025), Topic: "t"},
		"NUL":            {ID: "a\x00b", Topic: "t"},
		"long kind":      {ID: "x", Topic: "t", Kind: strings.Repeat("x", 1025)},
		"large body":     {ID: "x", Topic: "t", Body: make([]byte, 1<<20+1)},
		"many":           {ID: "x", Topic: "t", Attributes: many},
		"a long value":   {ID: "x", Topic: "t", Attributes: map[string]string{"a": strings.Repeat("x", 1025)}},
		"no name":        {ID: "x", Topic: "t", Attributes: map[string]string{"": "x"}},
		"a broker's own": {ID: "x", Topic: "t", Attributes: map[string]string{"googclient": "x"}},
		"bytes":          {ID: "x", Topic: "t", Attributes: map[string]string{"a": "\xff"}},
	} {
		if err := bad.Validate(); !errors.Is(err, incident.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInbound_EnvelopeIsNamedByTheRow(t *testing.T) {
	t.Parallel()
	in := incident.Inbound{ID: "x", Topic: "t", Kind: "slack.command", Body: []byte("b"),
		Attributes: map[string]string{"id": "forged", "kind": "event", "team": "T1"}}
	out := in.Envelope()
	want := map[string]string{"id": "x", "kind": "slack.command", "team": "T1"}
	if diff := cmp.Diff(want, out.Attributes); diff != "" || out.ID != "x" || out.Topic != "t" || string(out.Data) != "b" {
		t.Errorf("%+v (-want +got)\n%s", out, diff)
	}
}

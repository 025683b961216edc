package incidentd

import (
	"strings"
	"testing"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// A click on Declare incident opens one for the fingerprint, accepts the one that waits in triage, and
// says that there is one.
func TestDeclare_OneIncidentForAFingerprint(t *testing.T) {
	t.Parallel()
	s, _ := siteOf(t, config.Notices{})
	s.incident.PublicURL = "https://ops.example.com"
	for _, p := range []incident.Person{
		{ID: "ana", Name: "Ana", SlackID: "U0ANA", Role: incident.Responder}, {ID: "eve", Name: "Eve", SlackID: "U0EVE", Role: incident.Viewer},
	} {
		if err := s.stores.SavePerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(user, fingerprint, request string) quarantineslack.Declared {
		t.Helper()
		got, err := s.declare(t.Context(), quarantineslack.Declaration{
			Request: request, User: user, Name: "ana", Title: "nil pointer dereference", Link: "https://ops.example.com/g/G-9C1E",
			Group: quarantine.Group{Ref: "G-9C1E", Fingerprint: fingerprint, Subscription: "orders"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, user := range []string{"U0EVE", "U0NEW", "ana"} {
		if got := ask(user, "fp-1", "0"); got.Refused == "" || got.Ref != "" {
			t.Errorf("%s got %+v", user, got)
		}
	}
	got := ask("U0ANA", "fp-1", "slack:act:1")
	if got.Ref == "" || got.Before || !strings.HasPrefix(got.Link, "https://ops.example.com/") {
		t.Fatalf("declared %+v", got)
	}
	inc, err := s.stores.Get(t.Context(), got.Ref)
	if err != nil || inc.Status != incident.Investigating || inc.Name != "orders: nil pointer dereference" || len(inc.Attachments) != 1 {
		t.Errorf("it is %s, %q with %v: %v", inc.Status, inc.Name, inc.Attachments, err)
	}
	for _, request := range []string{"slack:act:1", "slack:act:2"} {
		if again := ask("U0ANA", "fp-1", request); again.Ref != got.Ref || !again.Before {
			t.Errorf("the second click: %+v", again)
		}
	}

	waits, _, err := s.service.Report(t.Context(), incident.Actor{Kind: incident.ByQuarantine, ID: "quarantine", Role: incident.Responder},
		incident.NewParams{Name: "poison", Keys: []incident.Key{incident.NewKey("quarantine:fp-2", true)}})
	if err != nil {
		t.Fatal(err)
	}
	if got := ask("U0ANA", "fp-2", "slack:act:3"); got.Ref != waits.Ref() || got.Before {
		t.Errorf("in triage: %+v, want %s", got, waits.Ref())
	}
	if inc, err := s.stores.Get(t.Context(), waits.ID); err != nil || inc.Status != incident.Investigating {
		t.Errorf("it is %s: %v", inc.Status, err)
	}
}

// Who takes part in a private incident is told of it, and nobody else.
func TestDeclare_PrivateOne_IsForItsPeople(t *testing.T) {
	t.Parallel()
	s, _ := siteOf(t, config.Notices{})
	for _, p := range []incident.Person{
		{ID: "ana", Name: "Ana", SlackID: "U0ANA", Role: incident.Responder}, {ID: "ben", Name: "Ben", SlackID: "U0BEN", Role: incident.Responder},
		{ID: "ada", Name: "Ada", SlackID: "U0ADA", Role: incident.Admin},
	} {
		if err := s.stores.SavePerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	private, _, err := s.service.Declare(t.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana", Role: incident.Responder}, incident.NewParams{
		Name: "card numbers", Visibility: incident.Private, Lead: "ana", Keys: []incident.Key{incident.NewKey("test:1", false), incident.NewKey("quarantine:fp-1", true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for user, sees := range map[string]bool{"U0ANA": true, "U0ADA": true, "U0BEN": false} {
		got, err := s.declare(t.Context(), quarantineslack.Declaration{Request: "slack:act:" + user, User: user, Group: quarantine.Group{Ref: "G-9C1E", Fingerprint: "fp-1", Subscription: "orders"}})
		if err != nil || (got.Ref == private.Ref()) != sees || (got.Refused == "") != sees {
			t.Errorf("%s: %+v, %v", user, got, err)
		}
	}
}

// A subscription may have a longer name than an incident.
func TestDeclare_LongName(t *testing.T) {
	t.Parallel()
	s, _ := siteOf(t, config.Notices{})
	if err := s.stores.SavePerson(t.Context(), incident.Person{ID: "ana", Name: "Ana", SlackID: "U0ANA", Role: incident.Responder}); err != nil {
		t.Fatal(err)
	}
	got, err := s.declare(t.Context(), quarantineslack.Declaration{
		Request: "slack:act:1", User: "U0ANA", Title: strings.Repeat("é", 80),
		Group: quarantine.Group{Ref: "G-9C1E", Fingerprint: "fp-1", Subscription: strings.Repeat("s", 255)},
	})
	if err != nil || got.Ref == "" {
		t.Errorf("%+v, %v", got, err)
	}
}

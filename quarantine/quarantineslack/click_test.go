package quarantineslack_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

// click is a press of a button.
func click(action, value, user string) slackkit.Interaction {
	return slackkit.Interaction{
		Type: slackkit.BlockActions, Team: "T0FAKE", User: user, Channel: "C0OPS", MessageTS: "1669000000.000001",
		ActionID: action, Value: value, ActionTS: "1669000001.000001",
		Request: "slack:act:C0OPS.1669000000.000001:" + action + ":" + user + ".1",
	}
}

// submit is a form that was filled in.
func submit(metadata, reason, user string) slackkit.Interaction {
	return slackkit.Interaction{
		Type: slackkit.ViewSubmission, Team: "T0FAKE", User: user, Request: "slack:view:V1:h:" + user,
		View: slackkit.ViewState{ID: "V1", CallbackID: "q:discard", PrivateMetadata: metadata, Values: map[string]string{"q:reason": reason}},
	}
}

// served makes a worker of orders live.
func (b *bundle) served() {
	b.Helper()
	m, err := b.store.Join(b.ctx, quarantine.Worker{Name: "w-1", Host: "h-1", PID: 1, Subscriptions: []string{"orders"}})
	b.must(err)
	b.Cleanup(func() { _ = m.Leave(b.ctx) })
}

func (b *bundle) press(n *quarantineslack.Notifier, i slackkit.Interaction) string {
	b.Helper()
	a, err := n.Handle(b.ctx, i)
	b.must(err)
	for _, text := range a.ViewErrors {
		return text
	}
	return a.Text
}

func (b *bundle) audit(name string) []quarantine.AuditRow {
	b.Helper()
	rows, err := b.room.GroupAudit(b.ctx, name, 0, 1000)
	b.must(err)
	return rows
}

func entryValue(e quarantine.Entry) string { return fmt.Sprintf("v1:%s:%d", e.Ref, e.Version) }

func groupValue(g quarantine.Group) string { return fmt.Sprintf("v1:%s:%d", g.Ref, g.Version) }

func TestHandle_EachButton_DoesItAndNamesThePerson(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier()
	b.served()
	e, other := b.holdOne("fp-1"), b.holdOne("fp-1")
	g := b.group("fp-1")

	if text := b.press(n, click("q:take", groupValue(g), "U0BEN")); text != "" {
		t.Errorf("take: %s", text)
	}
	g = b.group("fp-1")
	if g.Taken.Actor != (quarantine.Actor{Name: "ben", Via: "slack"}) {
		t.Errorf("taken by %+v", g.Taken.Actor)
	}
	if text := b.press(n, click("q:more", groupValue(g)+":snooze-24h", "U0BEN")); text != "" {
		t.Errorf("snooze: %s", text)
	}
	if left := time.Until(b.group("fp-1").SnoozedUntil); left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("quiet for %v", left)
	}
	if text := b.press(n, click("q:replay", entryValue(e), "U0BEN")); text != "" {
		t.Errorf("replay: %s", text)
	}
	if now := b.get(e); now.State != quarantine.StateReplaying || now.Decided.Actor.Name != "ben" {
		t.Errorf("after replay: %s by %s", now.State, now.Decided.Actor.Name)
	}
	a, err := n.Handle(b.ctx, click("q:discard", entryValue(other), "U0ANA"))
	b.must(err)
	if a.Modal == nil || a.Modal.PrivateMetadata != entryValue(other) {
		t.Fatalf("discard opened %+v", a.Modal)
	}
	if text := b.press(n, submit(a.Modal.PrivateMetadata, "  ", "U0ANA")); text != "A reason is required." {
		t.Errorf("without a reason: %q", text)
	}
	if text := b.press(n, submit(a.Modal.PrivateMetadata, "test order", "U0ANA")); text != "" {
		t.Errorf("discard: %s", text)
	}
	if now := b.get(other); now.State != quarantine.StateDiscarded || now.Decided.Reason != "test order" || now.Decided.Actor.Claimed {
		t.Errorf("after discard: %+v", now.Decided)
	}
	for _, row := range b.audit("fp-1") {
		if row.Decision.Actor.Via != "slack" {
			t.Errorf("row by %+v", row.Decision.Actor)
		}
	}
	if text := b.press(n, click("q:open", "", "U0EVE")); text != "" {
		t.Errorf("open: %s", text)
	}
}

func TestHandle_RefusedClicks_ChangeNothingAndSayWhy(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier()
	b.served()
	e := b.holdOne("fp-1")
	g := b.group("fp-1")
	foreign := click("q:replay", entryValue(e), "U0ANA")
	foreign.Team = "T0EVIL"
	noTeam := click("q:replay", entryValue(e), "U0ANA")
	noTeam.Team = ""
	strange := submit(entryValue(e), "x", "U0ANA")
	strange.View.CallbackID = "inc:close"

	tests := map[string]struct {
		i    slackkit.Interaction
		want string
	}{
		"wrong team":                 {foreign, "This workspace may not decide here."},
		"no team":                    {noTeam, "This workspace may not decide here."},
		"unknown user":               {click("q:replay", entryValue(e), "U0NEW"), "You (U0NEW) are not on the list of people who may decide here."},
		"hostile user":               {click("q:replay", entryValue(e), "<!channel>"), "You (&lt;!channel&gt;) are not on the list of people who may decide here."},
		"viewer replays":             {click("q:replay", entryValue(e), "U0EVE"), "You are here as viewer, and this takes the rights of responder. Nothing was done."},
		"viewer takes":               {click("q:take", groupValue(g), "U0EVE"), "You are here as viewer, and this takes the rights of responder. Nothing was done."},
		"responder asks to discard":  {click("q:discard", entryValue(e), "U0BEN"), "You are here as responder, and this takes the rights of operator. Nothing was done."},
		"responder submits the form": {submit(entryValue(e), "x", "U0BEN"), "You are here as responder, and this takes the rights of operator. Nothing was done."},
		"forged value":               {click("q:replay", "v1:Q-7F3K:8; drop", "U0ANA"), "This button carries a value that is not ours. Nothing was done."},
		"no value":                   {click("q:replay", "", "U0ANA"), "This button carries a value that is not ours. Nothing was done."},
		"entry that is not there":    {click("q:replay", "v1:Q-0000:1", "U0ANA"), "Q-0000 does not exist any more."},
		"prefix of an entry":         {click("q:replay", fmt.Sprintf("v1:%s:1", e.Ref[:4]), "U0ANA"), e.Ref[:4] + " does not exist any more."},
		"group that is not there":    {click("q:take", "v1:G-0000:1", "U0ANA"), "G-0000 does not exist any more."},
		"group for a replay":         {click("q:replay", groupValue(g), "U0ANA"), "This button is not known here. Nothing was done."},
		"entry to be taken":          {click("q:take", entryValue(e), "U0ANA"), "This button is not known here. Nothing was done."},
		"verb that is not there":     {click("q:more", groupValue(g)+":snooze-9y", "U0ANA"), "This button is not known here. Nothing was done."},
		"action of another room":     {click("inc:ack", entryValue(e), "U0ANA"), "This button is not known here. Nothing was done."},
		"form of another room":       {strange, "This form is not known here."},
		"stale version":              {click("q:replay", fmt.Sprintf("v1:%s:%d", e.Ref, e.Version+5), "U0ANA"), e.Ref + " has changed since; it is held now."},
	}
	for name, tt := range tests {
		if got := b.press(n, tt.i); got != tt.want {
			t.Errorf("%s: answered %q, want %q", name, got, tt.want)
		}
	}
	if now := b.get(e); now.Version != e.Version {
		t.Errorf("version %d, want %d: something was done", now.Version, e.Version)
	}
	if rows := b.audit("fp-1"); len(rows) != 0 {
		t.Errorf("%d audit rows", len(rows))
	}
}

var agoText = regexp.MustCompile(`^ana (discarded|asked to replay) Q-[0-9A-Z]+ 0 s ago\. It is (discarded|replaying) now\.$`)

func TestHandle_SomebodyWasFirst_ToldWhoAndWhen(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier()
	b.served()
	e, other := b.holdOne("fp-1"), b.holdOne("fp-1")
	b.move(e, quarantine.StateDiscarded, ana, "from the command line")
	for _, i := range []slackkit.Interaction{
		click("q:replay", entryValue(e), "U0BEN"), click("q:discard", entryValue(e), "U0ANA"), submit(entryValue(e), "x", "U0ANA"),
	} {
		if got := b.press(n, i); !agoText.MatchString(got) {
			t.Errorf("answered %q", got)
		}
	}
	g := b.group("fp-1")
	if text := b.press(n, click("q:take", groupValue(g), "U0ANA")); text != "" {
		t.Fatal(text)
	}
	if got, want := b.press(n, click("q:take", groupValue(g), "U0BEN")), "ana took "+g.Ref+" 0 s ago."; got != want {
		t.Errorf("answered %q, want %q", got, want)
	}
	if text := b.press(n, click("q:replay", entryValue(other), "U0ANA")); text != "" {
		t.Fatal(text)
	}
	if got := b.press(n, click("q:replay", entryValue(other), "U0BEN")); !agoText.MatchString(got) {
		t.Errorf("answered %q", got)
	}
}

func TestHandle_SameClickAThousandTimes_OneEffect(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	notifiers := []*quarantineslack.Notifier{b.notifier(), b.notifier()} // two processes
	b.served()
	e := b.holdOne("fp-1")
	g := b.group("fp-1")
	clicks := []slackkit.Interaction{
		click("q:replay", entryValue(e), "U0ANA"),
		click("q:take", groupValue(g), "U0ANA"),
	}
	var group runner.Group
	var mu sync.Mutex
	silent := map[string]int{}
	for i := range 1000 {
		group.Go(func() {
			c := clicks[i%len(clicks)]
			a, err := notifiers[i%3%2].Handle(t.Context(), c)
			if err != nil {
				t.Errorf("%s: %v", c.ActionID, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if a.Text == "" {
				silent[c.ActionID]++
			}
		})
	}
	group.Wait()
	if silent["q:replay"] != 1 || silent["q:take"] != 1 {
		t.Errorf("carried out: %v, want each once", silent)
	}
	if rows := b.audit("fp-1"); len(rows) != 2 {
		t.Errorf("%d audit rows, want 2", len(rows))
	}
}

func TestHandle_TwoPeopleAtOnce_OneWins(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier()
	b.served()
	for range 50 {
		e := b.holdOne("fp-1")
		var group runner.Group
		answers := make([]string, 2)
		for i, c := range []slackkit.Interaction{submit(entryValue(e), "mine", "U0ANA"), click("q:replay", entryValue(e), "U0BEN")} {
			c.Request += e.Ref
			group.Go(func() { answers[i] = b.press(n, c) })
		}
		group.Wait()
		if (answers[0] == "") == (answers[1] == "") {
			t.Fatalf("answers %q: want one winner", answers)
		}
	}
}

func TestHandle_NoWorker_SaidInTheRoomsWords(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier()
	e := b.holdOne("fp-1")
	got := b.press(n, click("q:replay", entryValue(e), "U0ANA"))
	if !strings.Contains(got, "no living worker serves orders") {
		t.Errorf("answered %q", got)
	}
}

func TestHandle_StoreAway_SaysSo(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier()
	e := b.holdOne("fp-1")
	b.store.Fail(errors.New("connection refused"))
	got := b.press(n, click("q:replay", entryValue(e), "U0ANA"))
	if !strings.HasPrefix(got, "The store cannot be reached") {
		t.Errorf("answered %q", got)
	}
}

func TestHandle_HostileNamesOfOthers_AreEscaped(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	n := b.notifier()
	e := b.holdOne("fp-1")
	evil := quarantine.Actor{Name: "<!channel> `x`", Via: "cli", Claimed: true}
	b.move(e, quarantine.StateDiscarded, evil, "<@U123>")
	got := b.press(n, click("q:replay", entryValue(e), "U0ANA"))
	if strings.ContainsAny(got, "<>`") {
		t.Errorf("answered %q", got)
	}
}

func TestTitle_OnlyWhatCannotCarryAnything(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"nil pointer dereference":                          "nil pointer dereference",
		"index out of range [5] with length 3":             "index out of range [5] with length 3",
		"fatal error: concurrent map writes":               "fatal error: concurrent map writes",
		"fatal error: card 4111111111111111":               "fatal error",
		"panic: token xoxb-1":                              "panic",
		"panic: close of closed channel":                   "panic: close of closed channel",
		"interface conversion: ana@example.com is not":     "interface conversion",
		"passed its deadline: dial ana@example.com":        "passed its deadline",
		"signal killed":                                    "signal killed",
		"signal killed ana@example.com":                    "",
		"nil pointer dereference\nana@example.com":         "",
		"card 4111111111111111 declined":                   "",
		"exit code 2":                                      "exit code 2",
		"the handler called runtime.Goexit":                "the handler called runtime.Goexit",
		"xnil pointer dereference":                         "",
		"index out of range [ana@example.com]":             "",
		"makeslice: len out of range":                      "makeslice: len out of range",
		"hung: passed its deadline and its grace":          "hung: passed its deadline and its grace",
		"its process died and said nothing":                "its process died and said nothing",
		"evidence could not be stored":                     "evidence could not be stored",
		"all goroutines are asleep - deadlock!":            "all goroutines are asleep - deadlock!",
		"slice bounds out of range [:9] with capacity 3":   "slice bounds out of range [:9] with capacity 3",
		"interface conversion: interface {} is string, no": "interface conversion",
	}
	for title, want := range tests {
		if got := quarantineslack.Title(quarantine.Entry{Title: title}); got != want {
			t.Errorf("%q: said %q, want %q", title, got, want)
		}
	}
	typed := quarantine.Entry{Title: "secret", Errors: []handlers.ErrorLink{
		{Type: "*fmt.wrapError", Text: "secret"}, {Type: "*billing.DeclinedError", Text: "secret"}, {Type: "*errors.errorString", Text: "secret"}}}
	if got := quarantineslack.Title(typed); got != "*billing.DeclinedError" {
		t.Errorf("said %q", got)
	}
}

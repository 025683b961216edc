package slackfake_test

import (
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// TestServer_Modal_InputsOfEachKind fills in what an incident's forms are made of.
func TestServer_Modal_InputsOfEachKind(t *testing.T) {
	t.Parallel()
	var payload []byte
	app := newApp(t, func(body []byte) string { payload = body; return "" })
	s := start(t, slackfake.Config{RequestURL: app})
	c := library(t, s)
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	minor, major := slack.NewOptionBlockObject("minor", plain("Minor"), nil), slack.NewOptionBlockObject("major", plain("Major"), nil)
	severity := slack.NewOptionsSelectBlockElement("static_select", nil, "s", minor, major)
	severity.InitialOption = major
	lead := slack.NewOptionsSelectBlockElement("users_select", nil, "u")
	lead.InitialUser = "U0BEN"
	input := func(id string, e slack.BlockElement) slack.Block {
		return slack.NewInputBlock(id, plain(id), nil, e)
	}
	view := slack.ModalViewRequest{Type: slack.VTModal, Title: plain("Declare"), Submit: plain("Go"), Blocks: slack.Blocks{BlockSet: []slack.Block{
		input("severity", severity), input("lead", lead), input("what", slack.NewCheckboxGroupsBlockElement("c", minor, major)),
		input("who", slack.NewOptionsMultiSelectBlockElement("multi_users_select", nil, "m")), input("day", slack.NewDatePickerBlockElement("d")),
	}}}
	ts := post(t, c)
	ok(t, "press", s.Press(t.Context(), "C0OPS", ts, "q:take", "U0ANA"))
	_, err := c.OpenViewContext(t.Context(), parse(t, payload).TriggerID, view)
	ok(t, "views.open", err)
	page := get(t, s.URL()+"?as=U0ANA", nil).body
	for _, want := range []string{`<option value="major" selected>`, `<option value="U0BEN" selected>`, `name="value:who" multiple`, `<input type="checkbox" name="value:what" value="minor">`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	id := s.Views()[0].ID
	if err := s.Submit(t.Context(), id, map[string]string{"severity": ""}, "U0ANA"); err == nil {
		t.Error("empty inputs were taken")
	}
	ok(t, "submit", s.Submit(t.Context(), id, map[string]string{"what": "minor,major", "who": "U0ANA,U0BEN", "day": "2026-01-02"}, "U0ANA"))
	got := parse(t, payload).View.State.Values
	if got["severity"]["s"].SelectedOption.Value != "major" || got["lead"]["u"].SelectedUser != "U0BEN" || len(got["what"]["c"].SelectedOptions) != 2 ||
		len(got["who"]["m"].SelectedUsers) != 2 || got["day"]["d"].SelectedDate != "2026-01-02" {
		t.Errorf("submission %+v", got)
	}
}

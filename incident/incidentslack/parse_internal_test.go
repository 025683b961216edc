package incidentslack

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

func TestParse(t *testing.T) {
	t.Parallel()
	type said struct {
		name, ref string
		people    []string
		text      string
	}
	for in, want := range map[string]said{
		"":                                  {name: "declare"},
		"  Resolve   inc-42  rolled\nback ": {name: "resolve", ref: "INC-42", text: "rolled\nback"},
		"update 42 is the answer":           {name: "update", text: "42 is the answer"},
		"update INC-x INC-0 INC--1":         {name: "update", text: "INC-x INC-0 INC--1"},
		"invite <@U0ANA|ana> <@U0BEN>, @cleo me you":          {name: "invite", people: []string{"@U0ANA", "@U0BEN", "cleo", "me"}, text: "you"},
		"lead <@U0ANA|ana>take it":                            {name: "lead", people: []string{"@U0ANA"}, text: "take it"},
		"summary a &lt;b&gt; &amp;amp; <https://x.example|y>": {name: "summary", text: "a <b> &amp; https://x.example"},
		"timeline <!here> <!subteam^S1|@all> <#C1|ops>":       {name: "timeline", text: "@here @all #ops"},
		"&lt;x": {name: "<x"},
	} {
		name, a := parseCommand(in)
		got := said{name: name, ref: a.ref()}
		got.people, got.text = a.names(), a.text()
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(said{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

func TestTimeOf(t *testing.T) {
	t.Parallel()
	for ts, want := range map[string]time.Time{
		"1669000000.000100": time.Unix(1669000000, 100_000).UTC(), "1669000000": time.Unix(1669000000, 0).UTC(), "1669000000.5": time.Unix(1669000000, 0).UTC(),
		"": {}, "x": {}, "-1.000000": {}, "99999999999999": {}, "1.-00001": time.Unix(1, 0).UTC(),
	} {
		if got := timeOf(ts); !got.Equal(want) {
			t.Errorf("%q: %s, want %s", ts, got, want)
		}
	}
}

// Whatever is typed, reading ends, takes nothing twice, and leaves text that can be kept; and each
// command with it has a deed.
func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{"", "resolve INC-42 done", "invite <@U0ANA|ana> <@U0BEN>, @cleo me", "<!channel> <@>", "role lead <@U0ANA", "merge INC-1 into INC-2 x", "a\x00b \u00a0 c", "@ , @"} {
		f.Add(seed)
	}
	in := &Intake{cfg: IntakeConfig{Command: "/inc"}}
	f.Fuzz(func(t *testing.T, text string) {
		name, a := parseCommand(text)
		before := len(a.rest)
		ref, people, word, left := a.ref(), a.names(), a.word(), a.text()
		if n, ok := incident.ParseRef(ref); ref != "" && (!ok || incident.Ref(n) != ref) {
			t.Errorf("%q has the reference %q", text, ref)
		}
		if len(people) > before || !a.empty() || strings.ContainsAny(word, " \n") {
			t.Errorf("%q: people %q, word %q, left %q", text, people, word, a.rest)
		}
		if utf8.ValidString(text) && !utf8.ValidString(left) {
			t.Errorf("%q leaves %q", text, left)
		}
		d := in.commandDeed(request{Type: slackkit.SlashCommand, Value: text})
		if d.how == nothing || d.how == aWindow && d.window == nil || d.how != aWindow && d.run == nil || d.least == "" {
			t.Errorf("%q (%s) asks for %+v", text, name, d)
		}
	})
}

// Whatever comes from the broker is a request with a deed, or is none.
func FuzzParseRequest(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"v":1,"id":"slack:cmd:1","type":"slash_command","user":"U","action":"/inc","value":"resolve x"}`,
		`{"v":1,"id":"x","type":"view_submission","user":"U","view":{"id":"V","callback":"inc:update","metadata":"{\"i\":\"x\"}"}}`,
		`{"v":1,"id":"x","type":"block_actions","user":"U","action":"inc:snooze.3","value":"a/b/c"}`} {
		f.Add([]byte(seed))
	}
	in := &Intake{cfg: IntakeConfig{Command: "/inc"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRequest(data)
		if err != nil {
			return
		}
		if d := in.deed(r); d.how == inPlace && d.run == nil || d.how == aWindow && d.window == nil {
			t.Errorf("%s asks for %+v", data, d)
		}
		if r.key() == "" || r.kind() == "" || len(r.talk()) > len(data) {
			t.Errorf("%s has the key %q", data, r.key())
		}
		_, _ = timeOf(r.MessageTS), named(r)
	})
}

package quarantineslack

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// hostileEntry has the same text in each field that has one.
func hostileEntry(s string) quarantine.Entry {
	e := crashed()
	e.Title, e.Where, e.Hint, e.Build, e.Subscription, e.Message.ID = s, s, s, s, s, s
	e.Message.Attributes = map[string]string{s: s}
	e.Message.OrderingKey, e.Claim = s, s
	e.Errors = []handlers.ErrorLink{{Type: s, Text: s}}
	e.Decided = quarantine.Decision{Actor: quarantine.Actor{Name: s, Via: s, Claimed: true}, Reason: s}
	e.CrashReports = []string{s}
	for i := range e.Attempts {
		a := &e.Attempts[i]
		a.Panic, a.Stack, a.Handler, a.Worker, a.Host, a.Build, a.Errors = s, s, s, s, s, s, e.Errors
		a.Frames = []handlers.Frame{{Func: s, File: s, Line: 1}}
	}
	return e
}

// hostileMessages are all kinds of messages made of the same text.
func hostileMessages(s string) map[string]slackkit.Message {
	e := hostileEntry(s)
	g := groupOf(e, only(quarantine.StateHeld, 3))
	g.Taken, g.Acted, g.Builds, g.Basis = e.Decided, e.Decided, []string{s}, []string{s}
	g.SnoozedUntil = asked.Add(time.Hour)
	g.Reason = handlers.Reason(s)
	all := map[string]slackkit.Message{}
	for _, p := range []phase{phaseContained, phaseTaken, phaseSnoozed, phaseReplaying, phasePoison, phaseResolved} {
		all[string(p)] = screens.group(groupFacts{phase: p, group: g, entry: e, deaths: 2, poison: s}, asked)
	}
	failing := e
	failing.Reason, failing.Attempts[0].Outcome = handlers.ReasonFailed, handlers.OutcomePanicked
	all["failed"] = screens.group(groupFacts{phase: phaseContained, group: g, entry: failing}, asked)
	odd := e
	odd.Reason, odd.Confidence, odd.State = handlers.Reason(s), handlers.Confidence(s), quarantine.State(s)
	all["odd"] = screens.group(groupFacts{phase: phaseContained, group: g, entry: odd}, asked)
	var lines []digestLine
	for range 30 {
		lines = append(lines, digestLine{ref: s, group: g}, digestLine{ref: s, gone: true})
	}
	all["digest"] = screens.digest(lines, 1000, asked)
	r := quarantine.CrashReport{Crash: handlers.Crash{Text: s, Exit: s, Kind: s, Tier: s, Reason: s, Hint: s}}
	all["naming"] = screens.naming(namingFacts{
		phase: phaseNaming, subs: []string{s, s}, crashes: []string{s}, workers: 1,
		died: safeDeath(nil, r), evidence: quarantine.DeathEvidence(r.Crash)}, asked)
	breaker := breakerState{ID: subRef(s), Closed: 1}.after(quarantine.SubscriptionStatus{
		Name: s, Workers: 2, Breakers: 1, Breaker: handlers.Breaker{OpenSince: asked}, BreakerBuilds: []string{s, s, s},
	}, asked)
	breaker.Sub, breaker.More = plain(s, 40), 3
	all["breaker"] = screens.breaker(&breaker, asked)
	breaker.Kills, breaker.Times = true, 2
	all["breaker kills"] = screens.breaker(&breaker, asked)
	breaker.Closed = asked.UnixMilli()
	all["breaker closed"] = screens.breaker(&breaker, asked)
	var events []event
	for range 20 {
		for _, ev := range everyEvent() {
			ev.by, ev.why, ev.end, ev.refs, ev.sub = e.Decided.Actor, s, s, []string{s}, s
			events = append(events, ev)
		}
	}
	all["thread"] = screens.thread(groupFacts{group: g}.aloud(loudReopened), events)
	all["lost entry"] = slackkit.Message{Text: lostEntry(e, asked)}
	all["lost group"] = slackkit.Message{Text: lostGroup(g, asked)}
	return all
}

// wantHarmless checks that no text can ping, link, hide or break out.
func wantHarmless(t *testing.T, name string, m slackkit.Message) {
	t.Helper()
	b, err := json.Marshal(m.Blocks)
	if err != nil {
		t.Fatal(err)
	}
	var blocks any
	if err := json.Unmarshal(b, &blocks); err != nil {
		t.Fatal(err)
	}
	texts(map[string]any{"type": "mrkdwn", "text": m.Text, "verbatim": true, "blocks": blocks}, func(o map[string]any) {
		s, _ := o["text"].(string)
		switch {
		case !utf8.ValidString(s) || strings.ContainsAny(s, "<>"):
			t.Errorf("%s: %q", name, s)
		case strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }):
			t.Errorf("%s has what cannot be seen: %q", name, s)
		case o["type"] == "mrkdwn" && o["verbatim"] != true:
			t.Errorf("%s lets Slack look for links in %q", name, s)
		case o["type"] == "plain_text" && o["emoji"] != false:
			t.Errorf("%s lets Slack look for emoji in %q", name, s)
		}
		for i, part := range strings.Split(s, "`") {
			if o["type"] == "mrkdwn" && i%2 == 1 && !ourCode.MatchString(part) {
				t.Errorf("%s: %q is in a code span that is not ours", name, part)
			}
		}
	})
}

var ourCode = regexp.MustCompile(`^theriac [a-z]+(?: [A-Z]-[0-9A-Z]+)?$`)

// texts calls f with every text object.
func texts(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			texts(e, f)
		}
	case map[string]any:
		if _, ok := v["text"].(string); ok {
			f(v)
		}
		for _, e := range v {
			texts(e, f)
		}
	}
}

func hostileTexts() []quarantinetest.Hostile {
	return append(quarantinetest.HostileBytes(),
		quarantinetest.Hostile{Name: "fence break", Bytes: "```\n<!here> `` ` *bold* _it_ ~x~\n> quote\n```"},
		quarantinetest.Hostile{Name: "lines like ours", Bytes: "x\n*Entry*\nQ-0000\n`theriac discard Q-7F3K`"},
		quarantinetest.Hostile{Name: "entities", Bytes: "&lt;!channel&gt; &amp;lt;"},
		quarantinetest.Hostile{Name: "bare links", Bytes: "https://evil.example www.evil.example @channel #general :boom:"},
		quarantinetest.Hostile{Name: "date command", Bytes: "<!date^1^{date}^https://evil.example|x> <!subteam^S1>"},
		quarantinetest.Hostile{Name: "many ampersands", Bytes: strings.Repeat("&<>`", 2000)},
	)
}

func TestHostileTexts_InEveryField_CannotPingOrBreakOut(t *testing.T) {
	t.Parallel()
	fake, err := slackfake.Start(t.Context(), slackfake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	client, err := slackkit.New(slackkit.Config{Token: fake.Token(), APIURL: fake.APIURL(), PerChannel: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, h := range hostileTexts() {
		for name, m := range hostileMessages(h.Bytes) {
			wantHarmless(t, h.Name+" in "+name, m)
			wantFits(t, m)
			if _, err := client.Post(t.Context(), "C0OPS", m); err != nil {
				t.Errorf("%s in %s: Slack refuses it: %v", h.Name, name, err)
			}
		}
	}
}

func FuzzMessages(f *testing.F) {
	for _, h := range hostileTexts() {
		if len(h.Bytes) < 4096 {
			f.Add(h.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, m := range hostileMessages(s) {
			wantHarmless(t, name, m)
			wantFits(t, m)
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `null`, `[]`, `{"v":1}`, `{"v":2}`, `{"v":1,"c":"C1","ts":"1.1","h":"00","e":1,"phase":"taken","poison":"Q-7F3K"}`,
		`{"v":1,"alert":{"pagerduty":{"triggered":true,"episode":-1}}}`, `{"v":1,"digest":"slack-digest:1","groups":["G-1"]}`,
		`{"v":1,"naming":[{"c":"C1","ts":"1.1","crashes":["C-1"]}],"recent":[1]}`, `{"v":1e99}`,
		`{"v":1,"all":[{"id":"S-0000000000000","sub":"orders","n":1,"w":2,"s":1,"at":1}]}`, `{"ts":"<!channel>"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var g groupState
		if decodeState(b, &g) == nil && len(b) > 0 {
			again(t, &g, &groupState{})
		}
		var d digestState
		if decodeState(b, &d) == nil && len(b) > 0 {
			again(t, &d, &digestState{})
		}
		var r roomState
		if decodeState(b, &r) == nil && len(b) > 0 {
			again(t, &r, &roomState{})
		}
		var open breakerStates
		if decodeState(b, &open) == nil && len(b) > 0 {
			again(t, &open, &breakerStates{})
		}
	})
}

// again checks that what was read can be written and read.
func again[S interface{ check() error }](t *testing.T, s, next S) {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) <= stateMax {
		if err := decodeState(b, next); err != nil {
			t.Errorf("%s: %v", b, err)
		}
	}
}

func FuzzParseValue(f *testing.F) {
	for _, s := range []string{"v1:Q-7F3K:8", "v1:G-9C1E:12:snooze-1h", "v1:S-0000000000000:0:pause", "", "v1", "v1:Q-:1", "v1:Q-7F3K:-1", "v1:Q-7F3K:08", "v1:q-7f3k:1", "v1:Q-7F3K:9999999999999999999", "v2:Q-7F3K:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, ok := parseValue(s); ok && v.String() != s {
			t.Errorf("%q is read as %+v, which is %q", s, v, v)
		}
	})
}

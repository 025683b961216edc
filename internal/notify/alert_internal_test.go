package notify

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestAlertReady_CutsAndCleans(t *testing.T) {
	t.Parallel()
	details := map[string]string{"left out": "forged", "": "nameless", "a\nb": "one", "z": strings.Repeat("é", MaxDetail+1)}
	for i := range MaxDetails + 5 {
		details[fmt.Sprintf("d%02d", i)] = "x"
	}
	got, err := Alert{
		Key: "group:1", Action: Trigger, Title: "CONTAINED\r\norders\x1b]0;x\a\u202e" + strings.Repeat("\U0001F4A5", MaxTitle),
		Component: "a\x00b", Details: details,
		Links: []Link{
			{Text: "Open\n", Href: "https://ops.example.com/e/Q-1"}, {Href: "http://10.0.0.1/x"},
			{Href: "javascript:alert(1)"}, {Href: "https://user:pass@example.com/"}, {Href: "//example.com"},
			{Href: "https://example.com/\u202egpj"}, {Href: "https://" + strings.Repeat("a", MaxHrefBytes)}, {Href: "https:///path"},
			{Href: "data:text/html,x"}, {Href: "ftp://example.com"}, {Href: "https://exa mple.com"},
		},
	}.ready()
	if err != nil {
		t.Fatal(err)
	}
	if n := utf8.RuneCountInString(got.Title); n != MaxTitle || !strings.HasSuffix(got.Title, "…") {
		t.Errorf("the title has %d runes and ends in %q", n, got.Title[len(got.Title)-3:])
	}
	if want := "CONTAINED  orders\uFFFD]0;x\uFFFD\uFFFD"; !strings.HasPrefix(got.Title, want) {
		t.Errorf("the title begins %q, want %q", got.Title[:40], want)
	}
	if got.Source != "theriac" || got.Severity != SeverityError || got.Component != "a\uFFFDb" {
		t.Errorf("source %q, severity %q, component %q", got.Source, got.Severity, got.Component)
	}
	if diff := cmp.Diff([]Link{{"Open", "https://ops.example.com/e/Q-1"}, {"", "http://10.0.0.1/x"}}, got.Links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if len(got.Details) != MaxDetails+1 || got.Details["a b"] != "one" {
		t.Errorf("%d details, %v", len(got.Details), got.Details)
	}
	if want := "9 links, 9 details"; got.Details["left out"] != want {
		t.Errorf("left out: %q, want %q", got.Details["left out"], want)
	}
	if details["left out"] != "forged" {
		t.Error("the caller's map was changed")
	}
}

func TestAlertReady_RefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	good := Alert{Key: "k", Action: Trigger, Title: "t"}
	tests := []struct {
		name   string
		change func(*Alert)
		want   string
	}{
		{"NoKey", func(a *Alert) { a.Key = "" }, "Alert.Key is empty"},
		{"LongKey", func(a *Alert) { a.Key = strings.Repeat("k", 256) }, "Alert.Key has 256 bytes"},
		{"KeyOfTwoLines", func(a *Alert) { a.Key = "a\nb" }, "Alert.Key has characters"},
		{"KeyNotUTF8", func(a *Alert) { a.Key = "a\xff" }, "Alert.Key has characters"},
		{"NoAction", func(a *Alert) { a.Action = "" }, "Alert.Action"},
		{"OtherAction", func(a *Alert) { a.Action = "escalate" }, "Alert.Action"},
		{"OtherSeverity", func(a *Alert) { a.Severity = "fatal" }, "Alert.Severity"},
		{"NoTitle", func(a *Alert) { a.Title = "\n " }, "Alert.Title is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := good
			tt.change(&a)
			if _, err := a.ready(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := (Alert{Action: "x", Severity: "y"}).ready(); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("want all three problems at once, got %v", err)
	}
	for _, action := range []Action{Acknowledge, Resolve} {
		if _, err := (Alert{Key: strings.Repeat("k", 255), Action: action}).ready(); err != nil {
			t.Errorf("%s needs no title: %v", action, err)
		}
	}
}

func TestAlertID_SameForARetryAndNothingElse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 3, 2, 11, 0, time.UTC)
	base := Alert{Key: "k", Action: Trigger, Episode: 1, At: at}
	retry := base
	retry.At, retry.Title, retry.Details = at.Add(time.Hour), "other words", map[string]string{"a": "b"}
	if base.ID() != retry.ID() {
		t.Error("a retry has another id")
	}
	if local := at.In(time.FixedZone("x", 3600)); (Alert{Key: "k", At: at}).ID() != (Alert{Key: "k", At: local}).ID() {
		t.Error("a time zone makes another id")
	}
	seen := map[string]Alert{}
	for _, a := range []Alert{
		base, {Key: "k", Action: Resolve, Episode: 1}, {Key: "k", Action: Trigger, Episode: 2}, {Key: "k2", Action: Trigger, Episode: 1},
		{Key: "ktrigger", Episode: 1}, {Key: "k", Action: Trigger, At: at}, {Key: "k", Action: Trigger, At: at.Add(1)}, {Key: "k", Action: Trigger},
	} {
		id := a.ID()
		if other, taken := seen[id]; taken {
			t.Errorf("%v and %v have one id", a, other)
		}
		if len(id) != 36 || strings.Contains(id, ".") {
			t.Errorf("id %q: want 36 characters and no dot", id)
		}
		seen[id] = a
	}
	// Pinned: ids must not change with a release, or what is being retried then comes twice.
	if got, want := base.ID(), "msg_60007b74d592ea52fd9d1e597fea33c1"; got != want {
		t.Errorf("id %q, want %q", got, want)
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add("plain", 10)
	f.Add("a\r\n\x1b[31m\u202e\u200b\u2028\xff\xc0\x80", 5)
	f.Add(strings.Repeat("\U0001F4A5", 20), 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 1 + int(uint(limit)%2000)
		got := oneLine(text, limit)
		if n := utf8.RuneCountInString(got); n > limit || !utf8.ValidString(got) {
			t.Errorf("%d runes of %d, valid %t", n, limit, utf8.ValidString(got))
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r != ' ' && unicode.IsSpace(r) {
				t.Errorf("%q has %U", got, r)
			}
		}
		if again := oneLine(got, limit); again != got {
			t.Errorf("not idempotent: %q, then %q", got, again)
		}
	})
}

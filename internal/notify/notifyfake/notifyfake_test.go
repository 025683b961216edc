package notifyfake_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/theriac/theriac/internal/notify/notifyfake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "0123456789abcdef0123456789abcdef"

func start(t *testing.T) *notifyfake.PagerDuty {
	t.Helper()
	pd, err := notifyfake.StartPagerDuty(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pd.Close(); err != nil {
			t.Error(err)
		}
	})
	return pd
}

// post returns status and body, 0 without an answer.
func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(got)
}

// trigger is a good event, with one part replaced.
func trigger(t *testing.T, old, with string) string {
	t.Helper()
	good := `{"routing_key":"` + key + `","event_action":"trigger","dedup_key":"k","payload":{"summary":"s","source":"h","severity":"error"}}`
	changed := strings.Replace(good, old, with, 1)
	if old != "" && changed == good {
		t.Fatalf("%q is not in the event", old)
	}
	return changed
}

func TestPagerDuty_AnswersLikeTheRealOne(t *testing.T) {
	t.Parallel()
	pd := start(t)
	status, body := post(t, pd.URL(), trigger(t, "", ""))
	if status != http.StatusAccepted || body != `{"dedup_key":"k","message":"Event processed","status":"success"}` {
		t.Errorf("answered %d %s", status, body)
	}
	// Without a key each trigger is an alert of its own.
	for range 2 {
		if status, _ := post(t, pd.URL(), trigger(t, `"dedup_key":"k",`, "")); status != http.StatusAccepted {
			t.Errorf("answered %d", status)
		}
	}
	if got := pd.Alerts(); len(got) != 3 || got[1].Key == got[2].Key || got[0].First.Payload.Source != "h" {
		t.Errorf("got %+v", got)
	}
}

func TestPagerDuty_RefusesWhatTheRealOneDoes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		status     int
		want       string // one of its errors
	}{
		{"NoJSON", "hello", 400, "JSON parse error"},
		{"TwoObjects", trigger(t, "", "") + "{}", 400, "JSON parse error"},
		{"NoKey", trigger(t, key, ""), 400, "'routing_key' is missing or blank"},
		{"ShortKey", trigger(t, key, "abc"), 400, "Length of 'routing_key' is incorrect (should be 32 characters)"},
		{"OtherKey", trigger(t, key, strings.Repeat("f", 32)), 400, "Invalid routing key"},
		{"NoAction", trigger(t, `"event_action":"trigger",`, ""), 400, "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"},
		{"LongDedupKey", trigger(t, `"k"`, `"`+strings.Repeat("k", 256)+`"`), 400, "'dedup_key' is too long (maximum 255 characters)"},
		{"ResolveWithoutKey", `{"routing_key":"` + key + `","event_action":"resolve"}`, 400, "'dedup_key' is missing or blank"},
		{"NoPayload", `{"routing_key":"` + key + `","event_action":"trigger"}`, 400, "'payload' is missing"},
		{"NoSummary", trigger(t, `"s"`, `""`), 400, "'payload.summary' is missing or blank"},
		{"LongSummary", trigger(t, `"s"`, `"`+strings.Repeat("s", 1025)+`"`), 400, "'payload.summary' is too long (maximum 1024 characters)"},
		{"NoSource", trigger(t, `"h"`, `""`), 400, "'payload.source' is missing or blank"},
		{"OtherSeverity", trigger(t, `"error"`, `"fatal"`), 400, "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')"},
		{"OddTimestamp", trigger(t, `"summary"`, `"timestamp":"today","summary"`), 400, "'payload.timestamp' is invalid"},
		{"OddLink", trigger(t, `"payload"`, `"links":[{"href":"javascript:x"}],"payload"`), 400, "'links.href' is invalid"},
		{"TooLarge", trigger(t, `"s"`, `"`+strings.Repeat("s", notifyfake.MaxBody)+`"`), 413, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pd := start(t)
			status, body := post(t, pd.URL(), tt.body)
			if status != tt.status || len(pd.Alerts()) != 0 {
				t.Fatalf("answered %d %s, %d alerts", status, body, len(pd.Alerts()))
			}
			if tt.want == "" {
				return
			}
			var said struct {
				Status, Message string
				Errors          []string
			}
			if err := json.Unmarshal([]byte(body), &said); err != nil || said.Status == "" || said.Message == "" {
				t.Fatalf("%s: %v", body, err)
			}
			if diff := cmp.Diff([]string{tt.want}, said.Errors); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
	pd := start(t)
	if status, _ := post(t, strings.Replace(pd.URL(), "/v2/", "/v1/", 1), trigger(t, "", "")); status != http.StatusNotFound {
		t.Errorf("another path: %d", status)
	}
}

func TestPagerDuty_KeepsKeysOfServicesApart(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("f", 32)
	pd, err := notifyfake.StartPagerDuty(t.Context(), key, other)
	if err != nil {
		t.Fatal(err)
	}
	defer pd.Close()
	for _, body := range []string{
		trigger(t, "", ""), trigger(t, key, other),
		`{"routing_key":"` + other + `","event_action":"resolve","dedup_key":"k"}`,
	} {
		if status, answer := post(t, pd.URL(), body); status != http.StatusAccepted {
			t.Errorf("answered %d %s", status, answer)
		}
	}
	if got := pd.Alerts(); len(got) != 2 || got[0].State != notifyfake.Triggered || got[1].State != notifyfake.Resolved {
		t.Errorf("got %+v", got)
	}
}

func TestServer_Faults(t *testing.T) {
	t.Parallel()
	pd := start(t)
	pd.Order(
		notifyfake.Fault{Status: 503, Body: "later"}, notifyfake.Fault{Bytes: 1000},
		notifyfake.Fault{Reset: true}, notifyfake.Fault{Taken: true, Cut: true},
	)
	for i, want := range []struct {
		status, length, alerts int
	}{{503, 5, 0}, {200, 1000, 0}, {0, -1, 0}, {0, -1, 1}, {202, -1, 1}} {
		status, body := post(t, pd.URL(), trigger(t, "", ""))
		if status != want.status || want.length >= 0 && len(body) != want.length || len(pd.Alerts()) != want.alerts {
			t.Errorf("request %d: answered %d %.80q, %d alerts, want %+v", i, status, body, len(pd.Alerts()), want)
		}
	}
	journal := pd.Journal()
	var got []int
	for _, r := range journal {
		got = append(got, r.Status)
	}
	if diff := cmp.Diff([]int{503, 200, 0, 202, 202}, got); diff != "" || !journal[3].Faulted || journal[4].Faulted {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
	if !pd.Saw(key) || pd.Saw("nowhere") {
		t.Error("Saw does not search the journal")
	}
}

func TestServer_Close_EndsStalls(t *testing.T) {
	t.Parallel()
	pd, err := notifyfake.StartPagerDuty(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	pd.Order(notifyfake.Fault{Stall: true}, notifyfake.Fault{StallBody: true, Status: 202})
	var waiting sync.WaitGroup
	for range 2 {
		waiting.Go(func() {
			if status, _ := post(t, pd.URL(), trigger(t, "", "")); status != 0 {
				t.Errorf("answered %d", status)
			}
		})
	}
	if err := pd.Wait(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if err := pd.Close(); err != nil {
		t.Error(err)
	}
	waiting.Wait()
	if err := pd.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestServer_JournalIsBounded(t *testing.T) {
	t.Parallel()
	pd := start(t)
	for i := range 1010 {
		post(t, pd.URL(), fmt.Sprintf("%d", i))
	}
	journal := pd.Journal()
	if len(journal) != 1000 || string(journal[0].Body) != "10" || pd.Requests() != 1010 {
		t.Errorf("%d kept of %d, the first is %q", len(journal), pd.Requests(), journal[0].Body)
	}
}

func TestWebhook_RefusesWhatIsNotSigned(t *testing.T) {
	t.Parallel()
	hook, err := notifyfake.StartWebhook(t.Context(), notifyfake.WebhookConfig{Secrets: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}})
	if err != nil {
		t.Fatal(err)
	}
	defer hook.Close()
	if status, _ := post(t, hook.URL(), `{"type":"a","timestamp":"2026-11-22T03:02:11Z","data":{}}`); status != http.StatusUnauthorized {
		t.Errorf("answered %d", status)
	}
	if status, _ := post(t, strings.TrimSuffix(hook.URL(), notifyfake.Token), ""); status != http.StatusNotFound {
		t.Errorf("another path: %d", status)
	}
	if len(hook.Refusals()) != 2 || len(hook.Deliveries()) != 0 {
		t.Errorf("%v, %d taken", hook.Refusals(), len(hook.Deliveries()))
	}
}

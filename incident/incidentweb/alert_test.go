package incidentweb_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
)

func sentrySignature(body string) string {
	mac := hmac.New(sha256.New, []byte(sentrySecret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestAlert_WhoMay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin := b.token(incident.Admin)
	const body = `{"dedup_key":"a"}`
	for _, tt := range []struct {
		name, source, token string
		header              []string
		status              int
	}{
		{"Bearer", "shop", sourceToken, nil, 202},
		{"AlertmanagerBearer", "prom", sourceToken, nil, 202},
		{"Signature", "shop", "", []string{"Webhook-Signature", "v1," + signSecret + ":" + body}, 202},
		{"Sentry", "sentry", "", []string{"Sentry-Hook-Signature", sentrySignature(body)}, 202},
		{"Nothing", "shop", "", nil, 401},
		{"AnotherToken", "shop", sourceToken + "x", nil, 401},
		{"ATokenOfTheAPI", "shop", admin, nil, 401},
		{"WrongSignature", "shop", "", []string{"Webhook-Signature", "v1," + signSecret + ":{}"}, 401},
		{"AlertmanagerDoesNotSign", "prom", "", []string{"Webhook-Signature", "v1,:" + body}, 401},
		{"NoSourceOfThisName", "nobody", sourceToken, nil, 401},
		{"SourceWithoutSecret", "open", "", nil, 401},
		{"SourceWithoutSecretAndEmptySignature", "open", "", []string{"Webhook-Signature", "v1,:" + body}, 401},
		{"SecretThatIsNotSet", "unset", "", []string{"Sentry-Hook-Signature", emptyKey(body)}, 401},
		{"SentryUnsigned", "sentry", sourceToken, nil, 401},
		{"SentryOfAnotherBody", "sentry", "", []string{"Sentry-Hook-Signature", sentrySignature(body + " ")}, 401},
		{"SentryTruncated", "sentry", "", []string{"Sentry-Hook-Signature", sentrySignature(body)[:62]}, 401},
		{"PagerDuty", "pager", "", []string{"X-PagerDuty-Signature", "v1=" + sentrySignature(body)}, 202},
		{"PagerDutyWhileSecretsChange", "pager", "", []string{"X-PagerDuty-Signature", "v1=" + emptyKey(body) + ", v1=" + sentrySignature(body)}, 202},
		{"PagerDutyOfAnotherBody", "pager", "", []string{"X-PagerDuty-Signature", "v1=" + sentrySignature(body+" ")}, 401},
		{"PagerDutyOfAnotherVersion", "pager", "", []string{"X-PagerDuty-Signature", "v2=" + sentrySignature(body)}, 401},
		{"PagerDutyWithoutVersion", "pager", "", []string{"X-PagerDuty-Signature", sentrySignature(body)}, 401},
		{"PagerDutyUnsigned", "pager", sourceToken, nil, 401},
		{"PagerDutyEmpty", "pager", "", []string{"X-PagerDuty-Signature", "v1=,,v1"}, 401},
		{"NoJSON", "shop", sourceToken, []string{"Content-Type", "text/plain"}, 415},
		{"Gzip", "shop", sourceToken, []string{"Content-Encoding", "gzip"}, 415},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.want(tt.status, ask{method: "POST", path: "/v1/alerts/" + tt.source, token: tt.token, body: body, header: tt.header})
		})
	}
}

func emptyKey(body string) string {
	mac := hmac.New(sha256.New, nil)
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// TestAlert_Signature_EachByte flips every hex digit of a good signature.
func TestAlert_Signature_EachByte(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := sentrySignature(`{}`)
	for i := range good {
		flipped := good[:i] + string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", good[i])+1)%16]) + good[i+1:]
		b.want(http.StatusUnauthorized, ask{method: "POST", path: "/v1/alerts/sentry", body: `{}`, header: []string{"Sentry-Hook-Signature", flipped}})
	}
}

func TestAlert_Stored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const body = "{\"action\":\"created\",\"x\":\"\\u0000\"} \n"
	got := b.want(http.StatusAccepted, ask{method: "POST", path: "/v1/alerts/sentry", body: body, header: []string{
		"Sentry-Hook-Signature", sentrySignature(body), "Sentry-Hook-Resource", "issue", "Request-Id", "r-1",
	}})
	id, _ := got["id"].(string)
	row, err := b.memory.Inbound(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if string(row.Body) != body || row.Topic != incident.TopicAlerts || row.Kind != "alert.sentry" {
		t.Errorf("stored %+v", row)
	}
	if diff := cmp.Diff(map[string]string{"source": "sentry", "resource": "issue"}, row.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if got["known"] != false {
		t.Errorf("answered %v", got)
	}
}

// TestAlert_Repeats sends deliveries a thousand times, many at once: all are accepted, and stored once
// for each id and body. Without an id each delivery is one of its own.
func TestAlert_Repeats(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const body = `{"dedup_key":"a"}`
	send := func(n int, source, body string, header ...string) int {
		t.Helper()
		var mu sync.Mutex
		ids, fresh := map[string]bool{}, 0
		var group runner.Group
		for w := range 4 {
			group.Go(func() {
				for range n / 4 {
					a := ask{method: "POST", path: "/v1/alerts/" + source, body: body, header: header}
					if source == "sentry" {
						a.header = append([]string{"Sentry-Hook-Signature", sentrySignature(body)}, header...)
					} else {
						a.token = sourceToken
					}
					rec := b.do(a)
					if rec.Code != http.StatusAccepted {
						t.Errorf("worker %d: %d %s", w, rec.Code, rec.Body)
						return
					}
					mu.Lock()
					ids[rec.Body.String()[:strings.Index(rec.Body.String(), ",")]] = true
					if strings.Contains(rec.Body.String(), `"known":false`) {
						fresh++
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		if fresh != len(ids) {
			t.Errorf("%s: %d ids, and %d were told that they are new", source, len(ids), fresh)
		}
		return len(ids)
	}
	for _, tt := range []struct {
		name, source, body string
		header             []string
		want               int
	}{
		{"WebhookID", "shop", body, []string{"Webhook-Id", "m-1"}, 1},
		{"IdempotencyKey", "shop", body, []string{"Idempotency-Key", "i-1"}, 1},
		{"RequestID", "sentry", body, []string{"Request-Id", "r-1"}, 1},
		{"SameIDOtherBody", "shop", `{"dedup_key":"b"}`, []string{"Webhook-Id", "m-1"}, 1},
		{"NoID", "prom", body, nil, 1000},
	} {
		if got := send(1000, tt.source, tt.body, tt.header...); got != tt.want {
			t.Errorf("%s: %d rows, want %d", tt.name, got, tt.want)
		}
	}
	out, err := b.memory.Unpublished(t.Context(), 5000)
	if err != nil || len(out) != 1004 {
		t.Errorf("%d rows wait for the broker, want 1004 (%v)", len(out), err)
	}
}

func TestAlert_Size(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for size, status := range map[int]int{1 << 20: http.StatusAccepted, 1<<20 + 1: http.StatusRequestEntityTooLarge} {
		body := fmt.Sprintf(`{"x":%q}`, strings.Repeat("x", size-8))
		if len(body) != size {
			t.Fatalf("the body has %d bytes", len(body))
		}
		b.want(status, ask{method: "POST", path: "/v1/alerts/shop", token: sourceToken, body: body})
	}
	b.want(http.StatusBadRequest, ask{method: "POST", path: "/v1/alerts/shop", token: sourceToken, header: []string{"Content-Type", "application/json"}})
}

// TestAlert_SecretThatIsNotSet_IsSaidOnce: the sender reads only that it was refused, so the log says why.
func TestAlert_SecretThatIsNotSet_IsSaidOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 3 {
		b.want(401, ask{method: "POST", path: "/v1/alerts/unset", body: "{}", header: []string{"Sentry-Hook-Signature", emptyKey("{}")}})
	}
	if n := strings.Count(b.log.String(), "NOT_THERE"); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, b.log)
	}
}

// TestAlert_NotJSON: what no source can have meant is refused at once, to whoever may send, and nothing is stored
// that a worker would stumble over.
func TestAlert_NotJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, body := range []string{
		"", " ", "hello", `{"dedup_key":"a"`, `{"dedup_key":"a"} {}`, "\x00", "\xef\xbb\xbf{}", `[{"dedup_key":"a"}]`, `"text"`, "null", "7",
		strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000),
	} {
		got := b.want(http.StatusBadRequest, ask{
			method: "POST", path: "/v1/alerts/shop", token: sourceToken, body: body, header: []string{"Content-Type", "application/json"},
		})
		if got["field"] != "body" || got["code"] != "invalid" {
			t.Errorf("%.20q: %v", body, got)
		}
		b.want(http.StatusUnauthorized, ask{
			method: "POST", path: "/v1/alerts/shop", token: "wrong", body: body, header: []string{"Content-Type", "application/json"},
		})
	}
	if calls := b.store.take(); slices.Contains(calls, "Accept") {
		t.Errorf("something was stored: %v", calls)
	}
	b.want(http.StatusAccepted, ask{method: "POST", path: "/v1/alerts/shop", token: sourceToken, body: " \n{} "})
}

package incidentweb_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
	"github.com/theriac/theriac/internal/runner"
)

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// TestMatrix sends every kind of caller to every route. Whoever is not allowed gets exactly the status
// that says why; whoever is gets past the door, whatever the route then says of an empty request.
func TestMatrix(t *testing.T) {
	t.Parallel()
	b := setup(t)
	callers := map[string]string{
		"nobody":    "",
		"wrong":     "thr_" + strings.Repeat("0", 64),
		"malformed": "thr_x",
		"expired":   b.token(incident.Admin, func(t *incident.Token) { t.Expires = start }),
		"revoked":   b.token(incident.Admin, func(t *incident.Token) { t.Revoked = start }),
		"roleless":  b.token("emperor"),
		"viewer":    b.token(incident.Viewer),
		"responder": b.token(incident.Responder),
		"admin":     b.token(incident.Admin),
		"source":    sourceToken,
	}
	rank := map[string]int{"viewer": 1, "responder": 2, "admin": 3}
	for _, row := range incidentweb.Table() {
		for caller, token := range callers {
			path := placeholder.ReplaceAllString(row.Path, "x")
			got := b.do(ask{method: row.Method, path: path, token: token}).Code
			switch {
			case row.Access == "none":
				if got != http.StatusOK {
					t.Errorf("%s %s as %s: %d, want 200", row.Method, row.Path, caller, got)
				}
			case rank[row.Access] == 0: // it asks in a way of its own, see the tests of alerts and links
				if got < 400 || got >= 500 {
					t.Errorf("%s %s as %s: %d, want a refusal", row.Method, row.Path, caller, got)
				}
			case rank[caller] == 0 && caller != "roleless":
				if got != http.StatusUnauthorized {
					t.Errorf("%s %s as %s: %d, want 401", row.Method, row.Path, caller, got)
				}
			case rank[caller] < rank[row.Access]:
				if got != http.StatusForbidden {
					t.Errorf("%s %s as %s: %d, want 403", row.Method, row.Path, caller, got)
				}
			default:
				if got == http.StatusUnauthorized || got == http.StatusForbidden || got == http.StatusMethodNotAllowed || got >= 500 {
					t.Errorf("%s %s as %s: %d, want it to get past the door", row.Method, row.Path, caller, got)
				}
			}
		}
	}
}

// TestMatrix_Pinned holds the table where a slip would matter most.
func TestMatrix_Pinned(t *testing.T) {
	t.Parallel()
	for _, row := range incidentweb.Table() {
		admins := strings.HasPrefix(row.Path, "/v1/settings") || strings.HasPrefix(row.Path, "/v1/tokens") ||
			strings.HasPrefix(row.Path, "/v1/people") || strings.HasPrefix(row.Path, "/v1/webhooks") || strings.HasSuffix(row.Path, "/opt-out")
		want := "responder"
		switch {
		case admins:
			want = "admin"
		case strings.HasPrefix(row.Path, "/v1/alerts"):
			want = "the source's own secret"
		case strings.HasPrefix(row.Path, "/ack/"):
			want = "a signed link"
		case row.Path == "/healthz" || row.Path == "/readyz":
			want = "none"
		case row.Method == http.MethodGet:
			want = "viewer"
		}
		if row.Access != want {
			t.Errorf("%s %s asks for %q, want %q", row.Method, row.Path, row.Access, want)
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, allow := range map[string]string{
		"/v1/incidents":             "GET, HEAD, POST",
		"/v1/incidents/INC-1":       "GET, HEAD, PATCH",
		"/v1/incidents/INC-1/pause": "POST",
		"/v1/alerts/shop":           "POST",
		"/healthz":                  "GET, HEAD",
	} {
		w := b.do(ask{method: http.MethodDelete, path: path})
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow {
			t.Errorf("DELETE %s: %d with Allow %q, want 405 with %q", path, w.Code, w.Header().Get("Allow"), allow)
		}
	}
	for _, path := range []string{"/", "/v1", "/v1/incident", "/v1/incidents/INC-1/explode", "/v2/incidents"} {
		b.want(http.StatusNotFound, ask{method: http.MethodGet, path: path})
	}
	if w := b.do(ask{method: http.MethodHead, path: "/healthz"}); w.Code != http.StatusOK {
		t.Errorf("HEAD /healthz: %d", w.Code)
	}
}

// TestToken_Times: expiry is exact; a revocation that another process made works after 10 s at the
// latest, one that this process made at once.
func TestToken_Times(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var kept incident.Token
	token := b.token(incident.Admin, func(t *incident.Token) { kept = *t })
	list := ask{method: http.MethodGet, path: "/v1/incidents", token: token}
	b.want(http.StatusOK, list)

	kept.Revoked = start
	if err := b.memory.SaveToken(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(10*time.Second - time.Millisecond)
	b.want(http.StatusOK, list)
	b.clock.Advance(time.Millisecond)
	b.want(http.StatusUnauthorized, list)

	boss := b.token(incident.Admin)
	made := b.want(http.StatusCreated, ask{method: http.MethodPost, path: "/v1/tokens", token: boss,
		body: `{"name":"ci","role":"viewer","expires_in":"1h"}`})
	list.token, _ = made["token"].(string)
	b.want(http.StatusOK, list)
	b.clock.Advance(time.Hour - time.Nanosecond)
	b.want(http.StatusOK, list)
	b.clock.Advance(time.Nanosecond)
	b.want(http.StatusUnauthorized, list)

	made = b.want(http.StatusCreated, ask{method: http.MethodPost, path: "/v1/tokens", token: boss, body: `{"name":"ci","role":"viewer"}`})
	list.token, _ = made["token"].(string)
	b.want(http.StatusOK, list)
	id, _ := made["id"].(string)
	b.want(http.StatusOK, ask{method: http.MethodDelete, path: "/v1/tokens/" + id, token: boss})
	b.want(http.StatusUnauthorized, list)
	b.want(http.StatusNotFound, ask{method: http.MethodDelete, path: "/v1/tokens/nobody", token: boss})
}

// TestToken_ShownOnce: neither the list nor the log has a token's text, or its digest.
func TestToken_ShownOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.token(incident.Admin)
	made := b.want(http.StatusCreated, ask{method: http.MethodPost, path: "/v1/tokens", token: boss, body: `{"name":"ci","role":"responder"}`})
	text, _ := made["token"].(string)
	if !regexp.MustCompile(`^thr_[0-9a-f]{64}$`).MatchString(text) {
		t.Fatalf("the token is %q", text)
	}
	all := b.do(ask{method: http.MethodGet, path: "/v1/tokens", token: boss}).Body.String() + b.log.String()
	if strings.Contains(all, text) || strings.Contains(all, text[4:]) {
		t.Error("the text of a token is shown again")
	}
	if !strings.Contains(all, `"name":"ci"`) {
		t.Errorf("the token is not listed: %s", all)
	}
}

func TestToken_Refused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.token(incident.Admin)
	for body, field := range map[string]string{
		`{"role":"viewer"}`:                                   "name",
		`{"name":"a\u0000b","role":"viewer"}`:                 "name",
		`{"name":"ci","role":"root"}`:                         "role",
		`{"name":"ci"}`:                                       "role",
		`{"name":"ci","role":"viewer","expires_in":"-1h"}`:    "expires_in",
		`{"name":"ci","role":"viewer","expires_in":"99999h"}`: "expires_in",
	} {
		got := b.want(http.StatusBadRequest, ask{method: http.MethodPost, path: "/v1/tokens", token: boss, body: body})
		if got["field"] != field {
			t.Errorf("%s: field %v, want %s", body, got["field"], field)
		}
	}
}

// TestCrossOrigin sends what a page of another site could send.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *incidentweb.Options) { o.Origins = []string{"https://ops.example.com"} })
	token := b.token(incident.Responder)
	for _, tt := range []struct {
		name, site, origin string
		status             int
	}{
		{"Program", "", "", http.StatusCreated},
		{"SameOrigin", "same-origin", "", http.StatusCreated},
		{"Trusted", "cross-site", "https://ops.example.com", http.StatusCreated},
		{"CrossSite", "cross-site", "https://evil.example", http.StatusForbidden},
		{"SameSite", "same-site", "https://evil.example.com", http.StatusForbidden},
		{"OldBrowser", "", "https://evil.example", http.StatusForbidden},
	} {
		header := []string{"Idempotency-Key", tt.name}
		if tt.site != "" {
			header = append(header, "Sec-Fetch-Site", tt.site)
		}
		if tt.origin != "" {
			header = append(header, "Origin", tt.origin)
		}
		b.want(tt.status, ask{method: http.MethodPost, path: "/v1/incidents", token: token, body: `{"name":"x"}`, header: header})
	}
}

// TestToken_LastUsed is kept to the hour, written once by many requests at once, behind their answers.
func TestToken_LastUsed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Viewer, func(t *incident.Token) { t.LastUsed = time.Time{} })
	list := ask{method: http.MethodGet, path: "/v1/incidents", token: token}
	lastUsed := func() time.Time {
		t.Helper()
		stored, err := b.memory.TokenByHash(t.Context(), incidentweb.HashToken(token))
		if err != nil {
			t.Fatal(err)
		}
		return stored.LastUsed
	}
	writes := func() (n int) {
		for _, call := range b.store.take() {
			if call == "SaveToken" {
				n++
			}
		}
		return n
	}
	b.want(http.StatusOK, list)
	if !lastUsed().Equal(start) || writes() != 1 {
		t.Errorf("after the first use: %v", lastUsed())
	}
	var group runner.Group
	b.clock.Advance(time.Hour)
	for range 20 {
		group.Go(func() { b.do(list) })
	}
	group.Wait()
	if n := writes(); n == 0 || !lastUsed().Equal(start.Add(time.Hour)) {
		t.Errorf("an hour later: %v, written %d times", lastUsed(), n)
	}
	b.clock.Advance(59 * time.Minute)
	b.want(http.StatusOK, list)
	if n := writes(); n != 0 {
		t.Errorf("within the hour it is written %d times", n)
	}
}

package incidentweb_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
)

var errDown = errors.New("dial tcp db:5432: password=hunter2")

// TestWalk goes through a life by every verb that has a route, each with the answer that it must have.
func TestWalk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people("ana", "ben", "cleo", "dan")
	token, boss := b.token(incident.Responder), b.token(incident.Admin)
	ref := b.declare(token, "k", `{"name":"maybe","triage":true}`)
	inc := "/v1/incidents/" + ref
	steps := []struct {
		method, path, body string
		status             int
		want               string // "field=value" of the answer, or nothing
	}{
		{"POST", "/accept", `{"severity":"critical"}`, 200, "status=investigating"},
		{"POST", "/accept", ``, 409, "code=transition"},
		{"POST", "/updates", `{"message":"we look","status":"fixing","next_update_in":"45m"}`, 200, "status=fixing"},
		{"POST", "/updates", `{"status":"fixing"}`, 400, "field=message"},
		{"POST", "/updates", `{"message":"x","next_update_in":45}`, 400, "code=invalid"},
		{"POST", "/update-requests", `{"person":"ben"}`, 200, ""},
		{"POST", "/update-requests", ``, 200, ""},
		{"POST", "/nudges/update/snooze", `{"minutes":30}`, 200, ""},
		{"POST", "/nudges/update/snooze", `{"minutes":31}`, 400, "field=minutes"},
		{"POST", "/nudges/nonsense/stop", ``, 400, "field=kind"},
		{"POST", "/nudges/update/stop", ``, 200, ""},
		{"PUT", "/roles/lead", `{"person":"ana"}`, 200, ""},
		{"PUT", "/roles/lead", `{"person":"ben"}`, 409, "code=conflict"},
		{"PUT", "/roles/lead", `{"person":"ben","note":"x"}`, 400, "field=note"},
		{"PUT", "/roles/lead", `{"person":"ben","from":"cleo","note":"x"}`, 409, "code=conflict"},
		{"PUT", "/roles/lead", `{"person":"ben","from":"ana","note":"my shift is over"}`, 200, ""},
		{"PUT", "/roles/lead", `{"person":"ben","from":"ben"}`, 400, "field=person"},
		{"PUT", "/roles/juggler", `{"person":"ben"}`, 400, "field=role"},
		{"POST", "/participants", `{"person":"cleo","kind":"observer","subscribed":true}`, 200, ""},
		{"POST", "/participants", `{"person":"cleo","subscribed":false}`, 200, ""},
		{"POST", "/participants", `{"person":"dan"}`, 200, ""},
		{"POST", "/participants", `{"person":"cleo","kind":"tourist"}`, 400, "field=kind"},
		{"DELETE", "/participants/cleo", ``, 200, ""},
		{"DELETE", "/participants/nobody", ``, 404, "code=not_found"},
		{"POST", "/timeline", `{"text":"rolled back","occurred_at":"2026-11-18T08:59:00Z"}`, 200, ""},
		{"PATCH", "/timeline/99999", `{"text":"x"}`, 404, "code=not_found"},
		{"POST", "/updates", `{"message":"x","status":"nope"}`, 400, "field=status"},
		{"POST", "/updates", `{"message":"x","status":"closed"}`, 409, "code=transition"},
		{"POST", "/updates", `{"message":"x","next_update_in":30}`, 400, `detail=the body does not fit: a duration is a text such as "5m", not "30"`},
		{"POST", "/timeline", `{"text":"x","occurred_at":"yesterday"}`, 400, `detail=the body does not fit: a time is a text such as "2022-11-18T15:40:00Z", not yesterday`},
		{"PATCH", "/timeline/x", `{"text":"x"}`, 404, "code=not_found"},
		{"POST", "/actions", `{"text":"scale up","owner":"ana"}`, 200, ""},
		{"PATCH", "/actions/nobody", `{"state":"done"}`, 404, "code=not_found"},
		{"POST", "/follow-ups", `{"text":"alert earlier","due":"2026-12-01T00:00:00Z","link":"https://issues.example.com/1"}`, 200, ""},
		{"POST", "/follow-ups", `{"text":"x","link":"javascript:alert(1)"}`, 400, "field=link"},
		{"PATCH", "/follow-ups/nobody", `{"text":"x"}`, 404, "code=not_found"},
		{"POST", "/attachments", `{"kind":"dashboard","url":"https://grafana.example.com/d/1"}`, 200, ""},
		{"POST", "/attachments", `{"kind":"dashboard","url":"file:///etc/passwd"}`, 400, "field=url"},
		{"POST", "/escalations", `{"people":["ana"],"reason":"we need you"}`, 200, ""},
		{"POST", "/escalations", `{"reason":"whom?"}`, 400, ""},
		{"POST", "/escalations/nobody/ack", ``, 404, "code=not_found"},
		{"POST", "/escalations/nobody/cancel", ``, 404, "code=not_found"},
		{"POST", "/ack", ``, 200, ""},
		{"POST", "/pause", ``, 400, "field=reason"},
		{"POST", "/pause", `{"reason":"supplier"}`, 200, "status=paused"},
		{"POST", "/resolve", `{"message":"done"}`, 409, "code=transition"},
		{"POST", "/resolve", `{"message":"done","resume":true}`, 200, "status=documenting"},
		{"POST", "/reopen", `{"reason":"it is back"}`, 200, "status=investigating"},
		{"POST", "/updates", `{"message":"again","status":"fixing"}`, 200, "status=fixing"},
		{"POST", "/pause", `{"reason":"supplier"}`, 200, "status=paused"},
		{"POST", "/resume", `{"reason":"x"}`, 400, "field=reason"},
		{"POST", "/resume", `{}`, 200, "status=fixing"},
		{"POST", "/make-private", `{"reason":"legal"}`, 200, "visibility=private"},
		{"POST", "/resolve", `{"message":"done"}`, 200, "status=documenting"},
		{"POST", "/close", ``, 409, "code=gate"},
		{"PATCH", "/tasks/nobody", `{"state":"done"}`, 404, "code=not_found"},
		{"PATCH", "/tasks/x", `{"state":"perhaps"}`, 400, "field=state"},
		{"POST", "/reopen", `{"reason":"it is back"}`, 200, "status=investigating"},
		{"POST", "/cancel", `{"reason":"false alarm"}`, 200, "status=canceled"},
		{"POST", "/resolve", ``, 409, "code=transition"},
		{"DELETE", "/roles/lead", ``, 409, ""},
	}
	for _, s := range steps {
		// Once it is private it is there for admins only.
		who := token
		if stands, err := b.memory.Get(t.Context(), ref); err == nil && stands.Visibility == incident.Private {
			who = boss
			b.want(http.StatusNotFound, ask{method: s.method, path: inc + s.path, token: token, body: s.body})
		}
		got := b.want(s.status, ask{method: s.method, path: inc + s.path, token: who, body: s.body})
		if name, value, ok := strings.Cut(s.want, "="); ok && fmt.Sprint(got[name]) != value {
			t.Fatalf("%s %s %s: %s is %v, want %s: %v", s.method, s.path, s.body, name, got[name], value, got)
		}
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, other := b.token(incident.Responder), b.token(incident.Responder)
	ref := b.declare(token, "k", `{"name":"x"}`)
	path := "/v1/incidents/" + ref + "/timeline"
	b.want(http.StatusOK, ask{method: "POST", path: path, token: token, body: `{"text":"<b>first</b>"}`})
	lines := func(query string) (lines []string, last float64) {
		t.Helper()
		got := b.want(http.StatusOK, ask{method: "GET", path: path + query, token: token})
		events, _ := got["events"].([]any)
		for _, e := range events {
			e, _ := e.(map[string]any)
			lines = append(lines, fmt.Sprint(e["type"]))
			last, _ = e["seq"].(float64)
			if e["line"] == "" {
				t.Errorf("an event without a line: %v", e)
			}
		}
		return lines, last
	}
	all, seq := lines("")
	if len(all) < 2 || all[len(all)-1] != "timeline.item_added" {
		t.Fatalf("the timeline is %v", all)
	}
	item := fmt.Sprintf("%s/%d", path, int(seq))
	b.want(http.StatusForbidden, ask{method: "PATCH", path: item, token: other, body: `{"text":"mine now"}`})
	b.want(http.StatusForbidden, ask{method: "DELETE", path: item, token: other})
	b.want(http.StatusOK, ask{method: "PATCH", path: item, token: token, body: `{"text":"second"}`})
	b.want(http.StatusOK, ask{method: "DELETE", path: item, token: token})
	after, _ := lines(fmt.Sprintf("?after=%d", int(seq)))
	if diff := cmp.Diff([]string{"timeline.item_edited", "timeline.item_removed"}, after); diff != "" {
		t.Errorf("after it (-want +got):\n%s", diff)
	}
	if some, _ := lines("?limit=1"); len(some) > 1 {
		t.Errorf("limit=1 gives %v", some)
	}
}

// TestTimeline_AsEdited: a line that was edited is shown as it reads now, one that was removed is not, on
// whatever page the edit is. Who asks for everything gets everything.
func TestTimeline_AsEdited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	path := "/v1/incidents/" + b.declare(token, "k", `{"name":"x"}`) + "/timeline"
	body := func(query string) string {
		t.Helper()
		return b.do(ask{method: "GET", path: path + query, token: token}).Body.String()
	}
	last := func() string {
		t.Helper()
		events, _ := b.want(http.StatusOK, ask{method: "GET", path: path, token: token})["events"].([]any)
		e, _ := events[len(events)-1].(map[string]any)
		return fmt.Sprint(e["seq"])
	}
	b.want(http.StatusOK, ask{method: "POST", path: path, token: token, body: `{"text":"the password is hunter2"}`})
	item := last()
	page := "?limit=" + item
	b.want(http.StatusOK, ask{method: "PATCH", path: path + "/" + item, token: token, body: `{"text":"the password is known","occurred_at":"2026-11-18T08:30:00Z"}`})
	for _, query := range []string{"", page} {
		if got := body(query); strings.Contains(got, "hunter2") || !strings.Contains(got, "noted: the password is known") || !strings.Contains(got, "08:30") {
			t.Errorf("%s shows %s", query, got)
		}
	}
	b.want(http.StatusOK, ask{method: "DELETE", path: path + "/" + item, token: token})
	for _, query := range []string{"", page, "?after=" + item} {
		if got := body(query); strings.Contains(got, "password") {
			t.Errorf("%s shows %s", query, got)
		}
	}
	if got := body("?all=true"); !strings.Contains(got, "hunter2") {
		t.Errorf("all of it is %s", got)
	}
}

// TestMissing: an answer says what should be said by now, and nobody is kept from anything by it.
func TestMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people("ana")
	token := b.token(incident.Responder)
	path := "/v1/incidents/" + b.declare(token, "k", `{"name":"x"}`)
	got := b.want(http.StatusOK, ask{method: "GET", path: path, token: token})
	if diff := cmp.Diff([]any{"severity", "lead"}, got["missing"]); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	got = b.want(http.StatusOK, ask{method: "PUT", path: path + "/roles/lead", token: token, body: `{"person":"ana"}`})
	if diff := cmp.Diff([]any{"severity"}, got["missing"]); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if got = b.want(http.StatusOK, ask{method: "POST", path: path + "/updates", token: token, body: `{"message":"x","severity":"minor"}`}); got["missing"] != nil {
		t.Errorf("missing: %v", got["missing"])
	}
}

// TestEdit_Version: of two who saw the same version one is told that the other was first.
func TestEdit_Version(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	ref := b.declare(token, "k", `{"name":"x"}`)
	path := "/v1/incidents/" + ref
	edit := func(status int, version, body string) map[string]any {
		t.Helper()
		a := ask{method: "PATCH", path: path, token: token, body: body}
		if version != "" {
			a.header = []string{"If-Match", version}
		}
		return b.want(status, a)
	}
	for _, version := range []string{"", "x", "0", "-1", `W/"1"`, "*", `"99999999999999999999"`} {
		if got := edit(http.StatusBadRequest, version, `{"name":"y"}`); got["field"] != "If-Match" {
			t.Errorf("If-Match %q: %v", version, got)
		}
	}
	if got := edit(http.StatusOK, `"1"`, `{"name":"y"}`); got["name"] != "y" || got["version"] != 2.0 {
		t.Errorf("edited to %v", got)
	}
	if got := edit(http.StatusConflict, `"1"`, `{"name":"z"}`); got["version"] != 2.0 || got["code"] != "conflict" {
		t.Errorf("the loser is told %v", got)
	}
	edit(http.StatusOK, `2`, `{"severity":"minor","fields":{}}`)
}

// TestVerb_Idempotent: a verb with a key that it was done with is answered with how it stands, also
// where the status would refuse it by now; without that key, or with another, it is refused.
func TestVerb_Idempotent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	ref := b.declare(token, "k", `{"name":"x","triage":true}`)
	into := b.declare(token, "k2", `{"name":"y"}`)
	path := "/v1/incidents/" + ref
	for i, s := range []struct{ path, body string }{
		{"/timeline", `{"text":"once"}`},
		{"/accept", ``},
		{"/actions", `{"text":"once"}`},
		{"/pause", `{"reason":"x"}`},
		{"/resume", ``},
		{"/merge", `{"into":"` + into + `"}`},
	} {
		a := ask{method: "POST", path: path + s.path, token: token, body: s.body, header: []string{"Idempotency-Key", fmt.Sprint(i)}}
		b.want(http.StatusOK, a)
		before, err := b.memory.Get(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			b.want(http.StatusOK, a)
		}
		after, err := b.memory.Get(t.Context(), ref)
		if err != nil || after.Seq != before.Seq {
			t.Errorf("%s again: %d events, then %d (%v)", s.path, before.Seq, after.Seq, err)
		}
	}
	for _, key := range []string{"other", "99"} {
		b.want(http.StatusConflict, ask{method: "POST", path: path + "/accept", token: token, header: []string{"Idempotency-Key", key}})
	}
	b.want(http.StatusConflict, ask{method: "POST", path: path + "/accept", token: token})
	b.want(http.StatusConflict, ask{method: "POST", path: path + "/accept", token: b.token(incident.Responder), header: []string{"Idempotency-Key", "1"}})
}

// TestVerb_KeyOfAnotherRequest sends a key with a second request that is another one: to answer it as
// done would lose it. The same request in other words is the same request.
func TestVerb_KeyOfAnotherRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	path := "/v1/incidents/" + b.declare(token, "1", `{"name":"x"}`)
	first := ask{method: "POST", path: path + "/updates", token: token, body: `{"message":"we look","status":"fixing"}`, header: []string{"Idempotency-Key", "1"}}
	b.want(http.StatusOK, first)
	first.body = `{ "status": "fixing", "message": "we look" }`
	b.want(http.StatusOK, first)
	for _, a := range []ask{
		{method: "POST", path: path + "/updates", body: `{"message":"it is over"}`},
		{method: "POST", path: path + "/resolve"},
		{method: "POST", path: path + "/accept"}, // it would be refused for its status, too
		{method: "POST", path: path + "/merge", body: `{"into":"` + b.declare(token, "2", `{"name":"y"}`) + `"}`},
		{method: "POST", path: "/v1/incidents", body: `{"name":"another"}`},
	} {
		a.token, a.header = token, []string{"Idempotency-Key", "1"}
		if got := b.want(http.StatusUnprocessableEntity, a); got["code"] != "key_reused" || !strings.Contains(fmt.Sprint(got["detail"]), "another key") {
			t.Errorf("%s: %v", a.path, got)
		}
	}
	if got := b.want(http.StatusOK, ask{method: "GET", path: path, token: token}); got["status"] != "fixing" || got["version"] != 2.0 {
		t.Errorf("it is %v at version %v", got["status"], got["version"])
	}
}

// TestVerb_RaceOfOneKey sends one request many times at once: it is done once, and each is told so.
func TestVerb_RaceOfOneKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	path := "/v1/incidents/" + b.declare(token, "k", `{"name":"x"}`)
	a := ask{method: "POST", path: path + "/pause", token: token, body: `{"reason":"x"}`, header: []string{"Idempotency-Key", "p"}}
	codes := make([]int, 30)
	var group runner.Group
	for i := range codes {
		group.Go(func() { codes[i] = b.do(a).Code })
	}
	group.Wait()
	for _, code := range codes {
		if code != http.StatusOK {
			t.Fatalf("statuses %v", codes)
		}
	}
	if got := b.want(http.StatusOK, ask{method: "GET", path: path, token: token}); got["version"] != 2.0 {
		t.Errorf("it is at version %v", got["version"])
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	one := b.declare(token, "1", `{"name":"one"}`)
	two := b.declare(token, "2", `{"name":"two"}`)
	path := "/v1/incidents/" + one + "/merge"
	b.want(http.StatusBadRequest, ask{method: "POST", path: path, token: token, body: `{}`})
	b.want(http.StatusNotFound, ask{method: "POST", path: path, token: token, body: `{"into":"INC-99"}`})
	got := b.want(http.StatusOK, ask{method: "POST", path: path, token: token, body: `{"into":"` + two + `","reason":"same"}`})
	source, _ := got["source"].(map[string]any)
	target, _ := got["target"].(map[string]any)
	if source["status"] != "merged" || source["merged_into"] != target["id"] || target["ref"] != two {
		t.Errorf("merged to %v and %v", source, target)
	}
	b.want(http.StatusConflict, ask{method: "POST", path: path, token: token, body: `{"into":"` + two + `"}`})
}

func TestList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(incident.Responder)
	for n := range 5 {
		severity := []string{"critical", "minor"}[n%2]
		b.declare(token, fmt.Sprint(n), fmt.Sprintf(`{"name":"outage %d","severity":%q,"triage":%t}`, n, severity, n == 4))
	}
	for query, want := range map[string]string{
		"":                                   "[INC-5 INC-4 INC-3 INC-2 INC-1]",
		"?severity=minor":                    "[INC-4 INC-2]",
		"?severity=minor,critical&limit=200": "[INC-5 INC-4 INC-3 INC-2 INC-1]",
		"?status=triage":                     "[INC-5]",
		"?stage=active&severity=critical":    "[INC-3 INC-1]",
		"?text=OUTAGE%203":                   "[INC-4]",
		"?mode=test":                         "[]",
		"?person=ana":                        "[]",
		"?field=service:checkout":            "[]",
	} {
		if got := fmt.Sprint(b.refs(token, query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	var paged []string
	query := "?limit=2"
	for range 4 {
		got := b.want(http.StatusOK, ask{method: "GET", path: "/v1/incidents" + query, token: token})
		paged = append(paged, refsOf(got)...)
		next, _ := got["next"].(string)
		if next == "" {
			break
		}
		query = "?limit=2&cursor=" + url.QueryEscape(next)
	}
	if got := fmt.Sprint(paged); got != "[INC-5 INC-4 INC-3 INC-2 INC-1]" {
		t.Errorf("by pages: %s", got)
	}
	for query, field := range map[string]string{
		"?stauts=triage": "stauts", "?status=broken": "status", "?limit=201": "limit", "?limit=-1": "limit", "?limit=x": "limit",
		"?text=a&text=b": "text", "?field=x": "field", "?private=perhaps": "private", "?%zz": "query", "?cursor=%00": "cursor",
	} {
		if got := b.want(http.StatusBadRequest, ask{method: "GET", path: "/v1/incidents" + query, token: token}); got["field"] != field {
			t.Errorf("%s: %v", query, got)
		}
	}
}

func refsOf(list map[string]any) []string {
	all, _ := list["incidents"].([]any)
	refs := []string{}
	for _, inc := range all {
		inc, _ := inc.(map[string]any)
		refs = append(refs, fmt.Sprint(inc["ref"]))
	}
	return refs
}

func (b *bundle) refs(token, query string) []string {
	b.Helper()
	return refsOf(b.want(http.StatusOK, ask{method: "GET", path: "/v1/incidents" + query, token: token}))
}

func TestGate_ListsWhatIsOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, boss := b.token(incident.Responder), b.token(incident.Admin)
	ref := b.declare(token, "k", `{"name":"x","severity":"critical"}`)
	path := "/v1/incidents/" + ref
	if _, err := b.svc.Do(t.Context(), ref, incident.Actor{Kind: incident.ByQuarantine},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AttachEntry(act, incident.Entry{Ref: "Q-7F3K", Subscription: "orders", Title: "nil pointer"})
		}); err != nil {
		t.Fatal(err)
	}
	b.want(http.StatusOK, ask{method: "POST", path: path + "/resolve", token: token})
	b.want(http.StatusForbidden, ask{method: "POST", path: path + "/opt-out", token: token, body: `{"reason":"no time"}`})
	for _, a := range []ask{
		{method: "POST", path: path + "/opt-out", token: boss, body: `{"reason":"no time"}`},
		{method: "POST", path: path + "/close", token: boss},
	} {
		got := b.want(http.StatusConflict, a)
		open, _ := got["open"].([]any)
		if got["code"] != "gate" || len(open) == 0 || !strings.Contains(fmt.Sprint(open...), "Q-7F3K") {
			t.Errorf("%s is refused with %v", a.path, got)
		}
	}
}

package incidentweb_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
)

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// visit opens the address of an incident as a browser does.
func (b *bundle) visit(ref string, header ...string) *httptest.ResponseRecorder {
	b.Helper()
	return b.do(ask{method: http.MethodGet, path: "/v1/incidents/" + url.PathEscape(ref), header: append([]string{"Accept", browser}, header...)})
}

// TestVisitor_IsToldHowToRead: chats link to the API, and a browser has no token to send. What it gets is
// still a refusal, and the same for every incident, those that do not exist among them.
func TestVisitor_IsToldHowToRead(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *incidentweb.Options) { o.Address = "https://inc.example.com/ops" })
	boss := b.token(incident.Admin)
	public := b.declare(boss, "1", `{"name":"checkout is down"}`)
	private := b.declare(boss, "2", `{"name":"a breach","visibility":"private"}`)
	b.store.take()
	pages := map[string]bool{}
	for _, ref := range []string{public, private, "INC-9", "INC-999999"} {
		w := b.visit(ref)
		page := w.Body.String()
		if w.Code != http.StatusUnauthorized || w.Header().Get("Www-Authenticate") == "" {
			t.Errorf("%s: status %d, %q", ref, w.Code, w.Header().Get("Www-Authenticate"))
		}
		for _, want := range []string{
			"theriac incident show " + ref + "<",
			`curl -H "Authorization: Bearer $THERIAC_TOKEN" https://inc.example.com/ops/v1/incidents/` + ref + "<",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q: %s", ref, want, page)
			}
		}
		if strings.Contains(page, "<script") || strings.Contains(page, "<form") || strings.Contains(page, "<a ") {
			t.Errorf("%s: more than text: %s", ref, page)
		}
		wantPageHeaders(t, w)
		pages[strings.ReplaceAll(page, ref, "REF")] = true
	}
	if len(pages) != 1 {
		t.Errorf("%d different pages, so they tell which incidents there are", len(pages))
	}
	if calls := b.store.take(); len(calls) > 0 {
		t.Errorf("the store was asked: %v", calls)
	}
	head := b.do(ask{method: http.MethodHead, path: "/v1/incidents/INC-1", header: []string{"Accept", browser}})
	if head.Code != http.StatusUnauthorized || !strings.HasPrefix(head.Header().Get("Content-Type"), "text/html") {
		t.Errorf("HEAD: %d %s", head.Code, head.Header().Get("Content-Type"))
	}
}

// TestVisitor_ProgramsGetProblems: nothing changes for whoever asks for JSON, does not say, or sends a token.
func TestVisitor_ProgramsGetProblems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const path = "/v1/incidents/INC-1"
	for what, a := range map[string]ask{
		"says nothing":      {method: http.MethodGet, path: path},
		"takes all":         {method: http.MethodGet, path: path, header: []string{"Accept", "*/*"}},
		"takes JSON":        {method: http.MethodGet, path: path, header: []string{"Accept", "application/json, text/html;q=0.9"}},
		"a wrong token":     {method: http.MethodGet, path: path, token: "thr_x", header: []string{"Accept", browser}},
		"another scheme":    {method: http.MethodGet, path: path, header: []string{"Accept", browser, "Authorization", "Basic eDp5"}},
		"an empty header":   {method: http.MethodGet, path: path, header: []string{"Accept", browser, "Authorization", ""}},
		"changes something": {method: http.MethodPatch, path: path, body: "{}", header: []string{"Accept", browser}},
		"another address":   {method: http.MethodGet, path: "/v1/incidents", header: []string{"Accept", browser}},
	} {
		t.Run(what, func(t *testing.T) {
			got := b.want(http.StatusUnauthorized, a)
			if got["code"] != "unauthorized" {
				t.Errorf("it gets %v", got)
			}
		})
	}
}

// TestVisitor_HostileReferences: what stands in an address may be anybody's, and people copy commands.
func TestVisitor_HostileReferences(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, ref := range []string{
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "INC-1; rm -rf ~", "$(reboot)", "`reboot`", "INC-1\nreboot",
		"INC-1\u202e", "\xff\x00", "--help", "-o", "' OR 1=1", "INC-7&&reboot", "{{.}}", strings.Repeat("INC-1", 10_000),
	} {
		w := b.visit(ref)
		page := w.Body.String()
		if w.Code != http.StatusUnauthorized || !strings.Contains(page, "theriac incident show INC-…<") {
			t.Errorf("%.40q: %d %.2000s", ref, w.Code, page)
		}
		if strings.Contains(page, ref) || len(page) > 8<<10 {
			t.Errorf("%.40q stands in a page of %d bytes", ref, len(page))
		}
	}
	if page := b.visit("018f0000-0000-7000-8000-000000000001").Body.String(); !strings.Contains(page, "show 018f0000-0000-7000-8000-000000000001<") {
		t.Errorf("an id is not taken for one: %s", page)
	}
}

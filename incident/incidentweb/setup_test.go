package incidentweb_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/incident/incidentweb"
)

var start = time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)

// counted is a store that notes which of its methods were called.
type counted struct {
	incident.Stores
	mu    sync.Mutex
	calls []string
	// lost makes every Save lose a race.
	lost atomic.Bool
}

func (s *counted) note(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, name)
}

// take returns what was called since it was called last.
func (s *counted) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func (s *counted) Create(ctx context.Context, inc incident.Incident, evs []incident.Event) (incident.Incident, error) {
	s.note("Create")
	return s.Stores.Create(ctx, inc, evs)
}

func (s *counted) Get(ctx context.Context, ref string) (incident.Incident, error) {
	s.note("Get")
	return s.Stores.Get(ctx, ref)
}

func (s *counted) Save(ctx context.Context, changes ...incident.Change) ([]incident.Incident, error) {
	s.note("Save")
	if s.lost.Load() {
		return nil, incident.ErrConflict
	}
	return s.Stores.Save(ctx, changes...)
}

func (s *counted) Settings(ctx context.Context) (incident.Settings, error) {
	s.note("Settings")
	return s.Stores.Settings(ctx)
}

func (s *counted) TokenByHash(ctx context.Context, hash [32]byte) (incident.Token, error) {
	s.note("TokenByHash")
	return s.Stores.TokenByHash(ctx, hash)
}

func (s *counted) Accept(ctx context.Context, rows ...incident.Inbound) ([]bool, error) {
	s.note("Accept")
	return s.Stores.Accept(ctx, rows...)
}

func (s *counted) SaveToken(ctx context.Context, t incident.Token) error {
	s.note("SaveToken")
	return s.Stores.SaveToken(ctx, t)
}

func (s *counted) List(ctx context.Context, f incident.Filter) (incident.Page, error) {
	s.note("List")
	return s.Stores.List(ctx, f)
}

func (s *counted) Events(ctx context.Context, f incident.EventFilter) (incident.EventPage, error) {
	s.note("Events")
	return s.Stores.Events(ctx, f)
}

// bundle is one API over a store in memory.
type bundle struct {
	*testing.T
	memory *incidenttest.Store
	store  *counted
	clock  *incidenttest.Clock
	svc    *incident.Service
	api    http.Handler
	log    *strings.Builder
}

const (
	sourceToken  = "generic-secret-token"
	sentrySecret = "sentry-client-secret"
	signSecret   = "signing-secret"
)

var ackKey = []byte("a key for links of 32 bytes or so")

func setup(t *testing.T, change ...func(*incidentweb.Options)) *bundle {
	t.Helper()
	b := setupEmpty(t, change...)
	b.settings()
	return b
}

// setupEmpty is setup before anybody saved settings.
func setupEmpty(t *testing.T, change ...func(*incidentweb.Options)) *bundle {
	t.Helper()
	b := &bundle{T: t, clock: incidenttest.NewClock(start), log: &strings.Builder{}}
	b.memory = incidenttest.NewStore(incidenttest.Options{Now: b.clock.Now})
	b.store = &counted{Stores: b.memory}
	var err error
	if b.svc, err = incident.NewService(incident.Config{Stores: b.store, Now: b.clock.Now}); err != nil {
		t.Fatal(err)
	}
	opt := incidentweb.Options{
		Now: b.clock.Now, AckKeys: [][]byte{ackKey}, Logger: slog.New(slog.NewJSONHandler(&locked{w: b.log}, nil)),
		Secret: func(name string) string {
			return map[string]string{"SENTRY_SECRET": sentrySecret, "SIGN_SECRET": signSecret}[name]
		},
		VerifyWebhook: func(secrets []string, h http.Header, body []byte, _ time.Time) error {
			if h.Get("Webhook-Signature") != "v1,"+secrets[0]+":"+string(body) {
				return incident.ErrNotAllowed
			}
			return nil
		},
	}
	for _, f := range change {
		f(&opt)
	}
	if b.api, err = incidentweb.New(b.svc, opt); err != nil {
		t.Fatal(err)
	}
	return b
}

// locked makes a builder safe for handlers of many goroutines.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// settings saves default settings with sources and endpoints.
func (b *bundle) settings() {
	b.Helper()
	hash := incidentweb.HashToken(sourceToken)
	s := incident.DefaultSettings()
	s.Sources = []incident.Source{
		{ID: "prom", Kind: "alertmanager", TokenHash: hex.EncodeToString(hash[:])},
		{ID: "shop", Kind: "generic", TokenHash: hex.EncodeToString(hash[:]), SecretEnv: "SIGN_SECRET"},
		{ID: "sentry", Kind: "sentry", SecretEnv: "SENTRY_SECRET"},
		{ID: "pager", Kind: "pagerduty", SecretEnv: "SENTRY_SECRET"},
		{ID: "open", Kind: "generic"},
		{ID: "unset", Kind: "sentry", SecretEnv: "NOT_THERE"},
	}
	s.Endpoints = []incident.Endpoint{{ID: "hook", URL: "https://hooks.example.com/x", SecretEnv: []string{"HOOK"}}}
	if _, err := b.memory.SaveSettings(b.Context(), incident.Actor{Kind: incident.ByPerson, ID: "ana"}, s); err != nil {
		b.Fatal(err)
	}
}

// people adds people to the directory.
func (b *bundle) people(ids ...string) {
	b.Helper()
	for _, id := range ids {
		if err := b.memory.SavePerson(b.Context(), incident.Person{ID: id, Name: strings.ToUpper(id), Role: incident.Responder}); err != nil {
			b.Fatal(err)
		}
	}
}

// token stores a token and returns its text.
func (b *bundle) token(role incident.Role, change ...func(*incident.Token)) string {
	b.Helper()
	text, hash := incidentweb.NewToken()
	token := incident.Token{
		ID: "tok-" + string(role) + "-" + text[4:12], Name: "test " + string(role), Hash: hash, Role: role,
		Created: start, Expires: start.Add(24 * time.Hour), LastUsed: start,
	}
	for _, f := range change {
		f(&token)
	}
	if err := b.memory.SaveToken(b.Context(), token); err != nil {
		b.Fatal(err)
	}
	return text
}

// ask is one request: its headers come as pairs.
type ask struct {
	method, path, token, body string
	header                    []string
}

func (b *bundle) do(a ask) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), a.method, a.path, strings.NewReader(a.body))
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	for pair := range slices.Chunk(a.header, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	return w
}

// want does a request, wants a status, and returns the JSON of the answer.
func (b *bundle) want(status int, a ask) map[string]any {
	b.Helper()
	w := b.do(a)
	if w.Code != status {
		b.Fatalf("%s %s: status %d, want %d: %s", a.method, a.path, w.Code, status, w.Body)
	}
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		b.Fatalf("%s %s: no JSON: %q", a.method, a.path, w.Body)
	}
	if kind := w.Header().Get("Content-Type"); (status >= 400) != (kind == "application/problem+json") {
		b.Fatalf("%s %s: status %d comes as %q", a.method, a.path, status, kind)
	}
	return got
}

// declare makes an incident and returns its reference.
func (b *bundle) declare(token, key, body string) string {
	b.Helper()
	got := b.want(http.StatusCreated, ask{
		method: http.MethodPost, path: "/v1/incidents", token: token, body: body, header: []string{"Idempotency-Key", key},
	})
	ref, _ := got["ref"].(string)
	return ref
}

package slackkit_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// FuzzEvents feeds signed JSON to an app.
func FuzzEvents(f *testing.F) {
	v, err := slackkit.NewVerifier([]string{"s"}, func() time.Time { return at })
	if err != nil {
		f.Fatal(err)
	}
	c, err := slackkit.New(slackkit.Config{Token: "t", APIURL: "http://127.0.0.1:1/", HTTPClient: &http.Client{Transport: &wire{}}})
	if err != nil {
		f.Fatal(err)
	}
	var wrong atomic.Int32
	check := func(_ context.Context, i slackkit.Interaction) error {
		if i.Type != slackkit.EventCallback || i.Team != "T1" || i.Channel == "" || i.Event.ID == "" || i.Event.Kind == "" ||
			!strings.HasPrefix(i.Request, "slack:event:") || len(i.Request) > 200 {
			wrong.Add(1)
		}
		return nil
	}
	in := slackkit.NewInteractions(slackkit.InteractionsConfig{Verifier: v, Client: c, Team: "T1", Accept: check, Limits: slackkit.Limits{Remember: 1 << 30},
		Handle: func(ctx context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
			return slackkit.Answer{Text: "nobody hears this"}, check(ctx, i)
		}})
	f.Cleanup(func() { in.Close(context.WithoutCancel(f.Context())) })
	for _, event := range []string{
		`{"type":"message","user":"U1","channel":"C1","ts":"1.1","text":"x","thread_ts":"1.0","bot_id":"B1"}`,
		`{"type":"message","subtype":"message_changed","channel":"C1","message":{"ts":"1.1","user":"U1","text":"x","edited":{"user":"U2"}}}`,
		`{"type":"message","subtype":"message_deleted","channel":"C1","deleted_ts":"1.1","previous_message":{"user":"U1"}}`,
		`{"type":"member_joined_channel","user":"U1","channel":"C1","inviter":"U2"}`,
		`{"type":"reaction_added","user":"U1","reaction":"eyes","item_user":"U2","item":{"type":"message","channel":"C1","ts":"1.1"}}`,
		`{"type":"pin_added","user":"U1","channel_id":"C1","item":{"type":"message","channel":"C1","message":{"ts":"1.1"}}}`,
		`{"type":"group_rename","channel":{"id":"C1","name":"x"}}`, `{"type":"channel_archive","channel":"C1","user":{"id":"U1"}}`, `null`, `[]`,
	} {
		f.Add([]byte(`{"type":"event_callback","team_id":"T1","event_id":"Ev1","event":` + event + `}`))
	}
	f.Add([]byte(`{"type":"url_verification","challenge":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
		r.Header = slackfake.SignJSON("s", at, body)
		rec := httptest.NewRecorder()
		in.ServeHTTP(rec, r)
		if rec.Code >= 500 || wrong.Load() > 0 {
			t.Errorf("status %d, or the handler got what is no event", rec.Code)
		}
	})
}

// FuzzAnswers has Slack answer anything to everything that is read.
func FuzzAnswers(f *testing.F) {
	var body atomic.Pointer[string]
	w := &wire{answer: func(int, *http.Request) (int, http.Header, string) { return http.StatusOK, nil, *body.Load() }}
	c, err := slackkit.New(slackkit.Config{Token: "t", PerChannel: 1, MaxWait: 1, HTTPClient: &http.Client{Transport: w}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{"ok":true,"channel":{"id":"C1","name":"x","created":1,"topic":{"value":"t"}},"bot_id":"B1","user_id":"U1"}`,
		`{"ok":true,"channels":[{"id":"C1","name":"x"}],"response_metadata":{"next_cursor":"a"},"user_id":"U1"}`,
		`{"ok":true,"user_id":"U1","messages":[{"ts":"1.1","user":"U1","metadata":{"event_type":"h","event_payload":{"key":"k"}}}]}`,
		`{"ok":false,"error":"user_not_found","errors":[{"user":"U1","ok":false,"error":"user_not_found"}]}`,
		`{"ok":true,"bookmarks":[{"id":"B1"}],"bookmark":{"id":"B1"}}`, `{"ok":true,"user":{"id":"U1","tz":"UTC","tz_offset":1e99}}`,
		`{"ok":true,"channel":"C1","ts":"1.1"}`, `{"ok":false,"error":"name_taken"}`, `{"ok":true}`, `{`, `null`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		body.Store(&answer)
		ctx := t.Context()
		made, err := c.CreateChannel(ctx, "x", false)
		sorted(t, err)
		if err == nil && made.ID == "" {
			t.Error("a channel without an id")
		}
		found, there, err := c.FindChannel(ctx, "x")
		sorted(t, err)
		if there && (found.ID == "" || found.Name != "x") {
			t.Errorf("found %+v", found)
		}
		place, there, err := c.FindPost(ctx, "C1", "h", "k")
		sorted(t, err)
		if there && place.TS == "" {
			t.Errorf("found %+v", place)
		}
		u, err := c.UserByEmail(ctx, "x")
		sorted(t, err)
		_ = u.Location()
		_, err = c.ListBookmarks(ctx, "C1")
		sorted(t, err)
		sorted(t, c.Invite(ctx, "C1", "U1", "U2"))
		sorted(t, c.Invite(ctx, "C1", "U1"))
	})
}

// sorted fails unless an error is of one of the two kinds.
func sorted(t *testing.T, err error) {
	t.Helper()
	if err != nil && !slackkit.IsPermanent(err) && !errors.Is(err, slackkit.ErrUnavailable) {
		t.Errorf("error %v is of no kind", err)
	}
}

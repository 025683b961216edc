package slackkit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// way is a workspace with an app that takes clicks.
type way struct {
	*slackfake.Server
	client *slackkit.Client
	app    *httptest.Server
	in     *slackkit.Interactions
	count  atomic.Int32
	mu     sync.Mutex
	last   slackkit.Interaction
}

// open starts both. What handle returns is the app's answer.
func open(t *testing.T, handle slackkit.Handle, limits slackkit.Limits) *way {
	t.Helper()
	w := &way{Server: fake(t, slackfake.Config{})}
	w.client = client(t, w.Server, nil)
	v, err := slackkit.NewVerifier([]string{w.SigningSecret(), "the-old-one"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.in = slackkit.NewInteractions(slackkit.InteractionsConfig{
		Verifier: v, Client: w.client, Team: w.Team(), Limits: limits,
		Handle: func(ctx context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
			w.count.Add(1)
			w.mu.Lock()
			w.last = i
			w.mu.Unlock()
			return handle(ctx, i)
		},
	})
	w.app = httptest.NewServer(w.in)
	t.Cleanup(func() {
		w.app.Close()
		w.in.Close(context.WithoutCancel(t.Context()))
		_ = w.Close()
	})
	w.SetRequestURL(w.app.URL)
	return w
}

func nothing(context.Context, slackkit.Interaction) (slackkit.Answer, error) {
	return slackkit.Answer{}, nil
}

// message posts one with a button and a menu.
func (w *way) message(t *testing.T) slackkit.Place {
	t.Helper()
	menu := slack.NewOverflowBlockElement("q:more", slack.NewOptionBlockObject("v1:G-9C1E:12:snooze-1h", slackkit.PlainText("Snooze 1 h"), nil))
	place, err := w.client.Post(t.Context(), "C0OPS", slackkit.Message{Text: "CONTAINED", Blocks: []slack.Block{
		slack.NewActionBlock("acts:12", slack.NewButtonBlockElement("q:take", "v1:G-9C1E:12", slackkit.PlainText("I have it")), menu),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// send posts a body as it is and returns the status.
func (w *way) send(t *testing.T, h http.Header, body []byte) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header = h
	rec := httptest.NewRecorder()
	w.in.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK && rec.Body.Len() > 0 {
		t.Errorf("status %d says %q to whoever asked", rec.Code, rec.Body)
	}
	return rec.Code
}

func (w *way) press(t *testing.T, p slackkit.Place, team string) []byte {
	t.Helper()
	payload, err := w.PressPayload(p.Channel, p.TS, "q:take", "", "U0ANA")
	if err != nil {
		t.Fatal(err)
	}
	if team != "" {
		payload = bytes.ReplaceAll(payload, []byte(w.Team()), []byte(team))
	}
	return slackfake.Form(payload)
}

func TestInteractions_Press_ReachesTheHandlerAndIsAnswered(t *testing.T) {
	t.Parallel()
	w := open(t, func(context.Context, slackkit.Interaction) (slackkit.Answer, error) {
		return slackkit.Answer{Text: "you have it"}, nil
	}, slackkit.Limits{})
	p := w.message(t)
	if err := w.Press(t.Context(), p.Channel, p.TS, "q:take", "U0ANA"); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(t.Context(), func() bool { return len(w.Ephemerals()) == 1 }); err != nil {
		t.Fatal(err)
	}
	if got := w.Ephemerals()[0]; got.User != "U0ANA" || got.Text != "you have it" {
		t.Errorf("answer %+v", got)
	}
	i := w.last
	want := slackkit.Interaction{
		Type: slackkit.BlockActions, Team: w.Team(), User: "U0ANA", UserName: "ana", Channel: p.Channel, MessageTS: p.TS,
		ActionID: "q:take", BlockID: "acts:12", Value: "v1:G-9C1E:12", ActionTS: i.ActionTS, TriggerID: i.TriggerID, ResponseURL: i.ResponseURL,
		Request: "slack:act:" + p.Channel + "." + p.TS + ":q:take:" + i.ActionTS,
	}
	if fmt.Sprintf("%#v", plain(i)) != fmt.Sprintf("%#v", plain(want)) {
		t.Errorf("interaction\n%#v, want\n%#v", plain(i), plain(want))
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", i, i, i), i.ResponseURL) {
		t.Error("an interaction that is printed shows its response address")
	}
	if err := w.PressOption(t.Context(), p.Channel, p.TS, "q:more", "v1:G-9C1E:12:snooze-1h", "U0BEN"); err != nil {
		t.Fatal(err)
	}
	if w.last.Value != "v1:G-9C1E:12:snooze-1h" || w.last.User != "U0BEN" {
		t.Errorf("menu gave %q of %q", w.last.Value, w.last.User)
	}
}

// plain has the fields of an interaction without its methods, and so prints them.
func plain(i slackkit.Interaction) any {
	type fields slackkit.Interaction
	return fields(i)
}

func TestInteractions_BadRequests_HaveNoEffect(t *testing.T) {
	t.Parallel()
	w := open(t, nothing, slackkit.Limits{})
	p := w.message(t)
	now := time.Now()
	signed := func(body []byte) http.Header { return slackfake.Sign(w.SigningSecret(), now, body) }
	body := w.press(t, p, "")
	with := func(name, value string) http.Header {
		h := signed(body)
		h.Set(name, value)
		return h
	}
	giant := append(bytes.Clone(body), bytes.Repeat([]byte("&pad=x"), 1<<18)...)
	twice := append(bytes.Clone(body), append([]byte("&"), body...)...)
	for _, tt := range []struct {
		name   string
		header http.Header
		body   []byte
		want   int
	}{
		{"unsigned", http.Header{}, body, 401},
		{"forged", slackfake.Sign("guess", now, body), body, 401},
		{"changed", signed(body), bytes.Replace(body, []byte("take"), []byte("drop"), 1), 401},
		{"old", slackfake.Sign(w.SigningSecret(), now.Add(-6*time.Minute), body), body, 401},
		{"early", slackfake.Sign(w.SigningSecret(), now.Add(6*time.Minute), body), body, 401},
		{"giant", signed(giant), giant, 413},
		{"of another workspace", signed(w.press(t, p, "T0EVIL")), w.press(t, p, "T0EVIL"), 401},
		{"not a form", with("Content-Type", "application/json"), body, 400},
		{"two payloads", signed(twice), twice, 400},
		{"no payload", signed([]byte("x=1")), []byte("x=1"), 400},
		{"no JSON", signed([]byte("payload=x")), []byte("payload=x"), 400},
		{"no action", signed(slackfake.Form([]byte(`{"type":"block_actions","team":{"id":"T0FAKE"},"user":{"id":"U1"}}`))),
			slackfake.Form([]byte(`{"type":"block_actions","team":{"id":"T0FAKE"},"user":{"id":"U1"}}`)), 400},
		{"a broken form", signed([]byte("payload=%zz")), []byte("payload=%zz"), 400},
	} {
		if got := w.send(t, tt.header, tt.body); got != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, got, tt.want)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodOptions} {
		r := httptest.NewRequest(method, "/", bytes.NewReader(body))
		r.Header = signed(body)
		rec := httptest.NewRecorder()
		w.in.ServeHTTP(rec, r)
		if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != http.MethodPost {
			t.Errorf("%s: status %d", method, rec.Code)
		}
	}
	if n := w.count.Load(); n != 0 {
		t.Errorf("the handler ran %d times", n)
	}
}

func TestInteractions_ForeignTeam_IsRefused(t *testing.T) {
	t.Parallel()
	w := open(t, nothing, slackkit.Limits{})
	p := w.message(t)
	foreign := w.press(t, p, "T0EVIL")
	if got := w.send(t, slackfake.Sign(w.SigningSecret(), time.Now(), foreign), foreign); got != http.StatusForbidden {
		t.Errorf("status %d, want 403", got)
	}
	// A guest of a shared channel: the message is ours, the person is not.
	payload := `{"type":"block_actions","team":{"id":"T0FAKE"},"user":{"id":"U0EVE","team_id":"T0EVIL"},"actions":[{"action_id":"q:take","block_id":"b"}]}`
	guest := slackfake.Form([]byte(payload))
	if got := w.send(t, slackfake.Sign(w.SigningSecret(), time.Now(), guest), guest); got != http.StatusForbidden {
		t.Errorf("status %d, want 403", got)
	}
	if n := w.count.Load(); n != 0 {
		t.Errorf("the handler ran %d times", n)
	}
}

// TestInteractions_ForeignTeam_ThePersonIsTold once, by the address that came with the click.
func TestInteractions_ForeignTeam_ThePersonIsTold(t *testing.T) {
	t.Parallel()
	w := open(t, nothing, slackkit.Limits{})
	body := w.press(t, w.message(t), "T0EVIL")
	h := slackfake.Sign(w.SigningSecret(), time.Now(), body)
	for range 3 {
		if got := w.send(t, h, body); got != http.StatusForbidden {
			t.Errorf("status %d, want 403", got)
		}
	}
	w.in.Close(t.Context()) // waits for what is being told
	if got := w.Ephemerals(); len(got) != 1 || got[0].User != "U0ANA" || !strings.Contains(got[0].Text, "This workspace may not decide here") {
		t.Errorf("told %+v", got)
	}
}

// TestInteractions_PayloadInTheQuery is the hole of old parsers: a signed body without a payload, and a
// payload that nobody signed in the address.
func TestInteractions_PayloadInTheQuery_IsNotRead(t *testing.T) {
	t.Parallel()
	w := open(t, nothing, slackkit.Limits{})
	smuggled := w.press(t, w.message(t), "")
	for body, want := range map[string]int{"x=1": 400, "": 400} {
		r := httptest.NewRequest(http.MethodPost, "/?"+string(smuggled), strings.NewReader(body))
		r.Header = slackfake.Sign(w.SigningSecret(), time.Now(), []byte(body))
		rec := httptest.NewRecorder()
		w.in.ServeHTTP(rec, r)
		if rec.Code != want {
			t.Errorf("body %q: status %d, want %d", body, rec.Code, want)
		}
	}
	if n := w.count.Load(); n != 0 {
		t.Errorf("the handler ran %d times", n)
	}
}

func TestInteractions_SameSignedRequest1000Times_OneEffect(t *testing.T) {
	t.Parallel()
	w := open(t, nothing, slackkit.Limits{})
	body := w.press(t, w.message(t), "")
	h := slackfake.Sign(w.SigningSecret(), time.Now(), body)
	var sending sync.WaitGroup
	for range 10 {
		sending.Go(func() {
			for range 100 {
				if got := w.send(t, h.Clone(), body); got != http.StatusOK {
					t.Errorf("status %d", got)
				}
			}
		})
	}
	sending.Wait()
	// The same click, signed anew with the other secret, is the same click.
	if got := w.send(t, slackfake.Sign("the-old-one", time.Now().Add(time.Second), body), body); got != http.StatusOK {
		t.Errorf("status %d", got)
	}
	if n := w.count.Load(); n != 1 {
		t.Errorf("the handler ran %d times, want once", n)
	}
}

func TestInteractions_SecondSecret_IsTaken(t *testing.T) {
	t.Parallel()
	w := open(t, nothing, slackkit.Limits{})
	body := w.press(t, w.message(t), "")
	if got := w.send(t, slackfake.Sign("the-old-one", time.Now(), body), body); got != http.StatusOK || w.count.Load() != 1 {
		t.Errorf("status %d, handled %d times", got, w.count.Load())
	}
}

func TestInteractions_SlowHandler_SaysThatItWorks(t *testing.T) {
	t.Parallel()
	finish := make(chan struct{})
	w := open(t, func(context.Context, slackkit.Interaction) (slackkit.Answer, error) {
		<-finish
		return slackkit.Answer{Text: "done"}, nil
	}, slackkit.Limits{Answer: time.Millisecond})
	p := w.message(t)
	if err := w.Press(t.Context(), p.Channel, p.TS, "q:take", "U0ANA"); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(t.Context(), func() bool { return len(w.Ephemerals()) == 1 }); err != nil {
		t.Fatal(err)
	}
	close(finish)
	if err := w.Wait(t.Context(), func() bool { return len(w.Ephemerals()) == 2 }); err != nil {
		t.Fatal(err)
	}
	told := w.Ephemerals()
	if !strings.HasPrefix(told[0].Text, "Working on it") || told[1].Text != "done" {
		t.Errorf("told %+v", told)
	}
}

func TestInteractions_HandlerFailsOrPanics_ThePersonIsTold(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]slackkit.Handle{
		"error": func(context.Context, slackkit.Interaction) (slackkit.Answer, error) {
			return slackkit.Answer{}, errors.New("password=" + canary)
		},
		"panic": func(context.Context, slackkit.Interaction) (slackkit.Answer, error) { panic(canary) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, handle, slackkit.Limits{})
			p := w.message(t)
			if err := w.Press(t.Context(), p.Channel, p.TS, "q:take", "U0ANA"); err != nil {
				t.Fatal(err)
			}
			if err := w.Wait(t.Context(), func() bool { return len(w.Ephemerals()) == 1 }); err != nil {
				t.Fatal(err)
			}
			if got := w.Ephemerals()[0].Text; !strings.HasPrefix(got, "That did not work") || strings.Contains(got, canary) {
				t.Errorf("told %q", got)
			}
		})
	}
}

func TestInteractions_TooMuch_IsRefusedPolitely(t *testing.T) {
	t.Parallel()
	finish, began := make(chan struct{}), make(chan struct{}, 1)
	w := open(t, func(context.Context, slackkit.Interaction) (slackkit.Answer, error) {
		began <- struct{}{}
		<-finish
		return slackkit.Answer{}, nil
	}, slackkit.Limits{Answer: time.Hour, Pool: 1})
	p := w.message(t)
	first := w.press(t, p, "")
	var sending sync.WaitGroup
	sending.Go(func() { w.send(t, slackfake.Sign(w.SigningSecret(), time.Now(), first), first) })
	<-began
	if err := w.Press(t.Context(), p.Channel, p.TS, "q:take", "U0BEN"); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(t.Context(), func() bool { return len(w.Ephemerals()) == 1 }); err != nil {
		t.Fatal(err)
	}
	if got := w.Ephemerals()[0]; got.User != "U0BEN" || !strings.Contains(got.Text, "nothing was done") {
		t.Errorf("told %+v", got)
	}
	close(finish)
	sending.Wait()
	if n := w.count.Load(); n != 1 {
		t.Errorf("the handler ran %d times, want once", n)
	}
}

func TestInteractions_MemoryFull_ClicksAreRefusedAndNothingIsForgotten(t *testing.T) {
	t.Parallel()
	w := open(t, nothing, slackkit.Limits{Remember: 4})
	p := w.message(t)
	first := w.press(t, p, "")
	h := slackfake.Sign(w.SigningSecret(), time.Now(), first)
	w.send(t, h.Clone(), first)
	for range 5 {
		body := w.press(t, p, "")
		w.send(t, slackfake.Sign(w.SigningSecret(), time.Now(), body), body)
	}
	w.send(t, h.Clone(), first)
	if n := w.count.Load(); n != 2 {
		t.Errorf("the handler ran %d times, want 2", n)
	}
}

// reason is a modal that asks for one.
func reason(meta string) slack.ModalViewRequest {
	input := slack.NewPlainTextInputBlockElement(slackkit.PlainText("Why"), "reason")
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: "q:discard", PrivateMetadata: meta,
		Title: slackkit.PlainText("Discard Q-7F3K"), Submit: slackkit.PlainText("Discard"), Close: slackkit.PlainText("Cancel"),
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock("why", slackkit.PlainText("Reason"), nil, input)}},
	}
}

func TestInteractions_Modal_OpensIsRefusedAndIsTaken(t *testing.T) {
	t.Parallel()
	w := open(t, func(_ context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
		switch {
		case i.Type == slackkit.BlockActions:
			modal := reason("v1:Q-7F3K:8")
			return slackkit.Answer{Modal: &modal}, nil
		case i.View.Values["why"] == "short":
			return slackkit.Answer{ViewErrors: map[string]string{"why": "say more"}}, nil
		default:
			return slackkit.Answer{Text: "discarded", Channel: "C0OPS"}, nil
		}
	}, slackkit.Limits{})
	p := w.message(t)
	if err := w.Press(t.Context(), p.Channel, p.TS, "q:take", "U0ANA"); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(t.Context(), func() bool { return len(w.Views()) == 1 }); err != nil {
		t.Fatal(err)
	}
	view := w.Views()[0]
	if view.User != "U0ANA" || view.Title != "Discard Q-7F3K" || view.PrivateMetadata != "v1:Q-7F3K:8" {
		t.Fatalf("modal %+v", view)
	}
	submit := func(text string) error {
		return w.Submit(t.Context(), view.ID, map[string]string{"why": text}, "U0ANA")
	}
	if wrong, ok := errors.AsType[*slackfake.InputError](submit("")); !ok || wrong.Errors["why"] == "" {
		t.Error("an empty reason was taken")
	}
	for range 2 { // the second is another submission, not a repetition
		if wrong, ok := errors.AsType[*slackfake.InputError](submit("short")); !ok || wrong.Errors["why"] != "say more" {
			t.Errorf("a short reason: %v", wrong)
		}
	}
	if err := submit("test order, customer removed"); err != nil {
		t.Fatal(err)
	}
	if len(w.Views()) != 0 {
		t.Error("the modal is still open")
	}
	if err := w.Wait(t.Context(), func() bool { return len(w.Ephemerals()) == 1 }); err != nil {
		t.Fatal(err)
	}
	if w.last.View.CallbackID != "q:discard" || w.last.View.PrivateMetadata != "v1:Q-7F3K:8" || !strings.HasPrefix(w.last.Request, "slack:view:"+view.ID+":") {
		t.Errorf("submission %+v", plain(w.last))
	}
}

func TestInteractions_Close_CancelsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	cancelled := make(chan error, 1)
	w := open(t, func(ctx context.Context, _ slackkit.Interaction) (slackkit.Answer, error) {
		<-ctx.Done()
		cancelled <- ctx.Err()
		return slackkit.Answer{}, nil
	}, slackkit.Limits{Answer: time.Millisecond, Drain: time.Millisecond})
	p := w.message(t)
	if err := w.Press(t.Context(), p.Channel, p.TS, "q:take", "U0ANA"); err != nil {
		t.Fatal(err)
	}
	w.in.Close(t.Context())
	if err := <-cancelled; !errors.Is(err, context.Canceled) {
		t.Errorf("context ended with %v", err)
	}
	body := w.press(t, p, "")
	if got := w.send(t, slackfake.Sign(w.SigningSecret(), time.Now(), body), body); got != http.StatusServiceUnavailable {
		t.Errorf("status %d after Close, want 503", got)
	}
}

func FuzzInteractions(f *testing.F) {
	const secret = "s"
	v, err := slackkit.NewVerifier([]string{secret}, func() time.Time { return at })
	if err != nil {
		f.Fatal(err)
	}
	c, err := slackkit.New(slackkit.Config{Token: "t", APIURL: "http://127.0.0.1:1/", HTTPClient: &http.Client{Transport: &wire{}}})
	if err != nil {
		f.Fatal(err)
	}
	var handled, wrong atomic.Int32
	in := slackkit.NewInteractions(slackkit.InteractionsConfig{
		Verifier: v, Client: c, Team: "T1", Limits: slackkit.Limits{Remember: 1 << 30},
		Handle: func(_ context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
			handled.Add(1)
			if i.Team != "T1" || i.User == "" || i.Request == "" || len(i.Request) > 200 {
				wrong.Add(1)
			}
			return slackkit.Answer{}, nil
		},
	})
	f.Cleanup(func() { in.Close(context.WithoutCancel(f.Context())) })
	for _, payload := range []string{
		`{"type":"block_actions","team":{"id":"T1"},"user":{"id":"U1"},"actions":[{"action_id":"a","block_id":"b","action_ts":"1.2","value":"v"}]}`,
		`{"type":"view_submission","team":{"id":"T1"},"user":{"id":"U1"},"view":{"id":"V1","state":{"values":{"b":{"a":{"value":"x"}}}}}}`,
		`{"type":"view_submission","team":null,"user":{"id":"U1","team_id":"T1"},"view":{"id":"V1"}}`,
		`{"type":"shortcut"}`, `[]`, `{`,
	} {
		f.Add(slackfake.Form([]byte(payload)), true)
		f.Add([]byte(payload), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, signed bool) {
		before := handled.Load()
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header = slackfake.Sign("another", at, body)
		if signed {
			r.Header = slackfake.Sign(secret, at, body)
		}
		rec := httptest.NewRecorder()
		in.ServeHTTP(rec, r)
		if !signed && (rec.Code != http.StatusUnauthorized || handled.Load() != before) {
			t.Errorf("status %d for what is not signed", rec.Code)
		}
		if rec.Code >= 500 || wrong.Load() > 0 {
			t.Errorf("status %d, or the handler got what is no interaction", rec.Code)
		}
	})
}

func TestInteractions_Command_IsAnsweredToTheAskerAlone(t *testing.T) {
	t.Parallel()
	answer := func(_ context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
		return slackkit.Answer{Text: i.ActionID + " of " + i.UserName + ": " + i.Value}, nil
	}
	check := func(t *testing.T, s *slackfake.Server) {
		t.Helper()
		if err := s.Command(t.Context(), "C0OPS", "U0BEN", "/theriac", "why Q-7F3K"); err != nil {
			t.Fatal(err)
		}
		if err := s.Wait(t.Context(), func() bool { return len(s.Ephemerals()) == 1 }); err != nil {
			t.Fatal(err)
		}
		if got := s.Ephemerals()[0]; got.User != "U0BEN" || got.Text != "/theriac of ben: why Q-7F3K" {
			t.Errorf("answer %+v", got)
		}
	}
	t.Run("over HTTP", func(t *testing.T) {
		t.Parallel()
		w := open(t, answer, slackkit.Limits{})
		check(t, w.Server)
		if !strings.HasPrefix(w.last.Request, "slack:cmd:") || w.last.Type != slackkit.SlashCommand {
			t.Errorf("interaction %#v", plain(w.last))
		}
	})
	t.Run("over a socket", func(t *testing.T) {
		t.Parallel()
		p := plug(t, func(cfg *slackkit.SocketConfig) { cfg.Handle = answer })
		p.connected(t)
		check(t, p.Server)
	})
	t.Run("of another workspace", func(t *testing.T) {
		t.Parallel()
		w := open(t, answer, slackkit.Limits{})
		body := []byte("command=%2Ftheriac&team_id=T0EVIL&user_id=U1&trigger_id=1.2&text=why")
		if got := w.send(t, slackfake.Sign(w.SigningSecret(), time.Now(), body), body); got != http.StatusForbidden || w.count.Load() != 0 {
			t.Errorf("status %d, handled %d times", got, w.count.Load())
		}
	})
}

// TestInteractions_AnswerRefused_ArrivesAnotherWay uses each way that is left.
func TestInteractions_AnswerRefused_ArrivesAnotherWay(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]slackfake.Fault{
		"limited for a second":  {slackfake.Limited("1")},
		"a page":                {slackfake.Broken()},
		"the address has ended": {{Status: http.StatusNotFound}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, func(context.Context, slackkit.Interaction) (slackkit.Answer, error) {
				return slackkit.Answer{Text: "done"}, nil
			}, slackkit.Limits{})
			w.Fail("response_url", faults...)
			p := w.message(t)
			if err := w.Press(t.Context(), p.Channel, p.TS, "q:take", "U0ANA"); err != nil {
				t.Fatal(err)
			}
			if err := w.Wait(t.Context(), func() bool { return len(w.Ephemerals()) == 1 }); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestInteractions_ManyPeopleAtOnce_EachClickOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	handled := map[string]int{}
	w := open(t, func(_ context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
		mu.Lock()
		defer mu.Unlock()
		handled[i.Request]++
		return slackkit.Answer{}, nil
	}, slackkit.Limits{Pool: 100})
	p := w.message(t)
	var pressing sync.WaitGroup
	for range 50 {
		body := w.press(t, p, "")
		h := slackfake.Sign(w.SigningSecret(), time.Now(), body)
		for range 4 {
			pressing.Go(func() { w.send(t, h.Clone(), body) })
		}
	}
	pressing.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(handled) != 50 {
		t.Errorf("%d clicks were handled, want 50", len(handled))
	}
	for request, n := range handled {
		if n != 1 {
			t.Errorf("%s was handled %d times", request, n)
		}
	}
}

// TestInteractions_ModalRefused_CanBeSubmittedAgain holds even for a submission that nothing tells from
// the one before it.
func TestInteractions_ModalRefused_CanBeSubmittedAgain(t *testing.T) {
	t.Parallel()
	w := open(t, func(context.Context, slackkit.Interaction) (slackkit.Answer, error) {
		return slackkit.Answer{ViewErrors: map[string]string{"why": "say more"}}, nil
	}, slackkit.Limits{})
	body := slackfake.Form([]byte(`{"type":"view_submission","team":{"id":"T0FAKE"},"user":{"id":"U0ANA"},"view":{"id":"V1","hash":"1"}}`))
	for i := range 3 {
		w.send(t, slackfake.Sign(w.SigningSecret(), time.Now().Add(time.Duration(i)*time.Second), body), body)
	}
	if n := w.count.Load(); n != 3 {
		t.Errorf("the handler ran %d times, want 3", n)
	}
}

// TestInteractions_Working_NeverComesLast has a network that delays the first answer until the second is
// ready.
func TestInteractions_Working_NeverComesLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := &wire{answer: func(n int, _ *http.Request) (int, http.Header, string) {
			if n == 1 {
				<-time.After(5 * time.Second)
			}
			return http.StatusOK, nil, "ok"
		}}
		c := wired(t, net)
		v, err := slackkit.NewVerifier([]string{"s"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		in := slackkit.NewInteractions(slackkit.InteractionsConfig{Verifier: v, Client: c, Team: "T1",
			Handle: func(context.Context, slackkit.Interaction) (slackkit.Answer, error) {
				<-time.After(time.Second)
				return slackkit.Answer{Text: "done"}, nil
			}})
		body := slackfake.Form([]byte(`{"type":"block_actions","team":{"id":"T1"},"user":{"id":"U1"},"response_url":"https://hooks.slack.com/actions/x","actions":[{"action_id":"a","block_id":"b","action_ts":"1.2"}]}`))
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header = slackfake.Sign("s", time.Now(), body)
		rec := httptest.NewRecorder()
		in.ServeHTTP(rec, r)
		if took := time.Since(net.began); took != 500*time.Millisecond || rec.Code != http.StatusOK {
			t.Errorf("status %d after %s, want 200 after 500 ms", rec.Code, took)
		}
		in.Close(t.Context())
		if len(net.calls) != 2 || !strings.HasPrefix(net.calls[0], "Working") || net.calls[1] != "done" || net.times[1] != 5500*time.Millisecond {
			t.Errorf("told %q at %v", net.calls, net.times)
		}
	})
}

package slackkit

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxRequest bounds the body of a request from Slack.
const maxRequest = 1 << 20

// InteractionsConfig says whom to believe and what to do. All fields but Accept, Logger and Limits are
// required.
type InteractionsConfig struct {
	// Verifier knows the signing secrets.
	Verifier *Verifier
	// Client sends the answers.
	Client *Client
	// Team is the id of the one workspace whose members are heard.
	Team string
	// Handle does what is asked.
	Handle Handle
	// Accept keeps what is asked before Slack is answered. Default: nobody keeps it.
	Accept Accept
	// Logger hears of refusals and failures. Default: nobody.
	Logger *slog.Logger
	// Limits bounds the work.
	Limits Limits
}

// Interactions takes clicks over HTTP. See NewInteractions.
type Interactions struct {
	verifier *Verifier
	desk     *desk
}

// NewInteractions makes the handler for the app's request URLs, of its interactivity, its commands and its
// events; they may be one address. It starts nothing; who shuts the server down calls Close after it. A config without a required field panics: that is a mistake in
// the program, and a handler that lets everybody in would be worse.
//
//	anything but POST                        405
//	more than 1 MiB                          413
//	not signed, or not now                   401, with no detail
//	no payload, command or event in the body 400; the query string is never read
//	Slack asks whether the address is ours   200, with its challenge
//	somebody of another workspace            403, and the person is told; an event 200, and nothing happens
//	Accept fails                             503
//	the same request, or the same click      200, and nothing happens
//	a click                                  200 within Limits.Answer; its Answer follows by ResponseURL
//	a modal                                  200 within Limits.Answer, with ViewErrors or Modal if they are there
//	an event                                 200 within Limits.Answer
//	more than Limits allow                   200, and the person reads that nothing was done; else 503
func NewInteractions(cfg InteractionsConfig) *Interactions {
	if cfg.Verifier == nil || cfg.Client == nil || cfg.Handle == nil || cfg.Team == "" {
		panic("slackkit: NewInteractions needs Verifier, Client, Team and Handle")
	}
	return &Interactions{
		verifier: cfg.Verifier,
		desk:     newDesk(cfg.Client, cfg.Team, cfg.Handle, cfg.Accept, cfg.Logger, cfg.Limits, cfg.Verifier.now),
	}
}

// Close takes no more clicks and waits for those that are being handled. When ctx or Limits.Drain is over
// their contexts are cancelled.
func (in *Interactions) Close(ctx context.Context) { in.desk.close(ctx) }

// ServeHTTP takes one request of Slack's.
func (in *Interactions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	status, body := in.take(w, r)
	if body != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (in *Interactions) take(w http.ResponseWriter, r *http.Request) (int, []byte) {
	if r.ContentLength > maxRequest {
		return http.StatusRequestEntityTooLarge, nil
	}
	if !in.verifier.plausible(r.Header) {
		// A body is not read for whoever does not even claim to be Slack.
		return in.unsigned(r, ErrSignature)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return http.StatusRequestEntityTooLarge, nil
	}
	signature, err := in.verifier.verify(r.Header, body)
	if err != nil {
		return in.unsigned(r, err)
	}
	switch v, answer := in.deal(r, body, "signed:"+string(signature[:])); v {
	case taken, repeated:
		return http.StatusOK, answer
	case refused:
		return http.StatusForbidden, nil
	case overload:
		return http.StatusServiceUnavailable, nil
	default:
		return http.StatusBadRequest, nil
	}
}

func (in *Interactions) unsigned(r *http.Request, err error) (int, []byte) {
	in.desk.log.WarnContext(r.Context(), "a request was not Slack's", "err", err)
	return http.StatusUnauthorized, nil
}

// plausible reports whether the headers could sign something now.
func (v *Verifier) plausible(h http.Header) bool {
	stamp, ok := single(h, "X-Slack-Request-Timestamp")
	_, signed := single(h, "X-Slack-Signature")
	return ok && signed && digits(stamp)
}

// deal takes what stands in a signed body: JSON with an event, a form with one payload, or with the
// fields of a command.
func (in *Interactions) deal(r *http.Request, body []byte, key string) (verdict, []byte) {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch strings.TrimSpace(strings.ToLower(kind)) {
	case "application/json":
		return in.event(r.Context(), body, key)
	case formType:
	default:
		return malformed, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return malformed, nil
	}
	payloads, commands := form["payload"], form["command"]
	switch {
	case len(payloads) == 1 && len(commands) == 0:
		return in.desk.take(r.Context(), []byte(payloads[0]), key)
	case len(payloads) == 0 && len(commands) == 1:
		return in.desk.command(r.Context(), wireCommand{
			Team: form.Get("team_id"), Channel: form.Get("channel_id"), User: form.Get("user_id"), UserName: form.Get("user_name"),
			Command: form.Get("command"), Text: form.Get("text"), ResponseURL: form.Get("response_url"), TriggerID: form.Get("trigger_id"),
		}, key)
	default:
		return malformed, nil
	}
}

// event takes an event, or says that the address is ours.
func (in *Interactions) event(ctx context.Context, body []byte, key string) (verdict, []byte) {
	var w wireCallback
	switch err := json.Unmarshal(body, &w); {
	case err != nil || w.Type == "":
		return malformed, nil
	case w.Type == "url_verification":
		if w.Challenge == "" || len(w.Challenge) > 500 {
			return malformed, nil
		}
		answer, err := json.Marshal(map[string]string{"challenge": w.Challenge})
		if err != nil {
			return malformed, nil
		}
		return taken, answer
	default:
		return in.desk.event(ctx, w, key)
	}
}

var _ http.Handler = (*Interactions)(nil)

// minBackoff and maxBackoff bound the pause between two connections of Socket Mode.
const (
	minBackoff = time.Second
	maxBackoff = time.Minute
)

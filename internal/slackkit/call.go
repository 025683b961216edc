package slackkit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer. Slack repeats the message it took, so an answer is
	// somewhat larger than what was sent.
	maxAnswer int64 = 256 << 10
	// maxPage bounds a page of a list: a thousand channels, or a hundred messages.
	maxPage  int64 = 8 << 20
	jsonType       = "application/json; charset=utf-8"
	formType       = "application/x-www-form-urlencoded"
	// unsaidRetryAfter is assumed when Slack limits us without saying for how long.
	unsaidRetryAfter = 10 * time.Second
	// maxRetryAfter bounds what Slack, or whoever stands between, can make us wait.
	maxRetryAfter = time.Hour
)

// request is one call of a method.
type request struct {
	method  string
	token   string
	lane    string        // callers of one lane take turns, "" for the method's own
	every   time.Duration // between two calls in the lane
	patient time.Duration // how long a turn may be waited for
	payload any           // sent as JSON
	form    url.Values    // sent instead, if not nil: methods that read take no JSON
	most    int64         // bytes of the answer, 0 for maxAnswer
	into    any           // decodes a good answer's other fields, if not nil
}

// answer is what every method answers, and what we read of it.
type answer struct {
	OK      bool            `json:"ok"`
	Error   string          `json:"error"`
	Needed  string          `json:"needed"`
	Channel json.RawMessage `json:"channel"` // an id, or all about it
	TS      string          `json:"ts"`
	URL     string          `json:"url"`
	Link    string          `json:"permalink"`
	Team    string          `json:"team"`
	TeamID  string          `json:"team_id"`
	UserID  string          `json:"user_id"`
	BotID   string          `json:"bot_id"`
	Errors  json.RawMessage `json:"errors"` // in detail; only an invitation's are read
	header  http.Header
}

// call waits for its turn, calls the method, and does so once more if Slack limits it for a time that the
// caller has.
func (c *Client) call(ctx context.Context, r request) (answer, error) {
	line := c.lanes.get(r.lane)
	got, err := c.turn(ctx, line, r)
	if retry, ok := errors.AsType[*RetryError](err); ok && retry.limited() {
		c.log.WarnContext(ctx, "Slack limits us", "method", r.method, "retry_after", retry.After)
		if c.class != NonCritical {
			got, err = c.turn(ctx, line, r)
		}
	}
	return got, err
}

// do calls a method that has no channel's order to keep.
func (c *Client) do(ctx context.Context, method string, payload any) (answer, error) {
	return c.call(ctx, request{method: method, token: c.token, lane: method, patient: c.maxWait, payload: payload})
}

// read calls a method that only reads, and decodes its answer.
func (c *Client) read(ctx context.Context, method string, form url.Values, into any) error {
	_, err := c.call(ctx, request{method: method, token: c.token, lane: method, patient: c.maxWait, form: form, most: maxPage, into: into})
	return err
}

// turn is one call in its lane.
func (c *Client) turn(ctx context.Context, line *lane, r request) (answer, error) {
	named := func(err error) error {
		if retry, ok := errors.AsType[*RetryError](err); ok {
			retry.Method = r.method
		}
		return err
	}
	if err := c.enter(ctx, line, r); err != nil {
		return answer{}, named(err)
	}
	// Only what has to keep an order holds its turn: a slow modal must not delay the next.
	if r.every > 0 {
		defer line.leave()
	} else {
		line.leave()
	}
	got, err := c.send(ctx, r)
	// The pause begins at the answer, so that what the network does cannot bring two calls together.
	pause := r.every
	if retry, ok := errors.AsType[*RetryError](err); ok && retry.limited() {
		pause = max(pause, retry.After)
	}
	line.close(pause)
	return got, named(err)
}

// enter takes a turn in the line and a call from the budget.
func (c *Client) enter(ctx context.Context, line *lane, r request) error {
	began := time.Now()
	enter := line.enter
	if c.class == NonCritical {
		enter = line.enterNow
	}
	if err := enter(ctx, r.patient); err != nil {
		return err
	}
	// Whoever waits for the budget holds the turn, so that callers of a method are served in order.
	if err := c.budgets.take(ctx, r.method, c.class, r.patient-time.Since(began)); err != nil {
		line.leave()
		return err
	}
	return nil
}

// errLimited is the cause of an answer that asks us to come back later.
var errLimited = errors.New("limited by Slack")

func (e *RetryError) limited() bool { return errors.Is(e.Err, errLimited) }

func (c *Client) send(ctx context.Context, r request) (answer, error) {
	body, kind := []byte(r.form.Encode()), formType
	if r.form == nil {
		var err error
		if body, err = json.Marshal(r.payload); err != nil {
			return answer{}, fmt.Errorf("call %s: what is to be sent: %w", r.method, err)
		}
		kind = jsonType
	}
	headers := http.Header{"Authorization": {"Bearer " + r.token}, "Content-Type": {kind}}
	status, header, text, err := c.post(ctx, c.api+r.method, headers, body, cmp.Or(r.most, maxAnswer))
	if err != nil {
		return answer{}, err
	}
	got := answer{header: header}
	if wait, ok := limit(status, header); ok {
		return answer{}, &RetryError{After: wait, Err: errLimited}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		// The decoder's error quotes what it read, which may be anything.
		return answer{}, &RetryError{Maybe: true, Err: fmt.Errorf("answer with status %d is not Slack's JSON", status)}
	}
	switch code := cleanCode(got.Error); {
	case got.OK && status == http.StatusOK:
		if r.into != nil && json.Unmarshal(text, r.into) != nil {
			return answer{}, &RetryError{Maybe: true, Err: errors.New("answer does not hold what was asked for")}
		}
		return got, nil
	case got.OK || got.Error == "":
		return answer{}, &RetryError{Maybe: true, Err: fmt.Errorf("answer with status %d says neither ok nor why not", status)}
	case code == "ratelimited" || code == "rate_limited":
		return answer{}, &RetryError{After: retryAfter(header), Err: errLimited}
	case passing().has(code):
		return answer{}, &RetryError{Maybe: true, Err: fmt.Errorf("answer %s", code)}
	default:
		return got, &PermanentError{Method: r.method, Code: code, Needed: cleanScope(got.Needed)}
	}
}

// post sends a body and returns at most so many bytes of what comes back. Its errors are *RetryError.
func (c *Client) post(ctx context.Context, to string, headers http.Header, body []byte, most int64) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, &RetryError{Err: bare(err)}
	}
	for name, values := range headers {
		req.Header[name] = values
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, &RetryError{Maybe: true, Err: bare(err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 500 {
		return 0, nil, nil, &RetryError{Maybe: true, Err: fmt.Errorf("answer with status %d", resp.StatusCode)}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil:
		return 0, nil, nil, &RetryError{Maybe: true, Err: fmt.Errorf("answer breaks off: %w", bare(err))}
	case int64(len(text)) > most:
		return 0, nil, nil, &RetryError{Maybe: true, Err: fmt.Errorf("answer of more than %d bytes", most)}
	}
	return resp.StatusCode, resp.Header, text, nil
}

// bare strips the address from an error: that of a response_url lets anybody answer.
func bare(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// limit reports whether an answer asks to come back later, and when.
func limit(status int, header http.Header) (time.Duration, bool) {
	if status != http.StatusTooManyRequests {
		return 0, false
	}
	return retryAfter(header), true
}

// retryAfter reads a Retry-After header. What is missing or makes no sense counts as unsaidRetryAfter,
// what is absurdly long as maxRetryAfter.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.ParseInt(header.Get("Retry-After"), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) && seconds > 0, err == nil && seconds > int64(maxRetryAfter/time.Second):
		return maxRetryAfter
	case err != nil || seconds <= 0:
		return unsaidRetryAfter
	default:
		return time.Duration(seconds) * time.Second
	}
}

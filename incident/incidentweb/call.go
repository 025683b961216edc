package incidentweb

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/webkit"
)

// maxBody bounds every body.
const maxBody = 1 << 20

// call is one request whose caller is known and allowed.
type call struct {
	api *api
	req *http.Request
	w   http.ResponseWriter
	by  incident.Actor
	// seal is a secret of the caller's token, by which its requests are told apart.
	seal [32]byte
	// said is what the body says, always in the same words.
	said []byte
}

// answer is what a route answers with.
type answer struct {
	// status is 200 where it is 0.
	status int
	body   any
	// etag and location become headers, if they are there.
	etag, location string
}

// etag is a version as ETag and If-Match write it.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

func (ans answer) write(w http.ResponseWriter) {
	if ans.etag != "" {
		w.Header().Set("ETag", ans.etag)
	}
	if ans.location != "" {
		w.Header().Set("Location", ans.location)
	}
	if ans.status == 0 {
		ans.status = http.StatusOK
	}
	if ans.status == http.StatusNoContent {
		w.WriteHeader(ans.status)
		return
	}
	webkit.WriteJSON(w, ans.status, "application/json", ans.body)
}

func (c *call) ctx() context.Context { return c.req.Context() }

func (c *call) path(name string) string { return c.req.PathValue(name) }

// read reads the body into the struct that into points to.
func (c *call) read(into any) error {
	if err := webkit.WantJSON(c.req); err != nil {
		return err
	}
	body, err := webkit.ReadBody(c.w, c.req, maxBody)
	if err != nil {
		return err
	}
	return c.decode(body, into)
}

// decode reads a body and remembers what it says.
func (c *call) decode(body []byte, into any) error {
	if err := webkit.DecodeJSON(body, into); err != nil {
		return err
	}
	said, err := json.Marshal(into)
	if err != nil {
		said = body // it can be read and not be written; then only the same bytes are the same request
	}
	c.said = said
	return nil
}

// readMaybe is read for routes whose body may be missing.
func (c *call) readMaybe(into any) error {
	if c.req.ContentLength == 0 {
		return c.decode([]byte("{}"), into)
	}
	body, err := webkit.ReadBody(c.w, c.req, maxBody)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return c.decode([]byte("{}"), into)
	}
	if err := webkit.WantJSON(c.req); err != nil {
		return err
	}
	return c.decode(body, into)
}

// key returns the Idempotency-Key as it is kept: within the token, so that nobody meets the keys of
// others. It is "" where there is none.
func (c *call) key() (string, error) {
	values := c.req.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" || len(key) > 200 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &incident.FieldError{Field: "Idempotency-Key", Problem: "send it once, with 1 to 200 printable ASCII characters"}
	}
	return "idem:" + c.by.ID + ":" + key, nil
}

// requestPrefix begins the cause of what a request with a key did.
const requestPrefix = "request:"

// cause names a request: the same for every try of it, and another for every other request. Nobody
// without the token can tell from it what the request said.
func (c *call) cause() string {
	mac := hmac.New(sha256.New, c.seal[:])
	mac.Write([]byte(c.req.Method + " " + c.req.URL.Path + "\n"))
	mac.Write(c.said)
	return requestPrefix + hex.EncodeToString(mac.Sum(nil)[:16])
}

// sameRequest refuses a key that came with another request before: to answer this one as done would
// lose it.
func (c *call) sameRequest(done incident.Event) error {
	if !strings.HasPrefix(done.Cause, requestPrefix) || done.Cause == c.cause() {
		return nil
	}
	return webkit.Problemf(http.StatusUnprocessableEntity, "key_reused",
		"this Idempotency-Key came with another request before; nothing was done: send this one with another key")
}

// version returns the version of If-Match, false where there is none.
func (c *call) version() (int64, bool, error) {
	values := c.req.Header.Values("If-Match")
	if len(values) == 0 {
		return 0, false, nil
	}
	text := strings.TrimSpace(values[0])
	if unquoted, ok := strings.CutPrefix(text, `"`); ok {
		text = strings.TrimSuffix(unquoted, `"`)
	}
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || version < 0 || len(values) > 1 {
		return 0, false, &incident.FieldError{Field: "If-Match", Problem: `want the version that you saw, such as "7"`}
	}
	return version, true, nil
}

// mustVersion is version for routes that replace what somebody else may have written.
func (c *call) mustVersion() (int64, error) {
	version, ok, err := c.version()
	if err == nil && !ok {
		err = &incident.FieldError{Field: "If-Match", Problem: "it is required here: the version that you saw, as in ETag"}
	}
	return version, err
}

// options returns what the headers of a verb say.
func (c *call) options() ([]incident.Option, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	version, ok, err := c.version()
	if err == nil && ok && version == 0 {
		err = &incident.FieldError{Field: "If-Match", Problem: "no incident has version 0"}
	}
	if err != nil {
		return nil, err
	}
	var opts []incident.Option
	if key != "" {
		opts = append(opts, incident.WithKey(key), incident.CausedBy(c.cause(), traceparent(c.req)))
	} else {
		opts = append(opts, incident.CausedBy("", traceparent(c.req)))
	}
	if ok {
		opts = append(opts, incident.IfVersion(version))
	}
	return opts, nil
}

// traceparent returns the request's, if it has the form that W3C gives it.
func traceparent(r *http.Request) string {
	text := r.Header.Get("Traceparent")
	parts := strings.Split(text, "-")
	if len(text) != 55 || len(parts) != 4 || len(parts[1]) != 32 || len(parts[2]) != 16 ||
		strings.Trim(text, "0123456789abcdef-") != "" {
		return ""
	}
	return text
}

// moment returns a time that may be missing.
func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

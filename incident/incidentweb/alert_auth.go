package incidentweb

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/webkit"
)

// verifySource checks that a request comes from a source, by what that kind of source can do: a bearer
// token, or a signature over the body as it came. A source without a secret is nobody's.
func (a *api) verifySource(src incident.Source, r *http.Request, body []byte) error {
	ok := false
	switch src.Kind {
	case kindSentry:
		ok = a.sentrySigned(src, r, body)
	case kindGeneric:
		ok = hasToken(src, r) || a.webhookSigned(src, r, body)
	case kindAlertmanager:
		ok = hasToken(src, r)
	case kindPagerDuty:
		ok = a.pagerDutySigned(src, r, body)
	}
	if !ok {
		return errSource()
	}
	return nil
}

// hasToken compares the request's bearer token with the digest in the settings.
func hasToken(src incident.Source, r *http.Request) bool {
	want, err := hex.DecodeString(src.TokenHash)
	text, ok := webkit.Bearer(r)
	if err != nil || len(want) != sha256.Size || !ok {
		return false
	}
	got := HashToken(text)
	return subtle.ConstantTimeCompare(got[:], want) == 1
}

// sentrySigned checks the HMAC-SHA256 of the body that Sentry sends in hex.
func (a *api) sentrySigned(src incident.Source, r *http.Request, body []byte) bool {
	secret := a.secret(src)
	got, err := hex.DecodeString(r.Header.Get("Sentry-Hook-Signature"))
	if secret == "" || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(got, mac.Sum(nil))
}

// pagerDutySigned checks the signatures that PagerDuty sends, one for each secret while they are changed:
// "v1=" and the HMAC-SHA256 of the body in hex, separated by commas.
func (a *api) pagerDutySigned(src incident.Source, r *http.Request, body []byte) bool {
	secret := a.secret(src)
	if secret == "" {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	want := mac.Sum(nil)
	for signature := range strings.SplitSeq(r.Header.Get("X-PagerDuty-Signature"), ",") {
		text, ok := strings.CutPrefix(strings.TrimSpace(signature), "v1=")
		got, err := hex.DecodeString(text)
		if ok && err == nil && hmac.Equal(got, want) {
			return true
		}
	}
	return false
}

// webhookSigned checks a signature of Standard Webhooks.
func (a *api) webhookSigned(src incident.Source, r *http.Request, body []byte) bool {
	secret := a.secret(src)
	if secret == "" || a.VerifyWebhook == nil || r.Header.Get("Webhook-Signature") == "" {
		return false
	}
	return a.VerifyWebhook([]string{secret}, r.Header, body, a.Now()) == nil
}

// secret returns what a source signs with, "" for nothing. Whoever sends reads only that it was refused,
// so that a variable which the settings name and nobody set is said in the log, once.
func (a *api) secret(src incident.Source) string {
	if src.SecretEnv == "" {
		return ""
	}
	secret := a.Secret(src.SecretEnv)
	if secret == "" {
		if _, told := a.unset.LoadOrStore(src.SecretEnv, true); !told {
			a.Logger.Warn("signatures of a source are refused: the environment variable of its secret is not set", "source", src.ID, "variable", src.SecretEnv)
		}
	}
	return secret
}

package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer, and its headers.
	maxAnswer = 64 << 10
	// defaultTimeout bounds one call, from dialling to the last byte that is read.
	defaultTimeout = 10 * time.Second
	userAgent      = "theriac-notify"
)

// poster makes one POST at a time to one address.
type poster struct {
	name      string
	url, host string
	client    *http.Client
	timeout   time.Duration
	now       func() time.Time
}

// answer is what the other side said.
type answer struct {
	status     int
	retryAfter string
	body       []byte // at most maxAnswer
	whole      bool   // the body ended within that, without an error
}

func (a answer) ok() bool { return a.status >= 200 && a.status <= 299 }

// newClient returns a client that follows no redirect and keeps no cookie. One's own keeps no connection
// either: alerts are rare, a connection that went stale would fail the next one, and what comes unasked on
// an idle one would be logged by net/http with the words of the other side.
func newClient(given *http.Client, publicOnly bool) *http.Client {
	client := &http.Client{}
	if given != nil {
		*client = *given
	}
	if client.Transport == nil {
		dialer := &net.Dialer{Control: guard{publicOnly}.control}
		client.Transport = &http.Transport{
			DialContext:            dialer.DialContext,
			DisableKeepAlives:      true,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: maxAnswer,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		}
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Jar = nil
	return client
}

// post sends body and returns the answer, whatever its status. Its body is read unless statusAlone says
// that a good status is enough.
func (p *poster) post(ctx context.Context, body []byte, header http.Header, statusAlone bool) (answer, error) {
	called, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(called, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, p.never(0, "invalid", "its URL makes no request", "set another URL")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{}, p.broken(ctx, err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, retryAfter: resp.Header.Get("Retry-After")}
	if a.ok() && statusAlone {
		return a, nil
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	a.whole = err == nil && len(a.body) <= maxAnswer
	a.body = a.body[:min(len(a.body), maxAnswer)]
	// The status of a bad answer is known and says more than that its body broke off.
	if err != nil && a.ok() {
		return answer{}, p.broken(ctx, err)
	}
	return a, nil
}

// broken says why there is no answer. The texts of the errors are not shown: they hold the URL, or what
// the other side sent.
func (p *poster) broken(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: cut short, the alert may have arrived: %w", place(p.name, p.host), context.Canceled)
	}
	var refused *addressError
	if errors.As(err, &refused) {
		return p.never(0, "refused", "its address is "+refused.what+", which is not called",
			"set a URL on another network, or correct its DNS entry")
	}
	return p.later(0, "", p.whyBroken(err))
}

func (p *poster) whyBroken(err error) string {
	// Its own Timeout does not look along the chain, and would be asked first.
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	var (
		dns     *net.DNSError
		timeout interface{ Timeout() bool }
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "its name is not in DNS"
	case errors.As(err, &dns):
		return "DNS does not say where it is"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no whole answer in time"
	case errors.As(err, &cert):
		return "its certificate cannot be verified"
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended before the answer did"
	default:
		return "there is no connection, or no HTTP on it"
	}
}

// refused sorts an answer that is not a good one. Why is what the other side says, scrubbed, or "".
func (p *poster) refused(a answer, why, credentials string) error {
	said := fmt.Sprintf("answered %d", a.status)
	if why != "" {
		said += " (" + why + ")"
	}
	never := func(kind, fix string) error { return p.never(a.status, kind, said, fix) }
	switch a.status {
	case http.StatusMovedPermanently, http.StatusPermanentRedirect:
		return p.never(a.status, "refused", said+", a redirect, which is not followed", "set the URL that it moved to")
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return never("not allowed", "check "+credentials)
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return never("not found", "check the URL")
	case http.StatusGone:
		return never("not found", "nobody listens there any more: set another URL, or none")
	case http.StatusRequestEntityTooLarge:
		return never("invalid", "send fewer details")
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusMisdirectedRequest, http.StatusLocked,
		http.StatusTooEarly, http.StatusTooManyRequests:
		return p.later(a.status, a.retryAfter, said)
	}
	switch {
	case a.status >= 300 && a.status <= 399:
		// A maintenance page comes and goes, so this one is tried again.
		return p.later(a.status, a.retryAfter, said+", a redirect, which is not followed")
	case a.status >= 400 && a.status <= 499:
		return never("invalid", "check "+credentials+" and the URL; if they are right, this is a mistake of ours")
	default:
		return p.later(a.status, a.retryAfter, said)
	}
}

func (p *poster) never(status int, kind, reason, fix string) error {
	return &PermanentError{Sender: p.name, Host: p.host, Status: status, Kind: kind, Reason: reason, Fix: fix}
}

func (p *poster) later(status int, after, reason string) error {
	return &RetryError{Sender: p.name, Host: p.host, Status: status, Reason: reason, After: retryAfter(after, p.now())}
}

// invalid says that an alert cannot be sent at all.
func (p *poster) invalid(err error) error {
	return &PermanentError{Sender: p.name, Kind: "invalid", Reason: reasons(err), Fix: "this is a mistake of the caller's"}
}

// checkURL returns what is wrong with the address of a sender, without showing it.
func checkURL(field, address string, plaintext bool) error {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return fmt.Errorf("%s is empty: set the address to send to", field)
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return fmt.Errorf("%s is no URL with a host: want https://host/path", field)
	case u.User != nil:
		return fmt.Errorf("%s has a user in it: take it out, the signature or key is the credential", field)
	case u.Fragment != "":
		return fmt.Errorf("%s has a fragment, which is never sent: take it out", field)
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("%s is neither https nor http", field)
	case !plaintext && !isLoopback(u.Hostname()):
		return fmt.Errorf("%s is plain http, which anybody between can read: use https", field)
	}
	return nil
}

// hostOf returns the part of an address that may be shown, "" of one that is none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return oneLine(u.Host, MaxField)
}

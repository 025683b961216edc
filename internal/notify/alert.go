package notify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Severity is how bad it is.
type Severity string

// The severities, PagerDuty's words.
const (
	SeverityCritical Severity = "critical"
	SeverityError    Severity = "error"
	SeverityWarning  Severity = "warning"
	SeverityInfo     Severity = "info"
)

// Action is what happened to a problem.
type Action string

// The actions, PagerDuty's words.
const (
	// Trigger says that there is a problem.
	Trigger Action = "trigger"
	// Acknowledge says that somebody looks after it.
	Acknowledge Action = "acknowledge"
	// Resolve says that it is over.
	Resolve Action = "resolve"
)

// Bounds of an alert. What is longer is cut, the key excepted: two cut keys could be the same.
const (
	// MaxKeyBytes bounds [Alert.Key].
	MaxKeyBytes = 255
	// MaxTitle bounds [Alert.Title], in runes.
	MaxTitle = 1024
	// MaxField bounds Source, Component and Class, and the names of details and texts of links, in runes.
	MaxField = 255
	// MaxDetails bounds how many details are sent, MaxDetail each value in runes.
	MaxDetails = 32
	MaxDetail  = 512
	// MaxLinks bounds how many links are sent, MaxHrefBytes each address.
	MaxLinks     = 8
	MaxHrefBytes = 2048
)

// leftOut is the detail that says what is missing from an alert.
const leftOut = "left out"

// Alert is one thing to tell people.
type Alert struct {
	// Key is what makes alerts the same problem: PagerDuty's dedup_key, the key of a group's notice.
	// Required, 1 to MaxKeyBytes bytes of printable UTF-8.
	Key string
	// Action is what happened to the problem. Required.
	Action Action
	// Episode counts from 1 how often the problem came; see [Memory.EpisodeOf]. With 0, At takes its
	// place in [Alert.ID].
	Episode int64
	// Severity is how bad it is. Default error.
	Severity Severity
	// Title is one line for a lock screen, cut to MaxTitle runes. Required for Trigger.
	Title string
	// Source is the host or service that has the problem. Default "theriac".
	Source string
	// Component is the subscription, Class the reason, such as "crashed". Default: not sent.
	Component, Class string
	// At is when it happened. Default: not sent to PagerDuty, and the time of sending in a webhook.
	At time.Time
	// Details are more facts: references, counts, build, where. Never payloads.
	Details map[string]string
	// Links lead to pages about it.
	Links []Link
}

// Link leads to a page.
type Link struct {
	// Text is what is shown. Default: the address.
	Text string
	// Href is an absolute http or https address without user and password. A link with any other is
	// left out.
	Href string
}

// Sender tells people.
type Sender interface {
	// Send makes one POST and waits for its answer, 10 s at most by default. It returns nil when the
	// other side took the alert, *[PermanentError] when it never will, *[RetryError] when it may later,
	// and an error that wraps context.Canceled when ctx was cancelled; then the alert may have
	// arrived. It is safe for concurrent use.
	Send(ctx context.Context, a Alert) error
	// Name says for people and for keeping memories apart which sender this is: "pagerduty", "webhook".
	Name() string
}

// ID is the same for each try to send the same alert and different for any other: it is made of Key,
// Action and Episode, or of Key, Action and At where Episode is 0. It is "msg_" and 32 hex digits.
func (a Alert) ID() string {
	h := sha256.New()
	part := func(s string) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	part(a.Key)
	part(string(a.Action))
	if a.Episode != 0 {
		part(fmt.Sprintf("episode %d", a.Episode))
	} else {
		part("at " + a.At.UTC().Format(time.RFC3339Nano))
	}
	return "msg_" + hex.EncodeToString(h.Sum(nil)[:16])
}

// ready returns the alert as it is sent: checked, cleaned, cut, with defaults.
func (a Alert) ready() (Alert, error) {
	a.Title = oneLine(a.Title, MaxTitle)
	if a.Severity == "" {
		a.Severity = SeverityError
	}
	if err := a.check(); err != nil {
		return Alert{}, err
	}
	a.Source, a.Component, a.Class = oneLine(a.Source, MaxField), oneLine(a.Component, MaxField), oneLine(a.Class, MaxField)
	if a.Source == "" {
		a.Source = "theriac"
	}
	links, badLinks := readyLinks(a.Links)
	details, moreDetails := readyDetails(a.Details)
	if badLinks+moreDetails > 0 {
		if details == nil {
			details = make(map[string]string, 1)
		}
		details[leftOut] = fmt.Sprintf("%d links, %d details", badLinks, moreDetails)
	}
	a.Links, a.Details = links, details
	return a, nil
}

// check joins what makes an alert impossible to send.
func (a Alert) check() error {
	var problems []error
	switch {
	case a.Key == "":
		problems = append(problems, errors.New("Alert.Key is empty"))
	case len(a.Key) > MaxKeyBytes:
		problems = append(problems, fmt.Errorf("Alert.Key has %d bytes, at most %d are taken", len(a.Key), MaxKeyBytes))
	case a.Key != oneLine(a.Key, MaxKeyBytes):
		problems = append(problems, errors.New("Alert.Key has characters that cannot be printed"))
	}
	switch a.Action {
	case Acknowledge, Resolve:
	case Trigger:
		if a.Title == "" {
			problems = append(problems, errors.New("Alert.Title is empty"))
		}
	default:
		problems = append(problems, fmt.Errorf("Alert.Action is %.20q: want trigger, acknowledge or resolve", string(a.Action)))
	}
	switch a.Severity {
	case SeverityCritical, SeverityError, SeverityWarning, SeverityInfo:
	default:
		problems = append(problems, fmt.Errorf("Alert.Severity is %.20q: want critical, error, warning or info", string(a.Severity)))
	}
	return errors.Join(problems...)
}

// readyLinks returns the links that are sent, and how many are not.
func readyLinks(links []Link) (ready []Link, out int) {
	for _, l := range links {
		if len(ready) == MaxLinks || !isPage(l.Href) {
			out++
			continue
		}
		l.Text = oneLine(l.Text, MaxField)
		ready = append(ready, l)
	}
	return ready, out
}

// isPage reports whether href is the address of a page that may be shown as a link.
func isPage(href string) bool {
	if len(href) > MaxHrefBytes || href != oneLine(href, MaxHrefBytes) {
		return false
	}
	u, err := url.Parse(href)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

// readyDetails returns the details that are sent, those first that sort first, and how many are not.
func readyDetails(details map[string]string) (ready map[string]string, out int) {
	for _, name := range slices.Sorted(maps.Keys(details)) {
		clean := oneLine(name, MaxField)
		if _, taken := ready[clean]; taken || clean == "" || clean == leftOut || len(ready) == MaxDetails {
			out++
			continue
		}
		if ready == nil {
			ready = make(map[string]string, min(len(details), MaxDetails)+1)
		}
		ready[clean] = oneLine(details[name], MaxDetail)
	}
	return ready, out
}

// oneLine returns text as valid UTF-8 on one line, at most limit runes. White space becomes a space;
// other control characters and those that change direction or have no width become U+FFFD, so that
// a reader sees that something was there. What is cut ends in an ellipsis.
func oneLine(text string, limit int) string {
	// The cut comes first, so that a huge text costs no more than a long one: no rune has more than
	// four bytes.
	cut := len(text) > 4*(limit+1)
	if cut {
		text = text[:4*(limit+1)]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return utf8.RuneError
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if n := utf8.RuneCountInString(text); n > limit || cut {
		runes := []rune(text)
		text = string(runes[:min(limit-1, n)]) + "…"
	}
	return text
}

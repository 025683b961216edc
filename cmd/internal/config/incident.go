package config

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/theriac/theriac/internal/problem"
)

// Incident is what the incident service needs beside Settings. It holds secrets; print none of it.
type Incident struct {
	// Store is where incidents are kept: the quarantine's own place, or a file beside it.
	Store Endpoint
	// Listen is the host:port of web and API; PublicURL is how it is reached from outside, "" for as it
	// listens.
	Listen, PublicURL string
	// Notices name Slack and the senders of pages.
	Notices Notices
	// Heartbeat is an address that is told that all is well, "" for none. AlarmFile is where the backup
	// notifier writes as well.
	Heartbeat, AlarmFile string
	// BackupPagerDutyKey, BackupWebhookURL and BackupWebhookSecrets are the backup notifier's own ways;
	// without them it takes those of Notices.
	BackupPagerDutyKey, BackupWebhookURL string
	BackupWebhookSecrets                 []string
	// LinkKey signs the links by which people answer pages, "" for one of this data directory.
	LinkKey string
	// LogFormat is LogText, LogJSON, or "" for what fits standard error.
	LogFormat string
}

// The formats of a log, and the variable that names one.
const (
	LogText           = "text" // for who watches
	LogJSON           = "json" // one object a line, for programs
	LogFormatVariable = "THERIAC_LOG_FORMAT"
)

// incidentVariables are the environment's names.
type incidentVariables struct {
	Listen    string `env:"THERIAC_LISTEN" doc:"incidentd: host:port of web and API (default 127.0.0.1:8080)"`
	PublicURL string `env:"THERIAC_PUBLIC_URL" doc:"incidentd: the address by which people and Slack reach it (default as it listens)"`
	Heartbeat string `env:"THERIAC_HEARTBEAT_URL" doc:"incidentd: told every 30 s that all is well; its silence is the alarm"`
	AlarmFile string `env:"THERIAC_ALARM_FILE" doc:"incidentd: file to which the backup notifier writes as well (default alarms.log in the data directory)"`
	BackupPD  string `env:"THERIAC_BACKUP_PAGERDUTY_KEY" doc:"incidentd: integration key of the backup notifier (default THERIAC_PAGERDUTY_KEY)"`
	BackupURL string `env:"THERIAC_BACKUP_WEBHOOK_URL" doc:"incidentd: webhook of the backup notifier (default THERIAC_WEBHOOK_URL)"`
	BackupKey string `env:"THERIAC_BACKUP_WEBHOOK_SECRET" doc:"incidentd: secret that signs it (whsec_…)"`
	LogFormat string `env:"THERIAC_LOG_FORMAT" doc:"incidentd: text or json (default text where standard error is a terminal, else json)"`
	LinkKey   string `env:"THERIAC_LINK_KEY" doc:"incidentd: secret of 32 characters or more that signs the links in pages; the same on all machines (default one of the data directory)"`
}

// DefaultListen is where web and API are unless told otherwise.
const DefaultListen = "127.0.0.1:8080"

// IncidentStore is where incidents are kept, given where the quarantine is: the same database, or a
// file of their own beside it, so that neither waits for the other's writes.
func IncidentStore(s Settings) Endpoint {
	if s.Store.Kind == SQLite {
		return Endpoint{Kind: SQLite, Address: filepath.Join(filepath.Dir(s.Store.Address), "incident.db"), Own: s.Store.Own}
	}
	return s.Store
}

// LoadIncident works out the settings of the service from those that s was loaded with. Its error, of
// kind Invalid, joins every problem and shows no value.
func LoadIncident(s Settings, environ []string) (Incident, error) {
	notices, err := LoadNotices(s, environ)
	if err != nil {
		return Incident{}, err
	}
	values, _, _, err := resolve(s.Context, environ)
	if err != nil {
		return Incident{}, err
	}
	v, err := env.ParseAsWithOptions[incidentVariables](env.Options{Environment: values})
	if err != nil {
		return Incident{}, problem.Errorf(problem.Invalid, "the environment cannot be read")
	}
	inc := Incident{
		Store: IncidentStore(s), Listen: cmp.Or(v.Listen, DefaultListen), PublicURL: strings.TrimSuffix(v.PublicURL, "/"),
		Notices: notices, Heartbeat: v.Heartbeat, LinkKey: v.LinkKey, LogFormat: v.LogFormat,
		AlarmFile:          cmp.Or(v.AlarmFile, filepath.Join(s.DataDir, "alarms.log")),
		BackupPagerDutyKey: cmp.Or(v.BackupPD, notices.PagerDutyKey),
		BackupWebhookURL:   cmp.Or(v.BackupURL, notices.WebhookURL), BackupWebhookSecrets: list(v.BackupKey),
	}
	if len(inc.BackupWebhookSecrets) == 0 {
		inc.BackupWebhookSecrets = notices.WebhookSecrets
	}
	if _, _, err := net.SplitHostPort(inc.Listen); err != nil {
		return Incident{}, problem.Errorf(problem.Invalid, "THERIAC_LISTEN is a HOST:PORT, such as %s", DefaultListen)
	}
	if inc.LinkKey != "" && len(inc.LinkKey) < minLinkKey {
		return Incident{}, problem.Errorf(problem.Invalid, "THERIAC_LINK_KEY has less than %d characters; make one: openssl rand -hex 32", minLinkKey)
	}
	if !slices.Contains([]string{"", LogText, LogJSON}, inc.LogFormat) {
		return Incident{}, problem.Errorf(problem.Invalid, "%s is %s or %s, or not set", LogFormatVariable, LogText, LogJSON)
	}
	if !isAddress(inc.PublicURL) {
		return Incident{}, problem.Errorf(problem.Invalid, "THERIAC_PUBLIC_URL is an address such as https://theriac.example.com, without a user, ? and #")
	}
	if inc.BackupWebhookURL != "" && len(inc.BackupWebhookSecrets) == 0 {
		return Incident{}, problem.Errorf(problem.Invalid, "%w", fmt.Errorf("THERIAC_BACKUP_WEBHOOK_URL is set, and THERIAC_BACKUP_WEBHOOK_SECRET is not"))
	}
	return inc, nil
}

// minLinkKey is the least length of a key that signs links: whoever has one link can try keys at leisure.
const minLinkKey = 32

// isAddress reports what links may begin with; nothing is fine, too.
func isAddress(text string) bool {
	u, err := url.Parse(text)
	return text == "" || err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

package workflow

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/theriac/theriac/incident"
)

// The kinds of sources, as the settings name them.
const (
	sourceGeneric      = "generic"
	sourceSentry       = "sentry"
	sourceAlertmanager = "alertmanager"
	sourcePagerDuty    = "pagerduty"
)

// maxSignals bounds how many alerts of one request are read.
const maxSignals = 500

// signal is one alert as its source told it, cleaned.
type signal struct {
	dedup, title, text, severity, url string
	// issue is the dedup key of what it is a part of, "" for none: an issue of Sentry's has events in several environments.
	issue    string
	resolved bool
}

// parseAlerts reads the body of a request. What is no body of that kind is an error; one that says
// nothing that concerns us is no signals.
func parseAlerts(kind string, perAlert bool, body []byte) ([]signal, error) {
	parse := map[string]func(bool, []byte) ([]signal, error){
		sourceGeneric: parseGeneric, sourceSentry: parseSentry, sourceAlertmanager: parseAlertmanager,
	}[kind]
	if parse == nil {
		return nil, fmt.Errorf("sources of kind %.40q are not known", kind)
	}
	signals, err := parse(perAlert, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	for i := range signals {
		signals[i].clean()
	}
	return signals, nil
}

// clean makes a signal fit to be kept. The key is left as it is: two that were cut could be the same.
func (s *signal) clean() {
	s.title, s.text = line(s.title, 200), lines(s.text, 2000)
	s.severity = strings.ToLower(line(s.severity, 60))
	if incident.Blank(s.title) {
		s.title = line(s.dedup, 200)
	}
	if !strings.HasPrefix(s.url, "https://") && !strings.HasPrefix(s.url, "http://") {
		s.url = ""
	}
}

// parseGeneric reads the form that any program can write.
func parseGeneric(_ bool, body []byte) ([]signal, error) {
	var in struct {
		DedupKey    string         `json:"dedup_key"`
		Title       string         `json:"title"`
		Description string         `json:"description"`
		Severity    string         `json:"severity"`
		URL         string         `json:"url"`
		Status      string         `json:"status"`
		Fields      map[string]any `json:"fields"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	if in.DedupKey == "" {
		return nil, fmt.Errorf("dedup_key is missing")
	}
	return []signal{{
		dedup: in.DedupKey, title: in.Title, text: withFields(in.Description, in.Fields), severity: in.Severity, url: in.URL,
		resolved: strings.EqualFold(in.Status, "resolved"),
	}}, nil
}

// loose is a text that some write as a number.
type loose string

// UnmarshalJSON takes a string or a number, and null for nothing.
func (l *loose) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err == nil {
		*l = loose(text)
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(data, &number); err != nil {
		return fmt.Errorf("%.40q is neither a text nor a number", data)
	}
	*l = loose(number.String())
	return nil
}

// parseSentry reads two of Sentry's resources: an issue, and an event that a rule picked.
func parseSentry(_ bool, body []byte) ([]signal, error) {
	var in struct {
		Action string `json:"action"`
		Data   struct {
			Issue *struct {
				ID        loose  `json:"id"`
				Title     string `json:"title"`
				Culprit   string `json:"culprit"`
				Level     string `json:"level"`
				WebURL    string `json:"web_url"`
				Permalink string `json:"permalink"`
			} `json:"issue"`
			Event *struct {
				IssueID     loose      `json:"issue_id"`
				Title       string     `json:"title"`
				Culprit     string     `json:"culprit"`
				Level       string     `json:"level"`
				WebURL      string     `json:"web_url"`
				Environment string     `json:"environment"`
				Tags        [][]string `json:"tags"`
			} `json:"event"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	switch issue, event := in.Data.Issue, in.Data.Event; {
	case issue != nil && issue.ID == "", event != nil && event.IssueID == "" && issue == nil:
		return nil, fmt.Errorf("the issue has no id")
	case issue != nil && (in.Action == "created" || in.Action == "unresolved" || in.Action == "resolved"):
		return []signal{{
			dedup: string(issue.ID), issue: string(issue.ID), title: issue.Title, text: issue.Culprit, severity: issue.Level,
			url: orElse(issue.WebURL, issue.Permalink), resolved: in.Action == "resolved",
		}}, nil
	case event != nil && issue == nil && in.Action == "triggered":
		environment := event.Environment
		for _, tag := range event.Tags {
			if len(tag) == 2 && tag[0] == "environment" && environment == "" {
				environment = tag[1]
			}
		}
		dedup := string(event.IssueID)
		if environment != "" {
			dedup += ":" + environment
		}
		return []signal{{
			dedup: dedup, issue: string(event.IssueID), title: event.Title, text: event.Culprit, severity: event.Level, url: event.WebURL,
		}}, nil
	default:
		return nil, nil // what else Sentry tells is not for us
	}
}

// amAlert is one alert of Alertmanager's.
type amAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// parseAlertmanager reads payload version 4: a group as one signal, or each of its alerts.
func parseAlertmanager(perAlert bool, body []byte) ([]signal, error) {
	var in struct {
		Version           string            `json:"version"`
		GroupKey          string            `json:"groupKey"`
		Status            string            `json:"status"`
		GroupLabels       map[string]string `json:"groupLabels"`
		CommonLabels      map[string]string `json:"commonLabels"`
		CommonAnnotations map[string]string `json:"commonAnnotations"`
		ExternalURL       string            `json:"externalURL"`
		Alerts            []amAlert         `json:"alerts"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	if in.Version != "4" {
		return nil, fmt.Errorf("payloads of version %.20q are not known", in.Version)
	}
	if !perAlert {
		if in.GroupKey == "" {
			return nil, fmt.Errorf("groupKey is missing")
		}
		return []signal{{
			dedup: in.GroupKey, resolved: in.Status == "resolved", url: in.ExternalURL, severity: in.CommonLabels["severity"],
			title: orElse(in.CommonAnnotations["summary"], orElse(in.CommonLabels["alertname"], in.GroupLabels["alertname"])),
			text:  in.CommonAnnotations["description"],
		}}, nil
	}
	var signals []signal
	for _, a := range in.Alerts {
		if a.Fingerprint == "" {
			return nil, fmt.Errorf("an alert has no fingerprint")
		}
		signals = append(signals, signal{
			dedup: a.Fingerprint, resolved: a.Status == "resolved", url: a.GeneratorURL, severity: a.Labels["severity"],
			title: orElse(a.Annotations["summary"], a.Labels["alertname"]), text: a.Annotations["description"],
		})
	}
	return signals, nil
}

package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

const alertIngestName = "alert.ingest"

// AttrSource is the attribute of an alert's row that names its source by its id in the settings.
const AttrSource = "source"

// alertIngest turns what sources say into incidents: one for each episode of an alert. A pager as a source
// says that somebody answered.
func (d Deps) alertIngest() Registration {
	return Registration{
		Name: alertIngestName, Topic: incident.TopicAlerts, Critical: true, Pipeline: true,
		Timeout: 10 * time.Second, MaxAge: incident.AlertMaxAge, Shed: ShedNever, Purge: PurgeNever,
		Handler: d.onRow(nil, d.onAlert),
	}
}

// onAlert reads a request and does what each of its alerts asks for. One that fails holds up no other.
func (d Deps) onAlert(ctx context.Context, r row) (string, error) {
	if r.handled { // its incident may have ended since, and it is no news
		return "", nil
	}
	rules, err := d.rules(ctx)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(rules.Sources, func(s incident.Source) bool { return s.ID == r.attrs[AttrSource] })
	if at < 0 {
		return "", neverRuns("no source is called %.60q", r.attrs[AttrSource])
	}
	source := rules.Sources[at]
	if source.Kind == sourcePagerDuty {
		return d.onPagerAnswer(ctx, source, r)
	}
	signals, err := parseAlerts(source.Kind, source.PerAlert, r.body)
	if err != nil {
		return "", handlers.Undecodable(err)
	}
	var refs []string
	var all error
	for _, s := range signals[:min(len(signals), maxSignals)] {
		ref, err := d.onSignal(ctx, rules, source, r, s)
		all = errors.Join(all, err)
		if ref != "" && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	result := orElse(strings.Join(refs, ", "), "nothing to do")
	if len(signals) > maxSignals {
		result = fmt.Sprintf("%d of %d alerts were read: %s", maxSignals, len(signals), result)
	}
	return result, all
}

// onSignal does what one alert asks for and returns the incident that it belongs to, "" for none.
func (d Deps) onSignal(ctx context.Context, rules *incident.Settings, source incident.Source, r row, s signal) (string, error) {
	subject := opening{
		actor: incident.Actor{Kind: incident.ByAlert, ID: source.ID, Name: source.ID, Role: incident.Responder},
		key:   alertKey(source.ID, s.dedup), episode: "episode:" + source.ID + ":" + orElse(s.issue, s.dedup),
		storm: "storm:alert:" + source.ID, stormName: "Alert storm from " + source.ID,
		burst: source.Burst, declare: source.Declare, once: "alert:" + r.id + ":" + s.dedup, cause: r.id, since: r.stored,
		params: incident.NewParams{
			Name: s.title, Summary: s.text, Severity: alertSeverity(rules, source, s.severity),
			Alert: &incident.Alert{Source: source.ID, Dedup: s.dedup, Title: s.title, URL: s.url},
			Quiet: d.age(r) > incident.AlertMaxAge,
		},
		attach: func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.AttachAlert(act, incident.Alert{Source: source.ID, Dedup: s.dedup, Title: s.title, URL: s.url})
		},
	}
	if subject.burst <= 0 {
		subject.burst = defaultBurst
	}
	if s.issue != "" {
		subject.find, subject.atOnce = d.findOfIssue(source.ID, s), maxOfIssue
	}
	if strings.HasPrefix(source.Runbook, "https://") || strings.HasPrefix(source.Runbook, "http://") {
		subject.params.Attachments = []incident.Attachment{{Kind: "runbook", URL: source.Runbook, Title: "Runbook", At: d.Now()}}
	} else if source.Runbook != "" {
		subject.params.Summary = strings.TrimSpace(s.text + "\n\n" + lines(source.Runbook, 2000))
	}
	if s.resolved {
		return d.onAlertOver(ctx, subject, source, s)
	}
	inc, err := d.openOrAttach(ctx, subject)
	if err != nil {
		return "", err
	}
	return inc.Ref(), nil
}

// onAlertOver notes that an alert is over. It never ends an incident, and one that nobody knows ends
// nothing. An issue is over in all its environments.
func (d Deps) onAlertOver(ctx context.Context, o opening, source incident.Source, s signal) (string, error) {
	open, err := d.holders(ctx, o, source, s)
	if err != nil {
		return "", err
	}
	var refs []string
	for _, inc := range open {
		for _, dedup := range firing(inc, source.ID, s) {
			_, err := d.do(ctx, inc.ID, o.actor, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.ResolveAlert(act, source.ID, dedup)
			}, incident.WithKey("over:alert:"+o.cause+":"+dedup), incident.CausedBy(o.cause, ""))
			if notFoundIsNil(err) != nil {
				return "", err
			}
		}
		refs = append(refs, inc.Ref())
	}
	return strings.Join(refs, ", "), nil
}

// holders returns the open incidents that an alert belongs to: one, or those of an issue.
func (d Deps) holders(ctx context.Context, o opening, source incident.Source, s signal) ([]incident.Incident, error) {
	if s.issue != "" {
		all, _, err := d.ofIssue(ctx, source.ID, s.issue)
		return all, err
	}
	inc, err := d.byKey(ctx, o.key)
	if err != nil {
		return nil, notFoundIsNil(err)
	}
	return []incident.Incident{inc}, nil
}

// firing returns the dedup keys of the alerts of an incident that are over when s is.
func firing(inc incident.Incident, source string, s signal) (all []string) {
	dedup := incident.NewKey(s.dedup, true).Text // as the document has it
	for _, a := range inc.Alerts {
		environment := s.issue != "" && strings.HasPrefix(a.Dedup, s.issue+":")
		if a.Source == source && a.Resolved.IsZero() && (environment || a.Dedup == dedup) {
			all = append(all, a.Dedup)
		}
	}
	return all
}

// alertSeverity maps what a source says to a severity of ours, "" where none is meant.
func alertSeverity(rules *incident.Settings, source incident.Source, said string) string {
	ours := source.Default
	for theirs, mapped := range source.Severity {
		if said != "" && strings.EqualFold(theirs, said) {
			ours = mapped
		}
	}
	if slices.ContainsFunc(rules.Severities, func(s incident.Severity) bool { return s.ID == ours }) {
		return ours
	}
	return ""
}

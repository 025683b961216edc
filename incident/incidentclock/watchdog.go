package incidentclock

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/theriac/theriac/incident"
)

// auditEvery is how often the watchdog looks.
const auditEvery = 30 * time.Second

// DefaultLimits are how long things may take before the watchdog says so. Their source is section 9
// of the design.
func DefaultLimits() incident.AuditLimits {
	return incident.AuditLimits{
		Alert: time.Minute, Page: time.Minute, Escalation: 2 * time.Minute, Channel: 3 * time.Minute, Publish: time.Minute,
	}
}

// Alarm is something that people must hear although the usual ways may be what is broken.
type Alarm struct {
	// Subject is told at most once in a while.
	Subject string
	// Title is one line, Detail says more. Both may hold text from outside.
	Title, Detail string
	// Ref is the incident that it is about, if any.
	Ref string
	At  time.Time
}

// Alarmer is the backup notifier. It is synchronous, keeps to one alarm per subject and 15 min, and
// uses neither broker nor worker nor chat.
type Alarmer interface {
	Raise(ctx context.Context, a Alarm) error
}

// Heartbeat tells an outside address that all is well. Its silence is what the outside acts on.
type Heartbeat interface {
	Beat(ctx context.Context) error
}

// WatchdogConfig says how a watchdog looks.
type WatchdogConfig struct {
	Watch   incident.Watch
	Alarmer Alarmer
	// Heartbeat may be nil.
	Heartbeat Heartbeat
	// Limits default to DefaultLimits.
	Limits incident.AuditLimits
	// Now is only for the time of an alarm about a store that cannot be read. Default time.Now.
	Now func() time.Time
	// Logger hears of an alarm that reached nobody, and of a heartbeat that was not taken. Default: nobody.
	Logger *slog.Logger
}

// Watchdog looks every 30 s whether something is late. Make one with NewWatchdog and call Run once.
type Watchdog struct{ WatchdogConfig }

// NewWatchdog returns a watchdog that does nothing before Run. cfg.Watch and cfg.Alarmer are required.
func NewWatchdog(cfg WatchdogConfig) *Watchdog {
	if cfg.Limits == (incident.AuditLimits{}) {
		cfg.Limits = DefaultLimits()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Watchdog{cfg}
}

// Run looks until ctx ends, and returns nil.
func (w *Watchdog) Run(ctx context.Context) error {
	every(ctx, auditEvery, func() { w.Look(ctx) })
	return nil
}

// Look looks once, raises an alarm for each finding, and sends the heartbeat if there was none.
func (w *Watchdog) Look(ctx context.Context) {
	reading, cancel := context.WithTimeout(ctx, 10*time.Second)
	findings, err := w.Watch.Audit(reading, w.Limits)
	cancel()
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.raise(ctx, Alarm{
			Subject: "store", Title: "the incident store cannot be read", Detail: err.Error(), At: w.Now(),
		})
		return
	}
	for _, f := range findings {
		w.raise(ctx, alarmOf(f))
	}
	if len(findings) == 0 && w.Heartbeat != nil {
		if err := w.Heartbeat.Beat(ctx); err != nil {
			w.Logger.WarnContext(ctx, "the heartbeat was not taken", "err", err)
		}
	}
}

func (w *Watchdog) raise(ctx context.Context, a Alarm) {
	if err := w.Alarmer.Raise(ctx, a); err != nil {
		w.Logger.ErrorContext(ctx, "an alarm of the watchdog reached nobody", "subject", a.Subject, "title", a.Title, "err", err)
	}
}

// alarmOf puts a finding into words.
func alarmOf(f incident.Finding) Alarm {
	a := Alarm{Subject: string(f.Kind) + ":" + f.Subject, Ref: f.Ref, At: f.Since}
	since := f.Since.UTC().Format("15:04:05Z")
	switch f.Kind {
	case incident.PagedWithoutIncident:
		a.Title = "paged, but no incident exists"
		a.Detail = fmt.Sprintf("alert %s was accepted at %s and no incident was made of it", f.Subject, since)
	case incident.PageNotSent:
		a.Title = f.Ref + ": a page was not handed over"
		a.Detail = "due since " + since
	case incident.EscalationLate:
		a.Title = f.Ref + ": an escalation is behind"
		a.Detail = "due since " + since
	case incident.NoChannel:
		a.Title = f.Ref + " has no channel"
		a.Detail = "open since " + since
	case incident.NotPublished:
		a.Subject = string(f.Kind)
		a.Title = "events wait for the broker"
		a.Detail = fmt.Sprintf("%d, the oldest since %s", f.Count, since)
	default:
		a.Title = string(f.Kind)
		a.Detail = f.Subject + ", since " + since
	}
	return a
}

package incidentclock

import (
	"context"
	"fmt"
	"log/slog"
	"math/bits"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
)

// How often jobs are asked for, and how long their ticks are good.
const (
	dueEvery     = 5 * time.Second
	effectsEvery = 30 * time.Second
	nudgeEvery   = time.Minute
	digestEvery  = time.Minute
	pruneEvery   = time.Hour

	effectsMaxAge = 2 * time.Minute
	nudgeMaxAge   = 5 * time.Minute
	digestMaxAge  = 6 * time.Hour

	digestHour = 9
	// page bounds one query.
	page = 500
)

// ClockStore is what the clock needs of a store.
type ClockStore interface {
	incident.Watch
	incident.Inbox
	// Settings are those in force.
	Settings(ctx context.Context) (incident.Settings, error)
	// Claim is that of [incident.Effects].
	Claim(ctx context.Context, c incident.Claim) (incident.ClaimResult, error)
}

// ClockConfig says how a clock runs.
type ClockConfig struct {
	Store ClockStore
	// Logger hears of beats that failed. Default: nobody.
	Logger *slog.Logger
}

// Clock asks for what is due. Make one with NewClock and call Run once.
type Clock struct {
	ClockConfig
	// pages and nudges are where a beat was cut short, zero after one that came to its end. Each belongs to
	// the goroutine of its beat.
	pages, nudges incident.Due
}

// NewClock returns a clock that does nothing before Run. cfg.Store is required.
func NewClock(cfg ClockConfig) *Clock {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Clock{ClockConfig: cfg}
}

// Run beats until ctx ends, and returns nil. A beat that fails is told of and left out: the next one
// finds what is still due.
func (c *Clock) Run(ctx context.Context) error {
	beats := []struct {
		job   string
		every time.Duration
		beat  func(context.Context, time.Time) error
	}{
		{"due", dueEvery, c.due},
		{"effects", effectsEvery, c.effects},
		{"nudge", nudgeEvery, c.nudge},
		{"digest", digestEvery, c.digest},
		{"prune", pruneEvery, c.prune},
	}
	var runs []func(context.Context) error
	for _, b := range beats {
		runs = append(runs, func(ctx context.Context) error {
			every(ctx, b.every, func() { c.once(ctx, b.job, b.every, b.beat) })
			return nil
		})
	}
	return runner.Run(ctx, runs...)
}

// every calls f at once and then once in each period, until ctx ends.
func every(ctx context.Context, period time.Duration, f func()) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		f()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// once runs one beat by the store's time.
func (c *Clock) once(ctx context.Context, job string, bound time.Duration, beat func(context.Context, time.Time) error) {
	beating, cancel := context.WithTimeout(ctx, min(bound, 20*time.Second))
	defer cancel()
	now, err := c.Store.Now(beating)
	if err == nil {
		err = beat(beating, now)
	}
	if err != nil && ctx.Err() == nil {
		c.Logger.ErrorContext(ctx, "a beat of the clock failed; the next one finds what is still due", "job", job, "err", err)
	}
}

// due asks for the next step of every escalation whose time has come, and asks again while it is
// still due, after 2, 4, 8 … minutes. That it has asked is the clock's sign of life.
func (c *Clock) due(ctx context.Context, now time.Time) error {
	err := c.ask(ctx, &c.pages, c.Store.DuePages, func(d incident.Due) incident.Tick {
		return incident.Tick{Job: incident.JobDue, IncidentID: d.IncidentID, At: d.At, Again: repeats(now.Sub(d.At))}
	})
	if err != nil {
		return err
	}
	return c.ticked(ctx)
}

// repeats says how many of 2, 4, 8 … minutes have passed.
func repeats(late time.Duration) int {
	return max(0, bits.Len64(uint64(max(0, late/time.Minute)))-1)
}

func (c *Clock) nudge(ctx context.Context, now time.Time) error {
	return c.ask(ctx, &c.nudges, c.Store.DueNudges, func(d incident.Due) incident.Tick {
		return incident.Tick{
			Job: incident.JobNudge, IncidentID: d.IncidentID, At: d.At,
			// A nudge that nobody worked off is asked for again when the last tick is stale, with a row of its own:
			// while work is shed ticks are dropped, and what is due still should come soon after.
			Again: int(max(0, now.Sub(d.At)) / nudgeMaxAge), NotAfter: now.Add(nudgeMaxAge),
		}
	})
}

func (c *Clock) effects(ctx context.Context, now time.Time) error {
	for after := ""; ; {
		found, err := c.Store.Sweepable(ctx, after, page)
		if err != nil || len(found) == 0 {
			return err
		}
		rows := make([]incident.Inbound, 0, len(found))
		for _, d := range found {
			rows = append(rows, incident.Tick{
				Job: incident.JobEffects, IncidentID: d.IncidentID, At: sweptAt(d, now), NotAfter: now.Add(effectsMaxAge),
			}.Inbound())
		}
		if _, err := c.Store.Accept(ctx, rows...); err != nil {
			return fmt.Errorf("ask for effects: %w", err)
		}
		after = found[len(found)-1].IncidentID
	}
}

// sweptAt is the period for which the effects of an incident are looked for: each beat while it changes,
// then less and less often, since what was there stays. Periods of different incidents begin at different
// beats, so that a thousand quiet ones are not all looked at in the same.
func sweptAt(d incident.Due, now time.Time) time.Time {
	period := effectsEvery
	switch quiet := now.Sub(d.At); {
	case quiet >= time.Hour:
		period = 20 * effectsEvery
	case quiet >= 5*time.Minute:
		period = 4 * effectsEvery
	}
	shift := effectsEvery * time.Duration(d.Number%int64(period/effectsEvery))
	return now.Add(-shift).Truncate(period)
}

// digest asks for the summary of a day from 09:00 on, in the zone of the settings, on working days.
// A day whose hour passed without a clock is made up for within its six hours, since the id is that
// of the day.
func (c *Clock) digest(ctx context.Context, now time.Time) error {
	settings, err := c.Store.Settings(ctx)
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(settings.Hours.Zone)
	if err != nil {
		return fmt.Errorf("zone of the working hours: %w", err)
	}
	local := now.In(zone)
	at := time.Date(local.Year(), local.Month(), local.Day(), digestHour, 0, 0, 0, zone)
	weekend := local.Weekday() == time.Saturday || local.Weekday() == time.Sunday
	if weekend || now.Before(at) || now.Sub(at) >= digestMaxAge {
		return nil
	}
	_, err = c.Store.Accept(ctx, incident.Tick{Job: incident.JobDigest, At: at, NotAfter: at.Add(digestMaxAge)}.Inbound())
	return err
}

// prune deletes what nobody asks for any more, in small batches.
func (c *Clock) prune(ctx context.Context, _ time.Time) error {
	for {
		n, err := c.Store.Prune(ctx, page)
		if err != nil || n == 0 {
			return err
		}
	}
}

// dueFunc is [incident.Watch].DuePages or DueNudges.
type dueFunc func(ctx context.Context, after incident.Due, limit int) ([]incident.Due, error)

// ask stores a tick for each that is due, page by page from place on. A beat that is cut short leaves its
// place to the next one: what became due last has its turn, however much stays due before it and however
// slow the store is.
func (c *Clock) ask(ctx context.Context, place *incident.Due, due dueFunc, tick func(incident.Due) incident.Tick) error {
	for {
		found, err := due(ctx, *place, page)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			*place = incident.Due{}
			return nil
		}
		rows := make([]incident.Inbound, 0, len(found))
		for _, d := range found {
			rows = append(rows, tick(d).Inbound())
		}
		if _, err := c.Store.Accept(ctx, rows...); err != nil {
			return err
		}
		*place = found[len(found)-1]
	}
}

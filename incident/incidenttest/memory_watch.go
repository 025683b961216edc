package incidenttest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
)

// DuePages implements [incident.Watch].
func (s *Store) DuePages(ctx context.Context, after incident.Due, limit int) ([]incident.Due, error) {
	return s.due(ctx, after, limit, func(c *incident.Columns) time.Time { return c.PageDueAt })
}

// DueNudges implements [incident.Watch].
func (s *Store) DueNudges(ctx context.Context, after incident.Due, limit int) ([]incident.Due, error) {
	return s.due(ctx, after, limit, func(c *incident.Columns) time.Time { return c.NudgeDueAt })
}

func (s *Store) due(ctx context.Context, after incident.Due, limit int, at func(*incident.Columns) time.Time) ([]incident.Due, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	now := s.now()
	order := func(a, b incident.Due) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Number, b.Number)) }
	var all []incident.Due
	for _, r := range s.numbers {
		d := incident.Due{IncidentID: r.columns.ID, Number: r.number, At: micro(at(&r.columns))}
		if !d.At.IsZero() && !d.At.After(now) && (after.At.IsZero() || order(d, after) > 0) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, order)
	return all[:min(len(all), max(limit, 0))], nil
}

// Sweepable implements [incident.Watch].
func (s *Store) Sweepable(ctx context.Context, after string, limit int) ([]incident.Due, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	since := s.now().Add(-48 * time.Hour)
	var all []incident.Due
	for _, r := range s.numbers {
		if id := r.columns.ID; id > after && (r.columns.Ended.IsZero() || !r.columns.Ended.Before(since)) {
			all = append(all, incident.Due{IncidentID: id, Number: r.number, At: micro(r.columns.Updated)})
		}
	}
	slices.SortFunc(all, func(a, b incident.Due) int { return strings.Compare(a.IncidentID, b.IncidentID) })
	return all[:min(len(all), max(limit, 0))], nil
}

// mostFindings bounds the findings of one kind.
const mostFindings = 100

// Audit implements [incident.Watch].
func (s *Store) Audit(ctx context.Context, limits incident.AuditLimits) ([]incident.Finding, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	now := s.now()
	return slices.Concat(s.alertsLocked(now.Add(-incident.AlertMaxAge), now.Add(-limits.Alert)), s.pagesLocked(now.Add(-limits.Page)),
		s.lateLocked(now.Add(-limits.Escalation)), s.channelsLocked(now.Add(-limits.Channel)),
		s.unpublishedLocked(now.Add(-limits.Publish))), nil
}

// oldest sorts and bounds findings.
func oldest(all []incident.Finding) []incident.Finding {
	slices.SortFunc(all, func(a, b incident.Finding) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Subject, b.Subject))
	})
	return all[:min(len(all), mostFindings)]
}

func (s *Store) alertsLocked(since, before time.Time) []incident.Finding {
	var all []incident.Finding
	for _, r := range s.inbound {
		if r.Topic == incident.TopicAlerts && r.Handled.IsZero() && r.Stored.Before(before) && !r.Stored.Before(since) {
			all = append(all, incident.Finding{Kind: incident.PagedWithoutIncident, Subject: r.ID, Since: r.Stored, Count: 1})
		}
	}
	return oldest(all)
}

func (s *Store) pagesLocked(before time.Time) []incident.Finding {
	var all []incident.Finding
	for _, r := range s.numbers {
		if r.columns.PageDueAt.IsZero() {
			continue
		}
		for i, e := range s.lists[r.columns.ID] {
			step, ok := strings.CutPrefix(e.Key, "level:")
			if e.Type != incident.EvLevelDue || !ok || !e.waiting.at.Before(before) || s.pagedLocked(e, step, s.lists[r.columns.ID][i+1:]) {
				continue
			}
			all = append(all, incident.Finding{Kind: incident.PageNotSent, Subject: r.columns.ID,
				Ref: incident.Ref(r.number), Since: e.waiting.at, Count: 1})
		}
	}
	return oldest(all)
}

// pagedLocked reports that nobody need be worried about a level: a page of it was sent, or a later
// event of its escalation says that this is over.
func (s *Store) pagedLocked(e *stored, step string, later []*stored) bool {
	for _, effect := range s.effectsOf[e.IncidentID] {
		if effect.State == incident.EffectDone && strings.HasPrefix(effect.Key, "page:"+step+":") {
			return true
		}
	}
	escalation, _, _ := strings.Cut(step, ":")
	over := []incident.EventType{incident.EvLevelDue, incident.EvLevelNotified, incident.EvAcked, incident.EvExhausted,
		incident.EvEscCancelled, incident.EvEscResolved}
	return slices.ContainsFunc(later, func(l *stored) bool {
		return slices.Contains(over, l.Type) && bytes.Contains(l.body, []byte(escalation))
	})
}

func (s *Store) lateLocked(before time.Time) []incident.Finding {
	var all []incident.Finding
	for _, r := range s.numbers {
		if at := micro(r.columns.PageDueAt); !at.IsZero() && at.Before(before) {
			all = append(all, incident.Finding{Kind: incident.EscalationLate, Subject: r.columns.ID,
				Ref: incident.Ref(r.number), Since: at, Count: 1})
		}
	}
	return oldest(all)
}

func (s *Store) channelsLocked(before time.Time) []incident.Finding {
	begin := []incident.EventType{incident.EvDeclared, incident.EvAccepted, incident.EvReopened}
	var all []incident.Finding
	for _, r := range s.numbers {
		c := &r.columns
		if !c.Status.Live() || c.HasChannel || c.Mode == incident.ModeRetrospective {
			continue
		}
		since := micro(c.Created)
		for _, e := range s.lists[c.ID] {
			if slices.Contains(begin, e.Type) {
				since = e.waiting.at
			}
		}
		if since.Before(before) {
			all = append(all, incident.Finding{Kind: incident.NoChannel, Subject: c.ID, Ref: incident.Ref(r.number), Since: since, Count: 1})
		}
	}
	return oldest(all)
}

func (s *Store) unpublishedLocked(before time.Time) []incident.Finding {
	var all []incident.Finding
	for _, w := range s.queue {
		if !w.since.IsZero() && w.since.Before(before) {
			all = append(all, incident.Finding{Kind: incident.NotPublished, Subject: w.id, Since: w.since})
		}
	}
	if len(all) == 0 {
		return nil
	}
	n := len(all)
	first := oldest(all)[:1]
	first[0].Count = n
	return first
}

// Prune implements [incident.Watch].
func (s *Store) Prune(ctx context.Context, limit int) (int, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	now, n := s.now(), 0
	for id, r := range s.inbound {
		if n < limit && r.waiting.since.IsZero() && r.Stored.Before(now.AddDate(0, 0, -30)) {
			delete(s.inbound, id)
			n++
		}
	}
	for key, e := range s.effects {
		r := s.incidents[e.IncidentID]
		old := now.AddDate(0, 0, -90)
		if n >= limit || r == nil || r.columns.Ended.IsZero() || !r.columns.Ended.Before(old) || !r.columns.Updated.Before(old) {
			continue
		}
		delete(s.effects, key)
		s.effectsOf[e.IncidentID] = slices.DeleteFunc(s.effectsOf[e.IncidentID], func(o *incident.Effect) bool { return o == e })
		n++
	}
	return n, nil
}

package workflow

import (
	"context"
	"time"

	"github.com/theriac/theriac/incident"
)

const escalationAdvanceName = "escalation.advance"

// escalationAdvance turns a due time into the next step of an escalation. It acts on the present state,
// so that a tick that comes late, early or twice does what is due and nothing else.
func (d Deps) escalationAdvance() Registration {
	return Registration{
		Name: escalationAdvanceName, Topic: incident.TopicClock, Types: []string{string(incident.JobDue)}, Critical: true, Pipeline: true,
		Timeout: 10 * time.Second, Shed: ShedNever, Purge: PurgeNever,
		Handler: d.onTick(string(incident.JobDue), func(ctx context.Context, r row, inc incident.Incident) (string, error) {
			moved := 0
			fresh, err := d.do(ctx, inc.ID, incident.Actor{Kind: incident.ByClock, ID: escalationAdvanceName},
				func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
					evs, err := inc.AdvanceEscalations(act)
					moved = len(evs)
					return evs, err
				}, incident.CausedBy(r.id, ""))
			if err != nil {
				return "", err
			}
			if moved == 0 {
				return "nothing was due", d.early(r, fresh.PageDueAt())
			}
			return "advanced", nil
		}),
	}
}

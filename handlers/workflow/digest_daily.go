package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/incident"
)

const digestDailyName = "digest.daily"

// digestMaxAge is how old the tick may be: yesterday's digest tells nobody anything.
const digestMaxAge = 6 * time.Hour

// digestLimit bounds how many incidents one digest names.
const digestLimit = 40

// digestDaily tells every channel that hears of incidents which ones are open. It reads columns only.
func (d Deps) digestDaily() Registration {
	return Registration{
		Name: digestDailyName, Topic: incident.TopicClock, Types: []string{string(incident.JobDigest)},
		Timeout: time.Minute, MaxAge: digestMaxAge, Shed: ShedDrop, Purge: PurgeSafe,
		Handler: d.onRow([]string{string(incident.JobDigest)}, d.onDigest),
	}
}

// onDigest posts to each channel, once a day.
func (d Deps) onDigest(ctx context.Context, r row) (string, error) {
	date := r.attrs[incident.AttrDate]
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return "", neverRuns("a digest is due, and %.40q is no day", date)
	}
	if d.age(r) > digestMaxAge {
		return "too late", nil
	}
	rules, err := d.rules(ctx)
	if err != nil || d.Chat == nil {
		return "there is no chat", err
	}
	var channels []string
	for _, a := range rules.Announce {
		if a.Channel != "" && !slices.Contains(channels, a.Channel) {
			channels = append(channels, a.Channel)
		}
	}
	if len(channels) == 0 {
		return "there is nobody to tell", nil
	}
	card, err := d.digestCard(ctx, rules, date)
	if err != nil || len(card.Facts) == 0 {
		return "there is nothing to tell", err
	}
	var all error
	for _, channel := range channels {
		place, key := Place{Channel: channel}, "digest:"+date+":"+channel
		all = errors.Join(all, d.run(ctx, effect{
			key: key, handler: digestDailyName, silent: true,
			probe: d.findPost(place, key),
			do: func(ctx context.Context) (incident.EffectEnd, error) {
				return d.post(ctx, Post{To: place, Key: key, Card: card})
			},
		}))
	}
	return fmt.Sprintf("told %d channels", len(channels)), all
}

// digestCard lists what is open and what waits to be closed: public ones that are no tests.
func (d Deps) digestCard(ctx context.Context, rules *incident.Settings, date string) (Card, error) {
	page, err := d.stores().List(ctx, incident.Filter{
		Stages: []incident.Stage{incident.StageTriage, incident.StageActive, incident.StagePaused, incident.StagePost},
		Modes:  []incident.Mode{incident.ModeStandard}, For: &incident.Reader{Role: incident.Viewer}, Limit: digestLimit,
	})
	if err != nil {
		return Card{}, err
	}
	card := Card{Title: "Incidents on " + date}
	for i := range page.Incidents {
		inc := &page.Incidents[i]
		if inc.Visibility == incident.Private {
			continue
		}
		card.Facts = append(card.Facts, Fact{
			Name:  inc.Ref() + " · " + string(inc.Status) + " · " + orElse(severityName(rules, inc.Severity), "no severity"),
			Value: line(inc.Name, 120),
		})
	}
	if page.Next != "" {
		card.Text = fmt.Sprintf("These are the latest %d. There are more.", digestLimit)
	}
	return card, nil
}

package incidents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
	"github.com/theriac/theriac/quarantine"
)

// notLate is how late a step of an escalation may be.
const notLate = 30 * time.Second

// audit is what happened, beside what should have.
type audit struct {
	// Events are all events of all incidents, Gaps the incidents whose list has a gap, Unfolded those whose
	// document is not what their events say, Unpublished what the broker never had.
	Events      int `json:"events"`
	Gaps        int `json:"gaps"`
	Unfolded    int `json:"unfolded"`
	Unpublished int `json:"unpublished"`
	// Channels, Posts, Invitations and Pages are what the fakes took; the others what is missing, and what
	// is there more than once.
	Channels      int `json:"channels"`
	ChannelsTwice int `json:"channels_twice"`
	// Abandoned are channels of incidents that became private while the channel was made.
	Abandoned    int `json:"channels_abandoned"`
	Posts        int `json:"posts"`
	PostsTwice   int `json:"posts_twice"`
	Invitations  int `json:"invitations"`
	InvitedTwice int `json:"invited_twice"`
	Pages        int `json:"pages"`
	PagesTwice   int `json:"pages_twice"`
	PagesLost    int `json:"pages_lost"`
	// Wanted are effects that are wanted and were never done.
	Wanted int `json:"wanted_and_missing"`
	// Steps are steps of escalations; LatestMS is how late the latest was.
	Steps        int     `json:"steps"`
	StepsMissed  int     `json:"steps_missed"`
	StepsDoubled int     `json:"steps_doubled"`
	StepsEarly   int     `json:"steps_early"`
	LatestMS     float64 `json:"latest_ms"`
	// Quarantined are messages that were held.
	Quarantined int `json:"quarantined"`
}

func (a *audit) rows(w *term.Writer) {
	w.Printf("%-13s %8s %8s %8s\n", "", "COUNT", "TWICE", "MISSING")
	row := func(name string, n, twice, missing int) { w.Printf("%-13s %8d %8d %8d\n", name, n, twice, missing) }
	row("events", a.Events, 0, a.Unpublished)
	row("channels", a.Channels, a.ChannelsTwice, 0)
	row("posts", a.Posts, a.PostsTwice, 0)
	row("invitations", a.Invitations, a.InvitedTwice, 0)
	row("pages", a.Pages, a.PagesTwice, a.PagesLost)
	row("steps", a.Steps, a.StepsDoubled, a.StepsMissed)
	w.Printf("effects wanted and missing %d; lists with gaps %d; documents that are not what their events say %d\n", a.Wanted, a.Gaps, a.Unfolded)
	w.Printf("steps too early %d, the latest was %.1f s late; messages held %d\n", a.StepsEarly, a.LatestMS/1000, a.Quarantined)
}

// all lists the ids of all incidents.
func (s *site) all(ctx context.Context) (ids []string, err error) {
	f := incident.Filter{Limit: 200}
	for {
		page, err := s.stores.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, inc := range page.Incidents {
			ids = append(ids, inc.ID)
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			return ids, nil
		}
	}
}

// judge compares what should have happened with what did.
func (c *campaign) judge(ctx context.Context) error {
	ids, err := c.all(ctx)
	if err != nil {
		return err
	}
	c.r.Incidents = len(ids)
	paged := map[string]int{}
	for _, a := range c.pager.Alerts() {
		if strings.HasPrefix(a.Key, "page:") {
			paged[a.Key]++
			c.r.Pages++
		}
	}
	for _, id := range ids {
		if err := c.one(ctx, id, paged); err != nil {
			return err
		}
	}
	for _, n := range paged {
		c.r.PagesTwice += n - 1
	}
	c.judgeSlack(ctx, ids)
	if c.r.Unpublished, err = c.unpublished(ctx); err != nil {
		return err
	}
	if c.r.Quarantined, err = c.quarantined(ctx); err != nil {
		return err
	}
	c.verdict()
	return nil
}

// one looks at one incident.
func (c *campaign) one(ctx context.Context, id string, paged map[string]int) error {
	inc, err := c.stores.Get(ctx, id)
	if err != nil {
		return err
	}
	c.r.Statuses[string(inc.Status)]++
	events, err := c.events(ctx, id)
	if err != nil {
		return err
	}
	c.r.Events += len(events)
	if !gapFree(events, inc.Seq) {
		c.r.Gaps++
	}
	told, err := incident.Fold(events)
	if want := incident.FoldOf(&inc); err != nil || !reflect.DeepEqual(want, told) {
		c.r.Unfolded++
		c.r.check(false, "%s: its events say %+v, and it is %+v (%v)", inc.Ref(), told, want, err)
	}
	rows, err := c.stores.EffectList(ctx, id)
	if err != nil {
		return err
	}
	missing, err := c.missing(ctx, &inc, rows)
	if err != nil {
		return err
	}
	c.r.Wanted += len(missing)
	c.pages(rows, paged)
	c.steps(&inc, events, rows)
	return nil
}

func (c *campaign) events(ctx context.Context, id string) (all []incident.Event, err error) {
	f := incident.EventFilter{IncidentID: id, Limit: 1000}
	for {
		page, err := c.stores.Events(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Events...)
		if len(page.Events) < f.Limit {
			return all, nil
		}
		f.AfterSeq = all[len(all)-1].Seq
	}
}

func gapFree(events []incident.Event, last int64) bool {
	for i, e := range events {
		if e.Seq != int64(i+1) {
			return false
		}
	}
	return int64(len(events)) == last
}

// pages compares the calls that the service believes it made with those that the pager had.
func (c *campaign) pages(rows []incident.Effect, paged map[string]int) {
	for _, row := range rows {
		// A call that only tells is a message; its row says which.
		called := strings.HasPrefix(row.Key, "page:") && row.State == incident.EffectDone && !strings.Contains(row.ExternalID, ".")
		if called && paged[row.Key] == 0 {
			c.r.PagesLost++
			c.r.check(false, "%s is done (%s, %s), and the pager never had it", row.Key, row.ExternalID, row.Result)
		}
	}
}

// steps looks at the steps of each escalation: every one from the first to the last, once, in time.
func (c *campaign) steps(inc *incident.Incident, events []incident.Event, rows []incident.Effect) {
	due := map[string]int{}
	for _, e := range events {
		if e.Type != incident.EvLevelDue {
			continue
		}
		d, err := incident.DataOf[incident.DataEscalation](e)
		if err != nil {
			c.r.check(false, "%s: event %d cannot be read", inc.Ref(), e.Seq)
			continue
		}
		due[fmt.Sprintf("%s:%d:%d", d.ID, d.Round, d.Level)]++
		c.r.Steps++
		late := e.RecordedAt.Sub(d.Due)
		c.r.LatestMS = max(c.r.LatestMS, ms(late))
		if late < 0 {
			c.r.StepsEarly++
		}
		c.reached(inc, d, rows)
	}
	for _, n := range due {
		c.r.StepsDoubled += n - 1
	}
	for _, e := range inc.Escalations {
		for round := 1; round <= e.Round; round++ {
			for level := 1; level <= len(e.Levels) && (round < e.Round || level <= e.Level); level++ {
				if due[fmt.Sprintf("%s:%d:%d", e.ID, round, level)] == 0 {
					c.r.StepsMissed++
				}
			}
		}
		if e.State == incident.Exhausted && (e.Round != e.Repeat || e.Level != len(e.Levels)) {
			c.r.StepsMissed++
		}
	}
}

// reached checks that a step which was due was tried for each of its people.
func (c *campaign) reached(inc *incident.Incident, d incident.DataEscalation, rows []incident.Effect) {
	for _, t := range d.Targets {
		key := fmt.Sprintf("page:%s:%d:%d:%s", d.ID, d.Round, d.Level, t)
		if !slices.ContainsFunc(rows, func(e incident.Effect) bool { return e.Key == key }) {
			c.r.PagesLost++
			c.r.check(false, "%s: %s was due, and nobody tried", inc.Ref(), key)
		}
	}
}

// judgeSlack counts what is in Slack.
func (c *campaign) judgeSlack(ctx context.Context, ids []string) {
	posts, of := map[string]int{}, map[string]int{}
	members := 0
	for _, channel := range c.slack.Channels() {
		_, id, known := strings.Cut(channel.Purpose, "Theriac incident ")
		switch {
		case !known && !strings.HasPrefix(channel.Name, "inc-"): // no channel of an incident
		case c.abandoned(ctx, channel):
			c.r.Abandoned++
			c.r.check(channel.Archived, "%s is open to all, and its incident is private", channel.Name)
		case known:
			of[id]++
			members += len(channel.Members)
		default:
			c.r.check(false, "%s is nobody's: purpose %q, private %v, archived %v", channel.Name, channel.Purpose, channel.Private, channel.Archived)
		}
		for _, m := range c.slack.Messages(channel.ID) {
			var mark struct {
				Payload struct {
					Key string `json:"key"`
				} `json:"event_payload"`
			}
			if json.Unmarshal(m.Metadata, &mark) == nil && mark.Payload.Key != "" {
				posts[channel.ID+" "+mark.Payload.Key]++
				c.r.Posts++
			}
		}
	}
	for key, n := range posts {
		c.r.PostsTwice += n - 1
		c.r.check(n == 1, "posted %d times: %s", n, key)
	}
	for _, id := range ids {
		c.r.ChannelsTwice += max(of[id]-1, 0)
	}
	c.r.Channels = c.slack.Done("conversations.create")
	c.r.ChannelsTwice += c.r.Channels - len(of) - c.r.ChannelsTwice - c.r.Abandoned
	c.r.Invitations = c.slack.Done("conversations.invite")
	c.r.InvitedTwice = c.r.Invitations - members
}

// abandoned reports that a channel was made for an incident that became private before the channel was
// its own: such a channel is open to all, and a private one takes its place.
func (c *campaign) abandoned(ctx context.Context, channel slackfake.Channel) bool {
	number, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(channel.Name, "inc-"), "test-"), "-")
	inc, err := c.stores.Get(ctx, "INC-"+number)
	return err == nil && inc.Visibility == incident.Private && !channel.Private && (inc.Channel == nil || inc.Channel.ID != channel.ID)
}

// quarantined counts what is held.
func (c *campaign) quarantined(ctx context.Context) (int, error) {
	at, err := config.ParseStore(c.storeURL(), c.dir)
	if err != nil {
		return 0, err
	}
	store, closer, err := app.OpenStore(ctx, at)
	if err != nil {
		return 0, err
	}
	room, err := quarantine.New(store, quarantine.Config{})
	if err != nil {
		return 0, errors.Join(err, closer.Close())
	}
	page, err := room.EntryList(ctx, quarantine.Query{Limit: 1000})
	for _, e := range page.Entries {
		c.r.check(false, "held: a message of %s: %s, %s", e.Subscription, e.Reason, e.Title)
	}
	return len(page.Entries), errors.Join(err, closer.Close())
}

// verdict says what is wrong.
func (c *campaign) verdict() {
	r := c.r
	none := func(n int, what string) { r.check(n == 0, "%d %s", n, what) }
	none(r.Gaps, "lists of events have gaps")
	none(r.Unpublished, "events or rows never reached the broker")
	none(r.ChannelsTwice, "channels too many")
	none(r.PostsTwice, "posts too many")
	none(r.InvitedTwice, "invitations too many")
	none(r.PagesTwice, "pages too many")
	none(r.PagesLost, "pages lost")
	none(r.Wanted, "effects are wanted and were never done")
	none(r.StepsMissed, "steps of escalations missed")
	none(r.StepsDoubled, "steps of escalations doubled")
	none(r.StepsEarly, "steps of escalations too early")
	r.check(r.LatestMS <= ms(notLate), "a step of an escalation was %.1f s late", r.LatestMS/1000)
	kills := 0
	for _, n := range r.Kills {
		kills += n
	}
	r.check(kills > 0, "nothing was killed")
	if len(r.Problems) > 30 {
		r.Problems = append(r.Problems[:30], fmt.Sprintf("and %d more", len(r.Problems)-30))
	}
}

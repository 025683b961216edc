package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/quarantine"
)

// showLatest is how many of the latest events are looked at for the lines below an incident, and
// showLines how many lines are shown.
const (
	showLatest = 60
	showLines  = 8
)

func newIncidentShowCommand(t *Tool) *cobra.Command {
	o := &output.Options{}
	c := t.lookCommand("show", "How an incident stands, who is on it, and what can be done now", o, func(ctx context.Context, word string) error {
		return t.showIncident(ctx, *o, word)
	})
	c.Example = `theriac incident show INC-42
theriac incident show 42 --jq .incident.entries`
	return c
}

// incidentShowJSON is an incident with what surrounds it in theriac/1.
type incidentShowJSON struct {
	output.Head
	Incident incidentJSON `json:"incident"`
	Latest   []lineJSON   `json:"latest"`
	// HeldBack are the controls in force, null where the quarantine's store did not say.
	HeldBack []controlJSON `json:"held_back"`
}

func (t *Tool) showIncident(ctx context.Context, o output.Options, word string) error {
	room, inc, err := t.look(ctx, word)
	if err != nil {
		return err
	}
	page, err := room.stores.Events(ctx, incident.EventFilter{IncidentID: inc.ID, AfterSeq: max(inc.Seq-showLatest, 0), Limit: showLatest})
	if err != nil {
		return err
	}
	controls, heldErr := t.heldBack(ctx)
	j := incidentShowJSON{Head: output.NewHead(), Incident: newIncidentJSON(inc), Latest: newLinesJSON(incident.AsEdited(page.Events))}
	if heldErr == nil {
		j.HeldBack = newControlsJSON(controls)
	}
	if rules, err := room.stores.Settings(ctx); err == nil { // who cannot read them still sees the incident
		j.Incident.Missing = inc.Missing(&rules)
	}
	v := incidentPage{inc: inc, now: t.now(), missing: j.Incident.Missing, latest: timelineOf(page.Events, false)}
	return t.Print(o, output.Answer{Value: j, Names: []string{inc.Ref()}, Layout: v.page(heldBackLines(controls, heldErr, t.now()))})
}

// heldBack asks the quarantine which work is held back. It may be down while incidents are not.
func (t *Tool) heldBack(ctx context.Context) (quarantine.Controls, error) {
	ctx, cancel := context.WithTimeout(ctx, heldBackWithin)
	defer cancel()
	room, err := t.Room(ctx)
	if err != nil {
		return quarantine.Controls{}, err
	}
	return room.Controls(ctx)
}

// heldBackWithin is how long the quarantine may take to say what is held back.
const heldBackWithin = 2 * time.Second

// heldBackLines say what is held back. A quarantine that was never made holds nothing.
func heldBackLines(c quarantine.Controls, err error, now time.Time) []string {
	if _, never := errors.AsType[*app.MissingError](err); never {
		return nil
	}
	if err != nil {
		return []string{"cannot be said: the quarantine's store does not answer; see: theriac doctor"}
	}
	var lines []string
	for _, one := range c.InForce {
		what, undo := "paused: "+one.Subscription, "theriac resume "+one.Subscription
		if one.Subscription == "" {
			what, undo = "shed: "+string(one.Level), "theriac shed normal"
		}
		until := "until somebody ends it"
		if !one.Until.IsZero() {
			until = "until " + clock(one.Until, now)
		}
		lines = append(lines, strings.Join(present(what, until, "by "+one.Ordered.Actor.Name, one.Ordered.Reason, "Undo: "+undo), "   "))
	}
	return lines
}

// present are the texts that are not empty.
func present(texts ...string) []string {
	var all []string
	for _, t := range texts {
		if t != "" {
			all = append(all, t)
		}
	}
	return all
}

// incidentPage lays an incident out.
type incidentPage struct {
	inc incident.Incident
	now time.Time
	// missing is what should be said of it by now.
	missing []string
	latest  []timelineLine
}

func (v incidentPage) page(held []string) output.Page {
	inc := v.inc
	p := output.Page{Word: inc.Ref(), Title: standingLine(inc)}
	add := func(name string, lines ...string) {
		if strings.Join(lines, "") != "" {
			p.Sections = append(p.Sections, output.Section{Name: name, Lines: lines})
		}
	}
	list := func(name string, lines []string) {
		if len(lines) > 0 {
			p.Sections = append(p.Sections, output.Section{Name: name, Lines: lines, Apart: true})
		}
	}
	list("WORK IS HELD BACK", held)
	list("MISSING", v.whatIsMissing())
	add("SUMMARY", lineOf(inc.Summary))
	add("SINCE", v.times())
	add("LEAD", v.lead())
	add("ROLES", v.roles()...)
	add("PEOPLE", v.people())
	add("UPDATE", v.update())
	add("NEXT", v.nextUpdate())
	list("CALLED", v.escalations())
	list("ENTRIES", v.entries())
	list("ALERTS", v.alerts())
	list("ACTIONS", v.actions())
	list("FOLLOW-UPS", v.followUps())
	list("TASKS", v.tasks())
	list("FIELDS", v.fields())
	list("LINKS", v.links())
	list("LATEST", v.lines())
	add("ALLOWED", allowed(inc.Status))
	list("COMMANDS", v.commands())
	add("ID", inc.ID)
	return p
}

// lineOf is a text on one line: its own line feeds are spaces.
func lineOf(s string) string { return strings.Join(strings.Fields(s), " ") }

func (v incidentPage) times() string {
	t := v.inc.Times
	var said []string
	for _, one := range []struct {
		what string
		at   time.Time
	}{
		{"impact", t.ImpactStarted}, {"reported", t.Reported}, {"declared", t.Declared}, {"accepted", t.Accepted},
		{"fixed", t.Fixed}, {"resolved", t.Resolved}, {"over", t.Closed},
	} {
		if !one.at.IsZero() {
			said = append(said, one.what+" "+clock(one.at, v.now))
		}
	}
	return strings.Join(append(said, age(t.Created, v.now)+" old"), "   ")
}

// whatIsMissing says what should be said by now, and how.
func (v incidentPage) whatIsMissing() []string {
	var lines []string
	for _, what := range v.missing {
		command := "theriac incident "
		switch field, custom := strings.CutPrefix(what, "fields."); {
		case what == "severity":
			command += "severity " + v.inc.Ref() + " SEVERITY"
		case what == incident.LeadRole:
			command += "lead " + v.inc.Ref() + " PERSON"
		case custom:
			what, command = field, command+"edit "+v.inc.Ref()+" --field "+field+"=VALUE"
		}
		lines = append(lines, what+"   "+command)
	}
	return lines
}

func (v incidentPage) lead() string {
	if lead := v.inc.Lead(); lead != "" {
		return lead
	}
	if v.inc.Status.Live() {
		return "nobody: theriac incident lead " + v.inc.Ref() + " PERSON"
	}
	return ""
}

func (v incidentPage) roles() []string {
	var lines []string
	for _, a := range v.inc.Assignments {
		if a.Role != incident.LeadRole {
			lines = append(lines, fmt.Sprintf("%s: %s since %s", a.Role, a.Person, clock(a.Since, v.now)))
		}
	}
	return lines
}

func (v incidentPage) people() string {
	var names []string
	for _, p := range v.inc.Participants {
		if p.Left.IsZero() {
			names = append(names, fmt.Sprintf("%s (%s)", p.Person, p.Kind))
		}
	}
	return strings.Join(names, ", ")
}

func (v incidentPage) update() string {
	u := v.inc.LastUpdate
	if u == nil {
		return ""
	}
	return fmt.Sprintf("%s   %s   %s", clock(u.At, v.now), cmp.Or(u.By.Name, u.By.ID), lineOf(u.Message))
}

func (v incidentPage) nextUpdate() string {
	if v.inc.NextUpdateDue.IsZero() {
		return ""
	}
	return fmt.Sprintf("update due %s (%s)", clock(v.inc.NextUpdateDue, v.now), due(v.inc.NextUpdateDue, v.now))
}

func (v incidentPage) escalations() []string {
	var lines []string
	for i, e := range v.inc.Escalations {
		line := fmt.Sprintf("%d  %s   %s   since %s", i+1, e.State, cmp.Or(e.Path, targetsOf(e)), clock(e.Started, v.now))
		switch {
		case e.AckedBy != nil:
			line += "   by " + cmp.Or(e.AckedBy.Name, e.AckedBy.ID)
		case e.State == incident.Paging && e.Level > 0:
			line += fmt.Sprintf("   level %d of %d, round %d, next step %s", e.Level, len(e.Levels), e.Round, due(e.DueAt, v.now))
		}
		if e.NotifyOnly {
			line += "   told only, nobody is called"
		}
		lines = append(lines, strings.Join(present(line, lineOf(e.Reason)), "   "))
	}
	return lines
}

func targetsOf(e incident.Escalation) string {
	var names []string
	for _, level := range e.Levels {
		for _, target := range level.Targets {
			names = append(names, target.ID)
		}
	}
	return strings.Join(names, ", ")
}

func (v incidentPage) entries() []string {
	var lines []string
	for _, e := range v.inc.Entries {
		decision := "undecided"
		if e.Decision != "" {
			decision = strings.Join(present(e.Decision, "by "+e.By, e.Reason), " ")
		}
		line := strings.Join(present(e.Ref, decision, e.Subscription, lineOf(e.Title), e.Where), "   ")
		if e.Decision == "" && plainWord(e.Ref) {
			line += "   theriac why " + e.Ref
		}
		lines = append(lines, line)
	}
	if n := v.inc.EntriesMore; n > 0 {
		lines = append(lines, fmt.Sprintf("and %d more, in the timeline", n))
	}
	return lines
}

func (v incidentPage) alerts() []string {
	var lines []string
	for _, a := range v.inc.Alerts {
		state := "fires, last " + clock(a.Last, v.now)
		if !a.Resolved.IsZero() {
			state = "resolved " + clock(a.Resolved, v.now)
		}
		lines = append(lines, strings.Join(present(a.Source, lineOf(cmp.Or(a.Title, a.Dedup)), plural(a.Count, "time", "times"), state, a.URL), "   "))
	}
	return lines
}

func (v incidentPage) actions() []string {
	var lines []string
	for i, a := range v.inc.Actions {
		if a.State != incident.Deleted {
			lines = append(lines, strings.Join(present(fmt.Sprintf("%d  %s", i+1, a.State), a.Owner, lineOf(a.Text)), "   "))
		}
	}
	return lines
}

func (v incidentPage) followUps() []string {
	var lines []string
	for i, f := range v.inc.FollowUps {
		if f.State == incident.Deleted {
			continue
		}
		until := ""
		if !f.Due.IsZero() {
			until = "due " + f.Due.UTC().Format(time.DateOnly)
		}
		lines = append(lines, strings.Join(present(fmt.Sprintf("%d  %s", i+1, f.State), f.Owner, f.Priority, until, lineOf(f.Text), f.Link), "   "))
	}
	return lines
}

func (v incidentPage) tasks() []string {
	var lines []string
	for _, t := range v.inc.Tasks {
		lines = append(lines, strings.Join(present(t.ID, string(t.State), "before the end of "+string(t.Stage), lineOf(t.Text), lineOf(t.Reason)), "   "))
	}
	return lines
}

func (v incidentPage) fields() []string {
	var lines []string
	for _, id := range sortedKeys(v.inc.Fields) {
		lines = append(lines, id+": "+strings.Join(v.inc.Fields[id], ", "))
	}
	return lines
}

func (v incidentPage) links() []string {
	var lines []string
	if c := v.inc.Channel; c != nil {
		lines = append(lines, "channel   #"+c.Name)
	}
	for _, a := range v.inc.Attachments {
		lines = append(lines, strings.Join(present(a.Kind, lineOf(a.Title), a.URL), "   "))
	}
	return lines
}

func (v incidentPage) lines() []string {
	var lines []string
	for _, l := range v.latest[max(len(v.latest)-showLines, 0):] {
		lines = append(lines, clock(l.OccurredAt, v.now)+"  "+l.text+l.mark())
	}
	return lines
}

// commands are what one may want to type next.
func (v incidentPage) commands() []string {
	ref := v.inc.Ref()
	switch v.inc.Status.Stage() {
	case incident.StageTriage:
		return []string{"theriac incident accept " + ref, "theriac incident decline " + ref + ` --reason "…"`}
	case incident.StageActive:
		lines := []string{"theriac incident update " + ref + ` "…" --status monitoring`, "theriac incident resolve " + ref}
		for _, e := range v.inc.Escalations {
			if e.State == incident.Paging {
				return append([]string{"theriac incident ack " + ref}, lines...)
			}
		}
		return lines
	case incident.StagePaused:
		return []string{"theriac incident resume " + ref}
	case incident.StagePost:
		for _, t := range v.inc.Tasks {
			if t.State == incident.TaskOpen {
				return []string{"theriac incident task done " + ref + " " + t.ID}
			}
		}
		return []string{"theriac incident close " + ref}
	case incident.StageClosed:
		return []string{"theriac incident reopen " + ref + ` --reason "…"`}
	default:
		return nil
	}
}

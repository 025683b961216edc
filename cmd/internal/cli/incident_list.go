package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

// maxIncidents is how many incidents one page may hold.
const maxIncidents = 200

type incidentListOptions struct {
	output.Options
	limit int
	after string
	terms []string
}

func newIncidentListCommand(t *Tool) *cobra.Command {
	o := &incidentListOptions{}
	c := &cobra.Command{
		Use:     "list [TERM...]",
		Aliases: []string{"ls"},
		Short:   "List incidents",
		Long: "List incidents, newest first; without a status: or stage: term those that are not over. Private ones are\n" +
			"listed without their names, and left out of searches, unless you take part. See: theriac help incidents",
		Example: `theriac incident list
theriac incident list stage:all severity:critical -o jsonl
theriac incident list status:fixing,monitoring checkout`,
		ValidArgsFunction: t.completeIncidentTerms,
		RunE: func(c *cobra.Command, args []string) error {
			o.terms = args
			return o.run(c.Context(), t)
		},
	}
	o.add(c)
	return c
}

func (o *incidentListOptions) add(c *cobra.Command) {
	addOutput(c, &o.Options)
	c.Flags().IntVar(&o.limit, "limit", 30, "at most so many incidents, up to 200")
	c.Flags().StringVar(&o.after, "after", "", "go on below this `REF`")
}

// incidentKeys are the keys of terms, with what each selects by.
func incidentKeys() [][2]string {
	return [][2]string{
		{"status", "where it stands: triage, investigating, fixing, monitoring, paused, …"},
		{"stage", "triage, active, paused, post-incident, closed, off, or all"},
		{"severity", "how bad it is, by its id"},
		{"mode", "standard, test, retrospective"},
		{"person", "who takes part, by id"},
		{"field", "a custom field: field:service=checkout"},
	}
}

// notOver are the stages that are listed unless others are asked for.
func notOver() []incident.Stage {
	return []incident.Stage{incident.StageTriage, incident.StageActive, incident.StagePaused, incident.StagePost}
}

// parseIncidentTerms makes a filter of terms.
func parseIncidentTerms(terms []string) (incident.Filter, error) {
	var f incident.Filter
	var words []string
	bounded := false
	for _, term := range terms {
		key, value, isTerm := strings.Cut(term, ":")
		if !isTerm || strings.ContainsAny(key, " /") {
			words = append(words, term)
			continue
		}
		if value == "" {
			return f, problem.Errorf(problem.Invalid, "%s: has no value", key)
		}
		bounded = bounded || key == "status" || key == "stage"
		if err := addIncidentTerm(&f, key, value); err != nil {
			return f, err
		}
	}
	if !bounded {
		f.Stages = notOver()
	}
	f.Text = strings.Join(words, " ")
	return f, nil
}

func addIncidentTerm(f *incident.Filter, key, value string) error {
	values := strings.Split(value, ",")
	switch key {
	case "status":
		return addKnown(&f.Statuses, key, values, incident.Statuses())
	case "stage":
		if value == "all" {
			return nil
		}
		return addKnown(&f.Stages, key, values, incident.Stages())
	case "mode":
		return addKnown(&f.Modes, key, values, []incident.Mode{incident.ModeStandard, incident.ModeTest, incident.ModeRetrospective})
	case "severity":
		f.Severities = append(f.Severities, values...)
	case "person":
		f.Person = value
	case "field":
		var ok bool
		if f.Field, f.Value, ok = strings.Cut(value, "="); !ok || f.Field == "" {
			return problem.Errorf(problem.Invalid, "field:%.60s: want field:ID=VALUE", value)
		}
	default:
		var keys []string
		for _, k := range incidentKeys() {
			keys = append(keys, k[0]+":")
		}
		return problem.Errorf(problem.Invalid, "no term %.60q; known: %s; see: theriac help incidents", key+":", strings.Join(keys, " "))
	}
	return nil
}

// addKnown adds values that are among the known ones.
func addKnown[T ~string](to *[]T, key string, values []string, known []T) error {
	for _, v := range values {
		if !slices.Contains(known, T(v)) {
			var names []string
			for _, k := range known {
				names = append(names, string(k))
			}
			return problem.Errorf(problem.Invalid, "%s:%.60s: want one of %s", key, v, strings.Join(names, ", "))
		}
		*to = append(*to, T(v))
	}
	return nil
}

// briefJSON is an incident in a list in theriac/1. A private one has no name for who takes no part.
type briefJSON struct {
	Ref           string              `json:"ref"`
	ID            string              `json:"id"`
	Name          string              `json:"name"`
	Status        incident.Status     `json:"status"`
	Stage         incident.Stage      `json:"stage"`
	Severity      string              `json:"severity"`
	Type          string              `json:"type,omitempty"`
	Mode          incident.Mode       `json:"mode"`
	Visibility    incident.Visibility `json:"visibility"`
	Lead          string              `json:"lead"`
	Version       int64               `json:"version"`
	Created       time.Time           `json:"created"`
	Updated       time.Time           `json:"updated"`
	NextUpdateDue *time.Time          `json:"next_update_due,omitempty"`
}

type incidentListJSON struct {
	output.Head
	Incidents []briefJSON `json:"incidents"`
	Next      string      `json:"next"`
}

func newBriefJSON(inc incident.Incident) briefJSON {
	j := briefJSON{
		Ref: inc.Ref(), ID: inc.ID, Name: inc.Name, Status: inc.Status, Stage: inc.Status.Stage(), Severity: inc.Severity, Type: inc.Type,
		Mode: inc.Mode, Visibility: inc.Visibility, Lead: inc.Lead(), Version: inc.Version,
		Created: inc.Times.Created.UTC(), Updated: inc.Times.Updated.UTC(),
	}
	if !inc.NextUpdateDue.IsZero() {
		due := inc.NextUpdateDue.UTC()
		j.NextUpdateDue = &due
	}
	return j
}

// masked hides what only its people may know. A listing does not say who takes part, so that is looked
// up for the few that are private.
func (r *incidentRoom) masked(ctx context.Context, brief incident.Incident) (incident.Incident, error) {
	if brief.Visibility != incident.Private {
		return brief, nil
	}
	if r.by.ID != "" {
		whole, err := r.stores.Get(ctx, brief.ID)
		if err != nil || r.takesPart(&whole) {
			return brief, err
		}
	}
	return incident.Incident{
		ID: brief.ID, Number: brief.Number, Version: brief.Version, Status: brief.Status, Severity: brief.Severity, Mode: brief.Mode,
		Visibility: brief.Visibility, Times: incident.Times{Created: brief.Times.Created, Updated: brief.Times.Updated},
	}, nil
}

func (o *incidentListOptions) run(ctx context.Context, t *Tool) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.limit < 1 || o.limit > maxIncidents {
		return problem.Errorf(problem.Invalid, "--limit %d: want 1 to %d", o.limit, maxIncidents)
	}
	f, err := parseIncidentTerms(o.terms)
	if err != nil {
		return err
	}
	room, err := t.incidentRoom(ctx, app.Read)
	if err != nil {
		return err
	}
	f.Limit = o.limit
	if o.after != "" {
		last, err := room.get(ctx, o.after)
		if err != nil {
			return err
		}
		f.Cursor = plain(last.Number)
	}
	if f.Text != "" || f.Field != "" || f.Person != "" {
		// What a search finds says what is in it.
		f.For = &incident.Reader{Person: room.by.ID, Role: incident.Viewer}
	}
	page, err := room.stores.List(ctx, f)
	if err != nil {
		return err
	}
	for i, inc := range page.Incidents {
		if f.For != nil {
			break // only those that may be seen were found
		}
		if page.Incidents[i], err = room.masked(ctx, inc); err != nil {
			return err
		}
	}
	if err := t.Print(o.Options, incidentListAnswer(t, page)); err != nil {
		return err
	}
	next := ""
	if n := len(page.Incidents); page.Next != "" && n > 0 {
		next = "   next: --after " + page.Incidents[n-1].Ref()
	}
	t.Hint("%s", fmt.Sprintf("%s shown%s", plural(len(page.Incidents), "incident", "incidents"), next))
	return nil
}

func incidentListAnswer(t *Tool, page incident.Page) output.Answer {
	list := incidentListJSON{Head: output.NewHead(), Incidents: []briefJSON{}}
	if n := len(page.Incidents); page.Next != "" && n > 0 {
		list.Next = page.Incidents[n-1].Ref()
	}
	a := output.Answer{Items: []any{}}
	for _, inc := range page.Incidents {
		j := newBriefJSON(inc)
		list.Incidents = append(list.Incidents, j)
		a.Items = append(a.Items, struct {
			output.Head
			Incident briefJSON `json:"incident"`
		}{output.NewHead(), j})
		a.Names = append(a.Names, inc.Ref())
	}
	a.Value = list
	a.Layout = output.Rows[incident.Incident]{Columns: incidentColumns(t.now()), Items: page.Incidents, Empty: "no incident matches"}
	return a
}

func incidentColumns(now time.Time) []output.Column[incident.Incident] {
	type inc = incident.Incident
	return []output.Column[inc]{
		{Title: "INCIDENT", Fixed: true, Human: func(i inc) string { return i.Ref() }},
		{Title: "SEVERITY", Fixed: true, Human: func(i inc) string { return dash(i.Severity) }, Machine: func(i inc) string { return i.Severity }},
		{Title: "STATUS", Fixed: true, Human: func(i inc) string { return string(i.Status) }},
		{Title: "NAME", Human: func(i inc) string { return strings.TrimSpace(incidentName(i)) }},
		{Title: "LEAD", Human: func(i inc) string { return dash(i.Lead()) }, Machine: func(i inc) string { return i.Lead() }},
		{Title: "AGE", Human: func(i inc) string { return age(i.Times.Created, now) }, Machine: func(i inc) string { return stamp(i.Times.Created) }},
		{Title: "NEXT UPDATE", Human: func(i inc) string { return due(i.NextUpdateDue, now) }, Machine: func(i inc) string { return stamp(i.NextUpdateDue) }},
		{Title: "TYPE", Wide: true, Human: func(i inc) string { return cmp.Or(i.Type, "-") }, Machine: func(i inc) string { return i.Type }},
		{Title: "VERSION", Right: true, Wide: true, Human: func(i inc) string { return plain(i.Version) }},
	}
}

// due says when something is due, for people.
func due(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case t.Before(now):
		return "overdue " + age(t, now)
	default:
		return "in " + age(now, t)
	}
}

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

type declareOptions struct {
	output.Options
	params                incident.NewParams
	private, test, triage bool
	dryRun                bool
	fields                []string
	key, started          string
}

func newDeclareCommand(t *Tool) *cobra.Command {
	o := &declareOptions{}
	c := &cobra.Command{
		Use:   "declare NAME",
		Short: "Declare an incident, or report one to be judged with --triage",
		Long: "Declare an incident: one transaction of the store, which is made if there is none, and nothing else that could\n" +
			"fail. Whom its severity calls is called by the workers of incidentd, once they run. The same --key declares\n" +
			"once, however often it is tried.",
		Example: `theriac incident declare "checkout is down" --severity critical --lead ana
theriac incident declare "odd numbers in billing" --triage --field service=billing
theriac incident declare "drill" --test --severity major`,
		Args:              args(1, 1, `incident declare "NAME"`),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, given []string) error {
			o.params.Name = given[0]
			return o.run(c.Context(), t)
		},
	}
	o.addNew(t, c)
	f := c.Flags()
	f.StringVar(&o.params.Lead, "lead", "", "`PERSON` who leads")
	f.BoolVar(&o.test, "test", false, "a test: it calls only you, is marked everywhere and counts nowhere")
	f.BoolVar(&o.params.GameDay, "game-day", false, "a test that is a game day")
	f.BoolVar(&o.triage, "triage", false, "somebody else is to judge whether it is one")
	f.BoolVar(&o.params.Quiet, "quiet-pages", false, "call nobody, whatever the severity asks for")
	noFiles(c.RegisterFlagCompletionFunc("lead", t.completePeople))
	return c
}

// addNew adds the flags of every command that makes an incident.
func (o *declareOptions) addNew(t *Tool, c *cobra.Command) {
	addOutput(c, &o.Options)
	f := c.Flags()
	f.StringVar(&o.params.Severity, "severity", "", "how bad it is: `ID` of the settings, such as minor, major, critical")
	f.StringVar(&o.params.Summary, "summary", "", "what is known, in a few sentences")
	f.StringVar(&o.params.Type, "type", "", "`ID` of a type of the settings")
	f.StringArrayVar(&o.fields, "field", nil, "custom field `ID=VALUE`; again for another, or another value")
	f.StringVar(&o.started, "impact-started", "", "when it began to hurt: 10m for ten minutes ago, or RFC 3339")
	f.BoolVar(&o.private, "private", false, "only its people and admins see it; there is no way back")
	f.StringVar(&o.key, "key", "", "`TEXT` that makes it happen once (default a new one each time)")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be declared, change nothing")
	noFiles(c.RegisterFlagCompletionFunc("severity", t.completeSeverities))
}

// importFlags are the moments of an incident that is over.
type importFlags struct {
	declareOptions
	reported, declared, fixed, resolved, closed string
}

func newImportCommand(t *Tool) *cobra.Command {
	o := &importFlags{}
	c := &cobra.Command{
		Use:   "import NAME --reported TIME --resolved TIME",
		Short: "Write an incident down that is over; nobody is called or told",
		Long: "Write an incident down that is over, as retrospective and closed. It counts in every metric, and nothing is done to\n" +
			"the world outside for it.",
		Example:           `theriac incident import "checkout was down" --severity major --reported 2022-11-18T15:40:00Z --resolved 2022-11-18T16:25:00Z`,
		Args:              args(1, 1, `incident import "NAME"`),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, given []string) error {
			o.params.Name = given[0]
			return o.run(c.Context(), t)
		},
	}
	o.addNew(t, c)
	for flag, to := range map[string]*string{
		"reported": &o.reported, "declared": &o.declared, "fixed": &o.fixed, "resolved": &o.resolved, "closed": &o.closed,
	} {
		c.Flags().StringVar(to, flag, "", "when it was "+flag+": 3h for three hours ago, or RFC 3339")
	}
	return c
}

func (o *importFlags) run(ctx context.Context, t *Tool) error {
	var times incident.Times
	for _, one := range []struct {
		flag, text string
		to         *time.Time
	}{
		{"--reported", o.reported, &times.Reported}, {"--declared", o.declared, &times.Declared}, {"--fixed", o.fixed, &times.Fixed},
		{"--resolved", o.resolved, &times.Resolved}, {"--closed", o.closed, &times.Closed},
	} {
		var err error
		if *one.to, err = parseMoment(one.flag, one.text, t.now()); err != nil {
			return err
		}
	}
	return o.make(ctx, t, maker{
		pure: func(act incident.Act, p incident.NewParams) (incident.Incident, []incident.Event, error) {
			return incident.Import(act, incident.ImportParams{NewParams: p, Times: times})
		},
		verb: func(ctx context.Context, svc *incident.Service, by incident.Actor, p incident.NewParams) (incident.Incident, bool, error) {
			return svc.Import(ctx, by, incident.ImportParams{NewParams: p, Times: times})
		},
	})
}

// fill puts together what the flags say.
func (o *declareOptions) fill(t *Tool) (err error) {
	p := &o.params
	if p.ImpactStarted, err = parseMoment("--impact-started", o.started, t.now()); err != nil {
		return err
	}
	if p.Fields, err = parseFields(o.fields); err != nil {
		return err
	}
	if o.test || p.GameDay {
		p.Mode = incident.ModeTest
	}
	if o.private {
		p.Visibility = incident.Private
	}
	key := o.key
	if key == "" {
		key = uuid.NewString()
	}
	p.Keys = []incident.Key{incident.NewKey("cli:"+key, false)}
	return nil
}

// parseFields reads ID=VALUE pairs; an empty value clears a field.
func parseFields(pairs []string) (map[string]incident.FieldValue, error) {
	fields := map[string]incident.FieldValue{}
	for _, pair := range pairs {
		id, value, ok := strings.Cut(pair, "=")
		if !ok || id == "" {
			return nil, problem.Errorf(problem.Invalid, "--field %.60q: want ID=VALUE", pair)
		}
		if value == "" {
			fields[id] = append(fields[id], []string{}...)
			continue
		}
		fields[id] = append(fields[id], value)
	}
	return fields, nil
}

// maker is one of the verbs that make an incident.
type maker struct {
	pure func(incident.Act, incident.NewParams) (incident.Incident, []incident.Event, error)
	verb func(context.Context, *incident.Service, incident.Actor, incident.NewParams) (incident.Incident, bool, error)
	// undo takes it back, with the reference where %s stands; hint is said on the error stream likewise.
	undo, hint string
}

func (o *declareOptions) run(ctx context.Context, t *Tool) error {
	m := maker{
		pure: incident.Declare,
		verb: func(ctx context.Context, svc *incident.Service, by incident.Actor, p incident.NewParams) (incident.Incident, bool, error) {
			return svc.Declare(ctx, by, p)
		},
		undo: `theriac incident cancel %s --reason "…"`,
		hint: "stored; pages and the channel are the work of incidentd's workers: theriac incident effects %s",
	}
	if o.triage {
		m.pure, m.undo = incident.Report, `theriac incident decline %s --reason "…"`
		m.verb = func(ctx context.Context, svc *incident.Service, by incident.Actor, p incident.NewParams) (incident.Incident, bool, error) {
			return svc.Report(ctx, by, p)
		}
	}
	return o.make(ctx, t, m)
}

// make makes an incident, once for its key, and says what came of it.
func (o *declareOptions) make(ctx context.Context, t *Tool, m maker) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if err := o.fill(t); err != nil {
		return err
	}
	if _, err := t.beginWrite(o.dryRun); err != nil {
		return err
	}
	if o.dryRun {
		return o.plan(ctx, t, m)
	}
	room, err := t.incidentRoom(ctx, app.Write)
	if err != nil {
		return err
	}
	inc, created, err := m.verb(ctx, room.svc, room.by, o.params)
	if err != nil {
		return err
	}
	done := incidentWrite{inc: inc, changed: created, created: &created, same: "this key declared it before; nothing was changed"}
	if m.undo != "" {
		done.undo = fmt.Sprintf(m.undo, inc.Ref())
	}
	if created {
		done.events = room.happened(ctx, inc, 0)
	} else if done.inc, err = room.masked(ctx, inc); err != nil {
		return err
	}
	if err := t.Print(o.Options, done.answer()); err != nil {
		return err
	}
	if created && m.hint != "" {
		room.hintUnknown(ctx, t, o.params.Lead)
		room.hintUncalled(ctx, t, inc)
		t.Hint(m.hint, inc.Ref())
	}
	return nil
}

// hintUncalled says that a severity which is to call people names no path, so that nobody is called.
func (r *incidentRoom) hintUncalled(ctx context.Context, t *Tool, inc incident.Incident) {
	rules, err := r.stores.Settings(ctx)
	if err != nil || len(inc.Escalations) > 0 {
		return // what was asked for is done
	}
	i := slices.IndexFunc(rules.Severities, func(s incident.Severity) bool { return s.ID == inc.Severity })
	if i >= 0 && rules.Severities[i].Page != incident.PageNever && rules.Severities[i].Path == "" {
		t.Hint("nobody is called: the severity %s names no escalation path; see: theriac incident settings get", inc.Severity)
	}
}

// plan says what would be made. Without a store the rules are the default ones.
func (o *declareOptions) plan(ctx context.Context, t *Tool, m maker) error {
	act, err := t.declaring(ctx)
	if err != nil {
		return err
	}
	inc, evs, err := m.pure(act, o.params)
	if err != nil {
		return err
	}
	return t.Print(o.Options, incidentWrite{inc: inc, events: evs, changed: true, dryRun: true}.answer())
}

// declaring is what a declaration would be made with now.
func (t *Tool) declaring(ctx context.Context) (incident.Act, error) {
	room, err := t.incidentRoom(ctx, app.Read)
	if err == nil {
		return room.svc.Act(ctx, room.by)
	}
	if !isMissing(err) {
		return incident.Act{}, err
	}
	s, err := t.Settings()
	rules := incident.DefaultSettings()
	return incident.Act{
		By: incident.Actor{Kind: incident.ByPerson, Name: s.Author + " (cli)", Role: incident.Admin},
		At: t.now().UTC(), Rules: &rules, NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
	}, err
}

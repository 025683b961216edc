package cli

import (
	"context"
	"strings"

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
	addOutput(c, &o.Options)
	f := c.Flags()
	f.StringVar(&o.params.Severity, "severity", "", "how bad it is: `ID` of the settings, such as minor, major, critical")
	f.StringVar(&o.params.Summary, "summary", "", "what is known, in a few sentences")
	f.StringVar(&o.params.Type, "type", "", "`ID` of a type of the settings")
	f.StringVar(&o.params.Lead, "lead", "", "`PERSON` who leads")
	f.StringArrayVar(&o.fields, "field", nil, "custom field `ID=VALUE`; again for another, or another value")
	f.StringVar(&o.started, "impact-started", "", "when it began to hurt: 10m for ten minutes ago, or RFC 3339")
	f.BoolVar(&o.private, "private", false, "only its people and admins see it; there is no way back")
	f.BoolVar(&o.test, "test", false, "a test: it calls only you, is marked everywhere and counts nowhere")
	f.BoolVar(&o.params.GameDay, "game-day", false, "a test that is a game day")
	f.BoolVar(&o.triage, "triage", false, "somebody else is to judge whether it is one")
	f.BoolVar(&o.params.Quiet, "quiet-pages", false, "call nobody, whatever the severity asks for")
	f.StringVar(&o.key, "key", "", "`TEXT` that makes it happen once (default a new one each time)")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be declared, change nothing")
	noFiles(c.RegisterFlagCompletionFunc("severity", t.completeSeverities))
	noFiles(c.RegisterFlagCompletionFunc("lead", t.completePeople))
	return c
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

func (o *declareOptions) run(ctx context.Context, t *Tool) error {
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
		return o.plan(ctx, t)
	}
	room, err := t.incidentRoom(ctx, app.Write)
	if err != nil {
		return err
	}
	verb := room.svc.Declare
	undo := "theriac incident cancel %s --reason \"…\""
	if o.triage {
		verb, undo = room.svc.Report, "theriac incident decline %s --reason \"…\""
	}
	inc, created, err := verb(ctx, room.by, o.params)
	if err != nil {
		return err
	}
	done := incidentWrite{inc: inc, changed: created, created: &created, undo: strings.ReplaceAll(undo, "%s", inc.Ref())}
	if created {
		done.events = room.happened(ctx, inc, 0)
	} else if done.inc, err = room.masked(ctx, inc); err != nil {
		return err
	}
	done.same = "this key declared it before; nothing was changed"
	if err := t.Print(o.Options, done.answer()); err != nil {
		return err
	}
	if created {
		room.hintUnknown(ctx, t, o.params.Lead)
		t.Hint("stored; pages and the channel are the work of incidentd's workers: theriac incident effects %s", inc.Ref())
	}
	return nil
}

// plan says what would be declared. Without a store the rules are the default ones.
func (o *declareOptions) plan(ctx context.Context, t *Tool) error {
	act, err := t.declaring(ctx)
	if err != nil {
		return err
	}
	verb := incident.Declare
	if o.triage {
		verb = incident.Report
	}
	inc, evs, err := verb(act, o.params)
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

package incidentslack

import (
	"context"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

// The forms, by their callback ids. Those that a button opens are called like its action.
const (
	formDeclare  = ShortcutDeclare
	formTest     = Prefix + "test"
	formAccept   = workflow.ActAccept
	formDecline  = workflow.ActDecline
	formMerge    = workflow.ActMerge
	formUpdate   = workflow.ActUpdate
	formEscalate = workflow.ActEscalate
	formLead     = workflow.ActLead
	formSeverity = workflow.ActSeverity
	formResolve  = workflow.ActResolve
	formAction   = ShortcutAction
	formFollowUp = ShortcutFollowUp
)

// The inputs, which are the ids of their blocks.
const (
	inName     = "name"
	inSummary  = "summary"
	inSeverity = "severity"
	inPrivate  = "private"
	inMessage  = "message"
	inStatus   = "status"
	inNext     = "next_update_in"
	inRole     = "role"
	inPerson   = "person"
	inPeople   = "people"
	inPath     = "path"
	inReason   = "reason"
	inInto     = "into"
	inText     = "text"
	inOwner    = "owner"
	inPriority = "priority"
	inDue      = "due"
	inQuiet    = "quiet"
)

// form is a modal that asks for what a button or a command does not say.
type form struct {
	callback, title, submit string
	// blocks are its inputs for an incident as it stands; a new one has none.
	blocks func(ctx context.Context, t *turn, rules *incident.Settings, inc *incident.Incident) ([]slack.Block, error)
	// run does what was filled in.
	run func(ctx context.Context, t *turn, m meta, v values) (string, error)
	// creates marks the forms that make an incident. Others fit an incident in some statuses only, and say
	// so before anybody fills them in.
	creates bool
	fits    func(incident.Status) bool
}

// forms returns all of them.
func forms() []form {
	return []form{
		{callback: formDeclare, title: "Declare an incident", submit: "Declare", blocks: askDeclare, run: submitDeclare, creates: true},
		{callback: formTest, title: "Declare a test", submit: "Declare", blocks: askTest, run: submitDeclare, creates: true},
		{callback: formAccept, title: "Accept", submit: "Accept", blocks: askAccept, run: submitAccept, fits: inTriage},
		{callback: formDecline, title: "Decline", submit: "Decline", blocks: askReason, run: submitDecline, fits: inTriage},
		{callback: formMerge, title: "Merge", submit: "Merge", blocks: askMerge, run: submitMerge, fits: beginning},
		{callback: formUpdate, title: "Update", submit: "Share", blocks: askUpdate, run: submitUpdate, fits: isActive},
		{callback: formEscalate, title: "Escalate", submit: "Call", blocks: askEscalate, run: submitEscalate, fits: incident.Status.Open},
		{callback: formLead, title: "Roles of", submit: "Assign", blocks: askRole, run: submitRole, fits: assignable},
		{callback: formSeverity, title: "Severity of", submit: "Set", blocks: askSeverity, run: submitSeverity, fits: editable},
		{callback: formResolve, title: "Resolve", submit: "Resolve", blocks: askResolve, run: submitResolve, fits: beginning},
		{callback: formAction, title: "Action for", submit: "Add", blocks: askAction, run: submitAction, fits: anyStatus},
		{callback: formFollowUp, title: "Follow-up of", submit: "Add", blocks: askFollowUp, run: submitFollowUp, fits: anyStatus},
	}
}

// formOf finds one.
func formOf(callback string) (form, bool) {
	all := forms()
	i := slices.IndexFunc(all, func(f form) bool { return f.callback == callback })
	if i < 0 {
		return form{}, false
	}
	return all[i], true
}

// The statuses that forms fit. Whether a verb may be done is decided by the domain, when it is.
func inTriage(s incident.Status) bool { return s == incident.Triage }

func isActive(s incident.Status) bool { return s.Stage() == incident.StageActive }

func beginning(s incident.Status) bool { return inTriage(s) || isActive(s) }

func assignable(s incident.Status) bool { return !s.Final() && s != incident.Closed }

func editable(s incident.Status) bool { return s != incident.Merged && s != incident.Declined }

func anyStatus(incident.Status) bool { return true }

// open returns the modal of a form for an incident, "" for that of the channel.
func (t *turn) open(ctx context.Context, callback, ref string) (*slack.ModalViewRequest, error) {
	f, ok := formOf(callback)
	if !ok {
		return nil, sayf("This form is not known here. Nothing was done.")
	}
	rules, err := t.svc.Settings(ctx)
	if err != nil {
		return nil, err
	}
	m, title := meta{Channel: t.r.talk(), Test: callback == formTest}, f.title
	var inc incident.Incident
	if !f.creates {
		if inc, err = t.look(ctx, ref); err != nil {
			return nil, err
		}
		if !f.fits(inc.Status) {
			return nil, &incident.TransitionError{Ref: inc.Ref(), Verb: strings.TrimPrefix(callback, Prefix), From: inc.Status, Allowed: incident.AllowedVerbs(inc.Status)}
		}
		m.Incident, title = inc.ID, f.title+" "+inc.Ref()
		m.Status, m.Severity = string(inc.Status), inc.Severity
		if callback == formAccept {
			m.Name = cut(inc.Name, nameInput)
		}
		m.Holders = map[string]string{}
		for _, a := range inc.Assignments {
			m.Holders[a.Role] = a.Person
		}
	}
	blocks, err := f.blocks(ctx, t, rules, &inc)
	if err != nil {
		return nil, err
	}
	return &slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: f.callback, PrivateMetadata: m.String(), Blocks: slack.Blocks{BlockSet: blocks},
		Title: slackkit.PlainText(plain(title, 24)), Submit: slackkit.PlainText(f.submit), Close: slackkit.PlainText("Cancel"),
	}, nil
}

// submitDeed returns what a modal that was submitted asks for.
func submitDeed(r request) deed {
	f, ok := formOf(r.View.Callback)
	if !ok {
		return says("This form is not known here. Nothing was done.")
	}
	d := waits(func(ctx context.Context, t *turn) (string, error) {
		m := parseMeta(t.r.View.Metadata)
		if m.Incident == "" && !f.creates {
			return "", errNotOurs
		}
		return f.run(ctx, t, m, values{t.r.View.Values})
	})
	if f.creates {
		d.how = inPlace
	}
	return d
}

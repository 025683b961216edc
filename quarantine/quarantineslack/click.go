package quarantineslack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

const (
	deedTimeout = 2 * time.Second // of what a click does in the store
	requestMax  = 200             // bytes of a request key, as the store takes
	reasonInput = 1000            // characters of a reason that the form takes
)

// Handle does what a click asks for, or answers a command, which only reads, and answers the
// person who clicked or typed. It is a
// [slackkit.Handle]: the request was signed by Slack, and nothing else is known of it.
// So team and user are checked against the configuration, and the value of the button
// is only a wish: the entry or group is read again, and must still have the version
// that the person saw. Of any number of the same clicks one has an effect.
//
// An answer goes to the person alone. The message itself is edited by the notifier,
// from what the store then says, whoever decided. An error is one of the program or the
// store, and says nothing to be shown.
func (n *Notifier) Handle(ctx context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
	user, refusal := n.who(i)
	if refusal != "" {
		n.log.Warn("quarantineslack: a click was refused", "why", refusal, "team", short(i.Team), "user", short(i.User), "action", short(i.ActionID))
		n.auditRefusal(ctx, i, stranger(i), refusal)
		return answer(refusal, i), nil
	}
	if i.ActionID == actionOpen && !submitted(i) {
		return slackkit.Answer{}, nil // the browser follows the link
	}
	ctx, cancel := context.WithTimeout(ctx, deedTimeout)
	defer cancel()
	var a slackkit.Answer
	var err error
	if i.Type == slackkit.SlashCommand {
		a, err = n.command(ctx, i)
	} else {
		a, err = n.act(ctx, i, user)
		n.Nudge()
	}
	switch {
	case err == nil:
		return a, nil
	case errors.Is(err, quarantine.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		n.log.Warn("quarantineslack: a click could not be carried out", "action", short(i.ActionID), "error", err)
		return answer("The store cannot be reached just now. Nothing is known to have been done; look at the message, then click again.", i), nil
	default:
		return slackkit.Answer{}, err
	}
}

// who is the person who clicked, or why nobody may.
func (n *Notifier) who(i slackkit.Interaction) (User, string) {
	if n.cfg.Team == "" || i.Team != n.cfg.Team {
		return User{}, "This workspace may not decide here."
	}
	user, ok := n.cfg.Users[i.User]
	if !ok {
		return User{}, fmt.Sprintf("You (%s) are not on the list of people who may decide here.", mark(i.User, 32))
	}
	return user, ""
}

func submitted(i slackkit.Interaction) bool {
	return i.Type == string(slack.InteractionTypeViewSubmission)
}

// act does one thing.
func (n *Notifier) act(ctx context.Context, i slackkit.Interaction, user User) (slackkit.Answer, error) {
	if submitted(i) {
		return n.submit(ctx, i, user)
	}
	v, ok := parseValue(i.Value)
	entry := strings.HasPrefix(v.Ref, "Q-")
	switch {
	case !ok:
		return answer("This button carries a value that is not ours. Nothing was done.", i), nil
	case i.ActionID == actionDiscard && entry && v.Verb == "":
		return n.guarded(ctx, i, user, RoleOperator, func() (slackkit.Answer, error) { return n.askReason(ctx, i, v) })
	case i.ActionID == actionReplay && entry && v.Verb == "":
		return n.guarded(ctx, i, user, RoleResponder, func() (slackkit.Answer, error) { return n.replay(ctx, i, user, v) })
	case i.ActionID == actionTake && !entry && v.Verb == "":
		return n.guarded(ctx, i, user, RoleResponder, func() (slackkit.Answer, error) { return n.take(ctx, i, user, v) })
	case i.ActionID == actionMore && !entry, i.ActionID == actionPause && v.Verb == verbPause:
		return n.more(ctx, i, user, v)
	default:
		return answer(unknownButton, i), nil
	}
}

const unknownButton = "This button is not known here. Nothing was done."

// more does what the menu offers.
func (n *Notifier) more(ctx context.Context, i slackkit.Interaction, user User, v value) (slackkit.Answer, error) {
	switch {
	case snoozeOf(v.Verb) > 0:
		return n.guarded(ctx, i, user, RoleResponder, func() (slackkit.Answer, error) { return n.take(ctx, i, user, v) })
	case v.Verb == verbDeclare && n.cfg.Declare != nil:
		return n.guarded(ctx, i, user, RoleResponder, func() (slackkit.Answer, error) { return n.declare(ctx, i, user, v) })
	case v.Verb == verbPause && n.cfg.Flow != nil:
		return n.guarded(ctx, i, user, RoleOperator, func() (slackkit.Answer, error) { return n.askPause(ctx, i, v) })
	default:
		return answer(unknownButton, i), nil
	}
}

// submit does what a form asks for.
func (n *Notifier) submit(ctx context.Context, i slackkit.Interaction, user User) (slackkit.Answer, error) {
	raw, message, _ := strings.Cut(i.View.PrivateMetadata, " ")
	v, ok := parseValue(raw)
	entry := strings.HasPrefix(v.Ref, "Q-")
	switch {
	case i.View.CallbackID != modalDiscard && (i.View.CallbackID != modalPause || n.cfg.Flow == nil):
		return answer("This form is not known here.", i), nil
	case !ok:
		return answer("This button carries a value that is not ours. Nothing was done.", i), nil
	case i.View.CallbackID == modalDiscard && entry && v.Verb == "":
		return n.guarded(ctx, i, user, RoleOperator, func() (slackkit.Answer, error) { return n.discard(ctx, i, user, v) })
	case i.View.CallbackID == modalPause && !entry && v.Verb == verbPause:
		return n.guarded(ctx, i, user, RoleOperator, func() (slackkit.Answer, error) { return n.pauseSub(ctx, i, user, v, message) })
	default:
		return answer(unknownButton, i), nil
	}
}

func snoozeOf(verb string) time.Duration {
	return map[string]time.Duration{verbSnooze1h: time.Hour, verbSnooze24h: 24 * time.Hour}[verb]
}

// guarded does something if the person may.
func (n *Notifier) guarded(ctx context.Context, i slackkit.Interaction, user User, needs Role, do func() (slackkit.Answer, error)) (slackkit.Answer, error) {
	if !user.Role.May(needs) {
		refusal := fmt.Sprintf("You are here as %s, and this takes the rights of %s. Nothing was done.", user.Role, needs)
		n.log.Warn("quarantineslack: a click was refused", "why", refusal, "user", short(i.User), "action", short(i.ActionID))
		n.auditRefusal(ctx, i, user.Name, refusal)
		return answer(refusal, i), nil
	}
	return do()
}

// take takes or quiets a group.
func (n *Notifier) take(ctx context.Context, i slackkit.Interaction, user User, v value) (slackkit.Answer, error) {
	g, gone, err := n.group(ctx, v)
	if err != nil || gone != "" {
		return answer(gone, i), err
	}
	a := quarantine.GroupAct{
		Group: g.Fingerprint, Version: v.Version, Verb: quarantine.GroupTake,
		Decision: decision(user, ""), Request: request(i),
	}
	if d := snoozeOf(v.Verb); d > 0 {
		a.Verb, a.Until = quarantine.GroupSnooze, time.Now().Add(d)
	}
	_, err = n.cfg.Service.GroupAct(ctx, a)
	conflict, lost := errors.AsType[*quarantine.GroupConflictError](err)
	switch {
	case err == nil:
		return slackkit.Answer{}, nil
	case errors.Is(err, quarantine.ErrDuplicate):
		return answer("This click was carried out already.", i), nil
	case lost:
		return answer(lostGroup(conflict.Group, time.Now()), i), nil
	default:
		return refused(err, i)
	}
}

// group reads the group that a button is about. A text says that there is none.
func (n *Notifier) group(ctx context.Context, v value) (quarantine.Group, string, error) {
	g, err := n.cfg.Service.GroupGet(ctx, v.Ref)
	if errors.Is(err, quarantine.ErrNotFound) || err == nil && g.Ref != v.Ref {
		return g, v.Ref + " does not exist any more.", nil
	}
	return g, "", err
}

// replay asks for one entry to run again.
func (n *Notifier) replay(ctx context.Context, i slackkit.Interaction, user User, v value) (slackkit.Answer, error) {
	e, stale, err := n.entry(ctx, v)
	if err != nil || stale != "" {
		return answer(stale, i), err
	}
	_, err = n.cfg.Service.EntryReplay(ctx, e, quarantine.ReplayParams{Decision: decision(user, ""), Request: request(i)})
	return after(err, i)
}

// askReason opens the form that asks why an entry is discarded.
func (n *Notifier) askReason(ctx context.Context, i slackkit.Interaction, v value) (slackkit.Answer, error) {
	_, stale, err := n.entry(ctx, v)
	if err != nil || stale != "" {
		return answer(stale, i), err
	}
	return slackkit.Answer{Modal: reasonForm(v)}, nil
}

func reasonForm(v value) *slack.ModalViewRequest {
	return form(modalDiscard, v.String(), "Discard "+v.Ref, "Discard", "test order, customer removed", "Why will it never run?",
		"Kept in the log and shown in the thread. theriac restore "+v.Ref+" takes it back.")
}

// form asks for a reason.
func form(callback, keeps, title, submit, example, question, hint string) *slack.ModalViewRequest {
	input := slack.NewPlainTextInputBlockElement(plainText(example), inputReason)
	input.MaxLength, input.MinLength = reasonInput, 1
	return &slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callback, PrivateMetadata: keeps,
		Title: plainText(title), Submit: plainText(submit), Close: plainText("Cancel"),
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock(inputReason, plainText(question), plainText(hint), input)}},
	}
}

// discard decides that an entry never runs.
func (n *Notifier) discard(ctx context.Context, i slackkit.Interaction, user User, v value) (slackkit.Answer, error) {
	reason, wrong := reasonOf(i)
	if wrong != "" {
		return answer(wrong, i), nil
	}
	e, stale, err := n.entry(ctx, v)
	if err != nil || stale != "" {
		return answer(stale, i), err
	}
	_, err = n.cfg.Service.EntryDiscardOnce(ctx, e, decision(user, reason), request(i))
	return after(err, i)
}

// reasonOf is the reason in a form, or what is wrong with it.
func reasonOf(i slackkit.Interaction) (reason, wrong string) {
	reason = strings.TrimSpace(i.View.Values[inputReason])
	switch {
	case reason == "":
		return "", "A reason is required."
	case len(reason) > 2*reasonInput:
		return "", "The reason is too long."
	default:
		return reason, ""
	}
}

// entry reads the entry that a button is about, with the version that the person saw. A
// text says why it is not the one they saw any more.
func (n *Notifier) entry(ctx context.Context, v value) (quarantine.Entry, string, error) {
	e, err := n.cfg.Service.EntryGet(ctx, quarantine.EntryKey{Ref: v.Ref}, quarantine.GetOptions{})
	if errors.Is(err, quarantine.ErrNotFound) || err == nil && e.Ref != v.Ref {
		return e, v.Ref + " does not exist any more.", nil
	}
	if err != nil {
		return e, "", err
	}
	if e.Version != v.Version {
		return e, lostEntry(e, time.Now()), nil
	}
	return e, "", nil
}

// after is the answer to a deed on an entry.
func after(err error, i slackkit.Interaction) (slackkit.Answer, error) {
	conflict, lost := errors.AsType[*quarantine.ConflictError](err)
	state, moved := errors.AsType[*quarantine.StateError](err)
	switch {
	case err == nil:
		return slackkit.Answer{}, nil
	case errors.Is(err, quarantine.ErrDuplicate):
		return answer("This click was carried out already.", i), nil
	case lost:
		return answer(lostEntry(conflict.Entry, time.Now()), i), nil
	case moved:
		return answer(lostEntry(quarantine.Entry{Ref: state.Ref, State: state.From, Decided: state.Decided}, time.Now()), i), nil
	default:
		return refused(err, i)
	}
}

// refused is the answer to what the room refuses, in the room's own words.
func refused(err error, i slackkit.Interaction) (slackkit.Answer, error) {
	for _, ours := range []error{quarantine.ErrNoWorker, quarantine.ErrRefused, quarantine.ErrInvalid, quarantine.ErrNotFound} {
		if errors.Is(err, ours) {
			return answer("Nothing was done: "+mark(err.Error(), reasonMax)+".", i), nil
		}
	}
	return slackkit.Answer{}, err
}

// lostEntry says who was first: "ana discarded Q-7F3K 14 s ago".
func lostEntry(e quarantine.Entry, now time.Time) string {
	did := map[quarantine.State]string{
		quarantine.StateReplaying: "asked to replay", quarantine.StateReplayed: "replayed",
		quarantine.StateDiscarded: "discarded", quarantine.StateHeld: "last decided on",
	}[e.State]
	d := e.Decided
	if d.Actor.Name == "" || did == "" {
		return fmt.Sprintf("%s has changed since; it is %s now.", ref(e.Ref), mark(string(e.State), 20))
	}
	return fmt.Sprintf("%s %s %s %s ago. It is %s now.", mark(d.Actor.Name, nameMax), did, ref(e.Ref), age(d.At, now), mark(string(e.State), 20))
}

// lostGroup is the same for a group.
func lostGroup(g quarantine.Group, now time.Time) string {
	d := g.Acted
	switch {
	case d.Actor.Name == "":
		return ref(g.Ref) + " has changed since."
	case g.SnoozedUntil.After(now):
		return fmt.Sprintf("%s made %s quiet %s ago, until %s.", mark(d.Actor.Name, nameMax), ref(g.Ref), age(d.At, now), clock(g.SnoozedUntil))
	case g.Taken.Actor.Name == "":
		return fmt.Sprintf("%s gave %s back %s ago.", mark(d.Actor.Name, nameMax), ref(g.Ref), age(d.At, now))
	default:
		return fmt.Sprintf("%s took %s %s ago.", mark(d.Actor.Name, nameMax), ref(g.Ref), age(d.At, now))
	}
}

// answer tells the person something: in the form if it is one, else in a message that
// nobody else sees.
func answer(text string, i slackkit.Interaction) slackkit.Answer {
	if text != "" && submitted(i) {
		return slackkit.Answer{ViewErrors: map[string]string{inputReason: text}}
	}
	return slackkit.Answer{Text: text}
}

func decision(u User, reason string) quarantine.Decision {
	return quarantine.Decision{Actor: quarantine.Actor{Name: u.Name, Via: "slack"}, Reason: reason}
}

// request is the key that makes a click be carried out once.
func request(i slackkit.Interaction) string {
	key := i.Request
	if key == "" {
		key = fmt.Sprintf("slack:act:%s:%s:%s", i.MessageTS, i.ActionID, i.ActionTS)
		if submitted(i) {
			key = "slack:view:" + i.View.ID
		}
	}
	if len(key) > requestMax {
		key = key[:requestMax] // Slack's ids are far shorter; the version guards all the same
	}
	return key
}

func short(s string) slog.Value { return slog.StringValue(plain(s, 40)) }

// age is how long ago t was, in its largest unit.
func age(t, now time.Time) string {
	d := max(now.Sub(t), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d/time.Hour))
	default:
		return fmt.Sprintf("%d d", int(d/(24*time.Hour)))
	}
}

package incidentd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentslack"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// slackCommand is the slash command of incidents.
const slackCommand = "/inc"

// shedPatience is how long a person in Slack waits to hear which workers have done it: the handler that
// orders it has 10 s for all.
const shedPatience = 5 * time.Second

// shedDesk does what people ask in Slack about how much work is held back: what theriac shed does. Whoever
// runs incidents may; it has an end, a reason and a way back.
type shedDesk struct {
	room    func(ctx context.Context) (*quarantine.Service, error)
	command string
}

// order is [incidentslack.IntakeConfig].Controls. Its errors are ready to be shown; one that wraps
// incident.ErrUnavailable is worth another try.
func (d shedDesk) order(ctx context.Context, o incidentslack.ControlOrder) (string, error) {
	level, lasts, reason, err := d.parse(o.Args)
	if err != nil {
		return "", err
	}
	room, err := d.room(ctx)
	if err != nil {
		return "", reachable(err)
	}
	if level == "" {
		return d.standing(ctx, room)
	}
	after, err := room.ControlAct(ctx, quarantine.ControlAct{
		Verb: quarantine.ControlShed, Level: level, For: lasts, Ends: o.Ends, Request: requestKey(o.Key),
		Decision: quarantine.Decision{Actor: quarantine.Actor{Name: o.By.ID, Via: "slack"}, Reason: reason},
	})
	if errors.Is(err, quarantine.ErrDuplicate) { // it came before; how it stands is what they asked for
		return d.standing(ctx, room)
	}
	if err != nil {
		return "", reachable(err)
	}
	return d.done(ctx, room, after), nil
}

// parse reads LEVEL, SPAN and a reason, also as they are written for the command line. No words are a
// question.
func (d shedDesk) parse(args string) (level handlers.ShedLevel, lasts time.Duration, reason string, err error) {
	word, rest := nextWord(args)
	if word == "" {
		return "", 0, "", nil
	}
	level = handlers.ShedLevel(strings.ToLower(word))
	if !slices.Contains(handlers.ShedLevels(), level) {
		return "", 0, "", d.refuse("there is no level %.40q", word)
	}
	if level == handlers.ShedNothing {
		return level, 0, spoken(rest, "--reason"), nil
	}
	word, rest = nextWord(spoken(rest, "--for", "for"))
	lasts, err = quarantine.ParseSpan(word)
	if err != nil || lasts <= 0 || lasts > quarantine.ControlMax {
		return "", 0, "", d.refuse("say for how long, at most a year: what is shed and forgotten is lost work")
	}
	if reason = spoken(rest, "--reason"); reason == "" {
		return "", 0, "", d.refuse("say why: it is shown to others")
	}
	return level, lasts, reason, nil
}

func (d shedDesk) refuse(format string, args ...any) error {
	return problem.Errorf(problem.Invalid, "%s; type %s shed non-critical 1h the database is full, or critical-only, or normal to end it",
		fmt.Sprintf(format, args...), d.command)
}

// nextWord takes the first word.
func nextWord(text string) (word, rest string) {
	text = strings.TrimSpace(text)
	end := strings.IndexFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' })
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimSpace(text[end:])
}

// spoken drops a flag that a text begins with, and the quotes around it: Slack turns them.
func spoken(text string, flags ...string) string {
	text = strings.TrimSpace(text)
	for _, flag := range flags {
		rest, ok := strings.CutPrefix(text, flag)
		if ok && (rest == "" || strings.ContainsAny(rest[:1], " =\t")) {
			text = strings.TrimLeft(rest, " =\t")
			break
		}
	}
	return strings.TrimSpace(strings.Trim(text, `"“”„`))
}

// requestKey is a key as short as the quarantine takes it.
func requestKey(key string) string {
	const most = 200
	if len(key) <= most {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "slack:" + hex.EncodeToString(sum[:])
}

// standing says what is in force.
func (d shedDesk) standing(ctx context.Context, room *quarantine.Service) (string, error) {
	c, err := room.Controls(ctx)
	if err != nil {
		return "", reachable(err)
	}
	lines := []string{}
	for _, one := range c.InForce {
		shown := shownOf(one)
		lines = append(lines, fmt.Sprintf("%s %s, by %s: %s", shown.Headline(), lasting(one.Until), shown.By, shown.Reason))
	}
	if len(lines) == 0 {
		lines = append(lines, "Nothing is held back.")
	}
	if level := c.Shed().Level; level != handlers.ShedNothing {
		lines = append(lines, fmt.Sprintf("The level is %s; %s shed normal ends it.", level, d.command))
	} else {
		lines = append(lines, fmt.Sprintf("%s shed non-critical 1h REASON holds back what is not critical.", d.command))
	}
	return strings.Join(lines, "\n"), nil
}

// done says what was ordered and who has done it.
func (d shedDesk) done(ctx context.Context, room *quarantine.Service, after quarantine.Controls) string {
	text := "Nothing is shed any more"
	if set := after.Shed(); set.Level != handlers.ShedNothing {
		text = fmt.Sprintf("Shed to %s %s", set.Level, lasting(set.Until))
	}
	text += "; " + confirmed(room.WaitConfirmed(ctx, after.Version, shedPatience)) + "."
	if after.Shed().Level != handlers.ShedNothing {
		text += fmt.Sprintf(" Undo: %s shed normal", d.command)
	}
	return text
}

// confirmed says how many workers have done it.
func confirmed(c quarantine.Confirmations, err error) string {
	switch {
	case err != nil:
		return "it is ordered, and who has done it cannot be said just now"
	case c.Living() == 0:
		return "no living worker: it holds for those that start"
	}
	text := fmt.Sprintf("%d of %d workers confirmed", len(c.Confirmed), c.Living())
	for i, w := range c.Missing {
		if i == 0 {
			text += ", not yet: "
		} else {
			text += ", "
		}
		text += fmt.Sprintf("%s on %s", w.Name, w.Host)
	}
	return text
}

func lasting(until time.Time) string {
	if until.IsZero() {
		return "until somebody ends it"
	}
	return "until " + until.UTC().Format("2006-01-02 15:04 UTC")
}

// reachable makes incident.ErrUnavailable of what may go better the next time.
func reachable(err error) error {
	if kind := problem.Of(err); kind == problem.Unavailable || kind == problem.Interrupted {
		return fmt.Errorf("%w: %w", incident.ErrUnavailable, err)
	}
	return err
}

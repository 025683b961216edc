package quarantineslack

import (
	"context"
	"strings"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

// auditRefusal notes who was refused what, and why. Where that fails only the log has it: the
// person is answered all the same.
func (n *Notifier) auditRefusal(ctx context.Context, i slackkit.Interaction, who, why string) {
	deed, ref := wished(i)
	if deed == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, deedTimeout)
	defer cancel()
	err := n.cfg.Service.AuditRefusal(ctx, quarantine.Refusal{Deed: deed, Ref: ref, Decision: quarantine.Decision{
		Actor: quarantine.Actor{Name: who, Via: "slack"}, Reason: why,
	}})
	if err != nil {
		n.log.Warn("quarantineslack: a refusal is not in the audit", "user", short(i.User), "action", short(i.ActionID), "error", err)
	}
}

// stranger is how somebody is called who is on no list: by Slack's ids.
func stranger(i slackkit.Interaction) string {
	return "user " + plain(i.User, 40) + " of team " + plain(i.Team, 40)
}

// wished is what a click asks for, and of which entry or group. To follow a link is no deed, and
// what is not known here is "other".
func wished(i slackkit.Interaction) (deed, ref string) {
	raw, action := i.Value, i.ActionID
	switch {
	case i.Type == slackkit.SlashCommand:
		return "read", ""
	case submitted(i):
		raw, _, _ = strings.Cut(i.View.PrivateMetadata, " ")
		action = i.View.CallbackID
	case action == actionOpen:
		return "", ""
	}
	v, _ := parseValue(raw)
	switch action {
	case actionTake, actionReplay, actionDiscard, actionPause:
		return strings.TrimPrefix(action, Prefix), v.Ref
	case actionMore:
		switch v.Verb {
		case verbSnooze1h, verbSnooze24h, verbDeclare, verbPause:
			return v.Verb, v.Ref
		}
	}
	return "other", v.Ref
}

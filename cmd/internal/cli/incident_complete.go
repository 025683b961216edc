package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/incident"
)

// isMissing reports a store that was never made.
func isMissing(err error) bool {
	_, ok := errors.AsType[*app.MissingError](err)
	return ok
}

// completingIncidents runs find on the store within completeWithin, and says nothing of a failure.
func (t *Tool) completingIncidents(c *cobra.Command, find func(context.Context, *incidentRoom) []cobra.Completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(c.Context(), completeWithin)
	defer cancel()
	room, err := t.incidentRoom(ctx, app.Read)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return find(ctx, room), cobra.ShellCompDirectiveNoFileComp
}

// completeIncidents offers references of incidents in some stages, all of them without any. A private
// one is offered without its name.
func (t *Tool) completeIncidents(stages ...incident.Stage) completer {
	return func(c *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(given) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return t.completingIncidents(c, func(ctx context.Context, room *incidentRoom) []cobra.Completion {
			page, err := room.stores.List(ctx, incident.Filter{Stages: stages, Limit: maxIncidents})
			if err != nil {
				return nil
			}
			var words []cobra.Completion
			for _, inc := range page.Incidents {
				about := inc.Name
				if inc.Visibility == incident.Private {
					about = "(private)"
				}
				words = offer(words, typed, inc.Ref(), string(inc.Status)+": "+about)
			}
			return words
		})
	}
}

// forStages offers only references for which the command can be of use.
func (t *Tool) forStages(c *cobra.Command, stages ...incident.Stage) *cobra.Command {
	c.ValidArgsFunction = t.completeIncidents(stages...)
	return c
}

// completeSecond offers other words for the second argument.
func completeSecond(c *cobra.Command, second completer) *cobra.Command {
	first := c.ValidArgsFunction
	c.ValidArgsFunction = func(c *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch len(given) {
		case 0:
			return first(c, given, typed)
		case 1:
			return second(c, given, typed)
		default:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	return c
}

// completePeople offers those who are known and have not left.
func (t *Tool) completePeople(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return t.completingIncidents(c, func(ctx context.Context, room *incidentRoom) []cobra.Completion {
		people, err := room.stores.People(ctx)
		if err != nil {
			return nil
		}
		var words []cobra.Completion
		for _, p := range people {
			if !p.Left(t.now()) {
				words = offer(words, typed, p.ID, p.Name)
			}
		}
		return words
	})
}

// completeSettings offers what the settings know.
func (t *Tool) completeSettings(c *cobra.Command, typed string, known func(*incident.Settings, func(id, name string))) ([]cobra.Completion, cobra.ShellCompDirective) {
	return t.completingIncidents(c, func(ctx context.Context, room *incidentRoom) []cobra.Completion {
		s, err := room.svc.Settings(ctx)
		if err != nil {
			return nil
		}
		var words []cobra.Completion
		known(s, func(id, name string) { words = offer(words, typed, id, name) })
		return words
	})
}

func (t *Tool) completeSeverities(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return t.completeSettings(c, typed, func(s *incident.Settings, say func(id, name string)) {
		for _, v := range s.Severities {
			say(v.ID, v.Name)
		}
	})
}

func (t *Tool) completeRoles(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return t.completeSettings(c, typed, func(s *incident.Settings, say func(id, name string)) {
		for _, v := range s.Roles {
			say(v.ID, v.Name)
		}
	})
}

func (t *Tool) completePaths(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return t.completeSettings(c, typed, func(s *incident.Settings, say func(id, name string)) {
		for _, v := range s.Paths {
			say(v.ID, v.Name)
		}
	})
}

// completeTasks offers the open tasks of the incident that was typed before.
func (t *Tool) completeTasks(c *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return t.completingIncidents(c, func(ctx context.Context, room *incidentRoom) []cobra.Completion {
		inc, err := room.get(ctx, given[0])
		if err != nil || inc.Visibility == incident.Private {
			return nil
		}
		var words []cobra.Completion
		for _, task := range inc.Tasks {
			if task.State == incident.TaskOpen {
				words = offer(words, typed, task.ID, task.Text)
			}
		}
		return words
	})
}

// completeIncidentTerms offers the keys of terms and, behind most of them, their values.
func (t *Tool) completeIncidentTerms(c *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	key, value, isTerm := strings.Cut(typed, ":")
	var words []cobra.Completion
	if !isTerm {
		for _, k := range incidentKeys() {
			words = offer(words, typed, k[0]+":", k[1])
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	var found []cobra.Completion
	switch key {
	case "status":
		for _, s := range incident.Statuses() {
			found = append(found, string(s))
		}
	case "stage":
		found = append(found, "all")
		for _, s := range incident.Stages() {
			found = append(found, string(s))
		}
	case "mode":
		found = []string{string(incident.ModeStandard), string(incident.ModeTest), string(incident.ModeRetrospective)}
	case "severity":
		found, _ = t.completeSeverities(c, given, value)
	case "person":
		found, _ = t.completePeople(c, given, value)
	}
	for _, w := range found {
		word, about, _ := strings.Cut(w, "\t")
		words = offer(words, typed, key+":"+word, about)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

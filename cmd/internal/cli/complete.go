package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/quarantine"
)

// completeWithin is how long a shell may wait for words from the store. On any failure it gets
// none and nothing is said: the person is in the middle of a line.
const completeWithin = 300 * time.Millisecond

// completeMost is how many words are offered.
const completeMost = 50

type completer = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// completing runs find on the room within completeWithin. Opening a store may not obey the
// context, so the wait does.
func (t *Tool) completing(c *cobra.Command, find func(context.Context, *quarantine.Service) []cobra.Completion) []cobra.Completion {
	ctx, cancel := context.WithTimeout(c.Context(), completeWithin)
	defer cancel()
	room, err := t.Room(ctx)
	if err != nil {
		return nil
	}
	return find(ctx, room)
}

// completeRefs offers the references of entries in some states.
func (t *Tool) completeRefs(states ...quarantine.State) completer {
	return func(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return t.completing(c, func(ctx context.Context, room *quarantine.Service) []cobra.Completion {
			page, err := room.EntryList(ctx, quarantine.Query{States: states, Limit: maxLimit})
			if err != nil {
				return nil
			}
			var words []cobra.Completion
			for _, e := range page.Entries {
				words = offer(words, typed, e.Ref, e.Subscription+": "+e.Title)
			}
			return words
		}), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeGroupRefs offers the references of groups.
func (t *Tool) completeGroupRefs(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return t.completing(c, func(ctx context.Context, room *quarantine.Service) []cobra.Completion {
		groups, err := room.GroupList(ctx, quarantine.Query{Limit: maxLimit})
		if err != nil {
			return nil
		}
		var words []cobra.Completion
		for _, g := range groups {
			words = offer(words, typed, g.Ref, g.Subscription+": "+g.Title)
		}
		return words
	}), cobra.ShellCompDirectiveNoFileComp
}

// completeGroups offers the references of groups, and query terms.
func (t *Tool) completeGroups(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words, _ := t.completeGroupRefs(c, args, typed)
	terms, directive := t.completeTerms(c, args, typed)
	return append(words, terms...), directive
}

// completeCrashes offers the references of deaths.
func (t *Tool) completeCrashes(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return t.completing(c, func(ctx context.Context, room *quarantine.Service) []cobra.Completion {
		page, err := room.CrashList(ctx, quarantine.CrashQuery{Limit: maxLimit})
		if err != nil {
			return nil
		}
		var words []cobra.Completion
		for _, r := range page.Reports {
			words = offer(words, typed, r.Ref, worker(r.Crash)+": "+quarantine.DeathTitle(r.Crash))
		}
		return words
	}), cobra.ShellCompDirectiveNoFileComp
}

// completeSubs offers subscriptions.
func (t *Tool) completeSubs(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return t.subs(c, "", typed), cobra.ShellCompDirectiveNoFileComp
}

// subs offers subscriptions behind a prefix such as "sub:".
func (t *Tool) subs(c *cobra.Command, prefix, typed string) []cobra.Completion {
	return t.completing(c, func(ctx context.Context, room *quarantine.Service) []cobra.Completion {
		status, err := room.Status(ctx)
		if err != nil {
			return nil
		}
		var words []cobra.Completion
		for _, s := range status.Subscriptions {
			words = offer(words, typed, prefix+s.Name, "")
		}
		return words
	})
}

// completeTerms offers the keys of query terms and, behind sub: and state:, their values.
func (t *Tool) completeTerms(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	key, _, hasKey := strings.Cut(typed, ":")
	switch {
	case !hasKey:
		for _, k := range quarantine.QueryKeys() {
			words = offer(words, typed, k[0]+":", k[1])
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	case key == "state":
		for _, s := range quarantine.States() {
			words = offer(words, typed, "state:"+string(s), "")
		}
	case key == "sub":
		words = t.subs(c, "sub:", typed)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeContexts offers the names of contexts.
func (t *Tool) completeContexts(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return config.Contexts(t.environ), cobra.ShellCompDirectiveNoFileComp
}

// offer adds a word that continues what was typed, ignoring case. A word that could mean something
// to a shell or a terminal is not offered.
func offer(words []cobra.Completion, typed, word, description string) []cobra.Completion {
	if !plainWord(word) || len(words) >= completeMost || !strings.HasPrefix(strings.ToUpper(word), strings.ToUpper(typed)) {
		return words
	}
	return append(words, cobra.CompletionWithDesc(word, term.Clip(60, term.Line(description))))
}

// plainWord reports whether a word means nothing to a shell or a terminal, so that it may stand in
// a command that a person copies.
func plainWord(word string) bool {
	return word != "" && term.Line(word) == word && !strings.ContainsAny(word, " \t'\"`$;&|<>()\\*?!~#")
}

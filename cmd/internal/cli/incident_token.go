package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// maxTokenLife is how long a token lives at most.
const maxTokenLife = 2 * 365 * 24 * time.Hour

func newTokenCommand(t *Tool) *cobra.Command {
	return nounCommand("token", "Tokens of programs that use the API", `theriac incident token create grafana --role responder | vault kv put secret/theriac token=-
theriac incident token ls
theriac incident token revoke grafana`, newTokenCreateCommand(t), newTokenListCommand(t), newTokenRevokeCommand(t))
}

// tokenJSON is a token in theriac/1. Text is shown by the command that makes one, and never again.
type tokenJSON struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Role     string     `json:"role"`
	State    string     `json:"state"`
	Created  time.Time  `json:"created"`
	Expires  *time.Time `json:"expires"`
	LastUsed *time.Time `json:"last_used"`
	Revoked  *time.Time `json:"revoked"`
	Text     string     `json:"text,omitempty"`
}

type tokenAnswerJSON struct {
	output.Head
	Token tokenJSON `json:"token"`
}

type tokenListJSON struct {
	output.Head
	Tokens []tokenJSON `json:"tokens"`
}

func newTokenJSON(t incident.Token, now time.Time) tokenJSON {
	return tokenJSON{
		ID: t.ID, Name: t.Name, Role: string(t.Role), State: tokenState(t, now), Created: t.Created.UTC(),
		Expires: orNull(t.Expires), LastUsed: orNull(t.LastUsed), Revoked: orNull(t.Revoked),
	}
}

func tokenState(t incident.Token, now time.Time) string {
	switch {
	case !t.Revoked.IsZero():
		return "revoked"
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return "expired"
	default:
		return "valid"
	}
}

type tokenCreateOptions struct {
	output.Options
	role, expires string
}

func newTokenCreateCommand(t *Tool) *cobra.Command {
	o := &tokenCreateOptions{}
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and print it, once",
		Long: "Make a token and print it, once and alone on stdout, so that it can be piped to where it is kept. Only its SHA-256\n" +
			"is stored. A viewer reads, a responder runs incidents, an admin also changes settings, people and tokens.",
		Example:           `theriac incident token create grafana --role responder --expires 30d > token`,
		Args:              args(1, 1, "incident token create NAME"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, given []string) error { return o.run(c.Context(), t, given[0]) },
	}
	addOutput(c, &o.Options)
	c.Flags().StringVar(&o.role, "role", string(incident.Viewer), "viewer, responder or admin")
	c.Flags().StringVar(&o.expires, "expires", "90d", "how long it lives: 12h, 30d, at most 730d")
	noFiles(c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roles(), cobra.ShellCompDirectiveNoFileComp)))
	return c
}

func roles() []string {
	return []string{string(incident.Viewer), string(incident.Responder), string(incident.Admin)}
}

// parseRole reads what somebody may do.
func parseRole(word string) (incident.Role, error) {
	role := incident.Role(strings.ToLower(word))
	if !role.Allows(incident.Viewer) {
		return "", problem.Errorf(problem.Invalid, "--role %.60q: want %s", word, strings.Join(roles(), ", "))
	}
	return role, nil
}

// shownLine checks a text that is stored as it comes and shown to people: one line that nothing hides in.
func shownLine(what, text string, limit int) error {
	switch {
	case strings.TrimSpace(text) != text || term.Line(text) != text:
		return problem.Errorf(problem.Invalid, "%s %.60q: want one line without spaces around it and without invisible characters", what, text)
	case len(text) > limit:
		return problem.Errorf(problem.Invalid, "%s is longer than %d bytes", what, limit)
	}
	return nil
}

func (o *tokenCreateOptions) run(ctx context.Context, t *Tool, name string) error {
	if err := o.Validate(); err != nil {
		return err
	}
	role, err := parseRole(o.role)
	if err != nil {
		return err
	}
	life, err := quarantine.ParseSpan(o.expires)
	if err != nil || life <= 0 || life > maxTokenLife {
		return problem.Errorf(problem.Invalid, "--expires %.60q: want a time such as 30d, at most %d days", o.expires, maxTokenLife/(24*time.Hour))
	}
	if name == "" {
		return problem.Errorf(problem.Invalid, "a token has a name, by which it is known and revoked")
	}
	if err := shownLine("the name", name, 200); err != nil {
		return err
	}
	if _, err := t.beginWrite(false); err != nil {
		return err
	}
	room, err := t.incidentRoom(ctx, app.Write)
	if err != nil {
		return err
	}
	act, err := room.svc.Act(ctx, room.by)
	if err != nil {
		return err
	}
	text, hash := incidentweb.NewToken()
	token := incident.Token{ID: act.NewID(), Name: name, Hash: hash, Role: role, Created: act.At, Expires: act.At.Add(life)}
	if err := room.stores.SaveToken(ctx, token); err != nil {
		return err
	}
	j := newTokenJSON(token, act.At)
	j.Text = text
	a := output.Answer{Value: tokenAnswerJSON{output.NewHead(), j}, Names: []string{token.ID}, Layout: output.Screen(func(w *term.Writer) {
		w.Printf("%s\n", text)
	})}
	if err := t.Print(o.Options, a); err != nil {
		return err
	}
	t.Hint("%s, %s, until %s   shown once, kept nowhere   Undo: theriac incident token revoke %s",
		name, role, token.Expires.UTC().Format(time.DateOnly), token.ID)
	return nil
}

func newTokenListCommand(t *Tool) *cobra.Command {
	return t.listCommand("token", "List tokens, without their texts", func(ctx context.Context, room *incidentRoom) (output.Answer, error) {
		tokens, err := room.stores.Tokens(ctx)
		return tokensAnswer(tokens, t.now()), err
	})
}

func tokensAnswer(tokens []incident.Token, now time.Time) output.Answer {
	j := tokenListJSON{Head: output.NewHead(), Tokens: []tokenJSON{}}
	a := output.Answer{Items: []any{}}
	for _, token := range tokens {
		one := newTokenJSON(token, now)
		j.Tokens = append(j.Tokens, one)
		a.Items = append(a.Items, tokenAnswerJSON{output.NewHead(), one})
		a.Names = append(a.Names, token.ID)
	}
	a.Value = j
	type tok = incident.Token
	a.Layout = output.Rows[tok]{Items: tokens, Empty: "no tokens", Columns: []output.Column[tok]{
		{Title: "NAME", Human: func(t tok) string { return t.Name }},
		{Title: "ROLE", Fixed: true, Human: func(t tok) string { return string(t.Role) }},
		{Title: "STATE", Fixed: true, Human: func(t tok) string { return tokenState(t, now) }},
		{Title: "EXPIRES", Human: func(t tok) string { return dayOf(t.Expires) }, Machine: func(t tok) string { return stamp(t.Expires) }},
		{Title: "LAST USED", Human: func(t tok) string { return age(t.LastUsed, now) }, Machine: func(t tok) string { return stamp(t.LastUsed) }},
		{Title: "ID", Fixed: true, Human: func(t tok) string { return t.ID }},
	}}
	return a
}

func dayOf(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

func newTokenRevokeCommand(t *Tool) *cobra.Command {
	var o output.Options
	c := &cobra.Command{
		Use:     "revoke ID | NAME",
		Short:   "End a token for good",
		Long:    "End a token for good. The web process goes by it within seconds; there is no way back, but another token.",
		Example: `theriac incident token revoke grafana`,
		Args:    args(1, 1, "incident token revoke ID"),
		ValidArgsFunction: func(c *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return t.completingIncidents(c, func(ctx context.Context, room *incidentRoom) []cobra.Completion {
				tokens, err := room.stores.Tokens(ctx)
				if err != nil || len(given) > 0 {
					return nil
				}
				var words []cobra.Completion
				for _, one := range tokens {
					if one.Revoked.IsZero() {
						words = offer(words, typed, one.ID, one.Name)
					}
				}
				return words
			})
		},
		RunE: func(c *cobra.Command, given []string) error { return revokeToken(c.Context(), t, o, given[0]) },
	}
	addOutput(c, &o)
	return c
}

func revokeToken(ctx context.Context, t *Tool, o output.Options, word string) error {
	room, err := t.toChange(ctx, o, app.Amend)
	if err != nil {
		return err
	}
	token, err := room.token(ctx, word)
	if err != nil {
		return err
	}
	said := "revoked"
	if token.Revoked.IsZero() {
		token.Revoked = t.now().UTC()
		if err := room.stores.SaveToken(ctx, token); err != nil {
			return err
		}
	} else {
		said = "was revoked before"
	}
	j := tokenAnswerJSON{output.NewHead(), newTokenJSON(token, t.now())}
	return t.Print(o, output.Answer{Value: j, Names: []string{token.ID}, Layout: output.Screen(func(w *term.Writer) {
		w.Printf("%s  %s, %s   There is no undo; make another: theriac incident token create NAME\n", token.ID, token.Name, said)
	})})
}

// token finds one by its id or, where it is the only one that is not revoked, its name.
func (r *incidentRoom) token(ctx context.Context, word string) (incident.Token, error) {
	tokens, err := r.stores.Tokens(ctx)
	if err != nil {
		return incident.Token{}, err
	}
	var named []incident.Token
	for _, one := range tokens {
		if one.ID == word {
			return one, nil
		}
		if one.Name == word && one.Revoked.IsZero() {
			named = append(named, one)
		}
	}
	switch len(named) {
	case 0:
		return incident.Token{}, problem.Errorf(problem.NotFound, "no token %.80q; all: theriac incident token ls", word)
	case 1:
		return named[0], nil
	default:
		return incident.Token{}, problem.Errorf(problem.Invalid, "%s have the name %.80q; say which by its id: theriac incident token ls", plural(len(named), "token", "tokens"), word)
	}
}

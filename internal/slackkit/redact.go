package slackkit

import (
	"fmt"
	"log/slog"
)

// What holds a secret shows none, however it is printed.

// String shows no token.
func (c Config) String() string { return "slackkit.Config{" + c.APIURL + "}" }

// GoString shows no token.
func (c Config) GoString() string { return c.String() }

// LogValue shows no token.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String shows no token.
func (c SocketConfig) String() string { return "slackkit.SocketConfig{" + c.Team + "}" }

// GoString shows no token.
func (c SocketConfig) GoString() string { return c.String() }

// LogValue shows no token.
func (c SocketConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String does not show the token.
func (c *Client) String() string { return "slackkit.Client{" + c.api + "}" }

// GoString does not show the token.
func (c *Client) GoString() string { return c.String() }

// LogValue does not show the token.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String shows no secret.
func (v *Verifier) String() string {
	return fmt.Sprintf("slackkit.Verifier{%d secrets}", len(v.secrets))
}

// GoString shows no secret.
func (v *Verifier) GoString() string { return v.String() }

// LogValue shows no secret.
func (v *Verifier) LogValue() slog.Value { return slog.StringValue(v.String()) }

// String shows who did what, and not the address that answers it.
func (i Interaction) String() string {
	return fmt.Sprintf("%s of %s (%s)", Plain(i.Type, 40), Plain(i.User, 40), i.Request)
}

// GoString shows what String shows.
func (i Interaction) GoString() string { return i.String() }

// LogValue shows what String shows.
func (i Interaction) LogValue() slog.Value { return slog.StringValue(i.String()) }

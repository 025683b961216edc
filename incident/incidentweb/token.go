package incidentweb

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
)

// tokenPrefix begins every token, so that scanners for secrets find one that got lost.
const tokenPrefix = "thr_"

// Tokens live for 90 days unless their maker says otherwise, and for two years at most.
const (
	defaultTokenLife = 90 * 24 * time.Hour
	maxTokenLife     = 2 * 365 * 24 * time.Hour
)

// NewToken returns the text of a new token, 32 random bytes in hex behind "thr_", and what is kept of
// it. The text is shown once to whoever asked for it and stored nowhere.
func NewToken() (text string, hash [32]byte) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // it never fails: without randomness the program ends
	text = tokenPrefix + hex.EncodeToString(secret[:])
	return text, HashToken(text)
}

// HashToken returns what is kept of a token.
func HashToken(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// looksLikeToken sorts out what cannot be a token before the store is asked.
func looksLikeToken(text string) bool {
	secret, ok := strings.CutPrefix(text, tokenPrefix)
	return ok && len(secret) == 64 && strings.Trim(secret, "0123456789abcdef") == ""
}

// tokenBody is what a new token is made of.
type tokenBody struct {
	Name      string            `json:"name"`
	Role      incident.Role     `json:"role"`
	ExpiresIn incident.Duration `json:"expires_in"`
}

// tokenView is a token as it is shown; Token is its text, once.
type tokenView struct {
	incident.Token
	Text string `json:"token,omitempty"`
}

func (c *call) listTokens() (answer, error) {
	tokens, err := c.api.stores.Tokens(c.ctx())
	if err != nil {
		return answer{}, err
	}
	views := make([]tokenView, len(tokens))
	for i, t := range tokens {
		views[i] = tokenView{Token: t}
	}
	return answer{body: map[string]any{"tokens": views}}, nil
}

func (c *call) createToken() (answer, error) {
	var b tokenBody
	if err := c.read(&b); err != nil {
		return answer{}, err
	}
	life := b.ExpiresIn.Std()
	if life == 0 {
		life = defaultTokenLife
	}
	if err := needLine("name", b.Name, 200); err != nil {
		return answer{}, err
	}
	switch {
	case !b.Role.Allows(incident.Viewer):
		return answer{}, &incident.FieldError{Field: "role", Problem: "want viewer, responder or admin"}
	case life < 0 || life > maxTokenLife:
		return answer{}, &incident.FieldError{Field: "expires_in", Problem: "want more than 0 and at most " + maxTokenLife.String()}
	}
	act, err := c.api.svc.Act(c.ctx(), c.by)
	if err != nil {
		return answer{}, err
	}
	now := c.api.Now().UTC()
	text, hash := NewToken()
	token := incident.Token{ID: act.NewID(), Name: b.Name, Hash: hash, Role: b.Role, Created: now, Expires: now.Add(life)}
	if err := c.api.stores.SaveToken(c.ctx(), token); err != nil {
		return answer{}, err
	}
	c.api.tokens.forget(hash)
	c.api.Logger.InfoContext(c.ctx(), "a token was made", "token", token.ID, "role", token.Role, "by", c.by.ID)
	return answer{status: http.StatusCreated, body: tokenView{Token: token, Text: text}}, nil
}

// revokeToken ends a token for good. One that was revoked stays as it is.
func (c *call) revokeToken() (answer, error) {
	tokens, err := c.api.stores.Tokens(c.ctx())
	if err != nil {
		return answer{}, err
	}
	for _, t := range tokens {
		if t.ID != c.path("id") {
			continue
		}
		if t.Revoked.IsZero() {
			t.Revoked = c.api.Now().UTC()
			if err := c.api.stores.SaveToken(c.ctx(), t); err != nil {
				return answer{}, err
			}
			c.api.Logger.InfoContext(c.ctx(), "a token was revoked", "token", t.ID, "by", c.by.ID)
		}
		c.api.tokens.forget(t.Hash)
		return answer{body: tokenView{Token: t}}, nil
	}
	return answer{}, incident.ErrNotFound
}

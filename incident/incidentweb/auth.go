package incidentweb

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/webkit"
)

// maxTokens is how many tokens are remembered, those that do not exist among them.
const maxTokens = 10_000

// authenticate returns the token of a request that is good now.
func (a *api) authenticate(r *http.Request) (incident.Token, error) {
	text, ok := webkit.Bearer(r)
	if !ok {
		return incident.Token{}, webkit.Unauthorized("send Authorization: Bearer %s…", tokenPrefix)
	}
	if !looksLikeToken(text) {
		return incident.Token{}, webkit.Unauthorized("this is no token of ours")
	}
	now := a.Now()
	token, err := a.tokens.get(r.Context(), a.stores, HashToken(text), now, a.TokenAge)
	switch {
	case errors.Is(err, incident.ErrNotFound):
		return incident.Token{}, webkit.Unauthorized("this is no token of ours")
	case err != nil:
		return incident.Token{}, err
	case !token.Revoked.IsZero():
		return incident.Token{}, webkit.Unauthorized("the token was revoked")
	case !token.Expires.IsZero() && !now.Before(token.Expires):
		return incident.Token{}, webkit.Unauthorized("the token has expired")
	}
	return token, nil
}

// tokenCache remembers for a moment what the store said of tokens, so that a burst of requests is one
// look. The zero value is ready.
type tokenCache struct {
	mu    sync.Mutex
	known map[[32]byte]knownToken
}

// knownToken is a token, or that there is none, and when that was asked.
type knownToken struct {
	token incident.Token
	none  bool
	at    time.Time
}

// get returns what is known of a token, if that is not older than age, and asks the store otherwise.
func (c *tokenCache) get(
	ctx context.Context, dir incident.Directory, hash [32]byte, now time.Time, age time.Duration,
) (incident.Token, error) {
	c.mu.Lock()
	known, ok := c.known[hash]
	c.mu.Unlock()
	if past := now.Sub(known.at); !ok || past < 0 || past >= age {
		token, err := dir.TokenByHash(ctx, hash)
		if err != nil && !errors.Is(err, incident.ErrNotFound) {
			return incident.Token{}, err
		}
		known = knownToken{token: token, none: err != nil, at: now}
		c.put(hash, known, now, age)
	}
	if known.none {
		return incident.Token{}, incident.ErrNotFound
	}
	return known.token, nil
}

// put remembers one, and makes room where there is none: anybody can send tokens that do not exist.
func (c *tokenCache) put(hash [32]byte, known knownToken, now time.Time, age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[[32]byte]knownToken{}
	}
	if len(c.known) >= maxTokens {
		for h, k := range c.known {
			if k.none || now.Sub(k.at) >= age {
				delete(c.known, h)
			}
		}
	}
	if len(c.known) >= maxTokens {
		clear(c.known)
	}
	c.known[hash] = known
}

// forget makes a token be looked up again at once.
func (c *tokenCache) forget(hash [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, hash)
}

// usedEvery is how exactly it is kept when a token was used last.
const usedEvery = time.Hour

// use reports that the use of a token is to be written down, and if so remembers that it was, so that
// of many requests at once one does it.
func (c *tokenCache) use(hash [32]byte, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.known[hash]
	if !ok || known.none || now.Sub(known.token.LastUsed) < usedEvery {
		return false
	}
	known.token.LastUsed = now
	c.known[hash] = known
	return true
}

// used writes down that a token was used, behind the answer: nobody waits for it, and whoever used the
// token got what they asked for whether it works or not. A token that was revoked in the meantime
// stays so (incident.Directory).
func (a *api) used(ctx context.Context, token incident.Token) {
	now := a.Now().UTC()
	if !a.tokens.use(token.Hash, now) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	token.LastUsed = now
	if err := a.stores.SaveToken(ctx, token); err != nil {
		a.Logger.WarnContext(ctx, "it could not be noted that a token was used", "token", token.ID, "err", err)
	}
}

package incidentweb

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/theriac/theriac/internal/webkit"
)

// readyTimeout is how long the store may take to show that it is there.
const readyTimeout = 2 * time.Second

// healthz says that the process answers. It touches nothing.
func (c *call) healthz() (answer, error) { return answer{body: map[string]string{"status": "ok"}}, nil }

// readyz says whether requests should come here: the store is reached, its schema is ours, and the
// process is not about to end.
func (c *call) readyz() (answer, error) {
	if c.api.Draining != nil && c.api.Draining() {
		p := webkit.Problemf(http.StatusServiceUnavailable, "draining", "the process is about to end")
		p.RetryAfter = retryAfter
		return answer{}, p
	}
	ctx, cancel := context.WithTimeout(c.ctx(), readyTimeout)
	defer cancel()
	if _, err := c.api.stores.Settings(ctx); err != nil {
		return answer{}, err
	}
	return answer{body: map[string]string{"status": "ready"}}, nil
}

// health answers with the numbers that the process was given a function for, and with what is held back.
func (c *call) health() (answer, error) {
	body := map[string]any{}
	if c.api.Health != nil {
		numbers, err := c.api.Health(c.ctx())
		if err != nil {
			return answer{}, err
		}
		maps.Copy(body, numbers)
	}
	held := c.api.controls(c.ctx())
	if level := held.level(); level != "" {
		body["shed_level"] = level
	}
	if len(held.Controls) > 0 {
		body["controls"] = held.Controls
	}
	if held.Unknown != "" {
		body["controls_unknown"] = held.Unknown
	}
	return answer{body: body}, nil
}

package incidentweb

import (
	"context"
	"sync"
	"time"

	"github.com/theriac/theriac/incident"
)

const (
	// controlsAge is for how long an answer is believed, one that none came included.
	controlsAge = time.Second
	// controlsPatience is how long a request waits for it.
	controlsPatience = time.Second
)

// unknownControls is all that a caller reads where they could not be learned.
const unknownControls = "what is held back is not known: it could not be asked"

// controlView is an order as it is shown.
type controlView struct {
	incident.ControlShown
	// Text says in a few words what is held back.
	Text string `json:"text"`
}

// controlsView is what is held back at the moment, beside an incident or the numbers.
type controlsView struct {
	Controls []controlView `json:"controls,omitempty"`
	// Unknown says that they could not be learned, so that their absence says nothing.
	Unknown string `json:"controls_unknown,omitempty"`
	// known: they were learned, and what is not there is not in force.
	known bool
}

// notShed is the level of a service that sheds nothing.
const notShed = "normal"

// level is how much is shed, "" where that is not known.
func (v controlsView) level() string {
	if !v.known {
		return ""
	}
	for _, c := range v.Controls {
		if c.Level != "" {
			return c.Level
		}
	}
	return notShed
}

// controlsCache keeps what was learned a moment ago, for all requests.
type controlsCache struct {
	mu   sync.Mutex
	at   time.Time
	view controlsView
}

// controls returns what is held back. That it cannot be learned is said in it, and fails nothing.
func (a *api) controls(ctx context.Context) controlsView {
	if a.Controls == nil {
		return controlsView{}
	}
	c := &a.controlsCache
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := a.Now(); !c.at.IsZero() && now.Sub(c.at) < controlsAge && !now.Before(c.at) {
		return c.view
	}
	// One request asks for all, so that its caller's hanging up is not the answer to the others.
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), controlsPatience)
	defer cancel()
	shown, err := a.Controls(asking)
	c.at, c.view = a.Now(), controlsView{}
	if err != nil {
		a.Logger.WarnContext(ctx, "what is held back is not known", "err", err)
		c.view.Unknown = unknownControls
		return c.view
	}
	c.view.known = true
	for _, one := range shown {
		c.view.Controls = append(c.view.Controls, controlView{one, one.Headline()})
	}
	return c.view
}

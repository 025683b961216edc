package incidentweb

import (
	"time"

	"github.com/theriac/theriac/incident"
)

// getSettings reads them from the store, not from what this process remembers: its version is what a
// change has to name.
func (c *call) getSettings() (answer, error) {
	s, err := c.api.stores.Settings(c.ctx())
	if err != nil {
		return answer{}, err
	}
	return answer{body: s, etag: etag(s.Version)}, nil
}

// putSettings replaces them; those that nobody saved yet have version 0. Every process goes by the new
// ones within 10 s.
func (c *call) putSettings() (answer, error) {
	version, err := c.mustVersion()
	if err != nil {
		return answer{}, err
	}
	var s incident.Settings
	if err := c.read(&s); err != nil {
		return answer{}, err
	}
	s.Version = version
	if err := s.Validate(); err != nil {
		return answer{}, err
	}
	saved, err := c.api.stores.SaveSettings(c.ctx(), c.by, s)
	if err != nil {
		return answer{}, err
	}
	return answer{body: saved, etag: etag(saved.Version)}, nil
}

func (c *call) listPeople() (answer, error) {
	people, err := c.api.stores.People(c.ctx())
	if err != nil {
		return answer{}, err
	}
	return answer{body: map[string]any{"people": list(people)}}, nil
}

// putPerson stores somebody under the id of the path.
func (c *call) putPerson() (answer, error) {
	var p incident.Person
	if err := c.read(&p); err != nil {
		return answer{}, err
	}
	if p.ID == "" {
		p.ID = c.path("id")
	}
	if err := checkPerson(p, c.path("id")); err != nil {
		return answer{}, err
	}
	if err := c.api.stores.SavePerson(c.ctx(), p); err != nil {
		return answer{}, err
	}
	c.api.Logger.InfoContext(c.ctx(), "a person was saved", "person", p.ID, "role", p.Role, "by", c.by.ID)
	return answer{body: p}, nil
}

// checkPerson looks at what the directory takes as it comes.
func checkPerson(p incident.Person, id string) error {
	if p.ID != id {
		return &incident.FieldError{Field: "id", Problem: "is not that of the address"}
	}
	if err := incident.CheckID("id", p.ID); err != nil {
		return err
	}
	for _, line := range []struct {
		field, text string
		limit       int
	}{
		{"name", p.Name, 200},
		// These may be empty.
		{"email", p.Email + ".", 321}, {"slack_id", p.SlackID + ".", 65}, {"pager_key_env", p.PagerKeyEnv + ".", 201},
	} {
		if err := needLine(line.field, line.text, line.limit); err != nil {
			return err
		}
	}
	if !p.Role.Allows(incident.Viewer) {
		return &incident.FieldError{Field: "role", Problem: "want viewer, responder or admin"}
	}
	if _, err := time.LoadLocation(p.Zone); err != nil || p.Zone == "Local" {
		return &incident.FieldError{Field: "zone", Problem: "is not a time zone such as Europe/Vienna"}
	}
	return nil
}

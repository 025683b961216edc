package incidentweb

import (
	"errors"
	"fmt"

	"github.com/theriac/theriac/incident"
)

// known refuses people whom the directory does not have, or who have left: they could be neither called nor
// invited, and whoever asked would not hear of it. That a name is missing is for the verb to say.
func (c *call) known(field string, people ...string) error {
	for _, id := range people {
		if id == "" {
			continue
		}
		if incident.CheckID(field, id) != nil {
			return unknownPerson(field, id)
		}
		p, err := c.api.stores.Person(c.ctx(), id)
		switch {
		case errors.Is(err, incident.ErrNotFound), err == nil && p.ID != id:
			return unknownPerson(field, id)
		case err != nil:
			return err
		case p.Left(c.api.Now()):
			return &incident.FieldError{Field: field, Problem: fmt.Sprintf("%q has left, says the directory of people", id)}
		}
	}
	return nil
}

func unknownPerson(field, id string) error {
	return &incident.FieldError{Field: field, Problem: fmt.Sprintf("nobody in the directory has the id %.60q; an admin adds people by PUT /v1/people/{id}, or by: theriac incident people add", id)}
}

package incident

import (
	"fmt"
	"slices"
	"time"
)

func (c *settingsCheck) severities() {
	if len(c.s.Severities) == 0 {
		c.wrong("severities", "must not be empty")
	}
	ranks := make(map[int]string)
	each(c, "severities", c.s.Severities, func(v Severity) string { return v.ID }, func(at string, v Severity) {
		c.wrong(at+".name", badLabel(v.Name))
		if other, taken := ranks[v.Rank]; taken {
			c.wrong(at+".rank", fmt.Sprintf("%d is the rank of %.80q already", v.Rank, other))
		}
		ranks[v.Rank] = v.ID
		if !slices.Contains([]PageRule{PageAlways, PageHours, PageNever}, v.Page) {
			c.wrong(at+".page", fmt.Sprintf("%.40q is none of always, hours, never", v.Page))
		}
		if v.Path != "" && !c.hasPath(v.Path) {
			c.wrong(at+".path", unknown("path", v.Path))
		}
		if every := v.UpdateEvery.Std(); every != 0 && (every < 5*time.Minute || every > maxFrequency) {
			c.wrong(at+".update_every", "must be between 5 minutes and 7 days, or 0 for none")
		}
	})
}

func (c *settingsCheck) roles() {
	lead := false
	each(c, "roles", c.s.Roles, func(v RoleType) string { return v.ID }, func(at string, v RoleType) {
		lead = lead || v.ID == LeadRole
		c.wrong(at+".name", badLabel(v.Name))
		c.wrong(at+".instructions", badLongText(v.Instructions, maxSettings))
	})
	if !lead {
		c.wrong("roles", fmt.Sprintf("the role %q must be among them", LeadRole))
	}
}

func (c *settingsCheck) types() {
	each(c, "types", c.s.Types, func(v Type) string { return v.ID }, func(at string, v Type) {
		c.wrong(at+".name", badLabel(v.Name))
	})
}

func (c *settingsCheck) fields() {
	kinds := []FieldKind{
		FieldText, FieldNumber, FieldChoice, FieldChoices, FieldPerson, FieldLink,
		FieldService, FieldTeam, FieldCause, FieldProject,
	}
	each(c, "fields", c.s.Fields, func(v Field) string { return v.ID }, func(at string, v Field) {
		c.wrong(at+".name", badLabel(v.Name))
		if !slices.Contains(kinds, v.Kind) {
			c.wrong(at+".kind", fmt.Sprintf("%.40q is no kind of field", v.Kind))
		}
		c.choices(at+".choices", v)
		if !slices.Contains([]string{"", "declare", "resolve", "close"}, v.Required) {
			c.wrong(at+".required", fmt.Sprintf("%.40q is none of declare, resolve, close", v.Required))
		}
	})
}

// choices checks what may be chosen: some kinds need it, catalogs may have it, the others cannot.
func (c *settingsCheck) choices(at string, f Field) {
	switch f.Kind {
	case FieldChoice, FieldChoices:
		if len(f.Choices) == 0 {
			c.wrong(at, "must not be empty")
		}
	case FieldText, FieldNumber, FieldPerson, FieldLink:
		if len(f.Choices) > 0 {
			c.wrong(at, fmt.Sprintf("a field of kind %s has none", f.Kind))
		}
	case FieldService, FieldTeam, FieldCause, FieldProject:
	}
	if len(f.Choices) > maxListed {
		c.wrong(at, fmt.Sprintf("has more than %d members", maxListed))
		return
	}
	for i, choice := range f.Choices {
		place := fmt.Sprintf("%s[%d]", at, i)
		c.wrong(place, badLabel(choice))
		if slices.Contains(f.Choices[:i], choice) {
			c.wrong(place, fmt.Sprintf("%.80q is there twice", choice))
		}
	}
}

func (c *settingsCheck) flows() {
	if len(c.s.Flows) > maxListed {
		c.wrong("flows", fmt.Sprintf("has more than %d members", maxListed))
		return
	}
	for i, f := range c.s.Flows {
		at := fmt.Sprintf("flows[%d]", i)
		c.refs(at+".severities", "severity", f.Severities, c.hasSeverity)
		c.refs(at+".types", "type", f.Types, c.hasType)
		if len(f.Tasks) == 0 {
			c.wrong(at+".tasks", "must not be empty")
		}
		each(c, at+".tasks", f.Tasks, func(t FlowTask) string { return t.ID }, func(at string, t FlowTask) {
			if t.Stage != Documenting && t.Stage != Reviewing {
				c.wrong(at+".stage", fmt.Sprintf("%.40q is none of documenting, reviewing", t.Stage))
			}
			if t.Text == "" {
				c.wrong(at+".text", "must not be empty")
			}
			c.wrong(at+".text", badLongText(t.Text, maxSettings))
		})
	}
}

package incident

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const maxValues = 50 // values of one custom field

// knownID returns *[FieldError] that lists what is known, unless the id is among it.
func knownID(field, id string, known []string) error {
	if slices.Contains(known, id) {
		return nil
	}
	list := "none"
	if len(known) > 0 {
		list = strings.Join(known, ", ")
	}
	return &FieldError{field, fmt.Sprintf("%.40q is not known; known: %s", id, list)}
}

func ids[T any](all []T, id func(T) string) []string {
	known := make([]string, 0, len(all))
	for _, one := range all {
		known = append(known, id(one))
	}
	return known
}

func (s *Settings) checkSeverity(id string) error {
	return knownID("severity", id, ids(s.Severities, func(v Severity) string { return v.ID }))
}

func (s *Settings) checkType(id string) error {
	return knownID("type", id, ids(s.Types, func(v Type) string { return v.ID }))
}

// knowsRole reports a role of the settings; that of the lead is always there.
func (s *Settings) knowsRole(id string) bool { return s.checkRole(id) == nil }

func (s *Settings) checkRole(id string) error {
	if id == LeadRole {
		return nil
	}
	known := ids(s.Roles, func(v RoleType) string { return v.ID })
	if !slices.Contains(known, LeadRole) {
		known = append([]string{LeadRole}, known...)
	}
	return knownID("role", id, known)
}

// isPrivateType reports a type whose incidents are private.
func (s *Settings) isPrivateType(id string) bool {
	return slices.ContainsFunc(s.Types, func(t Type) bool { return t.ID == id && t.Private })
}

// flowFor returns the first flow that applies.
func (s *Settings) flowFor(severity, typ string) (Flow, bool) {
	applies := func(list []string, id string) bool { return len(list) == 0 || slices.Contains(list, id) }
	for _, f := range s.Flows {
		if applies(f.Severities, severity) && applies(f.Types, typ) {
			return f, true
		}
	}
	return Flow{}, false
}

// cleanField returns the values of a custom field as they are kept, nil to clear it.
func (s *Settings) cleanField(id string, values FieldValue) (FieldValue, error) {
	name := "fields." + clip(id, maxID)
	at := slices.IndexFunc(s.Fields, func(f Field) bool { return f.ID == id })
	if at < 0 {
		return nil, knownID("fields", id, ids(s.Fields, func(f Field) string { return f.ID }))
	}
	f := s.Fields[at]
	if len(values) > 1 && !f.Kind.several() {
		return nil, &FieldError{name, "takes one value"}
	}
	if len(values) > maxValues {
		return nil, &FieldError{name, fmt.Sprintf("takes at most %d values", maxValues)}
	}
	var clean FieldValue
	for _, v := range values {
		if err := needID(name, v); f.Kind == FieldPerson && v != "" && err != nil {
			return nil, err // before it is cleaned: that would make another person of it
		}
		v, err := text(name, v, maxReason)
		if err != nil {
			return nil, err
		}
		if v == "" || slices.Contains(clean, v) {
			continue
		}
		if err := f.check(name, v); err != nil {
			return nil, err
		}
		clean = append(clean, v)
	}
	return clean, nil
}

// several reports kinds that may hold more than one value.
func (k FieldKind) several() bool {
	return slices.Contains([]FieldKind{FieldChoices, FieldService, FieldTeam, FieldCause, FieldProject}, k)
}

func (f Field) check(name, value string) error {
	switch f.Kind {
	case FieldNumber:
		if n, err := strconv.ParseFloat(value, 64); err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return &FieldError{name, fmt.Sprintf("%.40q is no number", value)}
		}
	case FieldLink:
		return checkLink(name, value)
	case FieldChoice, FieldChoices:
		return knownID(name, value, f.Choices)
	case FieldService, FieldTeam, FieldCause, FieldProject:
		if len(f.Choices) > 0 {
			return knownID(name, value, f.Choices)
		}
	case FieldText, FieldPerson:
	}
	return nil
}

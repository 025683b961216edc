package incident

import "slices"

// DefaultSettings are those of an organisation that has decided nothing yet.
func DefaultSettings() Settings { panic("to come") }

// severity finds one by id.
func (s *Settings) severity(id string) (Severity, bool) {
	i := slices.IndexFunc(s.Severities, func(v Severity) bool { return v.ID == id })
	if i < 0 {
		return Severity{}, false
	}
	return s.Severities[i], true
}

// path finds one by id.
func (s *Settings) path(id string) (Path, bool) {
	i := slices.IndexFunc(s.Paths, func(p Path) bool { return p.ID == id })
	if i < 0 {
		return Path{}, false
	}
	return s.Paths[i], true
}

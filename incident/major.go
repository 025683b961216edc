package incident

// Major returns the severities of major incidents: those that call people, at any hour or in working hours.
func (s *Settings) Major() []string {
	var major []string
	for _, v := range s.Severities {
		if v.Page == PageAlways || v.Page == PageHours {
			major = append(major, v.ID)
		}
	}
	return major
}

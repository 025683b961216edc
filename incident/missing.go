package incident

// Missing returns what should be said of an incident by now and is not: "severity" and "lead" while people
// work on it, and custom fields, as fields.ID, from when they are asked for. It keeps nobody from anything:
// what must be there before an incident closes is what Close says.
func (inc *Incident) Missing(rules *Settings) []string {
	if inc.Status == Triage || inc.Status == Closed || inc.Status.Final() || inc.Mode == ModeRetrospective {
		return nil
	}
	var missing []string
	if inc.Severity == "" {
		missing = append(missing, "severity")
	}
	if inc.Status.Live() && inc.Lead() == "" {
		missing = append(missing, "lead")
	}
	for _, f := range rules.Fields {
		asked := f.Required == "declare" || f.Required != "" && inc.Status.Stage() == StagePost
		if asked && len(inc.Fields[f.ID]) == 0 {
			missing = append(missing, "fields."+f.ID)
		}
	}
	return missing
}

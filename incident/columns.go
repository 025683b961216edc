package incident

// Columns returns what a store keeps beside the document.
func (inc *Incident) Columns() Columns { panic("to come") }

package incidentweb

// Row is a row of the table, for tests that walk all of it.
type Row struct{ Method, Path, Access, Body, What string }

// Table returns the table.
func Table() []Row {
	var rows []Row
	for _, r := range (&api{}).routes() {
		rows = append(rows, Row{r.method, r.path, string(r.access), r.body, r.what})
	}
	return rows
}

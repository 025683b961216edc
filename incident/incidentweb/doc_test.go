package incidentweb_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident/incidentweb"
)

var update = flag.Bool("update", false, "write the table of routes into docs/api.md")

const (
	docPath  = "../../docs/api.md"
	docStart = "<!-- routes -->\n"
	docEnd   = "<!-- end of routes -->\n"
)

// TestDoc compares the routes in docs/api.md with those there are. With -update it writes them.
func TestDoc(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(doc, []byte(docStart))
	got, after, ok2 := bytes.Cut(rest, []byte(docEnd))
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks of the table", docPath)
	}
	var want bytes.Buffer
	want.WriteString("| method and route | body (required in `code`) | who | what |\n|---|---|---|---|\n")
	for _, row := range incidentweb.Table() {
		fmt.Fprintf(&want, "| %s `%s` | %s | %s | %s |\n", row.Method, row.Path, row.Body, row.Access, row.What)
	}
	if *update {
		text := bytes.Join([][]byte{before, []byte(docStart), want.Bytes(), []byte(docEnd), after}, nil)
		if err := os.WriteFile(docPath, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("docs/api.md is not up to date: go test ./incident/incidentweb -run TestDoc -update (-want +got)\n%s", diff)
	}
}

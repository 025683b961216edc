package incident_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/theriac/theriac/incident"
)

// TestSettings_Documented: the example of docs/settings.md is valid and shows every member that there is.
func TestSettings_Documented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```json\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("it has no example")
	}
	var s incident.Settings
	read := json.NewDecoder(bytes.NewReader([]byte(example)))
	read.DisallowUnknownFields()
	if err := read.Decode(&s); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	for _, name := range members(reflect.TypeFor[incident.Settings]()) {
		if !strings.Contains(example, `"`+name+`":`) {
			t.Errorf("the example does not show %s", name)
		}
	}
}

// members returns the JSON names of a struct of ours and of those within it.
func members(of reflect.Type) []string {
	switch of.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return members(of.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var names []string
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names = append(append(names, name), members(f.Type)...)
		}
	}
	return names
}

package output_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/internal/problem"
)

type thing struct{ name, size string }

type thingJSON struct {
	output.Head
	Name string `json:"name"`
}

func answer(things ...thing) output.Answer {
	a := output.Answer{Items: []any{}}
	for _, x := range things {
		a.Items = append(a.Items, thingJSON{output.NewHead(), x.name})
		a.Names = append(a.Names, x.name)
	}
	a.Value = struct {
		output.Head
		Things []any `json:"things"`
	}{output.NewHead(), a.Items}
	a.Layout = output.Rows[thing]{Items: things, Empty: "no things", Columns: []output.Column[thing]{
		{Title: "NAME", Fixed: true, Human: func(x thing) string { return x.name }},
		{Title: "SIZE", Wide: true, Human: func(x thing) string { return x.size + " MB" }, Machine: func(x thing) string { return x.size }},
	}}
	return a
}

func TestPrint(t *testing.T) {
	t.Parallel()
	hostile := answer(thing{"a\x1b[2J\n<b>", "3"}, thing{"c\u202e", "14"})
	tests := []struct {
		name     string
		options  output.Options
		terminal bool
		answer   output.Answer
		want     string
	}{
		{"terminal", output.Options{}, true, hostile, "NAME\na\\x1b[2J\\n<b>\nc\\u202e\n"},
		{"terminal, none", output.Options{}, true, answer(), "no things\n"},
		{"wide", output.Options{Format: "wide"}, false, hostile, "NAME           SIZE\na\\x1b[2J\\n<b>  3 MB\nc\\u202e        14 MB\n"},
		{"pipe", output.Options{}, false, hostile, "a\\x1b[2J\\n<b>\t3\nc\\u202e\t14\n"},
		{"pipe, none", output.Options{}, false, answer(), ""},
		{"name", output.Options{Format: "name"}, true, hostile, "a\\x1b[2J\\n<b>\nc\\u202e\n"},
		{"jsonl", output.Options{Format: "jsonl"}, true, hostile, `{"schema":"theriac/1","name":"a\u001b[2J\n<b>"}` + "\n" + `{"schema":"theriac/1","name":"c\u202e"}` + "\n"},
		{"jsonl, none", output.Options{Format: "jsonl"}, true, answer(), ""},
		{"jq", output.Options{JQ: ".things[].name"}, true, hostile, "a\\u001b[2J\n<b>\nc\\u202e\n"},
		{"jq object", output.Options{JQ: ".things[1]", Format: "json"}, true, hostile, `{"name":"c\u202e","schema":"theriac/1"}` + "\n"},
		{"template", output.Options{Template: "{{range .things}}{{.name}};{{end}}"}, true, hostile, "a\\u001b[2J\n<b>;c\\u202e;"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := tt.options.Validate(); err != nil {
				t.Fatal(err)
			}
			if err := output.Print(output.Target{Out: &b, Terminal: tt.terminal, Columns: 80}, tt.options, tt.answer); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPrint_BadExpressions(t *testing.T) {
	t.Parallel()
	for _, o := range []output.Options{{JQ: ".["}, {JQ: ".things.x"}, {Template: "{{"}, {Template: "{{.x.y.z}}{{nope}}"}} {
		var b bytes.Buffer
		err := output.Print(output.Target{Out: &b}, o, answer(thing{"a", "1"}))
		if problem.Of(err) != problem.Invalid || b.Len() > 0 {
			t.Errorf("%+v: %v, printed %q", o, err, b.String())
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, f := range output.Formats() {
		if err := (output.Options{Format: f}).Validate(); err != nil {
			t.Errorf("-o %s: %v", f, err)
		}
	}
	for _, o := range []output.Options{{Format: "yaml"}, {JQ: ".", Template: "x"}, {Format: "tsv", JQ: "."}, {Format: "name", Template: "x"}} {
		if err := o.Validate(); problem.Of(err) != problem.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	a := output.Answer{Value: thingJSON{output.NewHead(), "x"}, Layout: output.Page{Word: "Q-1", Title: "held", Sections: []output.Section{
		{Name: "KIND", Lines: []string{"crashed", "twice"}},
		{Name: "WHY THIS ONE", Lines: []string{"1  it did\nEVIL"}, Apart: true},
	}}}
	want := map[string]string{
		"table": "Q-1   held\nKIND     crashed\n         twice\nWHY THIS ONE\n  1  it did\\nEVIL\n",
		"tsv":   "Q-1\theld\nkind\tcrashed\nkind\ttwice\nwhy this one\t1  it did\\nEVIL\n",
		"jsonl": `{"schema":"theriac/1","name":"x"}` + "\n",
	}
	for format, text := range want {
		var b bytes.Buffer
		if err := output.Print(output.Target{Out: &b, Columns: 80}, output.Options{Format: format}, a); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	a := answer()
	a.Layout = output.Blocks{
		{Word: "one\x1b[2J", Title: "sqlite:a", Layout: answer(thing{"a", "1"}).Layout},
		{Word: "two", Title: "sqlite:b\nforged", Layout: answer().Layout},
	}
	for format, want := range map[string]string{
		"table": "one\\x1b[2J   sqlite:a\nNAME\na\n\ntwo   sqlite:b\\nforged\nno things\n",
		"tsv":   "a\t1\n",
	} {
		var b bytes.Buffer
		if err := output.Print(output.Target{Out: &b, Columns: 80}, output.Options{Format: format}, a); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("-o %s (-want +got):\n%s", format, diff)
		}
	}
}

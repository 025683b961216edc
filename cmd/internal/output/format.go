package output

import (
	"slices"
	"strings"

	"github.com/theriac/theriac/internal/problem"
)

// Schema is the version of all JSON that commands print.
const Schema = "theriac/1"

// Format is one of the -o formats.
type Format string

// The formats.
const (
	Table Format = "table"
	Wide  Format = "wide"
	TSV   Format = "tsv"
	JSON  Format = "json"
	JSONL Format = "jsonl"
	Name  Format = "name"
)

// Formats returns all formats, in order.
func Formats() []string {
	return []string{string(Table), string(Wide), string(TSV), string(JSON), string(JSONL), string(Name)}
}

// Options are the flags of a command that prints an answer.
type Options struct {
	// Format is what -o says, or "" for the default.
	Format string
	// JQ and Template are expressions on the JSON.
	JQ, Template string
}

// Validate refuses unknown formats and flags that exclude each other.
func (o Options) Validate() error {
	switch {
	case o.Format != "" && !slices.Contains(Formats(), o.Format):
		return problem.Errorf(problem.Invalid, "unknown format %q; -o takes %s", o.Format, strings.Join(Formats(), ", "))
	case o.JQ != "" && o.Template != "":
		return problem.Errorf(problem.Invalid, "--jq and --template exclude each other")
	case (o.JQ != "" || o.Template != "") && o.Format != "" && Format(o.Format) != JSON:
		return problem.Errorf(problem.Invalid, "--jq and --template work on JSON; leave -o %s out", o.Format)
	}
	return nil
}

// resolve returns the format to print on a terminal or into a pipe.
func (o Options) resolve(terminal bool) Format {
	switch {
	case o.Format != "":
		return Format(o.Format)
	case o.JQ != "" || o.Template != "":
		return JSON
	case terminal:
		return Table
	default:
		return TSV
	}
}

// Machine reports whether the answer is for a program and not for a person.
func (o Options) Machine(terminal bool) bool {
	f := o.resolve(terminal)
	return f != Table && f != Wide
}

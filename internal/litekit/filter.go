package litekit

import (
	"strconv"
	"strings"
)

// Filter collects conditions that are joined by and. Conditions are texts of ours; what comes from
// outside is only ever an argument.
type Filter struct {
	// Order is what stands for /*order*/ in a statement.
	Order string

	sql  strings.Builder
	args []any
}

// NewFilter returns a filter whose first argument is the statement's limit.
func NewFilter(limit int) *Filter { return &Filter{args: []any{limit}} }

// Args returns the arguments in the order of their places, the limit first.
func (f *Filter) Args() []any { return f.args }

// Put adds a text as it is.
func (f *Filter) Put(text string) { f.sql.WriteString(text) }

// And adds a condition.
func (f *Filter) And(condition string) { f.Put(" AND " + condition) }

// Arg adds an argument and returns its place.
func (f *Filter) Arg(v any) string {
	f.args = append(f.args, v)
	return "?" + strconv.Itoa(len(f.args))
}

// List adds arguments and returns their places, with commas between.
func List[T any](f *Filter, all []T) string {
	places := make([]string, len(all))
	for i, v := range all {
		places[i] = f.Arg(v)
	}
	return strings.Join(places, ", ")
}

// In adds the condition that a column has one of the values.
func In[T ~string](f *Filter, column string, values []T) {
	if len(values) == 1 { // keeps the order of an index
		f.And(column + " = " + f.Arg(string(values[0])))
		return
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	f.And(column + " IN (" + List(f, texts) + ")")
}

// Apply puts the conditions and the order into a statement.
func (f *Filter) Apply(statement string) string {
	return strings.NewReplacer("/*filter*/", f.sql.String(), "/*order*/", f.Order).Replace(statement)
}

package pgkit

import (
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Filter collects conditions that are joined by and. Conditions are texts of ours; what comes from
// outside is only ever an argument.
type Filter struct {
	sql  strings.Builder
	args []any
}

// NewFilter returns a filter whose first argument is the statement's limit.
func NewFilter(limit int) *Filter { return &Filter{args: []any{limit}} }

// All returns the arguments. The statement is planned for them, each time: a plan that fits every query
// fits none on a large table.
func (f *Filter) All() []any {
	return append([]any{pgx.QueryExecModeCacheDescribe}, f.args...)
}

// And adds a condition.
func (f *Filter) And(condition string) { f.Put(" AND " + condition) }

// Put adds a text as it is.
func (f *Filter) Put(text string) { f.sql.WriteString(text) }

// Arg adds an argument and returns its place.
func (f *Filter) Arg(v any) string {
	f.args = append(f.args, v)
	return "$" + strconv.Itoa(len(f.args))
}

// Conditions returns what was added.
func (f *Filter) Conditions() string { return f.sql.String() }

// In adds the condition that a column has one of the values.
func In[T ~string](f *Filter, column string, values []T) {
	if len(values) == 1 { // keeps the order of an index
		f.And(column + " = " + f.Arg(string(values[0])))
		return
	}
	f.And(column + " = ANY (" + f.Arg(Texts(values)) + ")")
}

// Package sqlrows reads rows of database/sql into structs by column name.
package sqlrows

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
)

// Collect reads all rows into values of T, a struct whose fields carry the
// column names in `db` tags, and closes them. A column without a field and a
// field without a column are errors: neither can be meant. It returns nil for
// no rows. It is called as Collect[T](db.QueryContext(…)).
func Collect[T any](rows *sql.Rows, err error) (all []T, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // after Next returned false it is closed, and Err has said why
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	indexes, err := fieldsOf(reflect.TypeFor[T](), columns)
	if err != nil {
		return nil, err
	}
	targets := make([]any, len(columns))
	for rows.Next() {
		var row T
		v := reflect.ValueOf(&row).Elem()
		for i, index := range indexes {
			targets[i] = v.Field(index).Addr().Interface()
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// One is Collect for a query of one row at most; it returns sql.ErrNoRows for
// none and an error for several.
func One[T any](rows *sql.Rows, err error) (T, error) {
	var none T
	all, err := Collect[T](rows, err)
	switch {
	case err != nil:
		return none, err
	case len(all) == 0:
		return none, sql.ErrNoRows
	case len(all) > 1:
		return none, errors.New("sqlrows: several rows where one was expected")
	}
	return all[0], nil
}

// fieldsOf returns the field of each column.
func fieldsOf(t reflect.Type, columns []string) ([]int, error) {
	byName := make(map[string]int)
	for i := range t.NumField() {
		byName[t.Field(i).Tag.Get("db")] = i
	}
	indexes := make([]int, len(columns))
	for i, c := range columns {
		index, ok := byName[c]
		if !ok {
			return nil, fmt.Errorf("sqlrows: %s has no field for column %q", t, c)
		}
		indexes[i] = index
		delete(byName, c)
	}
	for c := range byName {
		return nil, fmt.Errorf("sqlrows: the query has no column %q for %s", c, t)
	}
	return indexes, nil
}

// Package litekittest has the promises of litekit as tests that every store in SQLite passes ([Run]),
// and helpers for the tests that a store has beside them.
package litekittest

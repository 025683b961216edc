// Package pgkittest has the promises of [pgkit] as tests that every store in PostgreSQL passes
// ([Run]), and helpers for the tests that a store has beside them.
package pgkittest

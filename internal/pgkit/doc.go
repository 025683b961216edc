// Package pgkit has what every store in PostgreSQL needs around its statements: a pool whose
// connections have the store's settings and whose schema is the program's ([Open]), calls that are
// bounded, tried again after a rollback for the sake of another, and whose errors say what they mean
// to the caller ([Pool.Call], [Kinds]), migrations ([Migrator]), and the small change between Go's
// values and the server's.
//
// What a store stores is its own: no statement of a store stands here.
package pgkit

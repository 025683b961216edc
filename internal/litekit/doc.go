// Package litekit has what every store in a SQLite file needs around its statements: the file and its
// schema, made by one process at a time ([Prepare], [Migrator]), connections that write durably
// ([OpenDB]), errors that say what they mean to the caller ([Kinds]), and transactions with one time
// and prepared statements ([Within], [Tx]).
//
// What a store stores is its own: no statement of a store stands here.
package litekit

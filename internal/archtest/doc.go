// Package archtest keeps the promises of shape that a reader of this module relies on: who may
// import whom, one package comment each, goroutines with an owner, no test code in production, and
// a few more. Each promise is one [Rule], a small function over parsed files; the tables it reads
// are data in table.go.
//
// Files are parsed in the process of the test and never by way of another command: the go command
// remembers which files a test opened, but not those that its children opened, and would answer
// with a stale pass after an edit.
//
// Folders named testdata or vendor, hidden ones, and modules nested in this one are not looked at.
package archtest

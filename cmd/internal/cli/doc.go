// Package cli is the operator's command line.
//
// Each command is three things: an options struct, a parser (the cobra command that fills the
// struct) and a run method, so that flags and behaviour are tested apart. Commands share a [Tool]:
// streams, settings, and the room, opened when a command first needs it and never before.
//
// A read changes nothing. A write goes through [Tool.beginWrite], which refuses read-only contexts
// and says PROD in words; it takes --dry-run, has an author, and ends with the command that undoes
// it, or says that there is none.
//
// A command ends with an error or without one. [Main] prints the error, once, as one line with the
// next step, and turns its kind into the exit code by the table of internal/problem.
package cli

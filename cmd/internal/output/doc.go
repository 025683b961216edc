// Package output lays one answer out in the formats that commands share.
//
//	-o table   headings, relative times, cut to the screen    the default on a terminal
//	-o wide    the same with every column, never cut
//	-o tsv     no headings, RFC 3339 UTC times, every column  the default in a pipe
//	-o json    one object with "schema":"theriac/1"           the only format that is an API
//	-o jsonl   one such object per item and line
//	-o name    references only, one per line
//	--jq EXPR, --template TEXT   work on what -o json prints
//
// Everything goes through [term.Writer]; JSON writes the same runes as \uXXXX, so it decodes to
// the exact text.
package output

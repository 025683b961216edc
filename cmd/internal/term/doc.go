// Package term carries text to people. Whatever strangers wrote (payloads, attributes, error
// texts, stacks) passes through here on its way to a screen and cannot move the cursor, set a
// title, fill the clipboard, hide, or forge a line.
//
// What happens to a rune:
//
//	letters, digits, signs, spaces                   shown
//	C0, DEL, C1, \r, \n, \t, ESC                     \r \n \t \x1b \x9b
//	bidirectional and zero-width controls, tags      \u202e \u200b \U000e0041
//	invisible letters, private use, unassigned       the same
//	the fourth and later mark on one letter          the same
//	bytes that are not UTF-8                         \xff
//
// A backslash is shown as it is, so that escaping twice changes nothing; who needs the exact
// bytes takes JSON or --raw.
package term

//go:build race

package guardian_test

// raceFactor is how much more memory a process takes here: the race detector keeps a history of every
// word.
const raceFactor = 10

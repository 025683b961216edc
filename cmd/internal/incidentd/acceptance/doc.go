// Package acceptance holds the tests of the whole incident service: its real processes, as people would
// run them, a Slack workspace in which faults can be ordered, and people who use the API. It has no code
// of its own.
package acceptance

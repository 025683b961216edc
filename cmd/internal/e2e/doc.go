// Package e2e holds the tests that need several rooms at once: real brokers, real
// stores and the links between them. It has no code of its own.
package e2e

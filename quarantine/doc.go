// Package quarantine says what happens to poison.
package quarantine

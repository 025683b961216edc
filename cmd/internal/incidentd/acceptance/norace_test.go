//go:build !race

package acceptance

// raced: the programs look for races.
const raced = false

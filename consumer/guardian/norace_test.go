//go:build !race

package guardian_test

const raceFactor = 1

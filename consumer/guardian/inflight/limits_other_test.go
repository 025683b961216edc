//go:build !unix

package inflight_test

// createWithFileSizeLimit has no test here: the system cannot limit the size of files.
func createWithFileSizeLimit() {}

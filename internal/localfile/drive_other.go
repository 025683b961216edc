//go:build !linux

package localfile

// RefuseNetworkDrive cannot tell on this system.
func RefuseNetworkDrive(string) error { return nil }

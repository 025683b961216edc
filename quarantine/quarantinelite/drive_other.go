//go:build !linux

package quarantinelite

// refuseNetworkDrive cannot tell on this system.
func refuseNetworkDrive(string) error { return nil }

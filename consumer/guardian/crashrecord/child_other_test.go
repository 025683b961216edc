//go:build !linux

package crashrecord

func child(string) int { return 2 }

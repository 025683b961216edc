package notify

import (
	"errors"
	"net/netip"
	"testing"
)

func TestGuard_Addresses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		address     string
		any, public bool // called by a guard of any, and of public addresses
	}{
		{"8.8.8.8", true, true},
		{"2606:4700::1111", true, true},
		{"127.0.0.1", true, false},
		{"::1", true, false},
		{"::ffff:127.0.0.1", true, false},
		{"10.1.2.3", true, false},
		{"172.31.0.1", true, false},
		{"192.168.1.1", true, false},
		{"100.64.0.1", true, false},
		{"fd12::1", true, false},
		{"198.18.0.1", true, false},
		{"240.0.0.1", true, false},
		{"::7f00:1", true, false},
		{"64:ff9b::a9fe:a9fe", true, false},
		{"2002:a9fe:a9fe::1", true, false},
		{"169.254.169.254", false, false},
		{"::ffff:169.254.169.254", false, false},
		{"fe80::1%eth0", false, false},
		{"fd00:ec2::254", false, false},
		{"100.100.100.200", false, false},
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"224.0.0.1", false, false},
		{"ff02::1", false, false},
	}
	for _, tt := range tests {
		address := netip.AddrPortFrom(netip.MustParseAddr(tt.address), 443).String()
		if err := (guard{}).control("tcp", address, nil); (err == nil) != tt.any {
			t.Errorf("%s: %v, want called: %t", address, err, tt.any)
		}
		err := guard{publicOnly: true}.control("tcp", address, nil)
		if (err == nil) != tt.public {
			t.Errorf("%s, public only: %v, want called: %t", address, err, tt.public)
		}
		var refused *addressError
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%s: %T, want *addressError", address, err)
		}
	}
	if err := (guard{}).control("unix", "/var/run/docker.sock", nil); err == nil {
		t.Error("a socket file was called")
	}
}

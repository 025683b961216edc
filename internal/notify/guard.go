package notify

import (
	"net/netip"
	"slices"
	"syscall"
)

// addressError says that an address is not called.
type addressError struct{ what string }

// Error says what the address is.
func (e *addressError) Error() string { return "the address is " + e.what }

// guard refuses addresses after DNS, at each dial, so that a name that changes its mind is caught too.
type guard struct{ publicOnly bool }

// control is a net.Dialer's Control.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &addressError{"not one of the internet"}
	}
	if what := g.refuses(at.Addr()); what != "" {
		return &addressError{what}
	}
	return nil
}

// refuses returns what an address is if it is not to be called, else "".
func (g guard) refuses(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	for _, n := range neverCalled() {
		if n.contain(a) {
			return n.what
		}
	}
	if a.IsUnspecified() || a.IsMulticast() {
		return "nobody's"
	}
	if !g.publicOnly {
		return ""
	}
	for _, n := range notPublic() {
		if n.contain(a) {
			return n.what
		}
	}
	return ""
}

// networks are addresses and what they are.
type networks struct {
	what     string
	prefixes []netip.Prefix
}

func (n networks) contain(a netip.Addr) bool {
	return slices.ContainsFunc(n.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// neverCalled are addresses at which a cloud tells a machine its secrets.
func neverCalled() []networks {
	return []networks{
		{"link-local", prefixes("169.254.0.0/16", "fe80::/10")},
		{"a metadata service's", prefixes("100.100.100.200/32", "fd00:ec2::254/128")},
	}
}

// notPublic are those that do not lead to the internet, or lead to another address through one that hides
// it.
func notPublic() []networks {
	return []networks{
		{"loopback", prefixes("127.0.0.0/8", "::1/128")},
		{"private", prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10")},
		{"not public", prefixes("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
			"203.0.113.0/24", "240.0.0.0/4", "::/96", "100::/64", "2001:db8::/32")},
		{"a tunnel's", prefixes("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")},
	}
}

func prefixes(list ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, text := range list {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}

// isLoopback reports whether a host of a URL is this machine by its own name.
func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

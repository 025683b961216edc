package guardian

import "net"

// Line is this process's end of its ward line, for tests that do not keep to what goes over it.
func Line(r Role) net.Conn { return r.line.conn }

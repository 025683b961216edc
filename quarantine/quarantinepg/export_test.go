package quarantinepg

import "github.com/theriac/theriac/quarantine"

// BackendPID returns the server's process that holds a membership's lock.
func BackendPID(m quarantine.Membership) uint32 { return m.(*membership).conn.PgConn().PID() }

// Classify says what an error of the driver means.
func Classify(err error) error { return classify("test", err) }

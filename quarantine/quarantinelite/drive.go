package quarantinelite

import "errors"

// errNetworkDrive: SQLite's locks and shared memory do not work there.
var errNetworkDrive = errors.New("the directory is on a network drive, where file locks do not hold; use a local disk, or Postgres")

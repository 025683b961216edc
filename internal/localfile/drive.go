package localfile

import "errors"

// ErrNetworkDrive: file locks and shared memory do not work there.
var ErrNetworkDrive = errors.New("the directory is on a network drive, where file locks do not hold; use a local disk, or Postgres")
